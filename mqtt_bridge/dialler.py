"""Makes connections, one attempt at a time, and says why one did not come about.

What may block is done in a thread of its own. It must not know topics or payloads, nor when the next attempt is due.
"""

import asyncio
import concurrent.futures
import threading

from firmware_py.ports import DeviceError
from mqtt_bridge.client import Client, Session, open_line
from mqtt_bridge.messages import Message
from mqtt_bridge.ports import WallClock
from mqtt_bridge.settings import Broker, where
from mqtt_bridge.tls import Validity, doubt_clock, explain, read_validity


class Dialler:
    """`name`: the client id. `certificate`: how long ours holds, as read at the last attempt, None without one."""

    def __init__(self, broker: Broker, name: str, clock: WallClock | None = None) -> None:
        self._broker, self._name, self._clock = broker, name, clock
        self._dialling = False
        self._seen = ("", "ntp", "")  # for the thread: our time, what it is worth, and the earliest that it can be
        self.certificate: Validity | None = None

    async def connect(self, will: Message) -> Session:
        """A session that was accepted, with `will` as last will. Bounded in time; raises DeviceError."""
        broker = self._broker
        if self._dialling:
            raise DeviceError(f"{where(broker)}: the last attempt still waits (for the name's address?)")
        outcome: concurrent.futures.Future[Client] = concurrent.futures.Future()
        self._seen = ("", "ntp", "") if self._clock is None else (self._now, self._clock.clk, self._clock.floor)
        # A daemon thread and not the loop's executor: a resolver that hangs must not hold up the end of the process.
        thread = threading.Thread(target=self._dial, args=(will, outcome), name="mqtt-connect", daemon=True)
        self._dialling = True
        thread.start()
        try:
            async with asyncio.timeout(broker.connect_within_ms / 1000):
                client = await asyncio.wrap_future(outcome)
        except TimeoutError:
            raise DeviceError(f"{where(broker)}: no connection within {broker.connect_within_ms} ms") from None
        except (OSError, ValueError) as error:
            raise DeviceError(f"{where(broker)}: {explain(error)}{self._doubt(error)}") from error
        session = Session(client, broker)
        try:
            await session.begin()
        except DeviceError as error:
            raise DeviceError(f"{error}{self._doubt(error)}") from error
        return session

    def _doubt(self, error: Exception) -> str:
        if self._clock is None:
            return ""
        own, now, clk = self.certificate, self._now, self._clock.clk
        return doubt_clock(error, own, now=_floor(now, clk, own, self._clock.floor) or now, clk=clk)

    @property
    def _now(self) -> str:
        return "" if self._clock is None else self._clock.utc(self._clock.now_ms())

    def _dial(self, will: Message, outcome: "concurrent.futures.Future[Client]") -> None:
        """In the thread: everything that may block. Nothing else touches this client until the thread is done."""
        try:
            client = self._start(will)
        except (OSError, ValueError) as error:
            if outcome.set_running_or_notify_cancel():
                outcome.set_exception(error)
            return
        if outcome.set_running_or_notify_cancel():
            outcome.set_result(client)
        elif (sock := client.socket()) is not None:
            sock.close()  # nobody waits any more

    def _start(self, will: Message) -> Client:
        try:
            if self._broker.tls is not None and self._broker.tls.cert:
                self.certificate = read_validity(self._broker.tls.cert)
            now, clk, floor = self._seen
            return open_line(self._broker, self._name, will, _floor(now, clk, self.certificate, floor))
        finally:
            self._dialling = False


def _floor(now: str, clk: str, own: Validity | None, known: str) -> str:
    """The earliest that it can be where our clock shows less and nobody vouches for it, else "". Ours was
    issued in the past, whatever the clock says."""
    floor = known if own is None else max(known, own.begins)
    return floor if clk != "ntp" and now < floor else ""
