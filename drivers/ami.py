"""The Asterisk manager protocol (AMI) as a pure function of bytes: packets in, actions out, answers put together.

What comes in is hostile until checked: lines and packets are bounded, and nothing but DeviceError leaves this module
for input from the wire. It must not know sockets, time or what any action means.
"""

from collections.abc import Mapping
from dataclasses import field

from config.valued import dataclass
from firmware_py.core.reading import Reason
from firmware_py.ports import DeviceError

LINE_LIMIT = 8 * 1024  # bytes; the longest line of a stock Asterisk 22 is a ListCommands entry below 300
PACKET_LIMIT = 64 * 1024  # bytes; ListCommands of a full build is about 15 KiB
LIST_LIMIT = 4096  # events in one list answer
BANNER = "Asterisk Call Manager/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """The first line of a connection; `version` is the manager's, not the exchange's."""

    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One block of `Name: value` lines in the order they came. Names may repeat; one without a colon has name ''."""

    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """The first value under a name in any case, '' when absent."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")

    @property
    def event(self) -> str:
        """The event's name, '' for a response (OriginateResponse carries both headers and is an event)."""
        return self.get("Event")

    @property
    def action_id(self) -> str:
        """Which action this belongs to, '' when to none."""
        return self.get("ActionID")


def _unusable(what: str) -> DeviceError:
    return DeviceError(f"not the manager protocol: {what}", because=Reason.BAD_REPLY)


class Decoder:
    """Bytes in any chunking to a banner and packets. Once it raised, the stream has no meaning: it raises again."""

    def __init__(self, *, banner: bool = True) -> None:
        """`banner`: the first line has to be the manager's greeting (a client's view; a server reads without)."""
        self._banner_due = banner
        self._rest = b""
        self._headers: list[tuple[str, str]] = []
        self._packet_bytes = 0
        self._fault = ""

    def feed(self, data: bytes) -> list[Banner | Packet]:
        """What these bytes complete. Raises DeviceError: line over 8 KiB, packet over 64 KiB, wrong greeting."""
        if self._fault:
            raise _unusable(self._fault)
        *lines, rest = (self._rest + data).split(b"\n")
        done: list[Banner | Packet] = []
        for line in lines:
            self._limit(len(line))
            done.extend(self._take(line.removesuffix(b"\r")))
        self._limit(len(rest))
        self._rest = rest
        return done

    def _limit(self, line_bytes: int) -> None:
        if line_bytes > LINE_LIMIT:
            self._fail(f"a line of more than {LINE_LIMIT} bytes")
        if self._packet_bytes + line_bytes > PACKET_LIMIT:
            self._fail(f"a packet of more than {PACKET_LIMIT} bytes")

    def _fail(self, what: str) -> None:
        self._fault, self._rest, self._headers = what, b"", []
        raise _unusable(what)

    def _take(self, line: bytes) -> list[Banner | Packet]:
        # Decoded a whole line at a time, so that a character cut by the transport is not lost.
        text = line.decode("utf-8", errors="replace")
        if self._banner_due:
            if not text.startswith(BANNER):
                self._fail(f"greeted with {text[:40]!r}")
            self._banner_due = False
            return [Banner(version=text.removeprefix(BANNER))]
        if text:
            self._packet_bytes += len(line) + 1
            name, colon, value = text.partition(":")
            self._headers.append((name.strip(), value.strip()) if colon else ("", text))
            return []
        # Asterisk 22 ends some error responses with one empty line too many: that is no packet.
        packet = [Packet(headers=tuple(self._headers))] if self._headers else []
        self._headers, self._packet_bytes = [], 0
        return list(packet)


def plain(text: str) -> bool:
    """True when `text` may stand in an action: no line break (it would start a header or a second action), no NUL."""
    return not any(character in text for character in "\r\n\0")


def encode(action: str, headers: Mapping[str, str], action_id: str) -> bytes:
    """The bytes of one action. Raises ValueError for a line break in any part: configuration must have refused it."""
    lines = [("Action", action), ("ActionID", action_id), *headers.items()]
    for name, value in lines:
        if not (plain(name) and plain(value)) or ":" in name:
            raise ValueError(f"{name!r} of action {action!r} holds a line break or is no header name")
    encoded = "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n"
    return encoded.encode("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All that belongs to one action: its response and, for a list action, the events between start and complete."""

    response: Packet
    items: tuple[Packet, ...] = ()

    @property
    def ok(self) -> bool:
        """True when the far end said so; a success answer is no proof that anything happened."""
        return self.response.get("Response") in ("Success", "Goodbye")

    @property
    def message(self) -> str:
        """The far end's own words."""
        return self.response.get("Message")


@dataclass(slots=True, kw_only=True)
class _List:
    response: Packet
    items: list[Packet] = field(default_factory=list)


class Answers:
    """Sorts packets into answers to the actions that were announced, and into everything else."""

    def __init__(self) -> None:
        self._open: dict[str, _List | None] = {}

    def expect(self, action_id: str) -> None:
        """An action with this id is about to be sent."""
        self._open[action_id] = None

    def forget(self, action_id: str) -> None:
        """Nobody waits any more; what still comes for it is no answer."""
        self._open.pop(action_id, None)

    def take(self, packet: Packet) -> Answer | None:
        """The answer that this packet completes, or None: it is one part of a list, an event, or for nobody.

        Raises DeviceError when a list does not end.
        """
        action_id = packet.action_id
        if action_id not in self._open:
            return None
        if not packet.event:
            if packet.get("EventList").lower() == "start":
                self._open[action_id] = _List(response=packet)
                return None
            del self._open[action_id]
            return Answer(response=packet)
        return self._collect(action_id, packet)

    def belongs(self, packet: Packet) -> bool:
        """True while a list with this packet's ActionID is open: the event is an item of it.

        An event may carry the id of an action and be no part of its answer (OriginateResponse, in the same segment).
        """
        return self._open.get(packet.action_id) is not None

    def _collect(self, action_id: str, packet: Packet) -> Answer | None:
        collected = self._open[action_id]
        if collected is None:
            return None
        if packet.get("EventList").lower() in ("complete", "cancelled"):
            del self._open[action_id]
            return Answer(response=collected.response, items=tuple(collected.items))
        if len(collected.items) >= LIST_LIMIT:
            raise _unusable(f"a list of more than {LIST_LIMIT} items")
        collected.items.append(packet)
        return None
