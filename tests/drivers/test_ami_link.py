"""One manager connection against far ends that misbehave: each is a few lines of server that speak just enough."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import pytest

from drivers.ami import encode
from drivers.ami_account import Account
from drivers.ami_link import EVENT_CLASSES, EVENT_LIMIT, AmiLink, Phase
from firmware_py.ports import DeviceError
from tests.conftest import eventually_async, find_tcp_port, run

Served: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
BOOTED = b"Event: FullyBooted\r\nUptime: 100\r\n\r\n"


@asynccontextmanager
async def far_end(serve: Served) -> AsyncIterator[int]:
    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.02)


def account(port: int, answer_ms: int = 150) -> Account:
    return Account(host="127.0.0.1", port=port, user="edge", secret="s3cret", answer_ms=answer_ms)


async def read_action(reader: asyncio.StreamReader) -> dict[str, str]:
    block = (await reader.readuntil(b"\r\n\r\n")).decode()
    return dict(line.split(": ", 1) for line in block.strip().split("\r\n"))


async def admit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, after: bytes = BOOTED) -> None:
    writer.write(GREETING)
    login = await read_action(reader)
    assert (login["Action"], login["Username"], login["Events"]) == ("Login", "edge", EVENT_CLASSES)
    writer.write(f"Response: Success\r\nActionID: {login['ActionID']}\r\n\r\n".encode() + after)


async def opened(port: int, wake: Callable[[str], None] = lambda event: None, answer_ms: int = 150) -> AmiLink:
    link = AmiLink(account(port, answer_ms), wake)
    await link.open(2000, boot_ms=100)
    return link


def test_the_secret_is_not_in_the_text_of_an_account() -> None:
    assert "s3cret" not in repr(account(5038))
    with pytest.raises(AssertionError, match="line break"):
        Account(host="a", user="edge", secret="x\r\nAction: Originate")


def test_a_port_where_nobody_listens_is_a_device_error() -> None:
    async def scenario() -> None:
        link = AmiLink(account(find_tcp_port()), lambda event: None)
        with pytest.raises(DeviceError):
            await link.open(1000)
        assert link.phase is Phase.CLOSED and not link.refused

    run(scenario())


@pytest.mark.parametrize("words", [b"", b"220 smtp\r\n", b"\xff" * 20_000, GREETING])
def test_a_far_end_that_says_nothing_useful_ends_within_the_deadline(words: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await reader.read()

    async def scenario() -> None:
        async with far_end(serve) as port:
            link = AmiLink(account(port), lambda event: None)
            started = asyncio.get_running_loop().time()
            with pytest.raises(DeviceError):
                await link.open(300)
            assert asyncio.get_running_loop().time() - started < 1.0
            assert link.phase is Phase.CLOSED

    run(scenario())


def test_a_far_end_that_hangs_up_during_the_login_is_told_at_once() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await read_action(reader)

    async def scenario() -> None:
        async with far_end(serve) as port:
            with pytest.raises(DeviceError, match="connection"):
                await opened(port)

    run(scenario(), within_s=2)


def test_a_wrong_secret_is_told_apart_from_silence() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        login = await read_action(reader)
        refusal = f"Response: Error\r\nActionID: {login['ActionID']}\r\nMessage: Authentication failed\r\n\r\n"
        writer.write(refusal.encode())
        await reader.read()

    async def scenario() -> None:
        async with far_end(serve) as port:
            link = AmiLink(account(port), lambda event: None)
            with pytest.raises(DeviceError, match=r"refused the login of 'edge' \(Authentication failed\)") as caught:
                await link.open(1000)
            assert link.refused and "s3cret" not in str(caught.value)

    run(scenario())


def test_a_login_before_the_boot_is_booting_until_the_event_comes() -> None:
    go = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await admit(reader, writer, after=b"")
        await go.wait()
        writer.write(BOOTED)
        await reader.read()

    async def scenario() -> None:
        woken: list[str] = []
        async with far_end(serve) as port:
            link = await opened(port, woken.append)
            assert link.phase is Phase.BOOTING and link.booted_at_s is None
            go.set()
            await eventually_async(lambda: link.phase is Phase.UP)
            assert woken == ["FullyBooted"]
            assert link.booted_at_s is not None
            assert asyncio.get_running_loop().time() - link.booted_at_s == pytest.approx(100, abs=1)
            link.close()

    run(scenario())


def test_two_unanswered_questions_close_the_connection() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await admit(reader, writer)
        await reader.read()

    async def scenario() -> None:
        async with far_end(serve) as port:
            link = await opened(port)
            started = asyncio.get_running_loop().time()
            with pytest.raises(DeviceError, match="hangs"):
                await link.ask("Getvar", {"Variable": "x"})
            assert asyncio.get_running_loop().time() - started == pytest.approx(0.3, abs=0.15)
            with pytest.raises(DeviceError, match="not connected"):
                await link.call("Ping")

    run(scenario())


def test_a_slow_answer_gets_a_second_chance_and_the_ping_is_not_taken_for_it() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await admit(reader, writer)
        asked = await read_action(reader)
        ping = await read_action(reader)
        assert ping["Action"] == "Ping"
        for action_id, value in ((asked["ActionID"], "42"), (ping["ActionID"], "pong")):
            writer.write(f"Response: Success\r\nActionID: {action_id}\r\nValue: {value}\r\n\r\n".encode())
        await reader.read()

    async def scenario() -> None:
        async with far_end(serve) as port:
            link = await opened(port)
            answer = await link.ask("Getvar", {"Variable": "x"})
            assert answer.response.get("Value") == "42" and link.phase is Phase.UP
            link.close()

    run(scenario())


def test_an_action_that_never_answers_leaves_a_live_connection_open() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await admit(reader, writer)
        while True:
            action = await read_action(reader)
            if action["Action"] == "Ping":
                writer.write(f"Response: Success\r\nActionID: {action['ActionID']}\r\n\r\n".encode())

    async def scenario() -> None:
        async with far_end(serve) as port:
            link = await opened(port)
            with pytest.raises(DeviceError, match="though a Ping was answered"):
                await link.ask("QueueAdd")
            with pytest.raises(DeviceError, match="no answer to QueueAdd"):
                await link.call("QueueAdd")
            assert link.phase is Phase.UP and (await link.ask("Ping")).ok
            link.close()

    run(scenario())


def test_everybody_who_waits_learns_at_once_that_the_connection_ended() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await admit(reader, writer)
        await read_action(reader)
        await read_action(reader)

    async def scenario() -> None:
        woken: list[str] = []
        async with far_end(serve) as port:
            link = await opened(port, woken.append, answer_ms=5000)
            calls = await asyncio.gather(link.call("A"), link.ask("B"), return_exceptions=True)
            assert [type(fault) for fault in calls] == [DeviceError, DeviceError]
            assert woken[-1] == "" and link.why_closed

    run(scenario(), within_s=3)


def test_the_items_of_a_list_are_in_its_answer_and_nowhere_else() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await admit(reader, writer)
        own = f"ActionID: {(await read_action(reader))['ActionID']}\r\n"
        writer.write(f"Response: Success\r\n{own}EventList: start\r\n\r\nEvent: Detail\r\n{own}\r\n".encode())
        writer.write(f"Event: Registry\r\n\r\nEvent: Done\r\n{own}EventList: Complete\r\n\r\n".encode())
        writer.write(f"Event: OriginateResponse\r\n{own}\r\n".encode())
        await reader.read()

    async def scenario() -> None:
        seen: list[str] = []
        async with far_end(serve) as port:
            link = await opened(port, seen.append)
            answer = await link.ask("List")
            assert [item.event for item in answer.items] == ["Detail"]
            await eventually_async(lambda: seen == ["FullyBooted", "Registry", "OriginateResponse"])
            link.close()

    run(scenario())


def test_a_flood_of_events_is_bounded_and_says_that_some_are_missing() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        flood = b"".join(b"Event: ContactStatus\r\nN: %d\r\n\r\n" % number for number in range(5000))
        await admit(reader, writer, after=BOOTED + flood + b"Event: Last\r\n\r\n")
        await reader.read()

    async def scenario() -> None:
        seen: list[str] = []
        async with far_end(serve) as port:
            link = await opened(port, seen.append)
            await eventually_async(lambda: seen and seen[-1] == "Last")
            assert link.resync
            events = link.events()
            assert len(events) == EVENT_LIMIT and events[-1].event == "Last"
            assert not link.resync and link.events() == []
            link.close()

    run(scenario())


def test_a_line_break_never_reaches_the_wire() -> None:
    received = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await admit(reader, writer)
        while data := await reader.read(1000):
            received.extend(data)

    async def scenario() -> None:
        async with far_end(serve) as port:
            link = await opened(port)
            with pytest.raises(ValueError, match="line break"):
                await link.call("Setvar", {"Variable": "x", "Value": "1\r\n\r\nAction: Originate"})
            with pytest.raises(DeviceError):
                await link.call("Ping")
            link.close()
        assert bytes(received) == encode("Ping", {}, "floorguard-3")

    run(scenario())


def test_giving_up_a_login_closes_the_connection() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await reader.read()

    async def scenario() -> None:
        async with far_end(serve) as port:
            link = AmiLink(account(port), lambda event: None)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(link.open(5000), 0.1)
            assert link.phase is Phase.CLOSED
            await asyncio.sleep(0)

    run(scenario())
