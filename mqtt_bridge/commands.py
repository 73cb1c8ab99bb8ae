"""Commands that come over MQTT: what one says, and whether the site's rules let it act.

Pure; input is hostile until checked. A command acts only if every rule allows it; each gets an answer with the reason.
It must not know what a command does to the floor: that is the core's, and the core may still refuse.
"""

import json
from collections.abc import Mapping
from dataclasses import field, replace
from enum import StrEnum

from config.valued import dataclass
from firmware_py.core.command import CommandKind
from mqtt_bridge.messages import Heard

COMMAND_BYTES = 4 * 1024
ID_CHARACTERS = 64
LONGEST_TTL_S = 600
SILENCE_MS = 15 * 60_000
SEEN = 512  # ids that are remembered
ANNOUNCE = "announce"

# Fire confirmation, overrides and everything of the configuration are not here: they are local only.
_V1 = (
    "ack", "silence", "shelve", "unshelve", "conserve", "release", "pause-outbound", "resume-outbound", "tick",
    "lamp-test", "drill",
)  # fmt: skip
KINDS: Mapping[str, CommandKind] = {name: CommandKind(name) for name in _V1 if name in set(CommandKind)}
LATER = frozenset(_V1) - KINDS.keys()
NAMES = (*_V1, ANNOUNCE)
LONGEST_FOR_S = 86_400
LONGEST_TELE_S = 600
_WORDS: Mapping[str, int] = {"alarm": 128, "item": 128, "why": 200}  # arguments and their longest
_COUNTS: Mapping[str, int] = {"for_s": LONGEST_FOR_S, "tele_s": LONGEST_TELE_S}


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
    """One command as its sender wrote it, with the shorter of its two lifetimes. `sent_ms`: when it was sent by the
    sender's clock (milliseconds since 1970), if the sender says so. Arguments: `alarm` or `item` (what it is about),
    `for_s` and `why` (shelve), `tele_s` (announce: fast values for so long).
    """

    id: str
    name: str
    by: str
    boot: str = ""
    ttl_ms: int = 0
    sent_ms: int | None = None
    alarm: str = ""
    item: str = ""
    why: str = ""
    for_s: int = 0
    tele_s: int = 0

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
    ttl_s = given.get("ttl_s")
    if isinstance(ttl_s, bool) or not isinstance(ttl_s, int) or not 0 < ttl_s <= LONGEST_TTL_S:
        return _because(wrong, f"ttl_s must be a whole number of seconds, 1 to {LONGEST_TTL_S}")
    args = given.get("args", {})
    if not isinstance(args, dict):
        return _because(wrong, "args must be an object")
    words = {name: _word(args.get(name, ""), longest) for name, longest in _WORDS.items()}
    if unfit := [name for name in _WORDS if args.get(name, "") != words[name]]:
        return _because(wrong, f"args: {unfit[0]} must be a text of at most {_WORDS[unfit[0]]} printable characters")
    counts = {name: _count(args.get(name, 0), most) for name, most in _COUNTS.items()}
    if unfit := [name for name, count in counts.items() if count is None]:
        return _because(wrong, f"args: {unfit[0]} must be a whole number of seconds, at most {_COUNTS[unfit[0]]}")
    life_s = ttl_s if heard.expiry_s is None else min(ttl_s, heard.expiry_s)
    sent_ms, boot = given.get("sent_ms"), _word(given.get("boot"), 32)
    sent_ms = sent_ms if isinstance(sent_ms, int) and not isinstance(sent_ms, bool) else None
    return Order(
        id=id_, name=name, by=by, boot=boot, ttl_ms=life_s * 1_000, sent_ms=sent_ms,
        alarm=words["alarm"], item=words["item"], why=words["why"],
        for_s=counts["for_s"] or 0, tele_s=counts["tele_s"] or 0,
    )  # fmt: skip


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
        return order.answer(Status.REJECTED, "this release of the controller cannot do that")
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


def _count(given: object, most: int) -> int | None:
    """A whole number from 0 to `most`, else None."""
    return given if isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= most else None
