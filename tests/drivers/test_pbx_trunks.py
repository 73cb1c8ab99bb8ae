"""What an exchange's words mean for a trunk: a closed set, and nothing unlisted ever reads as up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.pbx_outcomes import Verdict
from drivers.pbx_trunks import STATE_WORDS, Contact, Seen, Trunk, declare, judge, level
from firmware_py.core.reading import Quality, Reason, Sample

PLAIN = Trunk(name="main", endpoint="trunk-main", groups=("out-main@trunks",), capacity=8)
REGISTERING = Trunk(name="main", endpoint="trunk-main", registration="reg")
UP = Contact(status="Reachable", rtt_us="1500")
DOWN = Contact(status="Unreachable", rtt_us="N/A")
ASLEEP = Contact(status="NonQualified", rtt_us="N/A")


QUIET = Verdict(attempts=0, failed=0, share=None, refusing=False)


def seen(
    *contacts: Contact,
    device: str = "NOT_INUSE",
    calls: int | None = 0,
    registration: str | None = None,
    outcomes: Verdict = QUIET,
) -> Seen:
    return Seen(device=device, contacts=contacts, calls=calls, registration=registration, outcomes=outcomes)


def state(found: Seen, trunk: Trunk = PLAIN, *, settled: bool = True) -> Sample:
    return judge(trunk, found, settled=settled)["trunks.main.state"]


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (seen(UP), "up"),
        (seen(UP, device="INUSE", calls=7), "up"),
        (seen(UP, device="INUSE", calls=8), "full"),
        (seen(UP, device="BUSY", calls=None), "full"),
        (seen(UP, DOWN), "degraded"),
        (seen(UP, DOWN, calls=8), "degraded"),
        (seen(DOWN, device="UNAVAILABLE"), "down"),
        (seen(DOWN, DOWN, device="UNAVAILABLE"), "down"),
        (seen(device="UNAVAILABLE"), "down"),
    ],
)
def test_what_was_seen_is_one_word(found: Seen, word: str) -> None:
    sample = state(found)
    assert sample.value == word and sample.quality is Quality.GOOD


@pytest.mark.parametrize(
    ("found", "because"),
    [
        (seen(UP, device="INVALID"), Reason.NOT_SUPPORTED),
        (seen(device="NOT_INUSE"), Reason.NOT_SUPPORTED),
        (seen(UP, device=""), Reason.UNKNOWN_WORD),
        (seen(UP, Contact(status="Frobbed", rtt_us="1")), Reason.UNKNOWN_WORD),
        (seen(Contact(status="", rtt_us="")), Reason.UNKNOWN_WORD),
    ],
)
def test_what_cannot_be_read_has_a_reason_and_no_word(found: Seen, because: Reason) -> None:
    sample = state(found)
    assert sample.value is None and sample.because is because


def test_a_contact_that_was_never_qualified_is_unknown() -> None:
    for found in (seen(ASLEEP, device="UNAVAILABLE"), seen(ASLEEP, DOWN, device="UNAVAILABLE")):
        sample = state(found)
        assert (sample.value, sample.quality) == ("unknown", Quality.UNCERTAIN)


def test_just_after_the_boot_only_good_news_is_believed() -> None:
    assert state(seen(UP), settled=False) == state(seen(UP))
    for found in (seen(DOWN, device="UNAVAILABLE"), seen(device="UNAVAILABLE")):
        sample = state(found, settled=False)
        assert (sample.value, sample.quality) == ("unknown", Quality.UNCERTAIN)
    early = judge(REGISTERING, seen(UP, registration="Unregistered"), settled=False)
    assert early["trunks.main.state"].value == "up"
    assert early["trunks.main.registered"].quality is Quality.UNCERTAIN


@pytest.mark.parametrize("word", ["Unregistered", "Rejected", "Stopped", "Stopping", "Unregistering"])
def test_a_reachable_trunk_that_is_not_registered_is_degraded(word: str) -> None:
    samples = judge(REGISTERING, seen(UP, registration=word), settled=True)
    assert samples["trunks.main.registered"].value is False
    assert samples["trunks.main.state"].value == "degraded"


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.booleans())
def test_no_unlisted_word_anywhere_reads_as_up(
    device: str, status: str, rtt: str, register: str, settled: bool
) -> None:
    contact = Contact(status=status, rtt_us=rtt)
    samples = judge(REGISTERING, seen(contact, device=device, registration=register), settled=settled)
    assert samples["trunks.main.state"].value in (None, "unknown")
    listed = judge(REGISTERING, seen(UP, registration=f"x{register}"), settled=settled)
    assert listed["trunks.main.state"].because is Reason.UNKNOWN_WORD
    assert listed["trunks.main.registered"].because is Reason.UNKNOWN_WORD


@given(
    st.lists(st.sampled_from([UP, DOWN, ASLEEP, Contact(status="?", rtt_us="x")]), max_size=3),
    st.sampled_from(["NOT_INUSE", "INUSE", "BUSY", "UNAVAILABLE", "INVALID", "UNKNOWN", "", "?"]),
    st.none() | st.integers(0, 10_000),
    st.sampled_from([None, "Registered", "Rejected", "?"]),
    st.booleans(),
)
def test_every_sample_belongs_to_a_declared_point_and_fits_it(
    contacts: list[Contact], device: str, calls: int | None, registration: str | None, settled: bool
) -> None:
    trunk = Trunk(name="main", endpoint="t", groups=("g@trunks",), capacity=8, registration="reg")
    samples = judge(trunk, seen(*contacts, device=device, calls=calls, registration=registration), settled=settled)
    points = {point.id: point for point in declare(trunk, 10_000)}
    assert set(samples) == set(points)
    for name, sample in samples.items():
        assert sample.value is None or points[name].fits(sample.value), (name, sample)
    if samples["trunks.main.state"].value in ("up", "full"):
        assert UP in contacts and device not in ("INVALID", "", "?")


def test_only_what_is_configured_is_declared() -> None:
    assert [point.id for point in declare(Trunk(name="t", endpoint="e"), 1)] == [
        f"trunks.t.{name}" for name in ("state", "rtt_ms", "failed_pct", "attempts")
    ]
    words = declare(PLAIN, 10_000)[0]
    assert words.urgent and words.words == STATE_WORDS and words.stale_after_ms == 10_000


def test_a_trunk_that_answers_and_refuses_calls_is_degraded_and_says_why() -> None:
    refusing = Verdict(attempts=12, failed=9, share=0.75, refusing=True)
    samples = judge(PLAIN, seen(UP, outcomes=refusing), settled=True)
    assert samples["trunks.main.state"].value == "degraded"
    assert "9 of the last 12 calls failed" in samples["trunks.main.state"].detail
    assert samples["trunks.main.failed_pct"].value == 75.0 and samples["trunks.main.attempts"].value == 12
    assert state(seen(DOWN, outcomes=refusing)).value == "down"
    few = judge(PLAIN, seen(UP), settled=True)["trunks.main.failed_pct"]
    assert few.because is Reason.NOT_YET


def test_a_round_trip_is_given_in_milliseconds_of_the_slowest_reachable_contact() -> None:
    fast = Contact(status="Reachable", rtt_us="250")
    assert judge(PLAIN, seen(UP, fast, DOWN), settled=True)["trunks.main.rtt_ms"].value == 1.5
    assert judge(PLAIN, seen(DOWN), settled=True)["trunks.main.rtt_ms"].because is Reason.SOURCE_LOST
    odd = Contact(status="Reachable", rtt_us="-1e9")
    assert judge(PLAIN, seen(odd), settled=True)["trunks.main.rtt_ms"].because is Reason.BAD_REPLY


def test_only_inuse_is_a_closed_gate() -> None:
    assert level("INUSE") is True
    assert [level(word) for word in ("NOT_INUSE", "UNKNOWN", "BUSY", "ONHOLD")] == [False] * 4
    assert level("") is None and level("inuse") is None


@pytest.mark.parametrize("name", ["a,b", "a)b", "a b", "a\r\nb", "", "${X}"])
def test_a_name_that_would_break_out_of_a_question_is_refused(name: str) -> None:
    with pytest.raises(AssertionError):
        Trunk(name="t", endpoint=name)
    with pytest.raises(AssertionError):
        Trunk(name="t", endpoint="e", groups=(name,))
