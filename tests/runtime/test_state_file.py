"""The state file: two copies in turn, written when it matters, sound after any fault."""

import base64
import errno
import json
import random
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from config.compile import compile_floor
from config.devices import find_devices
from config.library import Library
from config.site import load_document
from firmware_py.core.alarm import AlarmState
from firmware_py.core.codec import encode
from firmware_py.core.condition import ConditionState, Phase
from firmware_py.core.mode import CausePhase, CauseState
from firmware_py.core.output import Drive, Pattern, Priority
from firmware_py.core.state import OutputState, Override, State
from firmware_py.runtime import state_file
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.lines import encode_line
from firmware_py.runtime.state_file import StateFile, same_matter
from tests.conftest import PROJECT
from tests.core.floor import SOURCE, healthy
from tests.core.small_states import STATES
from tests.faults.disk import FaultyDisk, PowerFailed

FOLDER = Path("state")
OUTAGE = State(
    stepped_ms=5000,
    conditions={"ups1.on_battery": ConditionState(phase=Phase.ACTIVE, elapsed_ms=900, evidence="ups1.load_pct=31")},
    alarms={"ups1.on_battery": AlarmState(active=True, acked=False, activations=1)},
    causes={"power": CauseState(phase=CausePhase.ACTIVE, active_ms=700, because=("ups1.on_battery",))},
    outputs={"beacon": OutputState(drive=Drive(value=Pattern.FLASH, priority=Priority.PROGRAM), elapsed_ms=3)},
)


def loaded(disk: Disk, folder: Path = FOLDER, boot: str = "b1") -> tuple[StateFile, State | None]:
    file = StateFile(disk, folder)
    stored = file.load(boot)
    return file, stored.state if stored else None


def test_a_first_start_has_no_state(tmp_path: Path) -> None:
    file, state = loaded(Disk(), tmp_path / "state")
    assert state is None
    assert file.damage == []
    assert file.degraded == ""


def test_what_was_saved_comes_back_whole(tmp_path: Path) -> None:
    file, _ = loaded(Disk(), tmp_path / "state")
    assert file.save(OUTAGE, "b1", 6000)
    stored = StateFile(Disk(), tmp_path / "state").load("b1")
    assert stored is not None
    assert (stored.state, stored.same_boot, stored.boot, stored.at_ms) == (OUTAGE, True, "b1", 6000)
    assert sum(path.stat().st_size for path in (tmp_path / "state").iterdir()) < 8192


def test_a_floor_in_the_middle_of_an_outage_takes_less_than_8_kib_a_write() -> None:
    floor, disk = healthy(), FaultyDisk()
    floor.values[SOURCE] = "battery"
    floor.run(60_000)
    file, _ = loaded(disk)
    assert file.save(floor.state, "b1", floor.now_ms)
    assert disk.size(FOLDER / "state-a") < 8192
    assert loaded(disk)[1] == floor.state


def troubled(site: str) -> State:
    """The state of a site whose every condition has tripped and whose every alarm stands, with evidence and owners."""
    path = PROJECT / "config" / "sites" / f"{site}.toml"
    document, loaded_site = load_document(path)
    plan = compile_floor(loaded_site, find_devices(document, loaded_site, Library(path.parent))).plan
    evidence = "no answer from 192.0.2.17:502 within 800 ms"
    conditions = {
        name: ConditionState(phase=Phase.ACTIVE, elapsed_ms=61_000 + number, evidence=evidence)
        for number, name in enumerate(plan.conditions)
    }
    alarms = {
        name: AlarmState(active=True, acked=False, activations=number, elapsed_ms=61_000, evidence=evidence)
        for number, name in enumerate(plan.alarms)
    }
    drive = Drive(value=True, priority=Priority.PROGRAM, because=("ups1.on_battery",))
    return State(
        stepped_ms=7, conditions=conditions, alarms=alarms,
        outputs={name: OutputState(drive=drive, elapsed_ms=number) for number, name in enumerate(plan.outputs)},
    )  # fmt: skip


@pytest.mark.parametrize("site", ["example", "large"])
def test_however_much_is_wrong_a_write_stays_within_8_kib(site: str) -> None:
    state, disk = troubled(site), FaultyDisk()
    file, _ = loaded(disk)
    assert file.save(state, "b1", 9)
    assert len(encode_line({"state": encode(state, sparse=True)})) > 8192, "it would not fit plain"
    assert disk.size(FOLDER / "state-a") <= 8192
    assert loaded(disk)[1] == state


BOMB, DEEP, NO_OBJECT = (zlib.compress(text) for text in (b" " * (2 << 20), b"[" * 99_999, b"[1]"))


