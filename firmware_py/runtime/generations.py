"""The configurations that were put in force: a folder each with the site file and its profiles, and one book over them.

Every change of the book is one atomic write, so that a power cut at any moment leaves the old truth or the new one. It
must not know what a site file means, nor decide when to go back.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from config.valued import dataclass
from firmware_py.core.codec import decode, encode
from firmware_py.runtime.disk import DIRECTORY_MODE, Disk, write_atomic

KEPT = 10
SITE_FILE = "site.toml"
FOLDER, BOOK = "generations", "book.json"
MAX_BYTES = 400 * 1024  # all files of one generation: a site file has 256 KiB at most
_MAX_BOOK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One configuration. `utc` is "" where the clock was not known. `bad`: given up after failed starts."""

    number: int
    by: str = ""
    utc: str = ""
    why: str = ""
    bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """`running`: in force now, or last. `trial`: the one on probation, 0 for none; it is never among `confirmed`.

    `boot` and `starts`: how often `running` was started in this boot of the machine without lasting.
    """

    confirmed: tuple[Generation, ...] = ()  # the newest last
    trial: Generation | None = None
    highest: int = 0
    running: int = 0
    boot: str = ""
    starts: int = 0

    def find(self, number: int) -> Generation | None:
        """A generation that is kept."""
        every = self.confirmed if self.trial is None else (*self.confirmed, self.trial)
        return next((one for one in every if one.number == number), None)


class Generations:
    """The store. Everything that writes raises OSError and then has changed nothing."""

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._disk, self._folder = disk, directory / FOLDER
        self.book = Book()
        self.damage = ""

    def load(self) -> None:
        """Read the book. One that cannot be used is told in `damage`, and the folders themselves are believed."""
        try:
            raw = self._disk.read(self._folder / BOOK, _MAX_BOOK_BYTES)
        except FileNotFoundError:
            self.book = self._believe_folders()
            return
        except OSError as error:
            self.damage = f"cannot be read: {error.strerror}"
            self.book = self._believe_folders()
            return
        try:
            self.book = decode(Book, json.loads(raw))
        except (ValueError, RecursionError) as error:
            self.damage = f"is damaged: {error}"[:200]
            self.book = self._believe_folders()

    def path(self, number: int) -> Path:
        """The site file of a generation; its profiles lie beside it."""
        return self._folder / str(number) / SITE_FILE

    def files(self, number: int) -> dict[str, str]:
        """Texts of a generation by their names relative to its folder."""
        folder = self.path(number).parent
        names = [Path(SITE_FILE), *sorted(path.relative_to(folder) for path in folder.glob("profiles/*.toml"))]
        return {str(name): (folder / name).read_bytes().decode() for name in names}  # ends of lines as they are

    def add(self, files: Mapping[str, str], who: Generation, *, trial: bool) -> Generation:
        """Store a new one, as the one on probation or as confirmed; `who.number` is given here."""
        assert SITE_FILE in files and sum(map(len, files.values())) <= MAX_BYTES
        made = replace(who, number=self.book.highest + 1)
        book = replace(self.book, highest=made.number, running=made.number, starts=0)
        folder = self.path(made.number).parent
        _remove(folder)  # what an earlier attempt left that did not come to its end
        try:
            self._write_files(folder, files)
            self._save(
                replace(book, trial=made) if trial else replace(book, confirmed=(*book.confirmed, made), trial=None)
            )
        except OSError:
            _remove(folder)
            raise
        self._clear_away()
        return made

    def confirm(self) -> None:
        """The one on probation stays."""
        assert self.book.trial is not None
        confirmed = (*self.book.confirmed, self.book.trial)[-KEPT:]
        self._save(replace(self.book, confirmed=confirmed, trial=None, starts=0))
        self._clear_away()

    def revert(self) -> None:
        """The one on probation is forgotten; the newest confirmed one that is not bad is in force again."""
        self._save(replace(self.book, trial=None, running=self.newest_good(), starts=0))
        self._clear_away()

    def newest_good(self) -> int:
        """The newest confirmed one that was not given up; 0 where there is none."""
        return next((one.number for one in reversed(self.book.confirmed) if not one.bad), 0)

    def note_start(self, number: int, boot: str) -> int:
        """A generation is about to run; how often it was started in this boot without lasting, this time included."""
        same = self.book.boot == boot and self.book.running == number
        starts = self.book.starts + 1 if same else 1
        self._save(replace(self.book, running=number, boot=boot, starts=starts))
        return starts

    def note_lasting(self) -> None:
        """What runs has run for long enough to be no part of a crash loop."""
        if self.book.starts:
            self._save(replace(self.book, starts=0))

    def give_up(self, number: int) -> None:
        """Never start this one by itself again."""
        marked = tuple(replace(one, bad=True) if one.number == number else one for one in self.book.confirmed)
        self._save(replace(self.book, confirmed=marked, starts=0))

    def _believe_folders(self) -> Book:
        try:
            with os.scandir(self._folder) as entries:
                numbers = sorted(int(entry.name) for entry in entries if entry.name.isdecimal() and entry.is_dir())
        except OSError:
            return Book()
        sound = [number for number in numbers if self._disk.exists(self.path(number))]
        found = tuple(Generation(number=number, why="found without a book") for number in sound)
        return Book(confirmed=found[-KEPT:], highest=max(numbers, default=0), running=max(sound, default=0))

    def _write_files(self, folder: Path, files: Mapping[str, str]) -> None:
        """The site file last and at once: where it is, all is, whatever ended the writing. Half of a site file may be a
        sound one of a smaller floor, and folders are believed where the book is gone."""
        for name in sorted(files, key=lambda name: name == SITE_FILE):
            path = folder / name
            assert folder in path.parents and ".." not in path.parts, name
            path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            write_atomic(self._disk, path, files[name].encode())
        for place in (folder, self._folder, self._folder.parent):
            self._disk.sync_directory(place)

    def _save(self, book: Book) -> None:
        self._disk.make_directory(self._folder)
        write_atomic(self._disk, self._folder / BOOK, json.dumps(encode(book, sparse=True)).encode())
        self.book = book

    def _clear_away(self) -> None:
        """Folders that the book no longer names; what cannot be removed costs space, nothing else."""
        book = self.book
        kept = {one.number for one in book.confirmed[-KEPT:]} | {book.trial.number if book.trial else 0}
        with suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.isdecimal() and int(entry.name) not in kept:
                    _remove(entry.path)


def _remove(folder: Path | str) -> None:
    from shutil import rmtree  # a start mostly removes nothing

    rmtree(folder, ignore_errors=True)
