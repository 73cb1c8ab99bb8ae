"""A real Asterisk with two SIPp trunk providers on loopback, started by ../shared/pbx/asterisk-up without root.

The unpacked Debian packages are kept in the user's cache folder, so that only the first run of a machine downloads
them (66 MB, about 20 s); later runs take about two seconds. Where it cannot be had the tests are skipped.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivers.ami_account import Account
from drivers.pbx_config import PbxConfig
from drivers.pbx_trunks import Trunk
from tests.conftest import PROJECT, eventually, find_tcp_port, find_udp_port, require

SUITE = os.environ.get("PBX_SUITE", "sid")  # Asterisk 22; `bullseye` is 16, which a mirror may drop on any day
OLD = "bullseye"
FIRST_START_S = 180.0  # downloads
TRUNKS = (
    Trunk(name="main", endpoint="trunk-main", groups=("out-main@trunks", "in-main@trunks"), capacity=8),
    Trunk(
        name="backup",
        endpoint="trunk-backup",
        groups=("out-backup@trunks", "in-backup@trunks"),
        capacity=4,
        registration="trunk-backup-reg",
    ),
)


def find_starter() -> Path:
    """The script that starts it, or skip."""
    shared = Path(os.environ.get("FLOORGUARD_SHARED", PROJECT.parent / "shared"))
    starter = shared / "pbx" / "asterisk-up"
    if not starter.is_file():
        pytest.skip("asterisk-up is not beside the project (../shared/pbx, or FLOORGUARD_SHARED)")
    return starter


def find_cache() -> Path:
    """Where the unpacked packages stay between runs; outside the project."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "floorguard-tests"


