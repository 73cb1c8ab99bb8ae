"""`make audit`: the real pip-audit against a service of advisories on the loopback, which speaks OSV's protocol."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import PROJECT, find_tcp_port, require

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
# The form of OSV's /v1/query (schema 1.6), with one advisory that never was.
ADVISORY = {
    "schema_version": "1.6.0",
    "id": "TEST-2026-0001",
    "summary": "a made-up fault",
    "affected": [
        {
            "package": {"name": "cffi", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
        }
    ],
}


class Advisories(ThreadingHTTPServer):
    """Knows of a fault in each package of `faulty`; `asked`: (name, version) in order."""

    def __init__(self, faulty: frozenset[str] = frozenset()) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.faulty, self.asked = faulty, list[tuple[str, str]]()


class _Answer(BaseHTTPRequestHandler):
    server: Advisories

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"]
        assert asked["package"]["ecosystem"] == "PyPI"
        self.server.asked.append((name, asked["version"]))
        raw = json.dumps({"vulns": [ADVISORY]} if name in self.server.faulty else {}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Not on the terminal of the tests."""


@pytest.fixture
def advisories() -> Iterator[Advisories]:
    server = Advisories()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """The first packages of the real lock file, hashes and all."""
    blocks = (PROJECT / "requirements.txt").read_text().split("\n")
    starts = [number for number, line in enumerate(blocks) if "==" in line]
    file = tmp_path / "requirements.txt"
    file.write_text("\n".join(blocks[: starts[3]]) + "\n")
    return file


def audit(file: Path, service: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(PROJECT / ".ci" / "audit"), str(file)],
        capture_output=True, text=True, timeout=300, env=os.environ | {"AUDIT_SERVICE": service},
    )  # fmt: skip
    require("could not be installed" not in done.stdout, "pip-audit cannot be installed here")
    return done.returncode, done.stdout


def test_a_vulnerable_package_is_named_with_its_remedy_and_fails(few: Path, advisories: Advisories) -> None:
    advisories.faulty = frozenset({"cffi"})
    code, said = audit(few, f"http://127.0.0.1:{advisories.server_address[1]}/v1/query")
    version = dict(advisories.asked)["cffi"]
    assert f"audit: cffi {version}: TEST-2026-0001, mended in 99.1" in said
    assert "3 of 3 locked packages could be asked about, 1 faults are known" in said
    assert code == 1
    assert f"cffi=={version}" in few.read_text()


def test_nothing_known_of_any_package_is_green(few: Path, advisories: Advisories) -> None:
    code, said = audit(few, f"http://127.0.0.1:{advisories.server_address[1]}/v1/query")
    assert (code, len(advisories.asked)) == (0, 3)
    assert said == "audit: 3 of 3 locked packages could be asked about, 0 faults are known\n"


def test_a_service_that_cannot_be_asked_is_told_and_is_not_green(few: Path) -> None:
    code, said = audit(few, f"http://127.0.0.1:{find_tcp_port()}/v1/query")
    assert code == 2
    assert "the osv service could not be asked" in said
    assert "0 of 3 locked packages could be asked about, 0 faults are known; nothing is known" in said
