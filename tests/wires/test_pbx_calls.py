"""Calls on a real Asterisk with the least user: refused ones, emergency ones; the dialplan and the account asked."""

import signal
import subprocess
from collections.abc import Iterator, Mapping

import pytest

from drivers.ami import Packet
from drivers.ami_link import AmiLink
from drivers.pbx import PbxBus
from drivers.pbx_ask import examine_account
from drivers.pbx_config import Action
from drivers.pbx_outcomes import ENOUGH
from firmware_py.core.reading import Quality, Reason, Sample
from tests.conftest import eventually, eventually_async, run
from tests.wires.asterisk import Asterisk
from tests.wires.test_pbx import EMERGENCY, caller, connected, dial, snapshot, state

pytestmark = pytest.mark.wire


async def known(bus: PbxBus) -> Mapping[str, Sample]:
    """A snapshot in which everything is known, some time after a boot."""

    async def settled() -> Mapping[str, Sample] | None:
        samples = await snapshot(bus)
        return samples if samples["trunks.main.state"].quality is Quality.GOOD else None

    found = await eventually_async(settled, within_s=15, every_s=0.2)
    assert found is not None
    return found


@pytest.fixture(name="refusing")
def refusing_fixture(healthy: Asterisk) -> Iterator[Asterisk]:
    """The main provider answers OPTIONS and refuses every call with 503."""
    healthy.kill("provider-main")
    command = [str(healthy.folder / "provider"), "main", "provider-503"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=5)
    eventually(healthy.reaches_both, within_s=15, every_s=0.2, what="the refusing provider answers OPTIONS")
    yield healthy
    healthy.kill("provider-main")


def test_a_provider_that_answers_options_and_refuses_calls_is_degraded(refusing: Asterisk) -> None:
    async def scenario() -> None:
        async with connected(refusing.configure()) as bus, caller(refusing) as link:
            assert (await known(bus))["trunks.main.state"].value == "up"
            for number in range(ENOUGH):
                assert (await state(bus, "main")).value == "up", f"after {number} attempts"
                answered = number < 4  # the backup's four lines take the first calls, which fail over in the dialplan
                said = (await dial(link, f"55500{number}")).get("Response")
                assert (said == "Success") is answered, number
            samples = await snapshot(bus)
            assert samples["trunks.main.state"].value == "degraded"
            assert samples["trunks.main.failed_pct"].value == 100.0
            assert samples["trunks.main.attempts"].value == ENOUGH
            assert samples["trunks.backup.state"].value in ("up", "full")

    run(scenario(), within_s=60)


