"""What a line card's bits mean: the worst of them, and never "up" for what nobody listed."""

from pathlib import Path

import pytest

from config.library import Library
from config.strict import ConfigError, parse
from drivers.line_status import LineProfile, compile_profile, declare
from drivers.snmp_decode import Gap
from firmware_py.core.reading import Quality, Reason

HEAD = 'title = "t"\ndocument = "d"\nrevision = "1"\nverified = "v"\ngap = "g"\nstatus = "1.3.6.1.2.1.10"\n'


@pytest.fixture(scope="module", name="ds1")
def ds1_fixture() -> LineProfile:
    return Library(Path("nowhere")).line("line_ds1")


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (1, "up"),
        (2, "down"),
        (32 + 64, "down"),
        (512, "degraded"),
        (128, "maintenance"),
        (512 + 128, "maintenance"),
        (128 + 8, "down"),
        (1 + 65536, "degraded"),
    ],
)
def test_the_worst_bit_is_the_state_of_the_line(ds1: LineProfile, status: int, word: str) -> None:
    sample = ds1.judge(status)
    assert (sample.value, sample.quality) == (word, Quality.GOOD) and f"status {status}" in sample.detail


@pytest.mark.parametrize("status", [1 << 17, 1 + (1 << 20), 1 << 30])
def test_a_bit_that_nobody_listed_is_never_up(ds1: LineProfile, status: int) -> None:
    assert ds1.judge(status).because is Reason.UNKNOWN_WORD


@pytest.mark.parametrize("raw", [0, -1, 1 << 40, b"1", "1.3", Gap.NULL, Gap.NO_SUCH])
def test_what_is_no_status_says_nothing_of_the_line(ds1: LineProfile, raw: object) -> None:
    assert ds1.judge(raw).quality is Quality.BAD  # type: ignore[arg-type] # what a hostile agent may send


def test_every_bit_of_the_mib_has_a_word_that_a_trunk_may_have(ds1: LineProfile) -> None:
    assert sorted(ds1.bits) == [1 << place for place in range(17)]
    assert {word for word, _ in ds1.bits.values()} <= set(declare("co1", 1_000).words)
    assert [bit for bit, (word, _) in ds1.bits.items() if word == "up"] == [1]


def test_a_faulty_profile_is_refused_with_all_its_faults() -> None:
    text = (
        HEAD.replace("1.3.6", "x.3.6") + '[bits]\n3 = { word = "up", about = "a" }\nx = { word = "up", about = "b" }\n'
    )
    with pytest.raises(ConfigError) as caught:
        compile_profile(parse(text, "line_x.toml"))
    assert len(caught.value.faults) == 3
