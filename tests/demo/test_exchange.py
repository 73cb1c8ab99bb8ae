"""The simulated exchange as a peer: what it refuses, how it hangs, and what outlives its restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from drivers.ami_account import Account
from drivers.ami_link import AmiLink, Phase
from firmware_py.demo.exchange import CLIENT_LIMIT, SimExchange, SimTrunk
from firmware_py.ports import DeviceError
from tests.conftest import eventually_async, run

GATE = "DEVICE_STATE(Custom:outbound-gate)"


def make_trunks() -> tuple[SimTrunk, SimTrunk]:
    return (
        SimTrunk(endpoint="trunk-main", groups={"out-main@trunks": 0}),
        SimTrunk(endpoint="trunk-backup", registration="backup-reg"),
    )


@asynccontextmanager
async def exchange(**settings: float) -> AsyncIterator[SimExchange]:
    simulated = SimExchange(make_trunks(), user="edge", secret="x")
    await simulated.start(**settings)  # type: ignore[arg-type] # boot_s and uptime_s
    try:
        yield simulated
    finally:
        await simulated.stop()


async def log_in(simulated: SimExchange, secret: str = "x") -> AmiLink:
    link = AmiLink(Account(host="127.0.0.1", port=simulated.port, user="edge", secret=secret), lambda event: None)
    await link.open(3000)
    return link


async def get(link: AmiLink, variable: str) -> str:
    return (await link.call("Getvar", {"Variable": variable})).response.get("Value")


def test_calls_and_states_are_what_the_script_says() -> None:
    async def scenario() -> None:
        async with exchange(uptime_s=86_400) as simulated:
            link = await log_in(simulated)
            assert link.booted_at_s is not None
            assert asyncio.get_running_loop().time() - link.booted_at_s > 86_000
            assert await get(link, "DEVICE_STATE(PJSIP/trunk-main)") == "NOT_INUSE"
            simulated.trunks["trunk-main"].groups["out-main@trunks"] = 3
            assert await get(link, "GROUP_COUNT(out-main@trunks)") == "3"
            assert await get(link, "DEVICE_STATE(PJSIP/trunk-main)") == "INUSE"
            simulated.trunks["trunk-backup"].registered = "Rejected"
            listed = (await link.call("PJSIPShowRegistrationsOutbound")).items
            assert [(item.get("ObjectName"), item.get("Status")) for item in listed] == [("backup-reg", "Rejected")]
            simulated.set_status("trunk-main", "Unreachable")
            contact = simulated.trunks["trunk-main"].contact
            assert await get(link, f"PJSIP_CONTACT({contact},rtt)") == "N/A"
            await eventually_async(lambda: any(event.event == "ContactStatus" for event in link.events()))
            link.close()

    run(scenario())


def test_a_gate_is_told_to_the_floor_and_other_variables_are_not_kept() -> None:
    async def scenario() -> None:
        told: list[tuple[str, bool]] = []
        simulated = SimExchange(
            make_trunks(), user="edge", secret="x", on_gate=lambda name, closed: told.append((name, closed))
        )
        await simulated.start()
        link = await log_in(simulated)
        for variable, value in (
            (GATE, "INUSE"),
            ("DB(a/b)", "c"),
            ("DEVICE_STATE(PJSIP/trunk-main)", "INUSE"),
            (GATE, "NOT_INUSE"),
        ):
            assert (await link.call("Setvar", {"Variable": variable, "Value": value})).ok
        assert told == [("Custom:outbound-gate", True), ("Custom:outbound-gate", False)]
        assert simulated.device_states == {"Custom:outbound-gate": "NOT_INUSE"}
        link.close()
        await simulated.stop()

    run(scenario())


def test_what_a_least_user_may_not_do_is_refused() -> None:
    async def scenario() -> None:
        async with exchange() as simulated:
            with pytest.raises(DeviceError, match="Authentication failed"):
                await log_in(simulated, secret="guess")
            link = await log_in(simulated)
            for action in ("Originate", "DBPut", "Command", "Nonsense"):
                assert not (await link.call(action)).ok
            link.close()

    run(scenario())


def test_nothing_is_answered_before_a_login() -> None:
    async def scenario() -> None:
        async with exchange() as simulated:
            reader, writer = await asyncio.open_connection("127.0.0.1", simulated.port)
            writer.write(b"Action: Ping\r\n\r\n")
            answer = await asyncio.wait_for(reader.readuntil(b"Permission denied\r\n\r\n"), 2)
            assert answer.startswith(b"Asterisk Call Manager/")
            writer.close()

    run(scenario())


def test_what_was_asked_in_silence_is_answered_late() -> None:
    async def scenario() -> None:
        async with exchange() as simulated:
            link = await log_in(simulated)
            simulated.silent = True
            with pytest.raises(DeviceError, match="no answer"):
                await link.call("Ping", deadline_ms=100)
            waiting = asyncio.create_task(link.call("Ping", deadline_ms=2000))
            await asyncio.sleep(0)
            simulated.silent = False
            assert (await waiting).ok
            link.close()

    run(scenario())


def test_a_restart_cuts_everybody_off_and_keeps_the_gate() -> None:
    async def scenario() -> None:
        async with exchange() as simulated:
            link = await log_in(simulated)
            await link.call("Setvar", {"Variable": GATE, "Value": "INUSE"})
            port = simulated.port
            await simulated.restart(down_s=0.05, boot_s=0.8)
            await eventually_async(lambda: link.phase is Phase.CLOSED)
            assert simulated.port == port
            again = await log_in(simulated)
            assert again.phase is Phase.BOOTING
            assert not (await again.call("PJSIPShowRegistrationsOutbound")).ok
            assert await get(again, "PJSIP_AOR(trunk-main,contact)") == ""
            await eventually_async(lambda: again.phase is Phase.UP)
            assert await get(again, GATE) == "INUSE"
            again.close()

    run(scenario())


def test_the_number_of_sessions_is_limited() -> None:
    async def scenario() -> None:
        async with exchange() as simulated:
            links = [await log_in(simulated) for _ in range(CLIENT_LIMIT)]
            with pytest.raises(DeviceError):
                await log_in(simulated)
            for link in links:
                link.close()

    run(scenario())
