"""A kill while nothing can be written, as the real state file comes through it: the newest memory lies in memory."""

from __future__ import annotations

from pathlib import Path

from firmware_py.core.state import State
from firmware_py.runtime.spare import Spare
from firmware_py.runtime.state_file import MAX_BYTES, StateFile
from tests.faults.disk import FaultyDisk

UNWRITTEN = 3  # after the last two that the store took


class Memory(Spare):
    """A spare without a file system: thousands of deaths a minute would wear out a real one."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"), MAX_BYTES)
        self._line = b""

    def write(self, line: bytes) -> None:
        """Kept."""
        self._line = line

    def read(self) -> bytes:
        """What was kept."""
        return self._line

    def forget(self) -> None:
        """Nothing is kept."""
        self._line = b""


def come_back(disk: FaultyDisk, folder: Path, state: State) -> State:
    """What the next process of the same boot has of a state that the store on `disk` could not take."""
    memory = Memory()
    file = StateFile(disk, folder, memory)
    file.load("boot1")
    disk.fail(0, times=9)
    file.save(state, "boot1", UNWRITTEN, force=True)
    disk.heal()
    stored = StateFile(disk, folder, memory).load("boot1")
    assert stored is not None and stored.at_ms == UNWRITTEN, "what lies beside the store is the newest"
    return stored.state
