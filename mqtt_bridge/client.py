"""One connection to a broker at a time, with paho driven from the event loop and by nobody else.

No thread, queue or reconnecting of paho's: a client object lives for one session, so nothing of an old one is ever sent
again behind our back. It must not know topics or payloads.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from firmware_py.ports import DeviceError
from mqtt_bridge.messages import Heard, Loss, Message
from mqtt_bridge.receipts import Receipts, fail
from mqtt_bridge.settings import Broker, MqttVersion, where
from mqtt_bridge.tls import make_context

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike  # exists for type checkers only

MESSAGE_BYTES = 64 * 1024  # of any message that we take
REASON_CHARACTERS = 200  # of a broker's own explanation
INBOX = 64  # packets that a broker may send before we have answered
Client: TypeAlias = paho.Client
_LATER_S = 0.02  # after a whole second, on which devices are read
_TAKEN_OVER = 0x8E  # MQTT 5, table 2-6: Session taken over
_log = logging.getLogger(__name__)


class Session:
    """One connection from CONNACK to its end; belongs to the loop it was made in.

    `ended` becomes the Loss. Sending raises DeviceError once the session has ended.
    """

    def __init__(self, client: paho.Client, broker: Broker) -> None:
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Loss] = self._loop.create_future()
        self._client, self._broker = client, broker
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._receipts = Receipts(broker.window, broker.puback_within_ms)
        self._subscribing: dict[int, asyncio.Future[str]] = {}
        self._hear: dict[str, Callable[[Heard], None]] = {}
        self._heard_s = self._loop.time()
        self._largest_bytes: int | None = None
        self.window = broker.window
        self._tick: asyncio.TimerHandle | None = None
        self._sock: SocketLike | None = None
        self._asked = self._waits = False  # the first: to flush; the second: the loop, for room

    # ------------------------------------------------------------------------------------------------------- for use
    async def send(self, message: Message) -> asyncio.Future[str]:
        """Write one message, in order of the calls, as soon as fewer than `window` are in flight.

        The future is the broker's PUBACK: "" if taken, else its reason for refusing (MQTT 5, reason >= 0x80); it raises
        DeviceError when the session ends first.
        """
        receipt: asyncio.Future[str] = self._loop.create_future()
        if why := self._too_large(message):
            receipt.set_result(why)
            return receipt
        await self._receipts.place()
        if self.ended.done():
            self._receipts.give_back()  # to the next that waits: it must learn the same
            raise self._gone()
        self._receipts.expect(self._put(message), receipt)
        return receipt

    @property
    def may_post(self) -> bool:
        """Whether `post` would write something now."""
        return self._sock is not None and self._receipts.may_post and not self._client.want_write()

    def post(self, message: Message, hear: Callable[[str], None]) -> bool:
        """Write one message in this turn of the loop, beside those of `send`; `hear` hears what `send`'s future would
        be, and nothing where the session ends first. False, and nothing was done, where that cannot be."""
        if not self.may_post:
            return False
        if why := self._too_large(message):
            hear(why)
            return True
        self._asked = True  # not in the next turn
        try:
            self._receipts.post(self._put(message), hear)
        except DeviceError:
            return False
        self._flush()
        return True

    def _too_large(self, message: Message) -> str:
        """Why the broker would not take it, "" where it may."""
        most_bytes = self._largest_bytes
        is_fit = most_bytes is None or len(message.payload) + len(message.topic) + 16 <= most_bytes
        return "" if is_fit else f"larger than the broker's {most_bytes} bytes"

    def _put(self, message: Message) -> int:
        """Hand it to paho, and say its packet identifier. Raises DeviceError."""
        about = self._answering(message)
        info = self._client.publish(message.topic, message.payload, qos=1, retain=message.retain, properties=about)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._end(Loss(why=f"cannot send: {paho.error_string(info.rc)}"))
            raise self._gone()
        return info.mid

    async def publish(self, message: Message) -> str:
        """Send and await the PUBACK: "" if taken, else why not. Raises DeviceError."""
        return await (await self.send(message))

    def tell(self, topic: str, payload: bytes) -> bool:
        """Write one message with QoS 0, or drop it (False) when the line does not take it at once."""
        if self.ended.done() or self._client.want_write():
            return False
        return self._client.publish(topic, payload, qos=0).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    async def subscribe(self, topic: str, hear: Callable[[Heard], None]) -> str:
        """Ask for a topic (at most `+` as its last level): "" if granted, else why not."""
        if self.ended.done():
            raise self._gone()
        self._hear[topic] = hear
        rc, mid = self._client.subscribe(topic, qos=1)
        if rc != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise DeviceError(f"cannot subscribe: {paho.error_string(rc)}")
        answer: asyncio.Future[str] = self._loop.create_future()
        self._subscribing[mid] = answer
        try:
            async with asyncio.timeout(self._broker.puback_within_ms / 1000):
                return await answer
        except TimeoutError:
            self._end(Loss(why="no answer to a subscription"))
            raise self._gone() from None

    async def close(self) -> None:
        """Disconnect so that the broker forgets the will; a second at most."""
        if not self.ended.done():
            self._client.disconnect()
            await asyncio.wait([self.ended], timeout=1.0)
        self.abandon("closed")

    def abandon(self, why: str) -> None:
        """Cut the line; the broker publishes the will."""
        self._end(Loss(why=why))

    # -------------------------------------------------------------------------------------------- called by Dialler
    async def begin(self) -> None:
        """Take over the client whose CONNECT was written, and await CONNACK. Raises DeviceError."""
        client = self._client
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_publish, client.on_subscribe = self._on_publish, self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_close = lambda *_: self._forget_socket()
        self._sock = client.socket()
        if self._sock is None:
            raise DeviceError(f"{where(self._broker)}: connection closed at once")
        self._loop.add_reader(self._sock, self._read)
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write
        self._flush()
        self._watch()
        try:
            async with asyncio.timeout(self._broker.connect_within_ms / 1000):
                await self._accepted
        except TimeoutError:
            self._end(Loss(why="no answer to CONNECT"))
            raise self._gone() from None
        except asyncio.CancelledError:
            self._end(Loss(why="given up"))
            raise

    # ------------------------------------------------------------------------------------------- paho's side of things
    def _on_connect(
        self, client: paho.Client, data: object, flags: paho.ConnectFlags, reason: ReasonCode, got: Properties | None
    ) -> None:
        if reason.is_failure:
            self._end(Loss(why=f"refused: {reason}{_said(got)}"))
        elif getattr(got, "MaximumQoS", 1) < 1 or not getattr(got, "RetainAvailable", 1):
            self._end(Loss(why="the broker offers no QoS 1 or no retained messages"))
        elif not self._accepted.done():
            self.window = min(self.window, getattr(got, "ReceiveMaximum", self.window))
            self._receipts.resize(self.window)
            self._largest_bytes = getattr(got, "MaximumPacketSize", None)
            # A broker may want more pings than we would send, never fewer: by them a dead line is noticed in time.
            own_s = self._broker.keep_alive_ms // 1000
            if not 0 < client.keepalive <= own_s:
                client._keepalive = own_s  # paho has taken the broker's, and its setter is for closed lines only
            self._accepted.set_result(None)

    def _on_disconnect(
        self, client: paho.Client, data: object, flags: paho.DisconnectFlags, reason: ReasonCode, got: Properties | None
    ) -> None:
        by_broker = flags.is_disconnect_packet_from_server
        why = f"the broker disconnected us: {reason}{_said(got)}" if by_broker else f"connection lost: {reason}"
        self._end(Loss(why=why, taken_over=by_broker and reason.value == _TAKEN_OVER))

    def _on_publish(
        self, client: paho.Client, data: object, mid: int, reason: ReasonCode, got: Properties | None
    ) -> None:
        # paho holds a lock here: nothing of paho's is called.
        self._receipts.answer(mid, _refusal(reason, got))

    def _on_subscribe(
        self, client: paho.Client, data: object, mid: int, reasons: list[ReasonCode], got: Properties | None
    ) -> None:
        answer = self._subscribing.pop(mid, None)
        if answer is not None and not answer.done():
            answer.set_result(next((f"{reason} ({reason.value:#04x})" for reason in reasons if reason.is_failure), ""))

    def _on_message(self, client: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        hear = self._hear.get(message.topic) or self._hear.get(message.topic.rpartition("/")[0] + "/+")
        if hear is None or len(message.payload) > MESSAGE_BYTES:
            return
        about = message.properties
        correlation, expiry_s = getattr(about, "CorrelationData", b""), getattr(about, "MessageExpiryInterval", None)
        raw, kept = bytes(message.payload), message.retain
        hear(Heard(topic=message.topic, payload=raw, retain=kept, correlation=correlation, expiry_s=expiry_s))

    def _on_register_write(self, client: paho.Client, data: object, sock: "SocketLike") -> None:
        # paho says so before each message, and mostly the socket takes it at once: then nobody need wait for that.
        if not self._asked:
            self._asked = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Write what was said in this turn of the loop; wait for room only where the socket does not take it all."""
        self._asked = False
        if self._sock is not None:
            self._client.loop_write()
        if self._sock is not None and self._client.want_write():
            self._waits = True
            self._loop.add_writer(self._sock, self._write)

    def _on_unregister_write(self, client: paho.Client, data: object, sock: "SocketLike") -> None:
        if self._sock is not None and self._waits:
            self._waits = False
            self._loop.remove_writer(self._sock)

    # --------------------------------------------------------------------------------------------- the loop's side
    def _read(self) -> None:
        self._heard_s = self._loop.time()
        self._client.loop_read()
        # TLS reads whole records: what is decrypted already makes no socket readable.
        while isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            self._client.loop_read()

    def _write(self) -> None:
        self._client.loop_write()

    def _watch(self) -> None:
        """Keep-alive, and the two ways to notice a dead line: silence, and a PUBACK that is late."""
        if self.ended.done():
            return
        now_s = self._loop.time()
        if now_s - self._heard_s > self._broker.idle_ms / 1000:
            self._end(Loss(why=f"the line is silent for {self._broker.idle_ms} ms"))
        elif self._receipts.is_late(now_s):
            self._end(Loss(why=f"no PUBACK within {self._broker.puback_within_ms} ms"))
        else:
            self._client.loop_misc()
            # Where everybody else who only looks now and then wakes as well.
            soon_s = min(2.0, self._broker.keep_alive_ms / 5000, self._broker.puback_within_ms / 2000)
            self._tick = self._loop.call_at(((now_s - _LATER_S) // soon_s + 1) * soon_s + _LATER_S, self._watch)

    def _end(self, loss: Loss) -> None:
        if self.ended.done():
            return
        self.ended.set_result(loss)
        if self._tick is not None:
            self._tick.cancel()
        sock, client = self._sock, self._client
        self._forget_socket()
        client.on_connect = client.on_disconnect = client.on_publish = client.on_subscribe = client.on_message = None
        client.on_socket_close = client.on_socket_register_write = client.on_socket_unregister_write = None
        if sock is not None:
            sock.close()
        fail(self._accepted, self._gone())
        for answer in self._subscribing.values():
            fail(answer, self._gone())
        self._subscribing.clear()
        self._receipts.end(self._gone())

    def _forget_socket(self) -> None:
        if self._sock is not None:
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._sock = None

    def _answering(self, message: Message) -> Properties | None:
        if not message.correlation or self._broker.version is MqttVersion.V311:
            return None
        about = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho annotates the rest only
        about.CorrelationData = message.correlation
        return about

    def _gone(self) -> DeviceError:
        return DeviceError(f"{where(self._broker)}: {self.ended.result().why}")


def open_line(broker: Broker, name: str, will: Message, floor: str = "") -> Client:
    """Connect and write CONNECT, with `will` as last will and `name` as client id; `floor` as in `make_context`.
    Blocks, for as long as `connect_within_ms` and a resolver that may hang; raises OSError and ValueError.
    """
    new = broker.version is MqttVersion.V5
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=name,
        clean_session=None if new else True,
        protocol=MQTTProtocolVersion.MQTTv5 if new else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
    )
    client.connect_timeout = broker.connect_within_ms / 1000
    client.max_inflight_messages_set(0)  # paho holds nothing back: we do
    client.max_queued_messages_set(broker.window + 1)
    client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
    if broker.password or broker.username:
        client.username_pw_set(broker.username or name, broker.password or None)
    if broker.tls is not None:
        client.tls_set_context(make_context(broker.tls, floor))
    keep_alive_s = broker.keep_alive_ms // 1000
    if not new:
        client.connect(broker.host, broker.port, keep_alive_s)
        return client
    wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho annotates the rest only
    wishes.SessionExpiryInterval = 0
    wishes.ReceiveMaximum = INBOX
    wishes.MaximumPacketSize = 2 * MESSAGE_BYTES
    client.connect(broker.host, broker.port, keep_alive_s, clean_start=True, properties=wishes)
    return client


def _refusal(reason: ReasonCode, got: Properties | None) -> str:
    return f"{reason} ({reason.value:#04x}){_said(got)}" if reason.is_failure else ""


def _said(got: Properties | None) -> str:
    """A broker's own words for a reason, if it has some: hostile input, so cut and without line ends."""
    words = str(getattr(got, "ReasonString", ""))[:REASON_CHARACTERS]
    return f": {words}" if words.isprintable() and words else ""
