"""The reply guard: which bytes may become values, and what is wrong with all others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus_guard import (
    READS,
    Framing,
    Judgement,
    Question,
    Verdict,
    check_values,
    crc16,
    judge,
    may_leave,
    sound_head,
    whole_rtu_reply,
)
from drivers.modbus_silence import LineSilence

ASKED = Question(unit=3, function=3, address=10, count=2)
SOUND = b"\x03\x03\x04\x00\x01\x00\x02"  # unit and PDU
BITS = Question(unit=3, function=1, address=0, count=9)
WRITE = Question(unit=3, function=5, address=7, count=1, value=True)


def tcp(body: bytes, transaction: int = 8) -> bytes:
    return transaction.to_bytes(2, "big") + b"\0\0" + len(body).to_bytes(2, "big") + body


def rtu(body: bytes) -> bytes:
    return body + crc16(body).to_bytes(2, "little")


@pytest.mark.parametrize("framing", [Framing.TCP, Framing.RTU, Framing.RTU_OVER_TCP])
@pytest.mark.parametrize(
    ("question", "body"),
    [
        (ASKED, SOUND),
        (ASKED, b"\x03\x83\x02"),
        (BITS, b"\x03\x01\x02\xff\x01"),
        (WRITE, b"\x03\x05\x00\x07\xff\x00"),
        (WRITE, b"\x03\x85\x04"),
    ],
)
def test_a_sound_reply_is_found_and_every_shorter_part_of_it_is_waited_for(
    framing: Framing, question: Question, body: bytes
) -> None:
    frame = tcp(body) if framing is Framing.TCP else rtu(body)
    judgement = judge(framing, question, frame, 8)
    assert (judgement.verdict, judgement.start, judgement.end) == (Verdict.SOUND, 0, len(frame))
    for length in range(len(frame)):
        assert judge(framing, question, frame[:length], 8).verdict is Verdict.INCOMPLETE


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\x04" + SOUND[1:], "unit 4"),
        (b"\x03\x04" + SOUND[2:], "function 4"),
        (b"\x03\x03\x02\x00\x01", "2 bytes of data"),
        (b"\x03\x03\x06\x00\x01\x00\x02\x00\x03", "6 bytes of data"),
        (b"\x03\x03\x05\x00\x01\x00\x02\x00", "5 bytes of data"),
        (b"\x03\x03\x05\x00\x01\x00\x02", "byte count 5"),
        (b"\x03\x03\x00", "0 bytes of data"),
        (b"\x03\x83", "an exception of 0"),
        (b"\x03\x83\x02\x00", "an exception of 2"),
        (b"\x03\x84\x02", "function 132"),
        (b"\x03\x63\x00", "function 99"),
    ],
)
def test_a_tcp_reply_that_does_not_fit_its_question_is_a_misfit(body: bytes, why: str) -> None:
    judgement = judge(Framing.TCP, ASKED, tcp(body), 8)
    assert judgement.verdict is Verdict.MISFIT
    assert why in judgement.why


@pytest.mark.parametrize(
    ("heard", "why"),
    [
        (tcp(SOUND, 9), "transaction 9"),
        (tcp(SOUND, 0), "transaction 0"),
        (tcp(SOUND) + b"\0", "after the reply"),
        (b"\0\x08\0\x05\0\x07" + SOUND, "protocol id 5"),
        (b"\0\x08\0\0\xff\xff" + SOUND, "header length"),
        (b"\0\x08\0\0\0\x01" + SOUND, "header length"),
    ],
)
def test_a_header_that_does_not_fit_is_a_misfit(heard: bytes, why: str) -> None:
    judgement = judge(Framing.TCP, ASKED, heard, 8)
    assert judgement.verdict is Verdict.MISFIT
    assert why in judgement.why


def test_transaction_zero_passes_only_where_the_profile_allows_it() -> None:
    assert judge(Framing.TCP, ASKED, tcp(SOUND, 0), 8, zero_allowed=True).verdict is Verdict.SOUND


def test_a_late_reply_before_the_good_one_is_counted_and_stepped_over() -> None:
    late, good = tcp(b"\x03\x03\x02\xbe\xef", 7), tcp(SOUND)
    judgement = judge(Framing.TCP, ASKED, late + good, 8)
    assert (judgement.verdict, judgement.late) == (Verdict.SOUND, 1)
    assert (judgement.start, judgement.end) == (len(late), len(late + good))


@pytest.mark.parametrize(
    ("heard", "why"),
    [
        (rtu(b"\x03\x03\x02\x00\x01"), "a reply of 7 bytes instead of 9"),
        (rtu(b"\x03\x04" + SOUND[2:]), "function 4"),
        (rtu(SOUND)[:-1] + b"\0", "checksum"),
        (rtu(SOUND) + b"\xff", "after the reply"),
        (b"\x03\x63\x00\x00", "function 99"),
        (b"\xff\x00\xff" + rtu(SOUND), "function 0"),
    ],
)
def test_an_rtu_reply_that_does_not_fit_is_a_misfit(heard: bytes, why: str) -> None:
    judgement = judge(Framing.RTU, ASKED, heard)
    assert judgement.verdict is Verdict.MISFIT
    assert why in judgement.why


def test_a_late_rtu_reply_of_a_neighbour_is_stepped_over() -> None:
    neighbour = rtu(b"\x09\x03\x02\x00\x05")
    judgement = judge(Framing.RTU, ASKED, neighbour + rtu(SOUND))
    assert (judgement.verdict, judgement.late, judgement.start) == (Verdict.SOUND, 1, len(neighbour))


@pytest.mark.parametrize("echo", [b"\x03\x05\x00\x07\x00\x00", b"\x03\x05\x00\x08\xff\x00"])
@pytest.mark.parametrize("framing", [Framing.TCP, Framing.RTU])
def test_a_write_is_believed_only_when_its_echo_says_the_same(framing: Framing, echo: bytes) -> None:
    frame = tcp(echo) if framing is Framing.TCP else rtu(echo)
    assert judge(framing, WRITE, frame, 8).verdict is Verdict.MISFIT


@given(heard=st.binary(max_size=300), framing=st.sampled_from(Framing))
def test_arbitrary_bytes_never_break_the_guard_and_are_sound_only_when_exact(heard: bytes, framing: Framing) -> None:
    judgement = judge(framing, ASKED, heard, 8)
    if judgement.verdict is Verdict.SOUND:
        assert judgement.end == len(heard)


@given(
    function=st.sampled_from(READS),
    count=st.one_of(st.integers(1, 2008), st.integers(124, 130)),
    transaction=st.integers(1, 0xFFFF),
    unit=st.integers(0, 255),
    mistakes=st.lists(st.tuples(st.integers(0, 270), st.integers(0, 255)), max_size=2),
    longer=st.integers(-2, 2),
)
def test_a_reply_that_begins_as_a_sound_one_and_is_as_long_is_judged_sound(
    function: int, count: int, transaction: int, unit: int, mistakes: list[tuple[int, int]], longer: int
) -> None:
    question = Question(unit=unit, function=function, address=7, count=count)
    head, size = sound_head(question, transaction), question.payload_bytes
    if not head:
        assert size > 251
        return
    reply = bytearray(head + bytes(size + longer) if size + longer > 0 else head)
    for place, byte in mistakes:
        if place < len(reply):
            reply[place] = byte
    heard = bytes(reply)
    judgement = judge(Framing.TCP, question, heard, transaction)
    simply = len(heard) == len(head) + size and heard.startswith(head)
    if simply:
        assert judgement == Judgement(verdict=Verdict.SOUND, late=0, start=0, end=len(heard))
    elif not mistakes:
        assert judgement.verdict is not Verdict.SOUND


@given(position=st.integers(0, 8), flip=st.integers(1, 255))
def test_no_single_wrong_byte_gets_through_rtu(position: int, flip: int) -> None:
    frame = bytearray(rtu(SOUND))
    frame[position] ^= flip
    assert judge(Framing.RTU, ASKED, bytes(frame)).verdict is not Verdict.SOUND


def test_only_reads_may_leave_for_a_unit_that_is_watched() -> None:
    assert [function for function in range(256) if may_leave(function, watched_only=True)] == [1, 2, 3, 4]
    assert [function for function in range(256) if may_leave(function, watched_only=False)] == [1, 2, 3, 4, 5, 6, 16]


def test_decoded_values_are_counted_again() -> None:
    assert check_values(ASKED, 3, 2) == ""
    assert "1 values" in check_values(ASKED, 3, 1)
    assert "function 4" in check_values(ASKED, 4, 2)
    assert check_values(BITS, 1, 16) == ""


def test_a_whole_reply_heard_unasked_names_its_unit() -> None:
    assert whole_rtu_reply(rtu(SOUND)) == 3
    assert whole_rtu_reply(rtu(SOUND)[:-1]) is None
    assert whole_rtu_reply(b"") is None


def test_a_line_that_owes_an_answer_is_silent_for_twice_the_worst_latency() -> None:
    line = LineSilence(blind=True)
    line.note_answer(3, 0.4)
    line.note_owed(3, asked_at=10.0)
    assert line.quiet_at == pytest.approx(10.8)
    line.note_strange(rtu(SOUND), now=10.9)
    assert line.worst_s == pytest.approx(0.9)
    assert line.quiet_at == pytest.approx(11.8)
    assert (line.late_replies, line.strange(3), line.strange(4)) == (1, 1, 0)


def test_the_time_out_of_a_unit_on_a_fast_line_was_silence_enough_for_its_neighbours() -> None:
    line = LineSilence(blind=True)
    line.note_answer(3, 0.02)
    line.note_owed(4, asked_at=10.0)
    assert line.quiet_at < 10.8, "given up after 0.8 s of listening: nobody waits any longer"


def test_bytes_that_are_nobodys_disturb_every_unit() -> None:
    line = LineSilence(blind=True)
    line.note_strange(b"\xff", now=1.0)
    assert (line.strange(3), line.strange(4)) == (1, 1)


def test_a_line_with_transaction_ids_needs_no_silence() -> None:
    line = LineSilence(blind=False)
    line.note_owed(3, asked_at=10.0)
    line.note_strange(tcp(SOUND), now=10.4)
    assert line.quiet_at == 0.0
