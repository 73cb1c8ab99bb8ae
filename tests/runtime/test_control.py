"""The control socket over real Unix sockets: claim, verbs, limits, hostile peers."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from config.strict import ConfigError
from firmware_py.core.command import CommandRefused, Reply
from firmware_py.core.decision import Decision
from firmware_py.core.event import Event, Severity
from firmware_py.core.image import InputImage
from firmware_py.core.mode import Mode
from firmware_py.core.output import Pattern
from firmware_py.core.plan import Plan
from firmware_py.core.state import State
from firmware_py.runtime.board import Board
from firmware_py.runtime.clock import SystemClock
from firmware_py.runtime.control import Control, claim
from firmware_py.runtime.control_wire import MAX_REQUEST_BYTES, ControlClient, encode
from firmware_py.runtime.desk import Desk
from firmware_py.runtime.rights import Peer
from tests.conftest import eventually_async, run


class Bench:
    """A controller's control side, with a core that answers every command."""

    def __init__(self, path: Path, **more: Any) -> None:
        clock = SystemClock()
        self.path = path
        self.board = Board(Plan(), clock, run="b41c", outputs=tuple, devices=tuple, storage=dict)
        self.desk = Desk(self.answer)
        self.taken: list[Any] = []
        self.silent = False
        self.control = Control(path, run="b41c", clock=clock, board=self.board, desk=self.desk, **more)

    def answer(self) -> None:
        asyncio.get_running_loop().call_soon(self._answer)

    def _answer(self) -> None:
        if self.silent:
            return
        taken = self.desk.take()
        self.taken.extend(taken)
        self.desk.answer([Reply(command=c.id, done=c.target != "no", error="" if c.target != "no" else "not now")
                          for c in taken])  # fmt: skip

    def step(self, number: int = 1) -> None:
        event = Event(type=f"power.event_{number}", severity=Severity.INFO, at_ms=number, data={"charge_pct": number})
        self.board.show(
            InputImage(now_ms=number),
            Decision(state=State(), outputs={}, mode=Mode.NORMAL, flags=frozenset(), because=(), stage=number,
                     events=(event,)),
        )  # fmt: skip


@asynccontextmanager
async def serving(path: Path, **more: Any) -> AsyncIterator[Bench]:
    bench = Bench(path, **more)
    task = asyncio.create_task(bench.control.run())
    await eventually_async(path.exists)
    try:
        yield bench
    finally:
        task.cancel()
        await asyncio.wait({task})
        await eventually_async(lambda: not bench.control._peers)
        assert not path.exists()


async def talk(path: Path, *lines: bytes) -> list[dict[str, Any]]:
    """Send raw bytes, read what comes until the end or a moment of silence."""
    reader, writer = await asyncio.open_unix_connection(path)
    answers = []
    try:
        for line in lines:
            writer.write(line)
        await writer.drain()
        while True:
            async with asyncio.timeout(0.3 if answers else 3.0):
                line = await reader.readline()
            if not line:
                break
            answers.append(json.loads(line))
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return answers


def test_status_is_one_document(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path / "s") as bench:
            bench.step()
            async with ControlClient(bench.path) as client:
                seen: Any = await client.ask("status")
                assert (seen["mode"], seen["boot"], seen["stage"]) == ("normal", "b41c", 1)
                assert await client.ask("status")  # the same connection again

    run(scenario())


