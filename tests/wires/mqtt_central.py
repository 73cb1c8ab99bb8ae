"""The central side as it is printed and shipped in docs/, as processes that can be killed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import PROJECT

DOCS = PROJECT / "docs"


def ten_lines() -> str:
    """The subscriber of docs/central-server.md, exactly as it is printed there."""
    (block,) = re.findall(r"```python\n(.*?)```", (DOCS / "central-server.md").read_text(), re.S)
    return str(block)


class Central:
    """One subscriber; what it printed, over all its lives, is in `file`. `name`: as what it makes itself known to a
    broker that asks, which takes one more line."""

    def __init__(self, folder: Path, port: int, *, host: str = "127.0.0.1", name: str = "") -> None:
        self.file = folder / "central.log"
        self._code = folder / "central.py"
        first, last = ten_lines().rstrip().rsplit("\n", 1)
        known = f'c.username_pw_set("{name}", "any")\n' if name else ""
        self._code.write_text(f"{first}\n{known}{last}\n")
        self._words = [host, str(port)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.file.open("ab") as out:
            command = [sys.executable, str(self._code), *self._words]
            self._process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def seen(self) -> list[tuple[int, str, dict[str, object]]]:
        """(number, type, data) in order of printing; a line that a kill cut short does not count."""
        lines = self.file.read_text().split("\n")[:-1] if self.file.exists() else []
        found = []
        for line in lines:
            match = re.fullmatch(r"(?:.*[^a-z0-9-])?([a-z0-9-]+/[a-z0-9]+/(\d+)) (\S+) (\{.*\})", line)
            if match is not None:
                found.append((int(match[2]), match[3], json.loads(match[4])))
        return found
