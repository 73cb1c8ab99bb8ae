"""A night of weeks is played in slices: what was played stands in the log, and the table speaks of all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim import weeks
from tests.sim.table import Log, Outcome, missing, show


def _outcome(seed: int, broken: str = "") -> Outcome:
    return Outcome(
        seed=seed, steps=10, restarts=1, events=5, healed_ms=300_000, broken=broken, story="its story", cpu_s=1.5,
        faults={"fire": 2},
    )  # fmt: skip


def test_a_log_gives_back_what_was_played_and_a_torn_line_counts_as_not_played(tmp_path: Path) -> None:
    log = Log(tmp_path / "deep" / "weeks.jsonl")
    assert log.read() == []
    for seed in (3, 1):
        log.add(_outcome(seed))
    path = tmp_path / "deep" / "weeks.jsonl"
    path.write_text(path.read_text() + '{"seed": 2, "st')
    assert log.read() == [_outcome(1), _outcome(3)]
    assert missing(range(5), log.read()) == [0, 2, 4]


def test_the_table_names_what_broke_and_counts_what_fell() -> None:
    told = show([_outcome(1), _outcome(2, broken="an invariant")], 4.0)
    assert "BROKEN seed 2\nits story" in told
    assert "     4 fire" in told
    assert told.splitlines()[-1].startswith("2 seeds, 1 broken: 20 steps")
    assert "at rest again within 5 min, 3 s of CPU" in told


def test_a_second_slice_plays_only_what_the_first_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    played: list[int] = []

    def play_few(seeds: list[int], each: object = None) -> list[Outcome]:
        assert callable(each)
        for seed in seeds:
            played.append(seed)
            each(_outcome(seed))
        return [_outcome(seed) for seed in seeds]

    monkeypatch.setattr(weeks, "play_many", play_few)
    words = ["2", "--many", "100", "--log", str(tmp_path / "log")]
    assert weeks.main([*words, "--within", "0"]) == 0
    assert "98 seeds are left; go on with FROM=2" in capsys.readouterr().out
    Log(tmp_path / "log").add(_outcome(2))
    assert weeks.main(words) == 0
    told = capsys.readouterr().out
    assert played == list(range(3, 100))
    assert "seed 3: 2 faults, 10 steps, 1 restarts, 1.5 s, at rest after 5 min" in told
    assert told.splitlines()[-1].startswith("98 seeds, 0 broken")
