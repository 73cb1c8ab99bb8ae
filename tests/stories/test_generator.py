"""The generator row of the emergency procedures (PROCEDURES.md, section 1), as stories."""

import pytest

from firmware_py.core.reading import Value
from tests.stories.story import Teller, plan_of

MIDNIGHT_S = 1_795_046_400  # a day in November 2026, 00:00 UTC


@pytest.fixture(scope="module")
def plan() -> object:
    return plan_of("generator.toml")


@pytest.fixture
def floor(plan: object) -> Teller:
    values: dict[str, Value] = {
        "storage.sound": True, "clock.utc_s": MIDNIGHT_S, "contact.mains": True, "contact.generator": False,
    }  # fmt: skip
    for ups in ("ups1", "ups2"):
        values |= {
            f"{ups}.output_source": "mains", f"{ups}.battery.status": "normal", f"{ups}.battery.charge_pct": 100.0,
            f"{ups}.battery.runtime_s": 36_000.0, f"{ups}.output.load_pct": 40.0,
        }  # fmt: skip
    return Teller(plan=plan, values=values)  # type: ignore[arg-type] # a fixture's result


def test_the_mains_fails_the_generator_carries_inbound_and_nothing_returns_before_the_mains(floor: Teller) -> None:
    floor.tell("""
        1:00  contact.mains = no
        1:00  ups1.output_source = battery
        1:08  expect output start.generator off
        1:13  expect output start.generator on
        1:13  expect told generator.asked
        1:18  contact.generator = yes
        1:18  ups1.output_source = mains
        1:22  expect told generator.runs
        1:22  expect load pantry cut
        40:00 expect mode CONSERVATION because generator.carries
        40:00 expect outbound paused
        40:00 expect load pantry cut
        40:00 contact.mains = yes
        44:50 expect output start.generator on                     (the mains has to be back for five minutes)
        45:10 expect output start.generator off
        45:10 contact.generator = no
        46:30 expect mode RECOVERY
        52:00 expect load pantry fed
        53:00 expect mode NORMAL
    """)


def test_a_generator_that_does_not_start_is_an_alarm_and_the_floor_sheds_as_without_it(floor: Teller) -> None:
    floor.tell("""
        1:00  contact.mains = no
        1:00  ups1.output_source = battery
        1:13  expect output start.generator on
        1:45  expect output start.generator off                    (a break between two tries)
        3:30  expect alarm generator.start_failed active_unacked
        3:30  expect output start.generator off
        21:05 expect told stage.shed stage=power.stage5 by_hand=Kettles
        30:00 contact.mains = yes
        30:00 ups1.output_source = mains
        36:00 expect alarm generator.start_failed active_unacked   (nobody has seen it run since)
    """)


def test_once_in_four_weeks_it_is_tried_out_in_its_hour_and_no_outage_is_made_of_it(floor: Teller) -> None:
    floor.tell(f"""
        0:10  clock.utc_s = {MIDNIGHT_S + 28 * 86_400}
        1:00  expect output start.generator off
        1:00  clock.utc_s = {MIDNIGHT_S + 28 * 86_400 + 3_600}
        1:03  expect output start.generator on
        1:05  contact.generator = yes
        1:10  expect point generator.phase trial
        5:00  expect mode NORMAL
        11:00 expect output start.generator on
        11:10 expect output start.generator off
        11:10 contact.generator = no
        20:00 expect output start.generator off
        20:00 expect alarm generator.start_failed normal
    """)


def test_one_that_runs_and_nobody_asked_is_told(floor: Teller) -> None:
    floor.tell("""
        1:00  contact.generator = yes
        15:00 expect alarm generator.unasked normal
        16:10 expect alarm generator.unasked active_unacked
        16:10 expect output start.generator off
    """)
