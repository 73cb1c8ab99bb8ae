"""Asks the checking room (`compiling`) and waits for it: what it says is a value here, and its end is never ours.

Blocks: a running controller asks from a thread. It must not check anything itself, except where no room can be had.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from config.faults import ConfigError, Fault, at
from config.floor import Devices, Floor
from config.model_site import Site
from firmware_py.runtime.board import Json
from firmware_py.wiring import compiled

log = logging.getLogger(__name__)
PATIENCE_S: Final = 180.0
START_S: Final = 20.0  # the service manager waits for 60 s, and checking in this process takes its time as well
_HOME: Final = Path(__file__).resolve().parents[2]
_ROOM: Final = (sys.executable, "-m", "firmware_py.wiring.compiling")


class NoRoom(OSError):
    """The room could not be entered, or did not come to an end: why."""


class Room:
    """Builds configurations: in compiled form where that is kept and sound, else by checking, elsewhere."""

    def __init__(self, folder: Path, *, command: tuple[str, ...] = _ROOM, patience_s: float = PATIENCE_S) -> None:
        """`folder`: of the generations, which are the controller's own; beside any other file nothing is believed."""
        self._folder, self._command, self._patience_s = folder, command, patience_s
        self._busy: set[subprocess.Popen[bytes]] = set()
        self._closed = False
        self._built: tuple[Path, bytes] | None = None
        self._sound: Path | None = None  # beside this one lies what can be believed

    def start(self, path: Path) -> tuple[Floor, Devices]:
        """For a start, which must not fail for want of a process. ConfigError with all faults."""
        if (found := self._find(path)) is not None:
            return found
        try:
            return self._build(path, min(START_S, self._patience_s))
        except NoRoom as error:
            log.warning("%s; the configuration is checked in this process", error)
            from firmware_py.wiring import building, compiling  # load the schema for good

            with suppress(ValueError):  # whatever is wrong with the compiled form: here it can be done without
                return self._take(path, compiling.build(path))
            return building.build_floor(path)

    def build(self, path: Path) -> tuple[Floor, Devices]:
        """The same while a floor is guarded. ConfigError too where no room could be had."""
        if (found := self._find(path)) is not None:
            return found
        try:
            return self._build(path, self._patience_s)
        except NoRoom as error:
            raise ConfigError([at(str(path), 1, 1, f"{error}; try again")]) from error

    def judge(self, files: Mapping[str, str], before: Site | Mapping[str, str]) -> dict[str, Json]:
        """A draft judged against a site or the texts of one. ConfigError where the texts are refused; NoRoom."""
        outcome = self._ask(
            ("judge", dict(files), before if isinstance(before, Site) else dict(before)), self._patience_s
        )
        if not isinstance(outcome, dict):
            raise NoRoom("the process that checks it said what cannot be understood: no document")
        return outcome

    def keep(self, path: Path) -> None:
        """The compiled form of a generation beside its site file, unless it came from there. OSError or ConfigError
        where it cannot be; then the next start takes longer."""
        if self._sound == path:
            return
        if self._built is None or self._built[0] != path:  # the first start is from a draft, which lies elsewhere
            try:
                self.build(path)
            except ConfigError:
                if self._closed:
                    return  # by us: nothing is wrong
                raise
        built, self._built = self._built, None
        if built is not None:
            compiled.keep(path, built[1])
        self._sound = path

    def close(self) -> None:
        """The end has come: nobody waits for what is being checked."""
        self._closed = True
        for process in tuple(self._busy):
            process.kill()

    def _find(self, path: Path) -> tuple[Floor, Devices] | None:
        found = compiled.find(path) if path.is_relative_to(self._folder) else None
        if found is not None:
            self._built, self._sound = None, path
        return found

    def _build(self, path: Path, patience_s: float) -> tuple[Floor, Devices]:
        outcome = self._ask(("build", str(path)), patience_s)
        try:
            return self._take(path, outcome)
        except ValueError as error:
            raise NoRoom(f"the process that checks it said what cannot be understood: {error}") from error

    def _take(self, path: Path, wrapped: object) -> tuple[Floor, Devices]:
        if not isinstance(wrapped, bytes):
            raise ValueError("no compiled form")
        made = compiled.unwrap(wrapped, wrapped.partition(b" ")[0].decode(errors="replace"))
        self._built = path, wrapped
        return made

    def _ask(self, task: object, patience_s: float) -> object:
        told, code = self._run(compiled.dump(task), patience_s)
        try:
            if code:
                how = f"signal {-code}" if code < 0 else f"code {code}"
                raise NoRoom(f"the process that checks it ended with {how}")
            kind, outcome = _pair(compiled.load(told))
        except ValueError as error:
            raise NoRoom(f"the process that checks it said what cannot be understood: {error}") from error
        if kind == "faults":
            assert isinstance(outcome, tuple)
            raise ConfigError(fault for fault in outcome if isinstance(fault, Fault))
        return outcome

    def _run(self, task: bytes, patience_s: float) -> tuple[bytes, int]:
        ways = os.pathsep.join(filter(None, (str(_HOME), os.environ.get("PYTHONPATH"))))
        try:
            process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": ways}
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise NoRoom(f"no process could be started to check it: {error}") from error
        self._busy.add(process)
        try:
            if self._closed:
                process.kill()
            return process.communicate(task, patience_s)[0], process.returncode
        except subprocess.TimeoutExpired as error:
            raise NoRoom(f"the process that checks it took more than {patience_s:g} s") from error
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
            self._busy.discard(process)


def _pair(told: object) -> tuple[object, object]:
    if not isinstance(told, tuple) or len(told) != 2:
        raise ValueError("no outcome")
    return told
