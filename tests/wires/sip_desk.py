"""A desk that truly dials: SIPp logs in at the exchange as telephone 1001 and places calls, noting each message's time.

Times are of time.monotonic(), so that they stand beside what other peers have noted.
"""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import find_udp_port
from tests.wires.asterisk import Asterisk

SCENARIO = Path(__file__).with_name("desk.xml")
END_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One attempt: when the call with the password was placed, and the first final answer to it (0: none came)."""

    placed_s: float
    answered_s: float
    status: int

    @property
    def connected(self) -> bool:
        return self.status == 200


class Desk:
    """One SIPp; `calls` is complete once it has ended."""

    def __init__(self, exchange: Asterisk, number: str, *, count: int, rate: int, talk_ms: int) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="desk-", dir=exchange.folder / "log"))
        command = [str(exchange.folder / "sipp"), "-sf", str(SCENARIO), f"127.0.0.1:{exchange.sip_port}", "-s", number]
        command += ["-m", str(count), "-l", str(count), "-r", str(rate), "-d", str(talk_ms), "-i", "127.0.0.1"]
        command += ["-p", str(find_udp_port()), "-mp", str(find_udp_port()), "-nostdin"]
        command += ["-trace_shortmsg", "-shortmessage_file", str(self._folder / "messages")]
        with (self._folder / "screen").open("wb") as screen:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen)

    def finish(self, within_s: float = END_S) -> list[Call]:
        """Wait until every call is over; the calls in the order in which they were placed."""
        self._process.wait(within_s)
        return self.calls()

    def stop(self) -> None:
        """Place no more calls and end; what is up is hung up, or cut when that takes too long."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGUSR1)
            try:
                self._process.wait(END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def calls(self) -> list[Call]:
        """What SIPp has written down so far."""
        placed: dict[str, float] = {}
        answered: dict[str, tuple[float, int]] = {}
        ahead_s = time.time() - time.monotonic()  # noqa: TID251 - SIPp notes wall time
        file = self._folder / "messages"
        for line in file.read_text().splitlines() if file.exists() else ():
            fields = line.split("\t")
            if len(fields) != 7 or fields[5] != "CSeq:2 INVITE":
                continue  # the last line may be half written; the first attempt only asks for the password
            at_s, call = float(fields[2]) - ahead_s, fields[4]
            if fields[3] == "S":
                placed.setdefault(call, at_s)
            elif (status := int(fields[6].split()[1])) >= 200:
                answered.setdefault(call, (at_s, status))
        found = [(at_s, *answered.get(call, (0.0, 0))) for call, at_s in placed.items()]
        return [Call(placed_s=one, answered_s=other, status=status) for one, other, status in sorted(found)]


@contextmanager
def dialling(exchange: Asterisk, number: str, *, count: int = 1, rate: int = 10, talk_ms: int = 50) -> Iterator[Desk]:
    """Calls to this number, `rate` a second, each up for `talk_ms`."""
    desk = Desk(exchange, number, count=count, rate=rate, talk_ms=talk_ms)
    try:
        yield desk
    finally:
        desk.stop()
