"""The go-back-N window, by example and by simulation of a broker and a server that forget."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_bridge.window import Step, Window


def test_pubacks_trim_only_what_is_complete_from_the_lowest_on() -> None:
    window = Window(acked=10, size=5, by_cursor=False)
    for seq in (11, 12, 14):
        window.send(seq)
    assert window.room == 2
    assert not window.take(12)
    assert window.acked == 10
    assert window.take(11)
    assert window.acked == 12
    assert window.take(14)
    assert (window.acked, window.waiting, window.room) == (14, False, 5)


def test_a_puback_for_what_is_not_on_its_way_changes_nothing() -> None:
    window = Window(acked=0, size=2, by_cursor=False)
    window.send(1)
    window.rewind()
    assert not window.take(1)
    assert (window.acked, window.sent) == (0, 0)


def test_after_the_first_cursor_no_puback_counts() -> None:
    window = Window(acked=0, size=3, by_cursor=False)
    for seq in (1, 2, 3):
        window.send(seq)
    assert window.take(1)
    assert window.follow(2, last=3) is Step.FORWARD
    assert not window.take(3)
    assert window.acked == 2
    assert window.waiting
    assert window.follow(2, last=3) is Step.NONE
    assert window.follow(3, last=3) is Step.FORWARD
    assert not window.waiting


def test_a_cursor_that_goes_back_sends_again_and_one_ahead_is_ignored() -> None:
    window = Window(acked=0, size=3, by_cursor=True)
    for seq in (1, 2, 3):
        window.send(seq)
    window.follow(3, last=9)
    assert window.follow(1, last=9) is Step.BACK
    assert (window.acked, window.sent, window.room) == (1, 1, 3)
    assert window.follow(10, last=9) is Step.AHEAD
    assert window.acked == 1


def test_a_cursor_beyond_what_was_sent_skips_what_the_server_has_already() -> None:
    window = Window(acked=0, size=3, by_cursor=True)
    assert window.follow(7, last=9) is Step.FORWARD
    assert (window.acked, window.sent) == (7, 7)


@settings(deadline=None)
@given(st.data(), st.integers(1, 6), st.integers(1, 30))
def test_a_server_with_a_memory_gets_every_number_in_order_whatever_is_lost(
    data: st.DataObject, size: int, last: int
) -> None:
    window = Window(acked=0, size=size, by_cursor=True)
    next_, processed, quiet = 1, list[int](), 0
    while window.acked < last:
        quiet += 1
        arrived = []
        while window.room > 0 and window.sent < last:
            window.send(window.sent + 1)
            if quiet > 50 or data.draw(st.booleans()):
                arrived.append(window.sent)
        for seq in arrived:
            if seq == next_:
                processed.append(seq)
                next_ += 1
            if quiet > 50 or data.draw(st.booleans()):  # the cursor may be lost too
                window.follow(next_ - 1, last=last)
        assert len(window._flight) <= size
        if window.waiting:
            window.rewind()
    assert processed == list(range(1, last + 1))