class Asterisk:
    """One exchange and its two providers; every process is found by the pid file that asterisk-up wrote."""

    def __init__(self, starter: Path, folder: Path, tree: Path, suite: str = SUITE) -> None:
        self.folder, self.suite = folder, suite
        self._starter = starter
        self._ports = {
            "AMI_PORT": find_tcp_port(),
            "SIP_PORT": find_udp_port(),
            "MAIN_PORT": find_udp_port(),
            "BACKUP_PORT": find_udp_port(),
        }
        self._settings = {name: str(port) for name, port in self._ports.items()}
        # Voice of its own too: beside another exchange with the same ports an older SIPp does not start.
        voice = find_udp_port() // 2 * 2
        self._settings |= {"RTP_START": str(voice), "RTP_END": str(voice + 200)}
        self._settings |= {"PBX_FS": str(tree), "AMI_USER": "edge", "AMI_SECRET": "only-on-loopback"}

    @property
    def port(self) -> int:
        return self._ports["AMI_PORT"]

    @property
    def sip_port(self) -> int:
        """Where it listens for telephones and trunks."""
        return self._ports["SIP_PORT"]

    def account(self, user: str = "edge-min", secret: str = "", answer_ms: int = 1500) -> Account:
        """The least user unless told otherwise; `edge` may do everything, `edge-readonly` may only look."""
        own = secret or self._settings["AMI_SECRET"]
        return Account(host="127.0.0.1", port=self.port, user=user, secret=own, answer_ms=answer_ms)

    def configure(self, **changes: object) -> PbxConfig:
        """How the controller would be set up for it."""
        settings: dict[str, object] = {
            "name": "pbx1",
            "account": self.account(),
            "trunks": TRUNKS,
            "surge": "Custom:surge",
            "also_counted": ("emergency@trunks",),
        }
        return PbxConfig(**(settings | changes))  # type: ignore[arg-type] # a test names the fields it changes

    def start(self, *, providers: bool = True, wait: bool = True) -> None:
        """Start, or start again after `kill` with the same ports, configuration and AstDB."""
        extra = {"PBX_PROVIDERS": "1" if providers else "0", "PBX_WAIT": "1" if providers and wait else "0"}
        extra["KEEP_CONF"] = "0" if providers else "1"
        command = [str(self._starter), str(self.folder), self.suite]
        environment = os.environ | self._settings | extra
        with (self.folder / "starting").open("w+") as log:  # a file: the daemons inherit it and would hold a pipe open
            answer = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=FIRST_START_S,
                check=False,
            )
            log.seek(0)
            said = log.read().strip().splitlines()
        why = f"no Asterisk ({self.suite}): {said[-1] if said else 'no reason given'}"
        if answer.returncode and self.suite == OLD:
            pytest.skip(why)  # also in CI: it is there where it can be had
        require(answer.returncode == 0, why)

    def stop(self) -> None:
        for name in ("asterisk", "provider-main", "provider-backup"):
            self.signal(name, signal.SIGCONT)
            self.signal(name, signal.SIGKILL)

    def pid(self, name: str) -> int:
        """Of `asterisk`, `provider-main` or `provider-backup`; 0 when there is none of ours."""
        file = self.folder / "run" / f"{name}.pid"
        try:
            pid = int(file.read_text())
            ours = str(self.folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return 0
        return pid if ours else 0

    def reaches_both(self) -> bool:
        """Whether both trunks are Reachable, by the exchange's own console."""
        command = [str(self.folder / "cli"), "pjsip show contacts"]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout
        return shown.count(" Avail ") >= 2

    def signal(self, name: str, number: signal.Signals) -> None:
        pid = self.pid(name)
        if pid:
            os.kill(pid, number)

    def kill(self, name: str = "asterisk") -> None:
        """As a power cut does: no goodbye."""
        self.signal(name, signal.SIGKILL)
        eventually(lambda: self.pid(name) == 0, what=f"{name} is gone")
        # Where nobody collects orphans the dead process keeps its number, and asterisk-up would think that it lives.
        (self.folder / "run" / f"{name}.pid").unlink(missing_ok=True)

    def renew(self, trunk: str) -> None:
        """A fresh provider: SIPp ends itself after it was stopped eleven times."""
        self.kill(f"provider-{trunk}")
        subprocess.run([str(self.folder / "provider"), trunk], stdout=subprocess.DEVNULL, check=True, timeout=5)

    def provider_port(self, trunk: str) -> int:
        """UDP port of `main` or `backup`."""
        return self._ports[f"{trunk.upper()}_PORT"]

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """The process is there and its ports are open, but nobody answers."""
        self.signal(name, signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(name, signal.SIGCONT)


def serve(suite: str) -> Iterator[Asterisk]:
    """One exchange, from its first start to its end."""
    starter, cache = find_starter(), find_cache()
    for tool in ("bash", "tar", "dpkg-deb", "apt-get"):
        require(shutil.which(tool), f"{tool} is needed to unpack Asterisk")
    cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="floorguard-pbx-"))
    exchange = Asterisk(starter, folder, cache / f"asterisk-{suite}", suite)
    try:
        with (cache / f"asterisk-{suite}.lock").open("w") as lock:  # two runs must not unpack into one folder
            fcntl.flock(lock, fcntl.LOCK_EX)
            exchange.start()
        yield exchange
    finally:
        exchange.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", name="asterisk")
def asterisk_fixture() -> Iterator[Asterisk]:
    """One exchange for all wire tests of a session; a test puts back what it broke (`healthy` sees to it)."""
    yield from serve(SUITE)


@pytest.fixture(name="healthy")
def healthy_fixture(asterisk: Asterisk) -> Iterator[Asterisk]:
    """The exchange with everything running, before and after the test."""
    eventually(asterisk.reaches_both, within_s=15, every_s=0.2, what="both trunks are reachable before the test")
    yield asterisk
    for name in ("asterisk", "provider-main", "provider-backup"):
        asterisk.signal(name, signal.SIGCONT)
    if not asterisk.pid("asterisk"):
        asterisk.start(providers=False)
    for trunk in ("main", "backup"):
        if not asterisk.pid(f"provider-{trunk}"):
            subprocess.run([str(asterisk.folder / "provider"), trunk], stdout=subprocess.DEVNULL, check=True, timeout=5)