@pytest.mark.parametrize(("version", "wrap"), [(3, base64.b64encode), (2, base64.b85encode)])
@pytest.mark.parametrize("packed", [None, "", "~", b"x", NO_OBJECT, BOMB, DEEP])
def test_a_packed_state_that_cannot_be_unpacked_is_damage_and_bounded(
    version: int, wrap: Callable[[bytes], bytes], packed: str | bytes | None
) -> None:
    disk, text = FaultyDisk(), wrap(packed).decode() if isinstance(packed, bytes) else packed
    disk.write_whole(
        FOLDER / "state-a", encode_line({"v": version, "gen": 3, "boot": "b1", "at_ms": 1, "packed": text})
    )  # fmt: skip
    file, state = loaded(disk)
    assert state is None
    assert len(file.damage) == 1


def test_a_state_packed_in_base_85_is_still_read() -> None:
    state, disk = troubled("example"), FaultyDisk()
    body = json.dumps({"state": encode(state, sparse=True)}).encode()
    packed = base64.b85encode(zlib.compress(body)).decode()
    head = {"v": 2, "gen": 3, "boot": "b1", "at_ms": 9, "packed": packed}
    disk.write_whole(FOLDER / "state-a", encode_line(head))
    assert loaded(disk)[1] == state


def test_in_another_boot_the_stamp_of_the_old_clock_is_gone_and_all_else_is_there() -> None:
    disk = FaultyDisk()
    loaded(disk)[0].save(OUTAGE, "b1", 6000)
    stored = StateFile(disk, FOLDER).load("b2")
    assert stored is not None
    assert not stored.same_boot
    assert stored.state == replace(OUTAGE, stepped_ms=None)


def test_the_newest_of_the_two_is_taken_and_the_other_one_is_written_next() -> None:
    disk = FaultyDisk()
    for turn in range(1, 6):
        file, before = loaded(disk)
        assert (before.incident_number if before else 0) == turn - 1
        assert file.save(replace(OUTAGE, incident_number=turn), "b1", turn)
        assert len(disk.files) == min(turn, 2)


# ----------------------------------------------------------------------------------------------- when it is written
def test_a_transition_is_written_at_once_and_running_timers_only_now_and_then() -> None:
    file, _ = loaded(FaultyDisk())
    assert file.save(OUTAGE, "b1", 0)
    ticking = OUTAGE
    written = 0
    for now_ms in range(1000, 60_001, 1000):
        cause = replace(OUTAGE.causes["power"], active_ms=now_ms)
        seen = replace(
            OUTAGE.conditions["ups1.on_battery"], elapsed_ms=now_ms, evidence=f"load={now_ms}", confirmed=now_ms
        )
        ticking = replace(OUTAGE, stepped_ms=now_ms, causes={"power": cause}, conditions={"ups1.on_battery": seen})
        written += file.save(ticking, "b1", now_ms)
    assert written == 6
    acked = replace(ticking, alarms={"ups1.on_battery": AlarmState(active=True, acked=True, activations=1)})
    assert file.save(acked, "b1", 60_001)
    assert not file.save(acked, "b1", 999_999)  # the very same object has nothing new to say


def test_timers_on_a_quiet_floor_wait_five_minutes() -> None:
    file, _ = loaded(FaultyDisk())
    states = [State(stepped_ms=now_ms) for now_ms in range(0, 600_001, 1000)]
    assert sum(file.save(state, "b1", state.stepped_ms or 0) for state in states) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"lamp_test_ms": 5000},
        {"paused_by": "ops"},
        {"overrides": {"beacon": Override(value=True, by="ops", command="1", left_ms=100)}},
        {"alarms": {"ups1.on_battery": AlarmState(active=True, acked=False, activations=1, shelved_ms=5)}},
        {"conditions": {"rtt_ms": ConditionState(phase=Phase.ACTIVE)}},
    ],
)
def test_what_begins_or_ends_is_a_transition_even_if_its_name_looks_like_a_timer(change: dict[str, object]) -> None:
    file, _ = loaded(FaultyDisk())
    file.save(OUTAGE, "b1", 0)
    assert file.save(replace(OUTAGE, **change), "b1", 1)


def test_a_stop_writes_the_timers_too() -> None:
    disk = FaultyDisk()
    file, _ = loaded(disk)
    file.save(OUTAGE, "b1", 0)
    assert file.save(replace(OUTAGE, stepped_ms=5001), "b1", 1, force=True)


# ------------------------------------------------------------------------------------------------------------ faults
def sequence(file: StateFile, saved: list[int], count: int = 8) -> None:
    for number in range(1, count):
        if file.save(replace(OUTAGE, incident_number=number), "b1", number):
            saved.append(number)


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_whichever_operation_fails_the_last_saved_state_is_there_and_it_goes_on(error: int) -> None:
    for at in range(45):
        for times in (1, 5):
            disk, saved = FaultyDisk(), list[int]()
            disk.fail(at, times=times, error=error)
            file, _ = loaded(disk)
            sequence(file, saved)
            disk.heal()
            _, state = loaded(disk)
            assert state is not None
            assert state.incident_number >= saved[-1]
            assert file.save(replace(OUTAGE, incident_number=99), "b1", 99)
            assert file.degraded == ""
            _, state = loaded(disk)
            assert state is not None
            assert state.incident_number == 99


