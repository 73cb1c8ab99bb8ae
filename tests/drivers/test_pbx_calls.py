"""Emergency calls one by one, and the callers of queues: from events and from counts, whichever tells first."""

from drivers.ami import Packet
from drivers.pbx_calls import (
    LONGEST_MS,
    SHOWN_MS,
    SLOTS,
    WAITING_LIMIT,
    EmergencyCalls,
    QueueCounts,
    declare,
    emergency_samples,
    plain_number,
    queue_samples,
)
from firmware_py.core.reading import Reason


def lines(calls: EmergencyCalls, now_ms: int) -> list[bool]:
    samples = emergency_samples("pbx1", calls, now_ms)
    return [samples[f"pbx1.emergency.line{slot}"].value is True for slot in range(1, SLOTS + 1)]


def test_a_call_is_shown_for_a_minute_at_least_and_as_long_as_it_lasts() -> None:
    calls = EmergencyCalls()
    calls.begin("112", "1001", "u1", 0)
    samples = emergency_samples("pbx1", calls, 0)
    assert (samples["pbx1.emergency.number1"].value, samples["pbx1.emergency.caller1"].value) == ("112", "1001")
    assert lines(calls, SHOWN_MS + 5_000) == [True, False, False, False]
    calls.end("u1")
    assert lines(calls, SHOWN_MS + 5_000) == [False] * SLOTS
    calls.begin("112", "1001", "u2", 100_000)
    calls.end("u2")
    assert lines(calls, 100_000 + SHOWN_MS - 1)[0] and not lines(calls, 100_000 + SHOWN_MS)[0]


def test_each_call_has_a_line_of_its_own_and_the_fifth_takes_the_oldest() -> None:
    calls = EmergencyCalls()
    for number in range(SLOTS):
        calls.begin("110", "", f"u{number}", number)
        calls.begin("110", "", f"u{number}", number)
    assert calls.count == SLOTS and lines(calls, 10) == [True] * SLOTS
    calls.end("u2")
    calls.begin("119", "", "u9", 20)
    assert emergency_samples("pbx1", calls, 20)["pbx1.emergency.number3"].value == "119"
    assert calls.count == SLOTS + 1


def test_a_call_that_only_the_dialplan_counts_is_a_call_too() -> None:
    calls = EmergencyCalls()
    calls.compare(2, 0)
    assert calls.count == 2 and lines(calls, 0) == [True, True, False, False]
    assert emergency_samples("pbx1", calls, 0)["pbx1.emergency.number1"].value == "unknown"
    calls.compare(2, 1_000)
    assert calls.count == 2
    calls.compare(None, 2_000)
    calls.compare(0, SHOWN_MS)
    assert lines(calls, SHOWN_MS) == [False] * SLOTS


def test_a_call_without_an_end_is_not_shown_for_ever() -> None:
    calls = EmergencyCalls()
    calls.begin("112", "", "u1", 0)
    assert not lines(calls, LONGEST_MS)[0]


def test_what_comes_over_the_wire_as_a_number_is_one() -> None:
    assert plain_number("+49(112)\x00<script>") == "+49112"
    assert plain_number("") == "unknown"
    assert len(plain_number("1" * 500)) == 20


def queue(name: str, unique: str = "u1", queue: str = "inbound") -> Packet:
    return Packet(headers=(("Event", name), ("Queue", queue), ("Uniqueid", unique)))


def summary(callers: str, queue: str = "inbound") -> Packet:
    return Packet(headers=(("Event", "QueueSummary"), ("Queue", queue), ("Callers", callers)))


def test_callers_are_offered_answered_or_abandoned() -> None:
    counts = QueueCounts(["inbound"])
    for unique in ("u1", "u2", "u3"):
        counts.take(queue("QueueCallerJoin", unique), 1_000)
    counts.take(queue("QueueCallerJoin", "x", "other"), 1_000)
    counts.take(queue("QueueCallerLeave", "u1"), 4_000)
    counts.take(queue("AgentConnect", "u1"), 4_000)
    counts.take(queue("QueueCallerAbandon", "u2"), 9_000)
    counts.take(queue("QueueMemberStatus", "u3"), 9_000)
    samples = dict(queue_samples("pbx1", counts, [summary("1")], 31_000))
    found = {name.rpartition(".")[2]: sample.value for name, sample in samples.items()}
    assert found == {"offered": 3, "answered": 1, "abandoned": 1, "waiting": 1, "longest_s": 30}
    points = {point.id: point for point in declare("pbx1", 1_000, queues=True)}
    assert all(points[name].fits(sample.value) for name, sample in samples.items() if sample.value is not None)


def test_a_queue_that_is_not_there_is_not_an_empty_one() -> None:
    counts = QueueCounts(["inbound"])
    for listed in ([], [summary("many")]):
        samples = dict(queue_samples("pbx1", counts, listed, 0))
        assert samples["pbx1.queue.waiting"].because is Reason.NOT_SUPPORTED
        assert samples["pbx1.queue.longest_s"].because is Reason.NOT_SUPPORTED


def test_callers_whose_end_was_missed_take_bounded_memory_and_no_wait_is_invented() -> None:
    counts = QueueCounts(["inbound"])
    for number in range(WAITING_LIMIT + 10):
        counts.take(queue("QueueCallerJoin", str(number)), number)
    assert counts.longest_ms(WAITING_LIMIT + 10) == WAITING_LIMIT
    assert dict(queue_samples("pbx1", counts, [summary("0")], 10_000_000))["pbx1.queue.longest_s"].value == 0
    counts.forget()
    assert counts.longest_ms(10_000_000) == 0