def test_only_owner_and_group_may_connect(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        listener = claim(tmp_path / "s")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o660
    listener.close()


def test_a_command_carries_the_identity_that_the_kernel_gives(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path / "s") as bench, ControlClient(bench.path) as client:
            answer: Any = await client.ask(
                "command", kind="override", target="beacon", value="flash", ttl_ms=60_000, why="test", by="7:nobody"
            )
            assert answer["done"] is True
            (command,) = bench.taken
            assert command.by.startswith(f"{os.getuid()}:")
            assert command.by != "?"
            assert (command.value, command.ttl_ms, command.why) == (Pattern.FLASH, 60_000, "test")
            refused: Any = await client.ask("command", kind="ack", target="no")
            assert (refused["done"], refused["error"]) == (False, "not now")
            assert len({c.id for c in bench.taken}) == 2

    run(scenario())


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (b"nonsense\n", "not a line of JSON"),
        (b"\xff\xfe\n", "not a line of JSON"),
        (b"[" * 5_000 + b"\n", "not a line of JSON"),
        (b"[1]\n", "not a JSON object"),
        (b'{"verb":"status"}\n', "version None"),
        (b'{"v":2,"verb":"status"}\n', "version 2"),
        (encode({"verb": "reboot"}), "no such verb: 'reboot'"),
        (encode({"verb": ["status"]}), "no such verb"),
        (encode({"verb": "command"}), "no such command: None"),
        (encode({"verb": "command", "kind": "detonate"}), "no such command: 'detonate'"),
        (encode({"verb": "command", "kind": "ack", "target": 5}), "target must be a text"),
        (encode({"verb": "command", "kind": "ack", "target": "a\nb"}), "target must be a text"),
        (encode({"verb": "command", "kind": "ack", "why": "x" * 201}), "why must be a text"),
        (encode({"verb": "command", "kind": "override", "ttl_ms": -1}), "ttl_ms must be a whole number"),
        (encode({"verb": "command", "kind": "override", "ttl_ms": True}), "ttl_ms must be a whole number"),
        (encode({"verb": "command", "kind": "override", "ttl_ms": 10**12}), "ttl_ms must be a whole number"),
        (encode({"verb": "command", "kind": "override", "value": "disco"}), "value must be true, false or one of"),
        (encode({"verb": "command", "kind": "override", "value": 1}), "value must be true, false or one of"),
        (encode({"verb": "events", "last": 501}), "last must be a whole number"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_with_the_reason(tmp_path: Path, request_: bytes, error: str) -> None:
    async def scenario() -> None:
        async with serving(tmp_path / "s") as bench:
            (answer,) = await talk(bench.path, request_)
            assert answer["ok"] is False
            assert answer["error"].startswith(error)
            assert bench.taken == []

    run(scenario())


def test_a_peer_that_sends_too_much_is_cut_off_without_an_answer(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path / "s") as bench:
            assert await talk(bench.path, b"x" * (MAX_REQUEST_BYTES * 3)) == []
            assert await talk(bench.path, encode({"verb": "status"})[:-1]) == []  # an unfinished line is no request
            assert len(await talk(bench.path, encode({"verb": "status"}))) == 1

    run(scenario())


def test_more_connections_than_allowed_are_told_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path / "s") as bench:
            held = [await asyncio.open_unix_connection(bench.path) for _ in range(16)]
            await eventually_async(lambda: len(bench.control._peers) == 16)
            (answer,) = await talk(bench.path, encode({"verb": "status"}))
            assert "connections are open already" in answer["error"]
            for _, writer in held:
                writer.close()
            await eventually_async(lambda: not bench.control._peers)
            assert len(await talk(bench.path, encode({"verb": "status"}))) == 1

    run(scenario())


def test_watch_shows_every_change_and_a_slow_reader_only_the_newest(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path / "s") as bench, ControlClient(bench.path) as client:
            bench.step(1)
            seen: list[Any] = []

            async def watch() -> None:
                async for snapshot in client.stream("watch"):
                    seen.append(snapshot)

            task = asyncio.create_task(watch())
            await eventually_async(lambda: len(seen) == 1)
            for number in range(2, 200):
                bench.step(number)
            await eventually_async(lambda: seen[-1]["stage"] == 199)
            assert len(seen) <= 4
            task.cancel()
            await asyncio.wait({task})
        assert not bench.board._watchers

    run(scenario())


def test_events_come_oldest_first_and_can_be_followed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path / "s") as bench, ControlClient(bench.path) as client:
            for number in range(1, 600):
                bench.step(number)
            newest: Any = await client.ask("events", last=3)
            assert [event["count"] for event in newest] == [597, 598, 599]
            assert newest[0]["data"] == {"charge_pct": 597}
            assert await client.ask("events", after=599) == []
            everything: Any = await client.ask("events", last=500)
            assert len(everything) == 500

    run(scenario())


def test_a_peer_may_be_refused_a_verb(tmp_path: Path) -> None:
    def may(peer: Peer, verb: str) -> str:
        return "" if verb == "status" else f"{peer.by} may only look"

    async def scenario() -> None:
        async with serving(tmp_path / "s", may=may) as bench, ControlClient(bench.path) as client:
            assert await client.ask("status")
            with pytest.raises(CommandRefused, match="may only look"):
                await client.ask("command", kind="ack")

    run(scenario())


def test_a_stop_while_commands_wait_leaves_no_task_behind(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path / "s") as bench:
            bench.silent = True
            asking = [asyncio.create_task(talk(bench.path, encode({"verb": "command", "kind": "ack"})))
                      for _ in range(3)]  # fmt: skip
            await asyncio.gather(*asking)
            assert bench.taken == []

    run(scenario())


# --------------------------------------------------------------------------------------------------------- the address
def test_a_socket_that_a_dead_controller_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "s"))
    assert (tmp_path / "s").exists()
    claim(tmp_path / "s").close()


def test_a_living_controller_is_left_in_peace(tmp_path: Path) -> None:
    with claim(tmp_path / "s"), pytest.raises(ConfigError, match="another controller listens there"):
        claim(tmp_path / "s")


def test_a_file_that_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("precious")
    with pytest.raises(ConfigError, match="there is a file that is no socket"):
        claim(tmp_path / "s")
    assert (tmp_path / "s").read_text() == "precious"


def test_an_address_that_is_too_long_or_nowhere_is_said_clearly(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="longer than the 107 bytes"):
        claim(tmp_path / ("s" * 120))
    with pytest.raises(ConfigError, match="cannot be used: No such file or directory"):
        claim(Path("/nowhere/s"))


def test_the_end_of_one_controller_does_not_remove_the_socket_of_the_next(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "s"
        bench = Bench(path)
        task = asyncio.create_task(bench.control.run())
        await eventually_async(path.exists)
        path.unlink()
        with claim(path):
            task.cancel()
            await asyncio.wait({task})
            assert path.exists()

    run(scenario())
