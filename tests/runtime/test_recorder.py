"""The recorder: what it keeps can be run again, it stays within its bytes, and no fault of the medium stops it."""

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_py.core.codec import difference, digest
from firmware_py.core.command import Command, CommandKind
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage, Shared, freeze
from firmware_py.core.mode import Mode
from firmware_py.core.reading import Quality, Reading, Reason
from firmware_py.core.state import State
from firmware_py.core.step import step
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.lines import encode_line
from firmware_py.runtime.recorded import FORMAT, Recorded, replay
from firmware_py.runtime.recorder import Inputs, Recorder
from firmware_py.runtime.trace import Known, trace
from tests.core.floor import SOURCE, healthy
from tests.faults.disk import FaultyDisk

FOLDER = Path("inputs")
POINTS = [f"ups{number}.battery.charge_pct" for number in range(20)]


def day(steps: int, seed: int = 0, points: list[str] = POINTS) -> Iterator[Inputs]:
    """A floor where most polls bring nothing new, some a value, a few a fault, now and then a command."""
    chance = random.Random(seed)
    readings = {name: Reading(value=50, quality=Quality.GOOD, at_ms=0) for name in points}
    for turn in range(1, steps + 1):
        now_ms = turn * 1000
        for name in chance.sample(points, len(points) // 2):
            value = chance.choice((50, 50, 50, 51.5, True, "battery"))
            reading = Reading(value=value, quality=Quality.GOOD, at_ms=now_ms - chance.randrange(3))
            if chance.random() < 0.05:
                reading = Reading(
                    value=None, quality=Quality.BAD, at_ms=now_ms, because=Reason.NO_COMMUNICATION, detail="timeout"
                )
            readings[name] = reading
        commands = (Command(id=str(turn), kind=CommandKind.ACK, by="ops"),) if chance.random() < 0.1 else ()
        yield Inputs(
            before=State(stepped_ms=now_ms - 1000, incident_number=turn),
            image=InputImage(now_ms=now_ms, readings=dict(readings), stale_at_ms=chance.choice((None, now_ms + 5))),
            commands=commands,
            decision=Decision(
                state=State(stepped_ms=now_ms),
                outputs={},
                mode=Mode.NORMAL,
                flags=frozenset({"drill"}),
                because=(),
                stage=0,
            ),
        )


def same(recorded: Recorded, inputs: Inputs) -> bool:
    return (
        recorded.image == inputs.image
        and recorded.commands == inputs.commands
        and recorded.digest == trace(inputs.before, inputs.decision)
        and recorded.before in (None, inputs.before)
    )


def test_every_step_is_read_back_as_it_was(tmp_path: Path) -> None:
    recorder = Recorder(Disk(), tmp_path / "inputs")
    told = list(day(300))
    for inputs in told:
        recorder.remember(inputs)
    recorder.flush()
    found = list(replay(Disk(), tmp_path / "inputs"))
    assert len(found) == 300
    assert all(map(same, found, told))
    assert found[0].before == told[0].before
    assert all(step.before is None for step in found[1:])


def test_a_real_floor_run_again_from_its_recording_decides_the_same(tmp_path: Path) -> None:
    floor = healthy()
    recorder = Recorder(Disk(), tmp_path / "inputs")
    for turn in range(90):
        floor.now_ms += 1000
        floor.values[SOURCE] = "battery" if 10 < turn < 50 else "mains"
        floor.poll()
        before = floor.state
        commands = (Command(id="1", kind=CommandKind.ACK, by="anna"),) if turn == 30 else ()
        decision = floor.step(*commands)
        image = freeze(floor.plan.points.values(), floor.readings, floor.now_ms)
        recorder.remember(Inputs(before=before, image=image, commands=commands, decision=decision))
    recorder.flush()
    assert "incident.opened" in floor.events
    state, digests = State(), list[str]()
    for recorded in replay(Disk(), tmp_path / "inputs"):
        before = recorded.before or state
        decision = step(floor.plan, before, recorded.image, recorded.commands, recorded.image.now_ms)
        state = decision.state
        digests.append(trace(before, decision))
        assert recorded.digest == digests[-1]
    assert len(digests) == 90
    assert state == floor.state


def test_a_quiet_second_costs_few_bytes_and_no_write_of_its_own() -> None:
    disk = FaultyDisk()
    recorder = Recorder(disk, FOLDER)
    (inputs,) = day(1)
    disk.operations.clear()
    for _ in range(100):
        recorder.remember(inputs)
    recorder.flush()
    assert disk.operations.count("write") == 1
    assert "sync" not in disk.operations
    assert sum(len(file.now) for file in disk.files.values()) < 12_000


def test_the_ring_stays_within_its_bytes_and_keeps_the_newest() -> None:
    disk = FaultyDisk()
    recorder = Recorder(disk, FOLDER, cap_bytes=128 << 10, segment_bytes=32 << 10)
    told = list(day(800))
    for inputs in told:
        recorder.remember(inputs)
        assert sum(len(file.now) for file in disk.files.values()) <= 128 << 10
    recorder.flush()
    found = list(replay(disk, FOLDER))
    assert 150 < len(found) < 800
    assert all(map(same, found, told[-len(found) :]))
    assert found[0].before == told[-len(found)].before


def test_a_restart_begins_anew_beside_what_is_there() -> None:
    disk = FaultyDisk()
    told = list(day(30, seed=1)) + list(day(30, seed=2, points=POINTS[:7]))
    for part in (told[:30], told[30:]):
        recorder = Recorder(disk, FOLDER)
        for inputs in part:
            recorder.remember(inputs)
        recorder.flush()
    found = list(replay(disk, FOLDER))
    assert len(found) == 60
    assert all(map(same, found, told))
    assert [index for index, step in enumerate(found) if step.before] == [0, 30]


def test_other_points_than_before_and_a_hole_both_begin_anew() -> None:
    disk = FaultyDisk()
    recorder = Recorder(disk, FOLDER)
    told = [*day(5), *day(5, points=POINTS[:3]), *day(5, points=POINTS[:3])]
    for index, inputs in enumerate(told):
        if index == 10:
            recorder.skip()
        recorder.remember(inputs)
    recorder.flush()
    found = list(replay(disk, FOLDER))
    assert all(map(same, found, told))
    assert [index for index, step in enumerate(found) if step.before] == [0, 5, 10]


def test_damage_costs_a_stretch_and_never_shows_a_wrong_step() -> None:
    told = list(day(200))
    by_time = {inputs.image.now_ms: inputs for inputs in told}
    for seed in range(9):
        chance, disk = random.Random(seed), FaultyDisk()
        recorder = Recorder(disk, FOLDER, cap_bytes=1 << 20, segment_bytes=8 << 10)
        for inputs in told:
            recorder.remember(inputs)
        recorder.flush()
        content = disk.files[chance.choice(sorted(disk.files))].now
        at = chance.randrange(len(content))
        if seed % 3 == 0:
            content[at] ^= 1
        elif seed % 3 == 1:
            content[at : at + 300] = bytes(len(content[at : at + 300]))
        else:
            del content[at:]
        found = list(replay(disk, FOLDER))
        assert all(same(step, by_time[step.image.now_ms]) for step in found)
        assert len(found) > 120


HEAD: dict[str, object] = {"v": FORMAT, "state": {}, "points": ["a", "b"]}
FINE: dict[str, object] = {"t": 1, "h": "x", "r": {"0": [1, "good", None, "", 5]}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"v": 9, "state": {}, "points": []},
        {"v": FORMAT, "state": [], "points": []},
        {"t": "1"},
        {"t": 1, "s": "2"},
        {"t": 1, "r": {"7": [1, "good", None, "", 5]}},
        {"t": 1, "r": {"x": [1, "good", None, "", 5]}},
        {"t": 1, "r": {"0": [1, "good"]}},
        {"t": 1, "r": {"0": [1, "splendid", None, "", 5]}},
        {"t": 1, "n": {"5": [1]}},
        {"t": 1, "n": {"soon": [0]}},
        {"t": 1, "c": [{}]},
        {"t": 1, "g": {"x": [0]}},
        {"t": 1, "g": {"1": [[0, 7]]}},
        {"t": 1, "a": [1, 5]},
        {"t": 1, "a": ["1", 5]},
        {"t": 1, "g": {"1": [0]}, "a": [1, "5"]},
        {"t": 1, "g": {"1": [0]}, "a": [1]},
        {"t": 1, "v": [0, 5, ""]},
        {"t": 1, "g": {"1": [0]}, "a": [1, 5], "v": [0, 5]},
        {"t": 1, "g": {"1": [0]}, "a": [1, 5], "v": [1, 5, ""]},
        {"t": 1, "g": {"1": [0]}, "a": [1, 5], "v": [0, 5, None]},
        {"t": 1, "g": {"1": [0]}, "a": [1, 5], "v": [True, 5, ""]},
    ],
)
def test_a_line_that_is_whole_but_makes_no_sense_ends_its_stretch(wrong: dict[str, object]) -> None:
    disk = FaultyDisk()
    lines = b"".join(encode_line(document) for document in (FINE, HEAD, FINE, wrong, FINE))
    disk.append(FOLDER / "inputs-0000000001.jsonl", lines, sync=True)
    disk.append(FOLDER / "inputs-0000000002.jsonl", encode_line(HEAD) + encode_line(FINE), sync=True)
    disk.append(FOLDER / "inputs-x.jsonl", lines, sync=True)
    found = list(replay(disk, FOLDER))
    assert [step.image.readings["a"].at_ms for step in found] == [5, 5]
    disk.fail(1)
    assert len(list(replay(disk, FOLDER))) == 1  # a file that cannot be read is passed over


