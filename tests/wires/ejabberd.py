"""A second broker that we did not write: ejabberd's MQTT 5 (Erlang), as a subprocess on free loopback ports.

It lets everybody in who names himself, speaks TLS on one port and plain on the other, and keeps nothing between starts.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import eventually, find_tcp_port, require, require_program

KINDS = ("info", "state", "alarm/#", "event", "tele", "reply", "cursor", "cmd/#")  # what it lets through of a site
STRANGER = "stranger"  # a user who may write no status here, and so leave no will there
_SETTINGS = """
hosts: [localhost]
auth_method: [anonymous]
anonymous_protocol: login_anon
allow_multiple_connections: true
certfiles: ["{certificate}"]
acl:
  stranger: {{user: {stranger}}}
listen:
  - {{port: {port}, ip: "127.0.0.1", module: mod_mqtt}}
  - {{port: {tls_port}, ip: "127.0.0.1", module: mod_mqtt, tls: true}}
modules:
  mod_mqtt:
    max_queue: 20000
    access_publish:
      "floor/v1/{site}/status": [{{deny: stranger}}, {{allow: all}}]
{granted}
"""


class Ejabberd:
    """One broker. `certificate`: PEM with key and certificate in one."""

    def __init__(self, folder: Path, site: str, certificate: str) -> None:
        self._erl = require_program("erl", "ejabberd")
        libraries = sorted(Path("/usr/lib").glob("*/ejabberd-*/ebin/mod_mqtt.beam"))
        require(libraries, "ejabberd is not installed (apt-get install ejabberd)")
        self._libraries = libraries[0].parents[2]
        self._folder = folder
        self.port, self.tls_port = find_tcp_port(), find_tcp_port()
        self._settings = folder / "ejabberd.yml"
        granted = "\n".join(f'      "floor/v1/{site}/{kind}": [{{allow: all}}]' for kind in KINDS)
        self._settings.write_text(
            _SETTINGS.format(
                port=self.port,
                tls_port=self.tls_port,
                certificate=certificate,
                site=site,
                stranger=STRANGER,
                granted=granted,
            )
        )
        self.log = folder / "ejabberd.log"
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def serve(cls, folder: Path, site: str, certificate: str) -> Iterator[Ejabberd]:
        """Started, and killed at the end whatever happens."""
        broker = cls(folder, site, certificate)
        try:
            broker.start()
            yield broker
        finally:
            broker.kill()

    def start(self) -> None:
        """Start with nothing kept, and wait until both ports listen."""
        assert self._process is None
        spool = self._folder / "spool"
        shutil.rmtree(spool, ignore_errors=True)
        spool.mkdir()
        about = {
            "ERL_LIBS": str(self._libraries),
            "EJABBERD_CONFIG_PATH": str(self._settings),
            "EJABBERD_LOG_PATH": str(self.log),
            "ERL_CRASH_DUMP_SECONDS": "0",
            "HOME": str(self._folder),
        }
        command = [self._erl, "+S", "1", "+sbwt", "none", "-noinput", "-mnesia", "dir", f'"{spool}"', "-s", "ejabberd"]
        with (self._folder / "ejabberd.out").open("ab") as out:
            self._process = subprocess.Popen(
                command, cwd=spool, env=os.environ | about, stdout=out, stderr=out, stdin=subprocess.DEVNULL
            )
        for port in (self.port, self.tls_port):
            eventually(
                lambda port=port: self._listens(port), within_s=60, every_s=0.1, what=f"ejabberd; see {self.log}"
            )

    def kill(self) -> None:
        """kill -9: what it kept is thrown away, nobody is told."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def _listens(self, port: int) -> bool:
        assert self._process is not None and self._process.poll() is None, self.log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
