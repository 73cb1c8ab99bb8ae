"""The store of configurations: what is in force after any sequence of changes, a torn write, and ten of them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from firmware_py.runtime.disk import Disk
from firmware_py.runtime.generations import KEPT, Generation, Generations

FILES = {"site.toml": "[site]\n", "profiles/own.toml": "class = 'hvac'\n"}
WHO = Generation(number=0, by="1000:maria", utc="2026-11-26T10:00:00.000Z", why="apply")


def opened(folder: Path, disk: Disk | None = None) -> Generations:
    store = Generations(folder, disk or Disk())
    store.load()
    return store


class FullDisk(Disk):
    """Takes nothing more once `full` is set."""

    full = False

    def write_whole(self, path: Path, data: bytes) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        super().write_whole(path, data)


def test_the_first_start_finds_nothing_and_what_it_adds_is_found_again(tmp_path: Path) -> None:
    store = opened(tmp_path)
    assert store.book.running == 0 and store.newest_good() == 0
    made = store.add(FILES, WHO, trial=False)
    again = opened(tmp_path)
    assert made.number == 1 and again.book == store.book and again.files(1) == FILES
    assert again.book.find(1) == made and again.book.find(2) is None


def test_a_trial_is_in_force_and_is_never_among_the_confirmed(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.add(FILES, WHO, trial=False)
    store.add(FILES, WHO, trial=True)
    assert store.book.running == 2 and [one.number for one in store.book.confirmed] == [1]
    assert opened(tmp_path).book.trial is not None
    store.confirm()
    assert [one.number for one in opened(tmp_path).book.confirmed] == [1, 2]


def test_a_reverted_trial_leaves_neither_a_folder_nor_its_number_behind(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.add(FILES, WHO, trial=False)
    store.add(FILES, WHO, trial=True)
    store.revert()
    assert store.book.running == 1 and not store.path(2).exists()
    assert store.add(FILES, WHO, trial=True).number == 3, "a number means one content only"


def test_ten_are_kept(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for _ in range(14):
        store.add(FILES, WHO, trial=True)
        store.confirm()
    assert [one.number for one in store.book.confirmed] == list(range(15 - KEPT, 15))
    assert sorted(int(path.name) for path in (tmp_path / "generations").iterdir() if path.is_dir()) == list(
        range(5, 15)
    )


def test_starts_count_within_one_boot_of_one_generation_only(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.add(FILES, WHO, trial=False)
    assert [store.note_start(1, "boot-a") for _ in range(3)] == [1, 2, 3]
    assert store.note_start(1, "boot-b") == 1
    store.note_lasting()
    assert opened(tmp_path).book.starts == 0
    store.add(FILES, WHO, trial=False)
    assert store.note_start(2, "boot-b") == 1


def test_one_that_was_given_up_is_not_the_newest_good_one(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.add(FILES, WHO, trial=False)
    store.add(FILES, WHO, trial=False)
    store.give_up(2)
    assert opened(tmp_path).newest_good() == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"confirmed": 3}', b"\xff" * 40, b'{"running": "x"}'])
def test_a_damaged_book_is_told_and_the_folders_are_believed(tmp_path: Path, content: bytes) -> None:
    store = opened(tmp_path)
    store.add(FILES, WHO, trial=False)
    (tmp_path / "generations" / "book.json").write_bytes(content)
    again = opened(tmp_path)
    assert again.damage and again.newest_good() == 1 and again.book.running == 1 and again.files(1) == FILES


class LittleRoom(Disk):
    """Takes `room` bytes more, and what fits of what does not fit, as a real one does."""

    room = 1 << 20

    def write_whole(self, path: Path, data: bytes) -> None:
        fits, self.room = data[: self.room], max(0, self.room - len(data))
        super().write_whole(path, fits)
        if len(fits) < len(data):
            raise OSError(28, "No space left on device")


@pytest.mark.parametrize("room", range(0, 60, 3))
def test_half_a_configuration_is_never_taken_for_one_though_the_book_is_missing(tmp_path: Path, room: int) -> None:
    """Half of a site file can be the sound file of a smaller floor, without its fire panel."""
    disk = LittleRoom()
    store, disk.room = opened(tmp_path, disk), room
    with suppress(OSError):
        store.add(FILES, WHO, trial=False)
    again = opened(tmp_path)
    assert again.newest_good() == 0 or again.files(1) == FILES
    assert again.newest_good() == store.newest_good(), "what was refused is not there"


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moment", range(12))
def test_a_kill_in_the_middle_leaves_all_of_it_or_nothing(tmp_path: Path, moment: int) -> None:
    class Deadly(Disk):
        left = moment

        def _tick(self) -> None:
            self.left -= 1
            if self.left < 0:
                raise Killed

        def write_whole(self, path: Path, data: bytes) -> None:
            super().write_whole(path, data[: len(data) // 2 if self.left == 0 else None])
            self._tick()

        def replace(self, source: Path, target: Path) -> None:
            self._tick()
            super().replace(source, target)

        def sync_directory(self, directory: Path) -> None:
            super().sync_directory(directory)
            self._tick()

    store, other = opened(tmp_path, Deadly()), {"site.toml": "[site]\nid = 1\n", "profiles/other.toml": "x = 1\n"}
    with suppress(Killed):
        store.add(other, WHO, trial=False)
    again = opened(tmp_path)
    assert again.newest_good() == 0 or again.files(1) == other
    if not again.newest_good():
        number = again.add(FILES, WHO, trial=False).number
        assert opened(tmp_path).files(number) == FILES, "nothing of the first attempt is among them"


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    disk = FullDisk()
    store = opened(tmp_path, disk)
    store.add(FILES, WHO, trial=False)
    before, disk.full = store.book, True
    for change in (
        lambda: store.add(FILES, WHO, trial=True),
        lambda: store.give_up(1),
        lambda: store.note_start(1, "x"),
    ):
        with pytest.raises(OSError, match="space"):
            change()
        assert store.book == before and opened(tmp_path).book == before