def test_whichever_operation_fails_it_goes_on_with_a_fresh_stretch() -> None:
    told = list(day(60))
    by_time = {inputs.image.now_ms: inputs for inputs in told}
    for at in range(20):
        disk = FaultyDisk()
        disk.fail(at, times=2)
        recorder = Recorder(disk, FOLDER, cap_bytes=64 << 10, segment_bytes=4 << 10)
        for inputs in told:
            recorder.remember(inputs)
        disk.heal()
        recorder.flush()
        recorder.remember(told[-1])
        recorder.flush()
        found = list(replay(disk, FOLDER))
        assert recorder.degraded == ""
        assert all(same(step, by_time[step.image.now_ms]) for step in found)
        assert found[-1].image == told[-1].image


def test_a_floor_whose_first_step_fills_a_file_does_not_begin_anew_at_each_step(tmp_path: Path) -> None:
    recorder = Recorder(Disk(), tmp_path, cap_bytes=300_000, segment_bytes=4_000)
    for turn in range(40):
        readings = {f"p{n}": Reading(value=turn if n == 0 else 1, quality=Quality.GOOD, at_ms=turn) for n in range(400)}
        image = InputImage(now_ms=turn, readings=readings)
        decision = Decision(
            state=State(), outputs={}, mode=Mode.NORMAL, flags=frozenset(), because=(), stage=0,
        )  # fmt: skip
        recorder.remember(Inputs(before=State(), image=image, commands=(), decision=decision))
    recorder.flush()
    files = list(tmp_path.glob("inputs-*"))
    assert len(files) < 5
    assert sum(path.stat().st_size for path in files) < 100_000


