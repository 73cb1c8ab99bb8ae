"""A program that the demo starts beside itself, and that ends with it, however the demo ends.

It gets a session of its own, so that Ctrl-C at the terminal reaches the demo alone, which then ends things in order.
It must not know what the program does.
"""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

STOP_S = 15.0
KILL_S = 5.0


class Child:
    """One running program with its output in a file."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self.log = log

    @classmethod
    async def start(cls, command: Sequence[str], log: Path) -> "Child":
        """Start it. OSError when it cannot be."""
        # If we are killed outright, the kernel ends it too (PR_SET_PDEATHSIG), where util-linux can ask for that.
        setpriv = shutil.which("setpriv")
        guarded = [setpriv, "--pdeathsig", "TERM", "--", *command] if setpriv else list(command)
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *guarded, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        return cls(process, log)

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.returncode

    async def stop(self) -> int:
        """SIGTERM and wait; SIGKILL when it does not end. Its exit code."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
        async with asyncio.timeout(KILL_S):
            return await self._process.wait()

    def last_words(self, count: int = 12) -> str:
        """The end of its output."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
        except OSError:
            return ""
