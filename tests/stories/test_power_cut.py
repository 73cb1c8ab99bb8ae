"""The power rows of the emergency procedures (PROCEDURES.md, section 1), each as a story."""

from dataclasses import replace

import pytest

from firmware_py.core.planned import Cut
from firmware_py.core.reading import Value
from tests.stories.story import Teller, plan_of


@pytest.fixture(scope="module")
def plan() -> object:
    return plan_of("power.toml")


@pytest.fixture
def floor(plan: object) -> Teller:
    values: dict[str, Value] = {"storage.sound": True, "clock.utc_s": 1_795_000_000}
    for ups in ("ups1", "ups2"):
        values |= {
            f"{ups}.output_source": "mains", f"{ups}.battery.status": "normal", f"{ups}.battery.charge_pct": 100.0,
            f"{ups}.battery.runtime_s": 36_000.0, f"{ups}.output.load_pct": 40.0,
        }  # fmt: skip
    return Teller(plan=plan, values=values)  # type: ignore[arg-type] # a fixture's result


def test_inbound_is_kept_outbound_pauses_and_what_nobody_needs_goes_at_once(floor: Teller) -> None:
    floor.tell("""
        0:30  expect mode NORMAL
        1:00  ups1.output_source = battery
        1:01  expect lamp POWER flashing
        1:01  expect mode NORMAL                                   (one reading is none)
        1:03  expect mode CONSERVATION because ups1.on_battery
        1:03  expect outbound paused
        1:03  expect load pantry cut
        1:03  expect load displays cut
        1:03  expect load office fed                               (ten hours are enough for four)
        1:03  expect told incident.escalated tier=1
        20:00 expect load office fed
    """)


def test_the_next_levels_are_told_by_the_age_of_the_incident(floor: Teller) -> None:
    floor.tell("""
        1:00  ups1.output_source = battery
        30:00 expect not told incident.escalated tier=2
        31:05 expect told incident.escalated tier=2
        61:05 expect told incident.escalated tier=3
    """)


def test_load_goes_so_that_inbound_lasts_to_hour_four_and_the_plan_follows_the_forecast(floor: Teller) -> None:
    floor.tell("""
        0:30  ups1.battery.runtime_s = 10800
        1:00  ups1.output_source = battery
        1:20  expect load office cut                               (three hours, not four)
        1:20  ups1.battery.runtime_s = 21600
        1:20  ups1.output.load_pct = 20
        5:00  expect load outbound fed                             (without the office it is enough)
        5:00  expect told stage.shed stage=power.stage2
        10:00 ups1.battery.runtime_s = 7000
        10:15 expect flag cut_announced up                         (people sit there: they are told first)
        10:15 expect told stage.announced stage=power.stage4 due_ms=120000
        10:15 expect load outbound fed
        12:30 expect load outbound cut
        12:30 expect flag cut_announced down
        12:30 expect told stage.shed stage=power.stage4
    """)


def test_an_announcement_is_withdrawn_when_the_mains_is_back_in_time(floor: Teller) -> None:
    floor.tell("""
        0:30  ups1.battery.runtime_s = 3000
        1:00  ups1.output_source = battery
        1:30  expect flag cut_announced up
        2:00  ups1.output_source = mains
        2:40  expect flag cut_announced down
        2:40  expect told stage.withdrawn stage=power.stage4
        2:40  expect load outbound fed
        2:40  expect load office cut
    """)


def test_paper_is_announced_before_the_battery_ends(floor: Teller) -> None:
    floor.tell("""
        1:00  ups1.output_source = battery
        5:00  expect flag manual_records down
        6:00  ups1.battery.runtime_s = 540
        6:03  expect flag manual_records up
        6:03  expect lamp PHONES manual
        6:03  expect told power.manual_records
        8:00  ups1.battery.runtime_s = 660                         (not enough to take it back)
        9:00  expect flag manual_records up
    """)