def test_calls_that_connect_are_no_failures_and_neither_is_a_caller_who_gives_up(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with connected(healthy.configure()) as bus, caller(healthy) as link:
            await known(bus)
            for number in range(3):
                assert (await dial(link, f"55510{number}")).get("Response") == "Success"
            samples = await snapshot(bus)
            assert samples["trunks.main.attempts"].value == 3
            assert samples["trunks.main.failed_pct"].because is Reason.NOT_YET
            assert samples["pbx1.outbound_calls"].value == 3

    run(scenario(), within_s=40)


def test_what_remains_of_outbound_calls_is_shown_while_the_gate_is_closed(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with connected(healthy.configure()) as bus, caller(healthy) as link:
            for number in range(2):
                assert (await dial(link, f"55520{number}")).get("Response") == "Success"
            await bus.write("outbound_paused", True)
            closed = await snapshot(bus)
            assert closed["pbx1.outbound_calls"].value == 2 and closed["pbx1.outbound_paused"].value is True
            await link.call("Hangup", {"Channel": "/^(Local|PJSIP)/.*/", "Cause": "16"})

            async def drained() -> bool:
                return (await snapshot(bus))["pbx1.outbound_calls"].value == 0

            await eventually_async(drained, within_s=5, every_s=0.1)
            await bus.write("outbound_paused", False)

    run(scenario(), within_s=40)


def test_each_emergency_call_is_seen_at_once_with_gate_closed_and_all_lines_full(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with connected(healthy.configure()) as bus, caller(healthy) as link:
            hints: list[str] = []
            await known(bus)
            for number in range(12):  # eight lines of the main trunk, four of the backup
                assert (await dial(link, f"5553{number:02}")).get("Response") == "Success", number
            assert (await dial(link, "5553999")).get("Response") == "Failure", "every line is taken"
            await bus.write("outbound_paused", True)
            bus.listen(hints.append)
            for line, number in enumerate(EMERGENCY, start=1):
                assert (await dial(link, number)).get("Response") == "Success", number
                await eventually_async(lambda: "pbx1" in hints, within_s=2, what="a hint, without any reading")
                samples = await snapshot(bus)
                hints.clear()
                assert samples[f"pbx1.emergency.line{line}"].value is True
                assert samples[f"pbx1.emergency.number{line}"].value == number
                assert samples["pbx1.emergency.calls"].value == line
            assert (await dial(link, "5553998")).get("Response") == "Failure", "the gate is closed"
            await bus.write("outbound_paused", False)

    run(scenario(), within_s=60)


def test_an_emergency_call_placed_while_we_were_away_is_counted_by_the_dialplan(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with caller(healthy) as link:
            assert (await dial(link, "119")).get("Response") == "Success"
            async with connected(healthy.configure()) as bus:
                samples = await snapshot(bus)
                assert samples["pbx1.emergency.line1"].value is True
                assert samples["pbx1.emergency.number1"].value == "unknown"

    run(scenario())


def test_the_least_user_proves_that_emergency_numbers_pass_without_dialling(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with connected(healthy.configure(emergency_numbers=EMERGENCY)) as bus:
            path = (await snapshot(bus))["pbx1.emergency.path"]
            assert path.value == "passes", path
        # 120 is in no emergency pattern of this dialplan: it would fall to the gate, and that is found out.
        async with connected(healthy.configure(emergency_numbers=(*EMERGENCY, "120"))) as bus:
            path = (await snapshot(bus))["pbx1.emergency.path"]
            assert path.value == "gated" and "120: outbound,120" in path.detail
        nowhere = healthy.configure(emergency_numbers=EMERGENCY, desk_context="no-such-context")
        async with connected(nowhere) as bus:
            assert (await snapshot(bus))["pbx1.emergency.path"].value == "missing"

    run(scenario())


def test_a_dial_that_ends_before_timer_b_is_found_out_without_dialling(healthy: Asterisk) -> None:
    async def scenario() -> None:
        for timer_b_ms, word in ((6_400, "works"), (32_000, "never")):
            async with connected(healthy.configure(dial_test="02112345", timer_b_ms=timer_b_ms)) as bus:
                way = (await snapshot(bus))["pbx1.failover.dialplan"]
                assert way.value == word and "outbound,02112345" in way.detail and "dials for 20 s" in way.detail

    run(scenario())


def test_outbound_agents_are_lent_to_inbound_and_only_those_are_taken_back(healthy: Asterisk) -> None:
    async def scenario() -> None:
        lent = healthy.configure(agents_from=("outbound",), agents_to="inbound", agents_penalty=3)
        async with connected(lent) as bus, caller(healthy) as wide:

            async def there() -> dict[str, Packet]:
                items = (await wide.call("QueueStatus", {"Queue": "inbound"})).items
                return {item.get("Location"): item for item in items if item.event == "QueueMember"}

            before = set(await there())
            own = {"Queue": "inbound", "Interface": "Local/1004@desk-sim", "MemberName": "Anna herself"}
            assert (await wide.call("QueueAdd", own)).ok
            try:
                await bus.write("agents_moved", True)
                assert await bus.read_back("agents_moved") is True
                moved = await there()
                assert set(moved) == before | {"Local/1003@desk-sim", "Local/1004@desk-sim"}
                assert moved["Local/1003@desk-sim"].get("Name") == "floorguard:agent-1003"
                assert moved["Local/1003@desk-sim"].get("Penalty") == "3"
                await bus.write("agents_moved", True)
                assert set(await there()) == set(moved), "said twice, done once"
                assert (await snapshot(bus))["pbx1.agents_moved"].value is True
                await bus.write("agents_moved", False)
                assert await bus.read_back("agents_moved") is False
                assert set(await there()) == before | {"Local/1004@desk-sim"}, "who was added by hand stays"
            finally:
                await wide.call("QueueRemove", {"Queue": "inbound", "Interface": "Local/1004@desk-sim"})

    run(scenario())


CAMPAIGN = "DEVICE_STATE(Custom:campaign-sales)"


def test_a_campaign_is_paused_by_an_action_and_a_persons_pause_stays(healthy: Asterisk) -> None:
    async def scenario() -> None:
        sales = Action(
            output="campaign.sales",
            on={"Action": "Setvar", "Variable": CAMPAIGN, "Value": "INUSE"},
            off={"Action": "Setvar", "Variable": CAMPAIGN, "Value": "NOT_INUSE"},
            look=CAMPAIGN,
            on_value="INUSE",
        )
        async with connected(healthy.configure(actions=(sales,))) as bus, caller(healthy) as hand:
            await bus.write("campaign.sales", True)
            assert await standing_of(hand) == "INUSE" and await bus.read_back("campaign.sales") is True
        async with connected(healthy.configure(actions=(sales,))) as fresh, caller(healthy) as hand:
            await fresh.write("campaign.sales", False)  # the mark of the one before lies in the exchange
            assert await standing_of(hand) == "NOT_INUSE"
            assert (await hand.call("Setvar", {"Variable": CAMPAIGN, "Value": "INUSE"})).ok
            await fresh.write("campaign.sales", False)
            assert await standing_of(hand) == "INUSE" and await fresh.read_back("campaign.sales") is False
            assert (await hand.call("Setvar", {"Variable": CAMPAIGN, "Value": "NOT_INUSE"})).ok

    async def standing_of(link: AmiLink) -> str:
        return (await link.call("Getvar", {"Variable": CAMPAIGN})).response.get("Value")

    run(scenario())


def test_a_dialplan_that_is_spoilt_while_we_watch_is_found_at_its_reload(healthy: Asterisk) -> None:
    dialplan = healthy.folder / "etc" / "extensions.conf"
    sound = dialplan.read_text()
    reload = [str(healthy.folder / "cli"), "module reload pbx_config.so"]

    async def scenario() -> None:
        async with connected(healthy.configure(emergency_numbers=EMERGENCY)) as bus:

            async def reads(word: str) -> bool:
                return (await snapshot(bus))["pbx1.emergency.path"].value == word

            assert await reads("passes")
            dialplan.write_text(sound.replace("exten => 911,1,Goto(emergency,${EXTEN},1)\n", ""))
            subprocess.run(reload, check=True, stdout=subprocess.DEVNULL, timeout=10)
            await eventually_async(lambda: reads("gated"), within_s=5, every_s=0.1, what="911 falls to the gate")
            dialplan.write_text(sound)
            subprocess.run(reload, check=True, stdout=subprocess.DEVNULL, timeout=10)
            await eventually_async(lambda: reads("passes"), within_s=5, every_s=0.1)

    try:
        run(scenario())
    finally:
        dialplan.write_text(sound)
        subprocess.run(reload, check=True, stdout=subprocess.DEVNULL, timeout=10)


def test_an_account_that_can_do_more_is_told_and_the_least_one_is_not(healthy: Asterisk) -> None:
    async def scenario() -> None:
        least = await examine_account(healthy.account())
        assert least.excess == () and least.lacking == ()
        wide = await examine_account(healthy.account("edge"))
        assert {text.partition(":")[0] for text in wide.excess} == {"originate", "system", "user"}
        readonly = await examine_account(healthy.account("edge-readonly"))
        assert readonly.excess == () and {text.partition(":")[0] for text in readonly.lacking} >= {"call", "agent"}
        async with connected(healthy.configure(account=healthy.account("edge"))) as bus:
            samples = await snapshot(bus)
            assert samples["pbx1.account.too_wide"].value is True
            assert "CVE-2024-42365" in str(samples["pbx1.account.excess"].value)
        async with connected(healthy.configure()) as bus:
            assert (await snapshot(bus))["pbx1.account.too_wide"].value is False

    run(scenario())


def test_callers_of_a_queue_are_counted_as_they_come_wait_and_go(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with connected(healthy.configure(queues=("inbound",))) as bus, caller(healthy) as link:

            async def counted(*expected: int) -> bool:
                samples = await snapshot(bus)
                names = ("offered", "answered", "abandoned", "waiting")
                return tuple(samples[f"pbx1.queue.{name}"].value for name in names) == expected

            async def call_in(number: str) -> None:
                call = {"Channel": f"Local/{number}@from-trunk", "Context": "desk-sim", "Exten": "hold"}
                assert (await link.call("Originate", call | {"Priority": "1", "Async": "true"})).ok

            assert await counted(0, 0, 0, 0)
            await call_in("771")
            await eventually_async(lambda: counted(1, 1, 0, 0), within_s=8, every_s=0.1, what="an agent answers")
            members = [f"Local/{agent}@desk-sim" for agent in ("1001", "1002")]
            for member in members:
                assert (await link.call("QueuePause", {"Interface": member, "Paused": "true"})).ok
            await call_in("772")
            await eventually_async(lambda: counted(2, 1, 0, 1), within_s=8, every_s=0.1, what="nobody answers")
            await link.call("Hangup", {"Channel": "/^(Local|PJSIP)/.*/", "Cause": "16"})
            await eventually_async(lambda: counted(2, 1, 1, 0), within_s=8, every_s=0.1, what="the caller leaves")
            for member in members:
                assert (await link.call("QueuePause", {"Interface": member, "Paused": "false"})).ok

    run(scenario(), within_s=40)


def test_a_call_in_progress_outlives_a_hung_provider_and_is_no_outcome(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with connected(healthy.configure()) as bus, caller(healthy) as link:
            await known(bus)
            assert (await dial(link, "555401")).get("Response") == "Success"
            healthy.signal("provider-main", signal.SIGSTOP)
            samples = await snapshot(bus)
            assert samples["trunks.main.attempts"].value == 1
            healthy.signal("provider-main", signal.SIGCONT)

    run(scenario())


def test_queue_members_are_paused_as_a_courtesy_and_a_persons_pause_stays(healthy: Asterisk) -> None:
    async def scenario() -> None:
        config = healthy.configure(pause_queues=("outbound",))
        async with connected(config) as bus, caller(healthy) as link:

            async def paused() -> dict[str, str]:
                listed = (await link.call("QueueStatus", {"Queue": "outbound"})).items
                members = [item for item in listed if item.event == "QueueMember"]
                return {item.get("Name"): item.get("PausedReason") for item in members if item.get("Paused") == "1"}

            person = {"Interface": "Local/1003@desk-sim", "Paused": "true", "Reason": "lunch"}
            assert (await link.call("QueuePause", person)).ok
            await bus.write("members_paused", True)
            assert await paused() == {"agent-1003": "lunch", "agent-1004": "floorguard"}
            assert await bus.read_back("members_paused") is True
            await bus.write("members_paused", False)
            assert await paused() == {"agent-1003": "lunch"}
            assert await bus.read_back("members_paused") is False
            assert (await link.call("QueuePause", person | {"Paused": "false", "Reason": ""})).ok

    run(scenario())


def test_a_gate_that_a_person_has_closed_at_the_exchange_is_not_opened(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with connected(healthy.configure()) as bus, caller(healthy) as person:
            gate = {"Variable": "DEVICE_STATE(Custom:outbound-gate)"}
            await bus.write("outbound_paused", False)
            assert (await person.call("Setvar", gate | {"Value": "INUSE"})).ok
            await bus.write("outbound_paused", True)  # a reason of ours comes and goes meanwhile
            await bus.write("outbound_paused", False)
            samples = await snapshot(bus)
            assert samples["pbx1.outbound_paused"].value is True and samples["pbx1.held_by_hand"].value is True
            assert (await dial(person, "555601")).get("Response") == "Failure"
            assert (await dial(person, "112")).get("Response") == "Success"
            assert (await person.call("Setvar", gate | {"Value": "NOT_INUSE"})).ok
            assert (await dial(person, "555602")).get("Response") == "Success"

    run(scenario())
