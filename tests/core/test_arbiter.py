"""Arbitration: priority, rank, owners, shortest stays and interlocks."""

from hypothesis import given
from hypothesis import strategies as st

from firmware_py.core.alarm import AlarmState, Display
from firmware_py.core.arbiter import arbitrate, left_ms, remember
from firmware_py.core.mode import Mode
from firmware_py.core.output import Drive, Output, OutputValue, Pattern, Priority, StopValue
from firmware_py.core.plan import Always, FirstOut, Interlock, LampTest, Plan, Rule, Shows
from firmware_py.core.rules import Request, Situation, collect, reasons
from firmware_py.core.state import OutputState

NOW = Situation(conditions={}, alarms={}, causes={}, stages={}, mode=Mode.NORMAL, because=())


def plan(*interlocks: Interlock, min_on_ms: int = 0, min_off_ms: int = 0, normal: bool = False) -> Plan:
    output = Output(
        id="fan",
        normal=normal,
        on_stop=StopValue.OFF,
        on_fault=StopValue.OFF,
        min_on_ms=min_on_ms,
        min_off_ms=min_off_ms,
    )
    return Plan(outputs={"fan": output}, interlocks=interlocks)


def ask(value: OutputValue, owner: str = "power", priority: Priority = Priority.PROGRAM, rank: int = 100) -> Request:
    return Request(output="fan", value=value, priority=priority, owner=owner, because=(f"{owner}.why",), rank=rank)


def before(value: bool, elapsed_ms: int) -> dict[str, OutputState]:
    drive = Drive(value=value, priority=Priority.PROGRAM, because=("old",), owners=("old",))
    return {"fan": OutputState(drive=drive, elapsed_ms=elapsed_ms)}


def test_without_requests_an_output_is_at_its_normal_value() -> None:
    assert arbitrate(plan(normal=True), [], NOW, {}, ["fan"])["fan"] == Drive(value=True, priority=Priority.PROGRAM)


def test_the_lower_priority_number_wins() -> None:
    asked = [ask(True), ask(False, "anna", Priority.MANUAL_OPERATOR), ask(True, "fire", Priority.LIFE_SAFETY)]
    assert arbitrate(plan(), asked, NOW, {}, ["fan"])["fan"].owners == ("fire", "power")
    assert arbitrate(plan(), asked[:2], NOW, {}, ["fan"])["fan"].value is False


def test_rank_decides_between_equals() -> None:
    asked = [ask(True, rank=40), ask(Pattern.FLASH, "other", rank=10)]
    assert arbitrate(plan(), asked, NOW, {}, ["fan"])["fan"].value is Pattern.FLASH


def test_all_who_ask_for_the_winning_value_stay_its_owners() -> None:
    drive = arbitrate(plan(), [ask(True, "trunk"), ask(True, "power"), ask(False, "x", rank=200)], NOW, {}, ["fan"])[
        "fan"
    ]
    assert drive.owners == ("power", "trunk")
    assert drive.because == ("power.why", "trunk.why")


def test_an_interlock_forces_its_value_whoever_asks() -> None:
    first = Interlock(id="no_fan", output="fan", when=Always(), value=False)
    second = Interlock(id="other", output="fan", when=Always(), value=True)
    drive = arbitrate(plan(first, second), [ask(True, "fire", Priority.LIFE_SAFETY)], NOW, {}, ["fan"])["fan"]
    assert (drive.value, drive.owners) == (False, ("interlock no_fan",))
    idle = Interlock(id="idle", output="fan", when=LampTest(), value=False)
    assert arbitrate(plan(idle), [ask(True)], NOW, {}, ["fan"])["fan"].value is True


def test_a_shortest_stay_holds_against_program_and_people_but_not_against_life_safety() -> None:
    timed = plan(min_on_ms=5_000)
    kept = arbitrate(timed, [ask(False, "anna", Priority.MANUAL_OPERATOR)], NOW, before(True, 4_999), ["fan"])["fan"]
    assert (kept.value, kept.priority, kept.because) == (True, Priority.MINIMUM_ON_OFF, ("old",))
    assert arbitrate(timed, [], NOW, before(True, 5_000), ["fan"])["fan"].value is False
    urgent = [ask(False, "fire", Priority.LIFE_SAFETY)]
    assert arbitrate(timed, urgent, NOW, before(True, 0), ["fan"])["fan"].value is False


