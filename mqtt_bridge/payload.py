"""What each message of the contract says, as dictionaries ready for JSON, and their encoding within size limits.

Pure: wall time comes in as text. It must not know brokers, sessions or when something is sent. The JSON Schemas in
`schemas/` describe the same messages for the far side.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from config.valued import dataclass
from firmware_py.core.alarm import Alarm, AlarmState
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage
from firmware_py.core.output import Drive, Pattern
from firmware_py.core.point import Point
from firmware_py.core.reading import Reading, Value
from mqtt_bridge.commands import Answer
from mqtt_bridge.ports import Snapshot

Json: TypeAlias = dict[str, object]
UtcText: TypeAlias = Callable[[int], str]  # monotonic ms -> RFC 3339 with milliseconds

STATE_BYTES = 64 * 1024
INFO_BYTES = 128 * 1024
EVENT_BYTES = 64 * 1024
SMALL_BYTES = 4 * 1024
TELE_BYTES = 16 * 1024
CURSOR_BYTES = 1024
TEXT_CHARACTERS = 200  # of any one text, as the configuration allows
LIST_ITEMS = 64  # of any list of reasons or flags

# An id that used one of these words would hide a key of the message itself; it gets a `_` behind it.
_HEAD = frozenset(
    {"v", "log", "seq", "boot", "ts", "up_ms", "clk", "mode", "flags", "because", "stage", "outputs", "cut"}
)
_LEAF = frozenset({"v", "q", "because", "t"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who speaks. `log` names the journal (a new card, a new log), `boot` this run of the controller."""

    site: str
    log: str
    boot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A wall time and what it is worth. `clk`: ntp, rtc or none."""

    ts: str
    clk: str


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The fixed part of `info`. `schema`: hash over the shipped JSON Schemas."""

    version: str
    schema: str
    points: Sequence[Point]
    capabilities: tuple[str, ...] = ("state", "alarm", "event", "cursor")


def birth(who: Identity, *, n: int, stamp: Stamp, acked: int) -> Json:
    """`status` on each connection; `n` counts the connections of this boot, `acked` is the controller's own cursor."""
    head: Json = {"v": 1, "state": "online", "boot": who.boot, "n": n}
    return head | {"since": stamp.ts, "clk": stamp.clk, "acked": acked}


def will(who: Identity, *, n: int) -> Json:
    """`status` as the broker publishes it when the controller is lost."""
    return {"v": 1, "state": "lost", "boot": who.boot, "n": n}


def farewell(who: Identity, *, n: int, why: str) -> Json:
    """`status` before a clean stop."""
    return {"v": 1, "state": "offline", "boot": who.boot, "n": n, "why": _cut(why)}


def info(who: Identity, about: About) -> bytes:
    """What this controller is, encoded. Points beyond the size limit are left out and counted in `cut`."""
    message: Json = {"v": 1, "site": who.site, "log": who.log, "boot": who.boot, "software": "floorguard"}
    message |= {"version": _cut(about.version), "schema": about.schema, "capabilities": list(about.capabilities)}
    room_bytes = INFO_BYTES - len(_dump(message)) - 64
    described = message["points"] = [_describe(point) for point in about.points]
    if len(whole := _dump(message)) <= room_bytes:  # as nearly every floor is, and then it is written once
        return whole
    kept = _fit([len(_dump(one)) + 1 for one in described], room_bytes)
    if kept == len(described):
        return whole
    return _dump(message | {"points": described[:kept], "cut": len(described) - kept})