def test_a_group_that_was_read_again_is_a_time_and_what_moved_in_it_a_value() -> None:
    disk = FaultyDisk()
    lines: tuple[dict[str, object], ...] = (
        HEAD,
        {"t": 9, "h": "x", "g": {"4": [[0, 1]]}, "a": [4, 8], "v": [0, 1, "raw 1", 1, 2.5, ""]},
        {"t": 10, "h": "x", "a": [4, 9], "v": [1, True, ""]},
        {"t": 11, "h": "x", "g": {"4": [0], "5": [1]}, "a": [4, 10, 5, 9]},
    )
    disk.append(FOLDER / "inputs-0000000001.jsonl", b"".join(map(encode_line, lines)), sync=True)
    found = [step.image.readings for step in replay(disk, FOLDER)]
    sound = Quality.GOOD
    assert found[0] == {
        "a": Reading(value=1, quality=sound, at_ms=8, detail="raw 1"), "b": Reading(value=2.5, quality=sound, at_ms=8)
    }  # fmt: skip
    assert [found[1]["a"].at_ms, found[1]["b"]] == [9, Reading(value=True, quality=sound, at_ms=9)]
    assert [found[2]["a"].at_ms, found[2]["b"].at_ms] == [10, 9]


@pytest.mark.parametrize("form", [2, 3])
def test_what_an_older_release_recorded_is_read_and_judged_by_its_own_trace(form: int, tmp_path: Path) -> None:
    floor = healthy()
    floor.now_ms += 1_000
    floor.poll()
    before, decision = floor.state, floor.step()
    disk = FaultyDisk()
    old = digest((
        decision.mode, decision.flags, decision.because, decision.stage, decision.wake_at_ms, decision.events,
        decision.replies, decision.derived, difference(before, decision.state),
    ))  # fmt: skip
    newer: object = {"7": [0, 1]} if form == 2 else {"7": [[0, 1]]}
    both = {"0": [1, "good", None, "", 5], "1": [2, "good", None, "", 5]}
    lines = (HEAD | {"v": form}, {"t": 6, "h": old, "r": both}, {"t": 8, "h": old, "n": newer})
    disk.append(FOLDER / "inputs-0000000001.jsonl", b"".join(map(encode_line, lines)), sync=True)
    first, second = replay(disk, FOLDER)
    assert first.digest == trace(before, decision, first.form)
    assert first.digest != trace(before, decision)
    assert [reading.at_ms for reading in second.image.readings.values()] == [7, 7]


def test_a_trace_is_the_same_whatever_was_looked_at_before_and_tells_each_change_of_what_was_worked_out() -> None:
    floor = healthy()
    known: Known = {}
    seen = set[str]()
    for turn in range(40):
        floor.now_ms += 1_000
        floor.values[SOURCE] = "battery" if 10 < turn < 30 else "mains"
        floor.poll()
        before, decision = floor.state, floor.step()
        assert isinstance(decision.derived, Shared)
        told = trace(before, decision, known=known)
        assert told == trace(before, decision)
        seen.add(told)
        worked = decision.derived
        times = {owner: worked.times[owner] for owner in worked.shares}
        for owner, content in worked.shares.items():
            name, reading = next(iter(content.items()))
            another = {**content, name: dataclasses.replace(reading, value="another")}
            for changed in (
                Shared(worked.owners, {**worked.shares, owner: another}, times, worked.rest),
                Shared(worked.owners, worked.shares, {**times, owner: times[owner] + 1}, worked.rest),
            ):
                assert trace(before, dataclasses.replace(decision, derived=changed), known=dict(known)) != told
    assert len(seen) == 40
