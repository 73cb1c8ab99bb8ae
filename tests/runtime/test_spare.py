"""The memory beside the medium: what a kill leaves of a time when nothing could be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from firmware_py.core.state import State
from firmware_py.runtime.backlog import Draft, Unwritten
from firmware_py.runtime.spare import Spare
from firmware_py.runtime.state_file import MAX_BYTES, StateFile
from tests.faults.disk import FaultyDisk
from tests.runtime.test_state_and_events import STAMP, told

FOLDER = Path("state")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """As the service manager makes it."""
    (tmp_path / "run").mkdir()
    return tmp_path / "run" / "state"


def spare(path: Path) -> Spare:
    return Spare(path, MAX_BYTES)


def number(disk: FaultyDisk, path: Path | None, boot: str = "b1") -> int:
    """Of the last incident, as the next start has it."""
    stored = StateFile(disk, FOLDER, None if path is None else spare(path)).load(boot)
    assert stored is not None
    return stored.state.incident_number


def full(path: Path) -> tuple[StateFile, FaultyDisk]:
    """A store that took incident 1 and then nothing: 2 and 3 are only in memory."""
    disk = FaultyDisk()
    file = StateFile(disk, FOLDER, spare(path))
    file.load("b1")
    assert file.save(State(incident_number=1), "b1", 1)
    assert not path.exists()
    disk.fail(0, times=1_000, error=errno.ENOSPC)
    for count in (2, 3):
        assert not file.save(State(incident_number=count), "b1", count)
    assert file.degraded
    return file, disk


def test_a_kill_while_nothing_can_be_written_costs_no_memory(run: Path) -> None:
    _, disk = full(run)
    disk.heal()
    assert number(disk, run) == 3
    assert number(disk, None) == 1, "that was on the medium"
    assert run.stat().st_mode & 0o777 == 0o640


def test_of_another_boot_it_is_not_believed(run: Path) -> None:
    _, disk = full(run)
    disk.heal()
    assert number(disk, run, "b2") == 1


def test_when_the_medium_takes_it_again_the_spare_is_gone(run: Path) -> None:
    file, disk = full(run)
    disk.heal()
    assert file.save(State(incident_number=4), "b1", 4)
    assert not run.exists()
    assert number(disk, run) == 4


def test_a_spare_that_could_not_be_removed_is_older_than_what_was_written_since(run: Path) -> None:
    file, disk = full(run)
    kept = run.read_bytes()
    disk.heal()
    assert file.save(State(incident_number=4), "b1", 4)
    run.write_bytes(kept)
    assert number(disk, run) == 4


def test_what_is_written_after_such_a_start_counts_as_newer(run: Path) -> None:
    _, disk = full(run)
    disk.heal()
    file = StateFile(disk, FOLDER, spare(run))
    stored = file.load("b1")
    assert stored is not None
    assert file.save(State(incident_number=5), "b1", 5)
    assert number(disk, run) == number(disk, None) == 5


def test_the_events_of_that_time_are_there_as_well(run: Path) -> None:
    file, disk = full(run)
    owed = Unwritten(log="a1b2", after=7, drafts=(Draft(event=told(1), stamp=STAMP, order=1),))
    assert not file.save(State(incident_number=6), "b1", 6, unwritten=owed)
    disk.heal()
    stored = StateFile(disk, FOLDER, spare(run)).load("b1")
    assert stored is not None
    assert stored.unwritten == owed


def test_with_a_medium_that_cannot_even_be_read_the_spare_is_what_there_is(run: Path) -> None:
    _, disk = full(run)
    disk.heal()
    disk.fail(0, times=1_000)
    file = StateFile(disk, FOLDER, spare(run))
    stored = file.load("b1")
    assert stored is not None
    assert stored.state.incident_number == 3
    disk.heal()
    assert file.save(State(incident_number=4), "b1", 4)
    assert number(disk, run) == 4


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"\x00\xff", b"0" * (2 << 20), b'1234abcd {"v":1}\n', b'{"v":9,"gen":99}\n']
)
def test_anything_else_in_its_place_is_as_if_there_were_nothing(run: Path, text: bytes) -> None:
    _, disk = full(run)
    disk.heal()
    run.write_bytes(text)
    assert number(disk, run) == 1


def test_what_another_hand_may_have_put_there_is_not_read(run: Path) -> None:
    _, disk = full(run)
    disk.heal()
    kept = run.read_bytes()
    run.chmod(0o646)
    assert number(disk, run) == 1
    run.rename(run.with_name("elsewhere"))
    run.symlink_to(run.with_name("elsewhere"))
    run.with_name("elsewhere").chmod(0o640)
    assert number(disk, run) == 1
    run.unlink()
    os.mkfifo(run)
    assert number(disk, run) == 1
    run.unlink()
    if os.geteuid() == 0:
        run.write_bytes(kept)
        os.chown(run, 12345, -1)
        assert number(disk, run) == 1


def test_a_folder_that_is_not_there_is_no_fault_of_ours(tmp_path: Path) -> None:
    file, disk = full(tmp_path / "missing" / "state")
    disk.heal()
    assert file.save(State(incident_number=4), "b1", 4)
    assert file.degraded == ""