def state(who: Identity, *, stamp: Stamp, seq: int, seen: Snapshot, points: Iterable[Point], utc: UtcText) -> Json:
    """The whole floor; `seq`: the highest journalled number when it was made.

    What does not fit in 64 KiB is left out from the end of `points` and counted in `cut`.
    """
    image, decision = seen.image, seen.decision
    message = state_head(who, stamp=stamp, seq=seq, decision=decision)
    room_bytes = room_for_leaves(len(_dump(message)))
    message["outputs"] = {}
    leaves = [(output_path(id_), _drive(drive)) for id_, drive in decision.outputs.items()]
    leaves += [(_path(point.id, _HEAD), _reading(image[point.id], utc)) for point in points]
    sizes = [len(_dump(leaf)) + sum(len(part) + 6 for part in path) for path, leaf in leaves]
    kept = _fit(sizes, room_bytes)
    for path, leaf in leaves[:kept]:
        _plant(message, path, leaf)
    return message if kept == len(leaves) else message | {"cut": len(leaves) - kept}


def state_head(who: Identity, *, stamp: Stamp, seq: int, decision: Decision) -> Json:
    """`state` without its outputs and points."""
    message: Json = {"v": 1, "log": who.log, "seq": seq, "boot": who.boot, "ts": stamp.ts, "clk": stamp.clk}
    message |= {"mode": decision.mode.word, "flags": _reasons(sorted(decision.flags))}
    return message | {"because": _reasons(decision.because), "stage": decision.stage}


def room_for_leaves(head_bytes: int) -> int:
    """Bytes that are left for outputs and points."""
    return STATE_BYTES - head_bytes - len(',"outputs":{}') - 64


def output_path(id_: str) -> tuple[str, ...]:
    """The keys under which `state` has an output."""
    return ("outputs", *_path(id_, frozenset()))


def output_leaf(drive: Drive) -> str:
    """What `state` says of an output, without braces."""
    return _dump(_drive(drive)).decode()[1:-1]


def reading_leaf(reading: Reading, utc: UtcText) -> str:
    """What `state` says of a point, without braces: `_reading` as text, most of which no encoder need look at."""
    value, because = reading.value, reading.because
    if isinstance(value, str):
        return _dump(_reading(reading, utc)).decode()[1:-1]
    if isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = "null" if value is None or (isinstance(value, float) and not math.isfinite(value)) else repr(value)
    text = f'"v":{text},"q":"{reading.quality.value}"'
    if because is None:
        return text
    text += f',"because":"{because.value}"'
    return text if value is None else f'{text},"t":"{utc(reading.at_ms)}"'


def tele(who: Identity, *, stamp: Stamp, image: InputImage, points: Iterable[Point]) -> Json:
    """The values alone, null where one is not good; what does not fit is left out."""
    message: Json = {"v": 1, "boot": who.boot, "ts": stamp.ts, "clk": stamp.clk, "up_ms": image.now_ms}
    room_bytes = TELE_BYTES - len(_dump(message))
    for point in points:
        path, reading = _path(point.id, _HEAD), image[point.id]
        value = _value(reading.value) if reading.good else None
        room_bytes -= sum(len(part) + 6 for part in path) + len(_dump(value))
        if room_bytes < 0:
            break
        node = message
        for part in path[:-1]:
            below = node.setdefault(part, {})
            assert isinstance(below, dict), path
            node = below
        node[path[-1]] = value
    return message


def key_path(id_: str) -> tuple[str, ...]:
    """The keys under which `state` has a point."""
    return _path(id_, _HEAD)


def stands(alarm: AlarmState) -> bool:
    """True while an alarm has a retained message: active, or returned and still waiting for a person."""
    return alarm.active or not alarm.acked or alarm.latched


def alarm(declared: Alarm, now: AlarmState, *, now_ms: int, text: str, utc: UtcText, drill: bool = False) -> Json:
    """One alarm that stands. `since`: the latest activation or return. `drill`: this instance was practised."""
    message: Json = {"v": 1, "id": declared.id, "pri": declared.priority.value, "state": now.display.value}
    message["drill"] = drill
    return message | {"since": utc(now_ms - now.elapsed_ms), "incident": now.incident, "text": _cut(text)}


