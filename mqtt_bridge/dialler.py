"""Makes connections, one attempt at a time, and says why one did not come about.

What may block is done in a thread of its own. It must not know topics or payloads, nor when the next attempt is due.
"""

import asyncio
import concurrent.futures
import threading

from firmware_py.ports import DeviceError
from mqtt_bridge.client import Client, Session, open_line, where
from mqtt_bridge.messages import Message
from mqtt_bridge.ports import WallClock
from mqtt_bridge.settings import Broker
from mqtt_bridge.tls import Validity, doubt_clock, explain, read_validity


class Dialler:
    """`name`: the client id. `certificate`: how long ours holds, as read at the last attempt, None without one."""

    def __init__(self, broker: Broker, name: str, clock: WallClock | None = None) -> None:
        self._broker, self._name, self._clock = broker, name, clock
        self._dialling = False
        self.certificate: Validity | None = None

    async def connect(self, will: Message) -> Session:
        """A session that was accepted, with `will` as last will. Bounded in time; raises DeviceError."""
        broker = self._broker
        if self._dialling:
            raise DeviceError(f"{where(broker)}: the last attempt still waits (for the name's address?)")
        outcome: concurrent.futures.Future[Client] = concurrent.futures.Future()
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
        clock = self._clock
        if clock is None:
            return ""
        return doubt_clock(error, self.certificate, now=clock.utc(clock.now_ms()), clk=clock.clk)

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
            return open_line(self._broker, self._name, will)
        finally:
            self._dialling = False