def test_a_power_cut_in_any_operation_leaves_the_last_saved_state_or_the_one_being_saved() -> None:
    for at in range(48):
        for seed in range(4):
            disk, saved = FaultyDisk(), list[int]()
            disk.cut_power(at, torn=random.Random(seed).random())
            with suppress(PowerFailed):
                file, _ = loaded(disk)
                sequence(file, saved)
            file, state = loaded(disk.power_cut(seed))
            assert file.damage == []
            found = state.incident_number if state else 0
            assert found in {saved[-1], saved[-1] + 1} if saved else found in {0, 1}


@pytest.mark.parametrize("kind", ["bit", "zeros", "cut", "empty", "junk", "headless", "future"])
def test_a_damaged_copy_is_told_and_set_aside_and_the_other_one_serves(kind: str) -> None:
    for seed in range(20):
        disk, chance = FaultyDisk(), random.Random(seed)
        file, _ = loaded(disk)
        sequence(file, [], 6)
        content = disk.files[FOLDER / "state-a"].now  # the newest: 5 was the fifth write
        at = chance.randrange(len(content) - 1)
        if kind == "bit":
            content[at] ^= 1 << chance.randrange(8)
        elif kind == "zeros":
            content[at:] = bytes(len(content) - at)
        elif kind in ("cut", "empty"):
            del content[at if kind == "cut" else 0 :]
        elif kind == "junk":
            content[:] = encode_line({"v": 1, "gen": 9, "boot": "b1", "at_ms": 1, "state": {"alarms": [1]}})
        elif kind == "headless":
            content[:] = encode_line({"v": 1, "gen": 9, "state": {}})
        else:
            content[:] = encode_line({"v": 2, "gen": 9})
        file, state = loaded(disk)
        assert state is not None
        assert state.incident_number == 4
        assert [damage.file for damage in file.damage] == ["state-a"]
        assert FOLDER / "damaged" / "state-a" in disk.files
        assert file.save(OUTAGE, "b1", 0)
        assert loaded(disk)[1] == OUTAGE


def test_both_copies_damaged_is_a_cold_start_and_not_the_end() -> None:
    disk = FaultyDisk()
    sequence(loaded(disk)[0], [], 4)
    for file in disk.files.values():
        file.now[5] ^= 255
    file_, state = loaded(disk)
    assert state is None
    assert len(file_.damage) == 2
    assert file_.save(OUTAGE, "b1", 0)


def test_copies_that_cannot_be_read_now_never_win_later_over_what_was_written_since() -> None:
    disk = FaultyDisk()
    sequence(loaded(disk)[0], [], 8)
    disk.fail(2, times=2)  # both reads
    file, state = loaded(disk)
    assert state is None
    assert "injected" in file.degraded
    disk.heal()
    assert file.save(replace(OUTAGE, incident_number=77), "b1", 0)
    after = loaded(disk)[1]
    assert after is not None
    assert after.incident_number == 77


def test_a_medium_that_cannot_be_written_is_degraded_and_tried_again() -> None:
    disk = FaultyDisk()
    file, _ = loaded(disk)
    disk.read_only = True
    assert not file.save(OUTAGE, "b1", 0)
    assert file.degraded == "Read-only file system"
    disk.heal()
    assert file.save(OUTAGE, "b1", 1)
    assert file.degraded == ""


def same_by_each(before: object, after: object) -> bool:
    """Whether the same matters in both, every field looked at."""
    if is_dataclass(after) and type(before) is type(after):
        for name in (each.name for each in fields(after)):
            was, now = getattr(before, name), getattr(after, name)
            if name in ("shelved_ms", "left_ms", "lamp_test_ms"):
                if bool(was) != bool(now):
                    return False
            elif not (name.endswith("_ms") or name in state_file._CHATTER) and not same_by_each(was, now):
                return False
        return True
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return before.keys() == after.keys() and all(same_by_each(before[key], after[key]) for key in after)
    return before == after


@settings(max_examples=40, deadline=None)
@given(STATES, STATES)
def test_what_matters_is_found_whatever_stayed_the_same_object(one: State, other: State) -> None:
    mixed = replace(one, alarms={**other.alarms, **one.alarms}, lamp_test_ms=other.lamp_test_ms)
    later = replace(one, alarms={name: replace(alarm, shelved_ms=2) for name, alarm in one.alarms.items()})
    for before, after in ((one, mixed), (mixed, other), (one, later), (later, one), (one, deepcopy(one))):
        assert same_matter(before, after) is same_by_each(before, after)