def test_the_controller_says_its_last_words_before_its_own_supply_ends(floor: Teller) -> None:
    floor.tell("""
        1:00  ups1.output_source = battery
        5:00  ups1.battery.runtime_s = 180
        6:00  expect not told controller.last_words
        6:00  ups1.battery.runtime_s = 60
        6:03  expect told controller.last_words ups1.forecast.runtime_s=60
        7:00  ups1.output_source = mains
        7:05  expect told controller.goes_on
    """)


def test_power_is_back_loads_return_one_by_one_outbound_last_and_a_list_stays_open(floor: Teller) -> None:
    floor.tell("""
        1:00  ups1.output_source = battery
        9:00  ups1.output_source = mains
        9:32  expect mode RECOVERY
        14:20 expect load displays cut                             (mains has to be stable for five minutes)
        14:35 expect load displays fed                             (the more important one first)
        14:35 expect load pantry cut
        15:06 expect load pantry fed
        15:06 expect told stage.restored stage=power.stage1
        15:06 expect outbound paused
        15:40 expect outbound free
        15:40 expect mode NORMAL
        15:40 expect flag checklist up
        15:40 expect told checklist.opened list=power.recovery
        60:00 expect flag checklist up
        60:00 order tick power.recovery.forms
        60:01 expect told checklist.ticked item=forms by=anna
        60:01 expect flag checklist up
        60:02 order ack checklist                                  (the rest at once)
        60:03 expect flag checklist down
        60:03 expect told checklist.done list=power.recovery
    """)


def test_a_self_test_is_no_outage_for_a_minute_and_one_that_does_not_end_is(floor: Teller) -> None:
    floor.values["ups1.calibration_running"] = False
    floor.tell("""
        1:00  ups1.output_source = test
        1:50  expect mode NORMAL
        1:50  ups1.output_source = mains
        5:00  ups1.output_source = test
        5:58  expect mode NORMAL
        6:05  expect mode CONSERVATION because ups1.test_overlong
        6:05  expect point ups1.forecast.on_battery True
        6:10  ups1.battery.runtime_s = 540
        6:15  expect flag manual_records up
    """)


def test_a_calibration_may_drain_the_battery_to_its_floor_and_no_further(floor: Teller) -> None:
    floor.values["ups1.calibration_running"] = True
    floor.tell("""
        1:00  ups1.output_source = test
        60:00 ups1.battery.charge_pct = 25
        90:00 expect mode NORMAL
        90:00 ups1.battery.charge_pct = 19
        90:55 expect mode NORMAL
        91:05 expect mode CONSERVATION because ups1.test_overlong
    """)


@pytest.mark.parametrize("lost", ["ups1.calibration_running", "ups1.battery.charge_pct"])
def test_a_calibration_of_which_the_charge_or_the_name_is_lost_is_a_test_like_any_other(
    floor: Teller, lost: str
) -> None:
    floor.values["ups1.calibration_running"] = True
    floor.tell(f"""
        1:00  ups1.output_source = test
        20:00 expect mode NORMAL
        20:00 {lost} is dark
        21:30 expect mode CONSERVATION because ups1.test_overlong
    """)


def test_an_overloaded_ups_stops_the_return(floor: Teller) -> None:
    floor.tell("""
        1:00  ups1.output_source = battery
        9:00  ups1.output_source = mains
        14:35 expect load displays fed
        14:36 ups1.output.load_pct = 97
        20:00 expect load pantry cut
        20:00 ups1.output.load_pct = 60
        20:03 expect load pantry fed
    """)


def test_mains_that_fails_again_within_half_an_hour_doubles_the_wait(floor: Teller) -> None:
    floor.tell("""
        1:00  ups1.output_source = battery
        9:00  ups1.output_source = mains
        15:40 expect mode NORMAL
        20:00 ups1.output_source = battery
        28:00 ups1.output_source = mains
        28:40 expect mode RECOVERY
        38:20 expect load displays cut
        38:40 expect load displays fed
    """)