def event(site: str, record: Mapping[str, object], *, ack: int, replay: bool, fixed: str = "") -> Json:
    """One journal record on its way; `fixed`: its `ts` as it is known now, where it was stamped by a clock that was
    wrong. Data beyond 64 KiB is left out and said so with `cut`.
    """
    keys = ("log", "seq", "ts", "clk", "up_ms", "boot", "type", "sev", "incident", "drill")
    message: Json = {"v": 1, "id": f"{site}/{record['log']}/{record['seq']}", "ack": ack, "replay": replay}
    message |= {key: record[key] for key in keys} | {"data": _finite(record["data"])}
    if fixed:
        message |= {"ts": fixed, "ts_fixed": True}
    return message if len(_dump(message)) <= EVENT_BYTES else message | {"data": {}, "cut": True}


def reply(answer: Answer, *, seq: int) -> Json:
    """The answer to a command; `seq`: the highest journalled number when it was given."""
    message: Json = {"v": 1, "id": answer.id or None, "status": answer.status.value}
    return message | {"error": _cut(answer.error) or None, "seq": seq}


def read_cursor(raw: bytes) -> tuple[str, int] | None:
    """The central server's (log, seq), or None for what is no cursor. Hostile input: bounded, never raises."""
    if len(raw) > CURSOR_BYTES:
        return None
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    match given:
        case {"log": str(log), "seq": int(seq)} if not isinstance(seq, bool) and seq >= 0:
            return log, seq
        case _:
            return None


def encode(message: Json) -> bytes:
    """Compact JSON in UTF-8. A text that is not Unicode loses the characters in question, not the message."""
    return _dump(message)


_text_of = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def _dump(message: object) -> bytes:
    return _text_of(message).encode("utf-8", "replace")


def _cut(text: str) -> str:
    return text[:TEXT_CHARACTERS]


def _reasons(because: Iterable[str]) -> list[str]:
    return [_cut(reason) for reason in because][:LIST_ITEMS]


def _value(value: Value | None) -> Value | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no word for it; the quality says the rest
    return _cut(value) if isinstance(value, str) else value


def _finite(data: object) -> Json:
    if not isinstance(data, Mapping):
        return {}
    # An event carries readings under their points' ids, and the contract allows no dot in a key.
    flat = {str(key).replace(".", "_"): value for key, value in data.items()}
    return {key: _value(value) if isinstance(value, float) else value for key, value in flat.items()}


def _reading(reading: Reading, utc: UtcText) -> Json:
    leaf: Json = {"v": _value(reading.value), "q": reading.quality.value}
    if reading.because is not None:
        leaf["because"] = reading.because.value
        if reading.value is not None:
            leaf["t"] = utc(reading.at_ms)  # when the value was last good
    return leaf


def _drive(drive: Drive) -> Json:
    value = drive.value.value if isinstance(drive.value, Pattern) else drive.value
    return {"v": value, "because": _reasons(drive.because)}


def _describe(point: Point) -> Json:
    row: Json = {"id": point.id, "kind": point.kind.value, "unit": point.unit, "stale_after_ms": point.stale_after_ms}
    row |= {"urgent": point.urgent, "low": point.low, "high": point.high}
    return row | {"words": list(point.words)} if point.words else row


def _path(id_: str, head: frozenset[str]) -> tuple[str, ...]:
    parts = id_.split(".")
    return tuple(_spell(part, _LEAF | head if depth == 0 else _LEAF) for depth, part in enumerate(parts))


def _spell(part: str, taken: frozenset[str]) -> str:
    # One `_` more also where there are some already, so that two different ids stay different.
    return f"{part}_" if part.rstrip("_") in taken else part


def _plant(tree: Json, path: tuple[str, ...], leaf: Json) -> None:
    node = tree
    for part in path:
        below = node.setdefault(part, {})
        assert isinstance(below, dict), path
        node = below
    node.update(leaf)


def _fit(sizes_bytes: Sequence[int], room_bytes: int) -> int:
    """How many of the first ones fit."""
    for count, size in enumerate(sizes_bytes):
        room_bytes -= size
        if room_bytes < 0:
            return count
    return len(sizes_bytes)
