"""A few kills of the real daemon, and what the judge of kills must see; `make kills` is the long one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import run
from tests.faults.kills import kill_often
from tests.faults.kills_judge import Kills, Ledger, Life, judge_output, modes_left, steady_mode

# Starting takes longer on a machine that is busy with other tests; the 5 s of the issue are judged by `make kills`.
PATIENCE_S = 30.0
LIFE = Life(began_s=100.0, up_s=101.0, killed_s=110.0)


@pytest.mark.acceptance
@pytest.mark.wire
def test_after_every_kill_it_is_up_again_and_no_event_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(kill_often(tmp_path, 5, seed=2, within_s=PATIENCE_S, reaction_s=PATIENCE_S), within_s=240)
    with capsys.disabled():
        sys.stdout.write(f"\n{outcome.kills} kills, {outcome.events} events, up within {outcome.slowest_s} s\n")
    assert outcome.holds, outcome
    assert outcome.events > 0


@pytest.mark.proof
@pytest.mark.wire
@pytest.mark.parametrize("seed", range(1, 6))
def test_five_hundred_kills_lose_nothing(tmp_path: Path, seed: int) -> None:
    outcome = run(kill_often(tmp_path, 100, seed=seed), within_s=1_800)
    assert outcome.holds, outcome
    assert outcome.held and outcome.reactions, "there were outages to be acted on and to be kept"


@pytest.mark.parametrize("what", ["late", "wrong", "lost", "unreadable", "behind"])
def test_a_kill_that_leaves_anything_wrong_does_not_hold(what: str) -> None:
    assert Kills().holds
    assert not Kills(**{what: ["1"]}).holds
    assert not Kills(unhealed="mode conservation").holds


def judge(written: list[tuple[float, bool]], answers: list[tuple[float, bool]], *lives: Life) -> Kills:
    outcome = Kills()
    judge_output("gate", written, answers, lives or (LIFE,), outcome, on_delay_s=0.25, reaction_s=1.0)
    return outcome


BATTERY = [(103.0, False), (103.5, False), (104.0, False), (109.0, False)]


def test_an_outage_that_is_acted_on_in_time_is_right_and_measured() -> None:
    outcome = judge([(103.6, True)], BATTERY)
    assert (outcome.wrong, outcome.reactions, outcome.slowest_reaction_s) == ([], 1, 0.1)


@pytest.mark.parametrize("written", [[], [(105.0, True)], [(101.0, True), (102.0, False)]])
def test_an_outage_that_is_not_acted_on_is_wrong(written: list[tuple[float, bool]]) -> None:
    assert len(judge(written, BATTERY).wrong) == 1


def test_one_reading_or_one_too_late_before_the_kill_is_no_evidence() -> None:
    assert judge([], [(103.0, False), (103.5, True), (104.0, False)]).wrong == []
    assert judge([], [(109.0, False), (109.5, False)]).wrong == []


def test_what_opens_after_a_kill_in_an_outage_is_wrong_until_mains_was_seen() -> None:
    second = Life(began_s=110.1, up_s=111.0, killed_s=115.0)
    closed, opened = [(103.6, True)], [(103.6, True), (111.0, False)]
    back = [*BATTERY, (110.9, True), (112.0, True)]
    held = judge(closed, BATTERY, LIFE, second)
    assert (held.wrong, held.held) == ([], 1)
    assert "opened 0.90 s after a start" in judge(opened, BATTERY, LIFE, second).wrong[0]
    assert judge(opened, back, LIFE, second).wrong == []
    third = Life(began_s=115.1, up_s=116.0, killed_s=118.0)
    assert judge([*closed, (116.0, False)], BATTERY, LIFE, second, third).wrong, "it stands over two kills too"


def line(seq: int, kind: str = "x", to: str = "", left: str = "") -> bytes:
    from firmware_py.runtime.lines import encode_line

    return encode_line({"seq": seq, "type": kind, "data": {"from": left, "to": to}})


def test_the_ledger_misses_no_hole_no_change_and_no_damage(tmp_path: Path) -> None:
    file = tmp_path / "events-1.jsonl"

    def read(ledger: Ledger, raw: bytes) -> Kills:
        file.write_bytes(raw)
        outcome = Kills()
        ledger.read(tmp_path, "now", outcome)
        return outcome

    ledger = Ledger()
    whole = line(1) + line(2, "mode.changed", "conservation")
    assert read(ledger, whole).holds
    assert (ledger.last, ledger.mode) == (2, "conservation")
    assert read(ledger, whole + line(3)[:9]).holds, "a torn tail is no loss"
    assert read(ledger, whole + line(4)).lost, "a hole"
    assert read(ledger, line(1)).lost, "a number that was there"
    assert read(ledger, line(1) + line(2, "other")).lost, "another event under a number"
    assert read(Ledger(), line(1) + b"rubbish that ends\n" + line(2)).unreadable


def test_what_a_start_left_is_what_had_been_kept(tmp_path: Path) -> None:
    raw = line(1, "mode.changed", "recovery", "conservation") + line(2) + line(3, "mode.changed", "normal", "recovery")
    (tmp_path / "events-1.jsonl").write_bytes(raw)
    assert modes_left(tmp_path, after=1) == ["recovery"]
    assert modes_left(tmp_path, after=3) == []
    sound, forgetful = Kills(), Kills()
    Ledger().read(tmp_path, "now", sound)
    assert sound.holds
    (tmp_path / "events-1.jsonl").write_bytes(raw + line(4, "mode.changed", "conservation", "recovery"))
    Ledger().read(tmp_path, "now", forgetful)
    assert forgetful.behind == ["now: 4 leaves recovery, but it was normal"]


def test_only_a_mode_that_was_shown_for_a_while_counts_as_kept() -> None:
    shown = [(1.0, {"mode": "normal"}), (2.0, {"mode": "conservation"}), (3.0, {"mode": "conservation"})]
    assert steady_mode(shown, killed_s=3.5) == "conservation"
    assert steady_mode(shown, killed_s=2.9) == ""
    assert steady_mode([], killed_s=2.9) == ""