def test_each_load_hangs_on_one_ups_and_the_worst_decides(floor: Teller) -> None:
    floor.tell("""
        1:00  ups2.output_source = battery
        1:03  expect mode CONSERVATION because ups2.on_battery
        1:03  expect outbound paused
        1:03  expect load pantry fed                               (it hangs on the other one, which has its mains)
        11:05 expect load server cut
        11:05 expect load office fed
    """)


def test_a_silent_ups_on_battery_goes_on_by_our_clock(floor: Teller) -> None:
    floor.tell("""
        0:30  ups1.battery.runtime_s = 20000
        1:00  ups1.output_source = battery
        3:00  ups1.output_source is dark
        3:00  ups1.battery.charge_pct is dark
        3:00  ups1.battery.runtime_s is dark
        3:00  ups1.output.load_pct is dark
        123:00 expect mode CONSERVATION
        123:00 expect flag manual_records down
        123:00 expect point ups1.forecast.basis clock
        123:00 expect alarm ups1.unreachable active_unacked
        300:00 expect load outbound cut                            (an hour left by our clock)
        340:00 expect flag manual_records down                     (what was cut buys more than an hour)
        380:00 expect flag manual_records up
        381:00 ups1.output_source = battery
        381:00 ups1.battery.charge_pct = 50
        381:00 ups1.battery.runtime_s = 9000
        381:00 ups1.output.load_pct = 20
        383:00 expect flag manual_records down
        383:00 expect mode CONSERVATION
        383:00 expect load outbound cut
        383:00 expect not told power.mains_returned
    """)


@pytest.fixture
def announced(floor: Teller) -> Teller:
    """A cut that is a day and a little ahead, for four hours."""
    start_s = 1_795_000_000 + 24 * 3_600 + 600
    cut = Cut(start_s=start_s, end_s=start_s + 4 * 3_600, note="switchgear")
    floor.plan = replace(plan_of("planned.toml"), cuts=(cut,))
    return floor


def test_an_announced_cut_is_told_ahead_looked_over_labelled_and_an_alarm_when_it_lasts_too_long(
    announced: Teller,
) -> None:
    announced.tell("""
        0:05  expect told planned.notice planned.note=switchgear
        0:05  ups1.battery.charge_pct = 70
        0:10  expect alarm planned.not_ready normal                (more than a day ahead)
        1:00  clock.utc_s = 1795003600
        1:05  expect alarm planned.not_ready active_unacked
        2:00  ups1.battery.charge_pct = 100
        3:00  expect alarm planned.not_ready returned_unacked
        4:00  clock.utc_s = 1795087100
        4:02  expect flag planned up
        4:02  expect told planned.begins
        5:00  ups1.output_source = battery
        5:05  expect mode CONSERVATION because ups1.on_battery
        5:05  expect told power.mains_lost planned.phase=running planned.note=switchgear
        6:00  clock.utc_s = 1795101500
        6:02  expect flag planned down
        6:02  expect alarm planned.overrun active_unacked
        7:00  ups1.output_source = mains
        8:00  expect alarm planned.overrun returned_unacked
    """)


def test_a_battery_that_gave_no_power_for_half_a_year_is_not_ready_for_an_announced_cut(floor: Teller) -> None:
    half_year_s = 181 * 86_400
    cut = Cut(start_s=1_795_000_000 + half_year_s + 3_600, end_s=1_795_000_000 + half_year_s + 7_200)
    floor.plan = replace(plan_of("planned.toml"), cuts=(cut,))
    floor.tell(f"""
        0:05  expect alarm planned.not_ready normal
        0:10  clock.utc_s = {1_795_000_000 + half_year_s}
        0:20  expect alarm planned.not_ready active_unacked
        1:00  ups1.output_source = test
        1:00  ups2.output_source = test
        1:10  ups1.output_source = mains
        1:10  ups2.output_source = mains
        2:30  expect alarm planned.not_ready returned_unacked
    """)
