"""A real mosquitto as a subprocess: on a free loopback port, killed, frozen, thawed and started again at will.

`with Mosquitto.serve(folder) as broker:`; the fixture for tests is in `mqtt_fixtures.py`.
"""

from __future__ import annotations

import getpass
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import eventually, find_tcp_port, require_program


class Mosquitto:
    """One broker on one port; `settings` are further lines of its configuration file."""

    def __init__(
        self, folder: Path, *, port: int = 0, users: Mapping[str, str] | None = None, settings: str = "",
        quiet: bool = False,
    ) -> None:  # fmt: skip
        self.program = require_program("mosquitto")
        self.port = port or find_tcp_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._words = [] if quiet else ["-v"]
        lines = [f"listener {self.port} 127.0.0.1", f"user {getpass.getuser()}", "persistence false", settings]
        lines.append("max_queued_messages 100000")  # a collector on a busy machine is slow, and must miss nothing
        if users is None:
            lines.append("allow_anonymous true")
        else:
            lines += ["allow_anonymous false", f"password_file {self._write_passwords(users)}"]
        self._config = folder / f"mosquitto-{self.port}.conf"
        self._config.write_text("\n".join(lines) + "\n")
        self.log = folder / f"mosquitto-{self.port}.log"

    @classmethod
    @contextmanager
    def serve(
        cls, folder: Path, *, port: int = 0, users: Mapping[str, str] | None = None, settings: str = "",
        quiet: bool = False,
    ) -> Iterator[Mosquitto]:  # fmt: skip
        """Started, and killed at the end whatever happens."""
        broker = cls(folder, port=port, users=users, settings=settings, quiet=quiet)
        try:
            broker.start()
            yield broker
        finally:
            broker.kill()

    def start(self) -> None:
        """Start and wait until it listens."""
        assert self._process is None
        with self.log.open("ab") as log:
            command = [self.program, *self._words, "-c", str(self._config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        eventually(self._listens, within_s=10, what=f"mosquitto listening; its log: {self.log}")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """kill -9: nothing is kept, nobody is told."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: connections stay, nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def reload(self) -> None:
        """SIGHUP: read the access list again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def _listens(self) -> bool:
        assert self._process is not None and self._process.poll() is None, self.log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _write_passwords(self, users: Mapping[str, str]) -> Path:
        path = self._folder / f"passwords-{self.port}"
        path.write_text("")
        tool = require_program("mosquitto_passwd", "mosquitto")
        for user, password in users.items():
            subprocess.run([tool, "-b", str(path), user, password], check=True, capture_output=True)
        path.chmod(0o600)
        return path
