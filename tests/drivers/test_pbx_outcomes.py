"""What became of calls: refused, swallowed, or a person who is busy; counted in bounded memory, from any events."""

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.ami import Packet
from drivers.pbx_outcomes import ATTEMPTS_LIMIT, ENOUGH, OPEN_LIMIT, Outcome, Outcomes, Record, endpoint_of

ENDPOINT = "trunk-main"


def event(name: str, **headers: str) -> Packet:
    return Packet(headers=(("Event", name), *headers.items()))


def place(
    outcomes: Outcomes, number: int, status: str, cause: str, *, at_ms: int = 0, rang: bool = False, hangup: bool = True
) -> None:
    unique = f"pbx-{number}.1"
    channel = f"PJSIP/{ENDPOINT}-{number:08x}"
    outcomes.take(event("DialBegin", DestChannel=channel, DestUniqueid=unique), at_ms)
    if rang:
        outcomes.take(event("DialState", DestUniqueid=unique, DialStatus="RINGING"), at_ms)
    outcomes.take(event("DialEnd", DestUniqueid=unique, DialStatus=status), at_ms)
    if hangup:
        outcomes.take(event("Hangup", Uniqueid=unique, Cause=cause), at_ms)


def share(status: str, cause: str, *, rang: bool = False) -> float | None:
    outcomes = Outcomes([ENDPOINT])
    for number in range(ENOUGH):
        place(outcomes, number, status, cause, rang=rang)
    return outcomes.judge(ENDPOINT, 0).share


def test_a_provider_that_refuses_ten_calls_is_refusing_and_nine_say_nothing_yet() -> None:
    outcomes = Outcomes([ENDPOINT, "other"])
    for number in range(ENOUGH):
        assert not outcomes.judge(ENDPOINT, 0).refusing
        place(outcomes, number, "CONGESTION", "34")
    verdict = outcomes.judge(ENDPOINT, 0)
    assert verdict.refusing and (verdict.failed, verdict.attempts, verdict.share) == (ENOUGH, ENOUGH, 1.0)
    assert outcomes.judge("other", 0).attempts == 0


def test_a_person_who_is_busy_or_a_wrong_number_is_no_fault_of_the_way() -> None:
    assert share("BUSY", "17") == 0.0
    assert share("NOANSWER", "1") == 0.0
    assert share("NOANSWER", "0", rang=True) == 0.0
    assert share("ANSWER", "16") == 0.0


def test_what_never_rang_and_has_no_cause_was_swallowed() -> None:
    assert share("NOANSWER", "0") == 1.0
    assert share("NOANSWER", "18") == 1.0
    assert share("CHANUNAVAIL", "20", rang=True) == 1.0
    assert share("CONGESTION", "nonsense") == 1.0


def test_a_caller_who_gives_up_is_counted_neither_way() -> None:
    assert share("CANCEL", "0") is None


def test_an_answer_counts_when_it_comes_and_a_failure_when_its_cause_is_known() -> None:
    outcomes = Outcomes([ENDPOINT])
    place(outcomes, 1, "ANSWER", "16", hangup=False)
    place(outcomes, 2, "CONGESTION", "34", hangup=False)
    assert outcomes.judge(ENDPOINT, 0).attempts == 1


def test_a_quiet_trunk_is_judged_after_five_minutes_of_failures() -> None:
    record = Record()
    for minute in (0, 3, 6):
        record.note(Outcome(at_ms=minute * 60_000, failed=True))
    assert record.judge(360_000).refusing
    soon = Record()
    for second in (0, 1, 2):
        soon.note(Outcome(at_ms=second * 1000, failed=True))
    assert soon.judge(2_000).share is None and not soon.judge(2_000).refusing


def test_refusing_ends_only_with_calls_that_go_well_never_with_time() -> None:
    record = Record()
    for _ in range(ENOUGH):
        record.note(Outcome(at_ms=0, failed=True))
    later_ms = 10 * 3_600_000
    assert record.judge(later_ms).refusing and record.judge(later_ms).attempts == 0
    for _ in range(4):
        record.note(Outcome(at_ms=later_ms, failed=False))
    assert record.judge(later_ms).refusing
    record.note(Outcome(at_ms=later_ms, failed=False))
    assert not record.judge(later_ms).refusing


def test_one_failure_in_ten_among_good_calls_is_sound_again() -> None:
    record = Record()
    for _ in range(ENOUGH):
        record.note(Outcome(at_ms=0, failed=True))
    for failed in (False, False, False, False, True, False, False, False, False):
        record.note(Outcome(at_ms=1, failed=failed))
        assert record.judge(1).refusing
    record.note(Outcome(at_ms=1, failed=False))
    assert not record.judge(1).refusing


def test_a_lost_connection_forgets_the_calls_under_way_and_keeps_what_was_counted() -> None:
    outcomes = Outcomes([ENDPOINT])
    place(outcomes, 1, "ANSWER", "16")
    place(outcomes, 2, "CONGESTION", "34", hangup=False)
    outcomes.forget()
    outcomes.take(event("Hangup", Uniqueid="pbx-2.1", Cause="34"), 0)
    assert outcomes.judge(ENDPOINT, 0).attempts == 1


def test_only_channels_of_a_known_endpoint_are_attempts() -> None:
    assert endpoint_of("PJSIP/trunk-main-0000001f") == ENDPOINT
    assert endpoint_of("Local/5551@from-desk-00000000;1") == ""
    assert endpoint_of("") == ""


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["DialBegin", "DialState", "DialEnd", "Hangup", "Newchannel", ""]),
            st.sampled_from([f"PJSIP/{ENDPOINT}-1", "PJSIP/x", "", "Local/1@a-1;2"]),
            st.sampled_from(["1", "2", "", "3"]),
            st.sampled_from(["ANSWER", "BUSY", "CONGESTION", "", "x"]),
            st.sampled_from(["34", "0", "", "-1", "²", "99999"]),
        ),
        max_size=60,
    )
)
def test_no_order_of_events_breaks_the_count(events: list[tuple[str, str, str, str, str]]) -> None:
    outcomes = Outcomes([ENDPOINT])
    for at_ms, (name, channel, unique, status, cause) in enumerate(events):
        headers = {"DestChannel": channel, "DestUniqueid": unique, "DialStatus": status, "Cause": cause}
        outcomes.take(event(name, Uniqueid=unique, **headers), at_ms)
        verdict = outcomes.judge(ENDPOINT, at_ms)
        assert 0 <= verdict.failed <= verdict.attempts <= ATTEMPTS_LIMIT


def test_calls_whose_end_never_comes_take_bounded_memory() -> None:
    outcomes = Outcomes([ENDPOINT])
    for number in range(OPEN_LIMIT + 50):
        place(outcomes, number, "CONGESTION", "34", hangup=False)
    for number in range(OPEN_LIMIT + 50):
        outcomes.take(event("Hangup", Uniqueid=f"pbx-{number}.1", Cause="34"), 0)
    assert outcomes.judge(ENDPOINT, 0).attempts == ATTEMPTS_LIMIT
