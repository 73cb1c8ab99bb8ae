"""Commands that come over MQTT: what one says, and whether the site's rules let it act.

Pure; input is hostile until checked. A command acts only if every rule allows it; each gets an answer with the reason.
It must not know what a command does to the floor: that is the core's, and the core may still refuse.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from firmware_py.core.command import CommandKind
from mqtt_bridge.messages import Heard

COMMAND_BYTES = 4 * 1024
ID_CHARACTERS = 64
LONGEST_TTL_S = 600
SILENCE_MS = 15 * 60_000
SEEN = 512  # ids that are remembered
ANNOUNCE = "announce"

# Fire confirmation, overrides and everything of the configuration are not here: they are local only.
KINDS: Mapping[str, CommandKind] = {
    "ack": CommandKind.ACK,
    "silence": CommandKind.SILENCE,
    "conserve": CommandKind.CONSERVE,
    "release": CommandKind.RELEASE,
    "pause-outbound": CommandKind.PAUSE_OUTBOUND,
    "resume-outbound": CommandKind.RESUME_OUTBOUND,
    "lamp-test": CommandKind.LAMP_TEST,
    "tick": CommandKind.TICK,
}
LATER = frozenset({"shelve", "unshelve", "drill"})
NAMES = (*KINDS, *sorted(LATER), ANNOUNCE)


class Status(StrEnum):
    """`status` of a reply."""

    DONE = "done"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FORBIDDEN = "forbidden"
    EXPIRED = "expired"
    DUPLICATE = "duplicate"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """`senders`: who may send what. `boot`: this run of the controller."""

    boot: str
    senders: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a command, `id` and `by` as far as they could be read."""

    status: Status
    error: str = ""
    id: str = ""
    by: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One command as its sender wrote it, with the shorter of its two lifetimes. `alarm`: its only argument, for `tick`
    an item of a checklist; `sent_ms`: when it was sent by the sender's clock (milliseconds since 1970), if it says so.
    """

    id: str
    name: str
    by: str
    boot: str = ""
    ttl_ms: int = 0
    alarm: str = ""
    sent_ms: int | None = None

    def answer(self, status: Status, error: str = "") -> Answer:
        """The answer to this command."""
        return Answer(status=status, error=error, id=self.id, by=self.by, name=self.name)


def read_order(heard: Heard) -> Order | Answer:
    """The command in a message, or why there is none. Never raises."""
    name = heard.topic.rpartition("/")[2]
    name = name if name in NAMES else "unknown"
    given = _parse(heard.payload)
    if given is None:
        return Answer(status=Status.REJECTED, error="not a JSON object of at most 4 KiB", name=name)
    id_, by = _word(given.get("id"), ID_CHARACTERS), _word(given.get("by"), ID_CHARACTERS)
    wrong = Answer(status=Status.REJECTED, id=id_, by=by, name=name)
    if not id_:
        return _because(wrong, "without an id of 1 to 64 printable characters")
    if not by:
        return _because(wrong, "without a sender (`by`)")
    if heard.retain:
        return _because(wrong, "retained: a command is for now, not for whoever connects next")
    ttl_s, args = given.get("ttl_s"), given.get("args", {})
    if isinstance(ttl_s, bool) or not isinstance(ttl_s, int) or not 0 < ttl_s <= LONGEST_TTL_S:
        return _because(wrong, f"ttl_s must be a whole number of seconds, 1 to {LONGEST_TTL_S}")
    named = "item" if name == "tick" else "alarm"
    alarm = args.get(named, "") if isinstance(args, dict) else None
    if not isinstance(alarm, str) or (alarm and not _word(alarm, 128)):
        return _because(wrong, f"args must be an object, its {named} an id")
    life_s = ttl_s if heard.expiry_s is None else min(ttl_s, heard.expiry_s)
    sent_ms, boot = given.get("sent_ms"), _word(given.get("boot"), 32)
    sent_ms = sent_ms if isinstance(sent_ms, int) and not isinstance(sent_ms, bool) else None
    return Order(id=id_, name=name, by=by, boot=boot, ttl_ms=life_s * 1_000, alarm=alarm, sent_ms=sent_ms)


def judge(order: Order, rules: Rules, *, age_ms: int, seen: bool) -> Answer | None:
    """None when the command may act; `age_ms` since it was received, or sent where that is known; `seen`: its id was
    there before."""
    if order.name not in NAMES:
        return order.answer(Status.REJECTED, "no such command")
    if order.by not in rules.senders:
        return order.answer(Status.FORBIDDEN, "this sender may send nothing here")
    if order.name not in rules.senders[order.by]:
        return order.answer(Status.FORBIDDEN, "this sender may not send this")
    if order.boot != rules.boot:
        return order.answer(Status.REJECTED, "meant for another run of the controller: see `boot` in its status")
    if seen:
        return order.answer(Status.DUPLICATE, "this id was seen before")
    if age_ms >= order.ttl_ms:
        return order.answer(Status.EXPIRED, "older than its ttl_s")
    if order.name in LATER:
        return order.answer(Status.REJECTED, "this release of the controller cannot do that yet")
    return None


def _because(answer: Answer, error: str) -> Answer:
    return replace(answer, error=error)


def _parse(raw: bytes) -> Mapping[str, object] | None:
    if len(raw) > COMMAND_BYTES:
        return None
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None


def _word(given: object, longest: int) -> str:
    """A short printable text, else nothing."""
    return given if isinstance(given, str) and len(given) <= longest and given.isprintable() else ""