def test_a_shortest_stay_is_over_at_its_time_however_long_ago_the_last_cycle_was() -> None:
    timed = plan(min_on_ms=5_000)
    for since_ms, dt_ms, on in ((0, 4_999, True), (0, 5_000, False), (4_000, 999, True), (4_000, 1_000, False)):
        assert arbitrate(timed, [], NOW, before(True, since_ms), ["fan"], dt_ms=dt_ms)["fan"].value is on


def test_changing_between_two_kinds_of_on_needs_no_stay() -> None:
    output = plan(min_on_ms=5_000).outputs["fan"]
    assert left_ms(output, before(True, 0)["fan"], Pattern.FLASH) == 0
    assert left_ms(output, before(True, 1_000)["fan"], False) == 4_000
    assert left_ms(output, before(False, 1_000)["fan"], True) == 0


def test_time_on_or_off_is_counted_as_far_as_it_matters() -> None:
    timed = plan(min_on_ms=5_000)
    drive = before(True, 0)["fan"].drive
    grown = remember(timed, {"fan": drive}, before(True, 4_000), 3_000)["fan"]
    assert grown.elapsed_ms == 5_000
    known = {"fan": grown}
    assert remember(timed, {"fan": drive}, known, 3_000) is known, "what rests is told by identity"
    other = Drive(value=False, priority=Priority.PROGRAM)
    assert remember(timed, {"fan": other}, {"fan": grown}, 1)["fan"].elapsed_ms == 0
    assert remember(timed, {"fan": other}, {}, 1)["fan"].elapsed_ms == 0


requests = st.lists(
    st.builds(
        ask,
        value=st.sampled_from([True, False, Pattern.FLASH, Pattern.SLOW]),
        owner=st.sampled_from("abcd"),
        priority=st.sampled_from(Priority),
        rank=st.integers(0, 3),
    ),
    max_size=8,
)


@given(asked=requests, shuffled=st.randoms())
def test_the_order_of_requests_does_not_matter(asked: list[Request], shuffled: "st.randoms") -> None:
    mixed = list(asked)
    shuffled.shuffle(mixed)
    assert arbitrate(plan(), asked, NOW, {}, ["fan"]) == arbitrate(plan(), mixed, NOW, {}, ["fan"])


@given(asked=requests)
def test_the_winner_has_the_best_priority_and_every_value_has_an_owner(asked: list[Request]) -> None:
    drive = arbitrate(plan(), asked, NOW, {}, ["fan"])["fan"]
    assert drive.priority == min((request.priority for request in asked), default=Priority.PROGRAM)
    assert bool(drive.owners) == bool(asked)


ALARM_STATES = st.builds(
    AlarmState, active=st.booleans(), acked=st.booleans(), latched=st.booleans(), shelved_ms=st.sampled_from([0, 5]),
    suppressed_by=st.sampled_from(["", "other"]),
)  # fmt: skip


@given(
    alarms=st.fixed_dictionaries({"a": ALARM_STATES, "b": ALARM_STATES}),
    firsts=st.frozensets(st.sampled_from(["a", "b"])),
    lamps=st.lists(
        st.builds(
            lambda kind, alarm, displays: kind(alarm=alarm, displays=displays),
            st.sampled_from([Shows, FirstOut]), st.sampled_from(["a", "b"]), st.frozensets(st.sampled_from(Display)),
        ),
        max_size=6,
    ),
)  # fmt: skip
def test_a_lamp_of_an_alarm_at_rest_is_passed_over_only_where_it_would_be_dark(
    alarms: dict[str, AlarmState], firsts: frozenset[str], lamps: list[Shows | FirstOut]
) -> None:
    rules = tuple(
        Rule(when=lamp, output="fan", value=True, owner=str(number), priority=Priority.PROGRAM)
        for number, lamp in enumerate(lamps)
    )
    ours = Plan(outputs=plan().outputs, rules=rules)
    now = Situation(
        conditions={}, alarms=alarms, causes={}, stages={}, mode=Mode.NORMAL, because=(), firsts=firsts
    )  # fmt: skip
    lit = [rule.owner for rule in rules if reasons(rule.when, now) is not None]
    assert [request.owner for request in collect(ours, now, {}, "", ["fan"])] == lit
    assert list(collect(ours, now, {}, "", [])) == []
