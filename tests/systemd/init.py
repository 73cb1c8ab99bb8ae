"""A small service manager for one unit: it reads the file and does what it says, for no machine here runs systemd.

Done as in systemd.service(5) and systemd.exec(5): notify socket with the sender's identity, watchdog, ExecStopPost with
its three variables, restarts, directories, credentials. Not done: confinement, which `systemd-analyze` judges.
Times are divided by `haste`. `command` stands for the installed command.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.systemd.unit import Unit

INSTALLED = "/usr/local/lib/floorguard/bin/floorguard"


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something that happened: ready, pet, status, stopping, start, end, post, restart."""

    what: str
    said: str
    at_s: float = field(default_factory=time.monotonic)


class Init:
    """`async with` is not needed: `start()`, then `stop()`, always."""

    def __init__(
        self, unit: Unit, folder: Path, command: Sequence[str], *, haste: float = 10, before: Sequence[str] = ()
    ) -> None:
        self.unit, self.folder, self.haste = unit, folder, haste
        self._command, self.before = list(command), list(before)
        self.notes: list[Note] = []
        self.pid = 0
        self._petted_s = 0.0
        self._stopping = False
        self._result = ""
        self._life: asyncio.Task[None] | None = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._process: asyncio.subprocess.Process | None = None

    # ----------------------------------------------------------------------------------------------- what a test asks
    def said(self, what: str, after_s: float = 0.0) -> list[Note]:
        """All notes of a kind, after a time."""
        return [note for note in self.notes if note.what == what and note.at_s > after_s]

    @property
    def log(self) -> str:
        """What the unit has written, over all its starts and after them."""
        path = self.folder / "journal"
        return path.read_text(errors="replace") if path.exists() else ""

    def place(self, path: str) -> Path:
        """Where a path of the unit file lies here."""
        return self.folder / path.lstrip("/")

    async def start(self) -> None:
        """As `systemctl start --no-block`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        address = self.folder / "notify"
        address.unlink(missing_ok=True)
        self._socket.bind(str(address))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        asyncio.get_running_loop().add_reader(self._socket, self._hear)
        self._life = asyncio.create_task(self._live())

    async def stop(self) -> None:
        """As `systemctl stop`: the end, with ExecStopPost."""
        self._stopping = True
        if self._process is not None and self._process.returncode is None:
            self._kill(signal.SIGTERM)
        if self._life is not None:
            await self._life
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        if self.unit.last("RuntimeDirectoryPreserve") != "yes":  # else it stays until the machine goes down
            shutil.rmtree(self.place("/run/floorguard"), ignore_errors=True)

    def kill(self, number: signal.Signals) -> None:
        """As somebody else's `kill`."""
        os.kill(self.pid, number)

    # ------------------------------------------------------------------------------------------ the unit's life
    async def _live(self) -> None:
        while True:
            self._prepare()
            await self._run_main()
            await self._run_post()
            if self._stopping or self.unit.last("Restart") != "always":
                return
            await asyncio.sleep(self.unit.seconds("RestartSec") / self.haste)
            if self._stopping:
                return
            self._note("restart", "")

    async def _run_main(self) -> None:
        self._result = ""
        words = self._translate(self.unit.last("ExecStart"))
        environ = self._environ() | {
            "NOTIFY_SOCKET": str(self.folder / "notify"),
            "WATCHDOG_USEC": str(int(self.unit.seconds("WatchdogSec") / self.haste * 1e6)),
        }
        process = self._process = await self._spawn([*self.before, *words], environ)
        self.pid, self._petted_s = process.pid, time.monotonic()
        self._note("start", str(process.pid))
        ready_since = len(self.said("ready"))
        stopped_s = 0.0
        while True:
            try:
                async with asyncio.timeout(0.05):
                    await process.wait()
                break
            except TimeoutError:
                pass
            if self._stopping:
                stopped_s = stopped_s or time.monotonic()
                if time.monotonic() - stopped_s > self.unit.seconds("TimeoutStopSec"):
                    self._result = self._result or "timeout"
                    process.kill()
            elif len(self.said("ready")) > ready_since or self.unit.last("Type") != "notify":
                await self._look_at_watchdog(process)
        self._note("end", f"{self._verdict(process)} {process.returncode}")

    async def _look_at_watchdog(self, process: asyncio.subprocess.Process) -> None:
        if time.monotonic() - self._petted_s < self.unit.seconds("WatchdogSec") / self.haste:
            return
        self._result = "watchdog"
        self._kill(signal.Signals[self.unit.last("WatchdogSignal", "SIGABRT")])
        try:
            async with asyncio.timeout(self.unit.seconds("TimeoutAbortSec")):
                await process.wait()
        except TimeoutError:
            process.kill()

    async def _run_post(self) -> None:
        assert self._process is not None
        code = self._process.returncode
        assert code is not None
        environ = self._environ() | {
            "SERVICE_RESULT": self._verdict(self._process),
            "EXIT_CODE": "killed" if code < 0 else "exited",
            "EXIT_STATUS": signal.Signals(-code).name.removeprefix("SIG") if code < 0 else str(code),
        }
        for line in self.unit.keys.get("ExecStopPost", []):
            process = await self._spawn(self._translate(line.lstrip("-")), environ)
            try:
                async with asyncio.timeout(self.unit.seconds("TimeoutStopSec")):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
            self._note("post", f"{environ['SERVICE_RESULT']} {process.returncode}")
        shutil.rmtree(self._credentials(), ignore_errors=True)

    def _verdict(self, process: asyncio.subprocess.Process) -> str:
        """$SERVICE_RESULT: SIGTERM and its like are a clean end, like 0."""
        if self._result:
            return self._result
        code = process.returncode
        assert code is not None
        if code >= 0:
            return "success" if code == 0 else "exit-code"
        if -code in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            return "success"
        return (
            "core-dump"
            if -code in (signal.SIGABRT, signal.SIGSEGV) and self.unit.last("LimitCORE") != "0"
            else "signal"
        )

    # -------------------------------------------------------------------------------------------- what it is given
    def _prepare(self) -> None:
        for key, root in (("StateDirectory", "/var/lib"), ("RuntimeDirectory", "/run")):
            mode = int(self.unit.last(f"{key}Mode", "0755"), 8)
            for name in self.unit.words(key):
                folder = self.place(f"{root}/{name}")
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(mode)
        shutil.rmtree(self._credentials(), ignore_errors=True)
        self._credentials().mkdir(parents=True, mode=0o700)
        for line in self.unit.keys.get("LoadCredential", []):
            name, _, source = line.partition(":")
            for file in sorted(self.place(source).iterdir()):  # a missing folder ends it here, as it does in systemd
                copy = self._credentials() / f"{name}_{file.name}"
                copy.write_bytes(file.read_bytes())
                copy.chmod(0o400)

    def _credentials(self) -> Path:
        return self.place("/run/credentials/floorguard.service")

    def _environ(self) -> Mapping[str, str]:
        """No more than systemd gives; the search path of Python stands for the installed packages."""
        own = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": os.getcwd()}
        own |= {key: os.environ[key] for key in os.environ if key.startswith("COVERAGE")}
        for word in self.unit.words("Environment"):
            name, _, value = word.partition("=")
            own[name] = str(self.place(value)) if value.startswith("/") else value
        return own | {
            "JOURNAL_STREAM": "1:1",
            "STATE_DIRECTORY": str(self.place("/var/lib/floorguard")),
            "RUNTIME_DIRECTORY": str(self.place("/run/floorguard")),
            "CREDENTIALS_DIRECTORY": str(self._credentials()),
        }

    def _translate(self, line: str) -> list[str]:
        words = line.split()
        assert words[0] == INSTALLED, line
        return [*self._command, *words[1:]]

    async def _spawn(self, words: Sequence[str], environ: Mapping[str, str]) -> asyncio.subprocess.Process:
        umask = int(self.unit.last("UMask", "0022"), 8)
        with (self.folder / "journal").open("ab") as journal:
            return await asyncio.create_subprocess_exec(
                *words, cwd=self.place(self.unit.last("WorkingDirectory", "/")), env=environ, umask=umask,
                stdin=asyncio.subprocess.DEVNULL, stdout=journal, stderr=journal,
            )  # fmt: skip

    # ------------------------------------------------------------------------------------------ what it is told
    def _hear(self) -> None:
        while True:
            try:
                data, extra, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(12))
            except BlockingIOError:
                return
            pid = next(
                struct.unpack("iII", bytes(blob))[0] for _, kind, blob in extra if kind == socket.SCM_CREDENTIALS
            )
            if self.unit.last("NotifyAccess") == "main" and pid != self.pid:
                continue
            for line in data.decode().splitlines():
                self._understand(line)

    def _understand(self, line: str) -> None:
        key, _, value = line.partition("=")
        match key:
            case "READY":
                self._petted_s = time.monotonic()
                self._note("ready", value)
            case "WATCHDOG":
                self._petted_s = time.monotonic()
                self._note("pet", value)
            case "STATUS":
                self._note("status", value)
            case "STOPPING":
                self._note("stopping", value)
            case _:
                self._note("unknown", line)

    def _kill(self, number: signal.Signals) -> None:
        """As systemd does it: a stopped process is woken, so that it can obey."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.send_signal(signal.SIGCONT)

    def _note(self, what: str, said: str) -> None:
        self.notes.append(Note(what=what, said=said))
