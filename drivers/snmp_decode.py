"""From what an agent answered to Samples: units, marks for "not known", ranges, word tables, wrong scales.

Pure and total: whatever an agent sends becomes a Sample, never an exception, and absent is never zero. It must not
know how the answer came, nor when.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import TypeAlias, assert_never

from config.valued import dataclass
from drivers.snmp_profile import Combine, Source, Unless
from drivers.snmp_signals import FLAG_WORDS, Signal
from firmware_py.core.point import Kind
from firmware_py.core.reading import Quality, Reason, Sample, Value, bad, good

UNKNOWN = "unknown"
# All ones, or the largest of a type: no agent means these as measurements (facts: Huawei, NetVision, Socomec, APC).
EVERYWHERE = frozenset({65535, 2**31 - 1, 2**32 - 1, -(2**31), 2**64 - 1})
_SHOWN_BYTES = 32
_PLAIN = 2**63  # numbers below it are of no more than 64 bits
_DIGITS = 11


class Gap(Enum):
    """An answer that holds no value."""

    NO_SUCH = "no such object"
    NULL = "NULL"
    REFUSED = "the agent could not read it"
    MISSING = "missing from the answer"


# Integer32, Gauge32, Counter, TimeTicks; OCTET STRING; OBJECT IDENTIFIER in dotted form.
Raw: TypeAlias = int | bytes | str | Gap
# The alarms of a table that was walked (object ids); None when the walk failed.
Rows: TypeAlias = Mapping[str, frozenset[str] | None]


@dataclass(slots=True, kw_only=True)
class Decoded:
    """A sample, and the factor by which this source's scale was found wrong (1.0 when it was found right)."""

    sample: Sample
    factor: float | None = None


def decode(
    source: Source, signal: Signal, raws: Mapping[str, Raw], rows: Rows | None = None, factor: float | None = None
) -> Decoded:
    """One source's answer as a Sample of `signal`. `factor`: what an earlier call found for this source, else None."""
    if source.alarms is not None:
        return Decoded(sample=_flagged(signal, _alarm_word(source, raws, rows or {})))
    if source.words is not None:
        return Decoded(sample=_flagged(signal, _word(source, signal, source.words, raws)))
    return _measured(source, signal, raws, factor)


def _flagged(signal: Signal, sample: Sample) -> Sample:
    """A flag's word as its truth value."""
    if signal.kind is not Kind.FLAG or not isinstance(sample.value, str):
        return sample
    return replace(sample, value=FLAG_WORDS[sample.value])


def _number(source: Source, oid: str, raws: Mapping[str, Raw]) -> int | Sample:
    """The raw integer of one object, or the Sample that says why there is none."""
    raw = raws.get(oid, Gap.NO_SUCH)
    about = f"{source.name} {oid}"
    match raw:
        case Gap.NO_SUCH | Gap.NULL:
            return bad(Reason.NOT_SUPPORTED, f"{about}: {raw.value}")
        case Gap.REFUSED | Gap.MISSING:
            return bad(Reason.BAD_REPLY, f"{about}: {raw.value}")
        case bool():
            return bad(Reason.BAD_REPLY, f"{about}: not a number")
        case int():
            if source.place is not None and oid in source.oids:
                return bad(Reason.BAD_REPLY, f"{about}: a number instead of a text of digits")
            if abs(raw) >= 2**64:
                return bad(Reason.OUT_OF_RANGE, f"{about}: a number of more than 64 bits")
            number = raw
        case bytes():
            # Some cards send their numbers as text.
            text = raw.strip() if len(raw) <= _SHOWN_BYTES else b""
            if source.place is not None and oid in source.oids:
                text = raw[source.place - 1 : source.place] if raw.strip(b"01") == b"" else b""
            digits = text.removeprefix(b"-")
            if not (digits.isdigit() and len(digits) < _DIGITS):
                return bad(Reason.BAD_REPLY, f"{about}: not a number but text {_shown(raw)}")
            number = int(text)
        case str():
            return bad(Reason.BAD_REPLY, f"{about}: not a number but an object id")
        case _:
            assert_never(raw)
    if number in EVERYWHERE or number in source.marks:
        return bad(Reason.SENTINEL, f"{about}: {number} means not known")
    return number


def _word(source: Source, signal: Signal, words: Mapping[int, str], raws: Mapping[str, Raw]) -> Sample:
    number = _number(source, source.oids[0], raws)
    if isinstance(number, Sample):
        return number
    word = words.get(number)
    value = UNKNOWN if UNKNOWN in signal.words else None
    if word is None:
        detail = f"{source.name} {source.oids[0]}: {number} is not in the table"
        return Sample(value=value, quality=Quality.BAD, because=Reason.UNKNOWN_WORD, detail=detail)
    for unless in source.unless:
        if word in unless.of and _corrects(unless, raws):
            return Sample(value=unless.word, detail=f"{source.name} {number}, {unless.oid} {raws[unless.oid]!r}")
    if word == UNKNOWN:
        detail = f"{source.name} {source.oids[0]}: {number} says unknown"
        return Sample(value=value, quality=Quality.BAD, because=Reason.UNKNOWN_WORD, detail=detail)
    return Sample(value=word, detail=f"{source.name} {number}")


def _corrects(unless: Unless, raws: Mapping[str, Raw]) -> bool:
    raw = raws.get(unless.oid)
    if not isinstance(raw, int) or raw in EVERYWHERE:
        return False
    if any(isinstance(level := raws.get(oid), int) and level < limit for oid, limit in unless.sunk.items()):
        return False
    return raw in unless.values or (unless.at_least is not None and raw >= unless.at_least)


def _alarm_word(source: Source, raws: Mapping[str, Raw], rows: Rows) -> Sample:
    alarms = source.alarms
    assert alarms is not None
    count = _number(source, alarms.count, raws)
    if isinstance(count, Sample):
        return count
    if count == 0:
        return Sample(value=alarms.otherwise, detail=f"{source.name}: no alarm")
    present = rows.get(alarms.table)
    if present is None:
        return bad(Reason.BAD_REPLY, f"{source.name}: {count} alarms, but their table was not answered")
    for oid, word in alarms.words.items():
        if oid in present:
            return Sample(value=word, detail=f"{source.name}: alarm {oid}")
    if not present:
        return bad(Reason.BAD_REPLY, f"{source.name}: {count} alarms, but their table is empty")
    return Sample(value=alarms.otherwise, detail=f"{source.name}: {len(present)} other alarms")


def _measured(source: Source, signal: Signal, raws: Mapping[str, Raw], factor: float | None) -> Decoded:
    if len(source.oids) == 1:  # most are one number, and known
        raw = raws.get(source.oids[0])
        is_known = type(raw) is int and raw not in EVERYWHERE and raw not in source.marks
        if is_known and isinstance(raw, int) and source.place is None and -_PLAIN < raw < _PLAIN:
            return _judged(source, signal, raw, factor)
    parts = [_number(source, oid, raws) for oid in source.oids]
    numbers = [part for part in parts if isinstance(part, int)]
    doubts = [part for part in parts if isinstance(part, Sample)]
    broken = [part for part in doubts if part.because is not Reason.NOT_SUPPORTED]
    match source.combine:
        case Combine.FIRST:
            # A phase that is answered but not known must not be replaced by another phase.
            first = next((p for p in parts if not isinstance(p, Sample) or p in broken), doubts[0] if doubts else None)
            assert first is not None, "a source has at least one object"
            if isinstance(first, Sample):
                return Decoded(sample=first)
            number = first
        case Combine.MAX:
            if not numbers:
                return Decoded(sample=(broken or doubts)[0])
            number = max(numbers)
        case Combine.SUM:
            if broken or not numbers:
                return Decoded(sample=(broken or doubts)[0])
            number = sum(numbers)
        case _:
            assert_never(source.combine)
    return _judged(source, signal, number, factor)


def _judged(source: Source, signal: Signal, number: int, factor: float | None) -> Decoded:
    """Scale, repair where exactly one factor explains the value, then the plausible range."""
    about = f"{source.name} {number}" if source.scale == 1 else f"{source.name} {number} x {source.scale:g}"
    value = number * source.scale
    if factor is None and signal.window is not None:
        low, high = signal.window
        fitting = [f for f in source.repairs if low <= value * f <= high]
        if low <= value <= high:
            factor = 1.0
        elif len(fitting) == 1:
            factor = fitting[0]
    if factor is not None and factor != 1.0:
        value *= factor
        about = f"{about}, scale repaired by {factor:g}"
    shown = round(value) if signal.kind is Kind.INTEGER else round(value, 3)
    if (signal.low is not None and shown < signal.low) or (signal.high is not None and shown > signal.high):
        return Decoded(sample=bad(Reason.OUT_OF_RANGE, f"{about}: {shown:g} {signal.unit} cannot be"), factor=factor)
    return Decoded(sample=good(shown, about), factor=factor)


def _shown(raw: bytes) -> str:
    return ascii(raw[:_SHOWN_BYTES].decode("latin-1"))


# ------------------------------------------------------------------------------- what only several signals can tell

EMPTY_PCT = 5.0
_MEASURED = (float, int)
LEAST_RATING_W = 100.0  # the smallest UPS on the market carries more


def cross_check(samples: Mapping[str, Sample], known: Mapping[str, Sample], *, runtime_seen: bool) -> dict[str, Sample]:
    """Doubt what contradicts other signals. `known`: the newest samples of the signals that `samples` does not hold.

    `runtime_seen`: this agent has given a runtime above zero before, so that its zero on battery is to be believed.
    """
    picture = {**known, **samples}
    checked = dict(samples)
    runtime, power = samples.get("battery.runtime_s"), samples.get("output.power_w")
    if runtime is not None and _number_of(runtime) == 0 and not _may_be_empty(picture, runtime_seen=runtime_seen):
        checked["battery.runtime_s"] = bad(Reason.SENTINEL, f"{runtime.detail}: zero with charge left means not known")
    source = samples.get("output_source")
    if source is not None and _good(source) == "battery" and _good(samples.get("test_running")) is True:
        checked["output_source"] = replace(source, value="test", detail=f"{source.detail}, and a test is running")
    load, watts = _number_of(picture.get("output.load_pct")), _number_of(power)
    if power is not None and load is not None and watts is not None and watts < LEAST_RATING_W * load / 100:
        text = f"{power.detail}: {watts:g} W cannot be at {load:g} % load"
        checked["output.power_w"] = bad(Reason.OUT_OF_RANGE, text)
    return checked


def contradicts_nothing(known: Mapping[str, Sample]) -> bool:
    """True only where `cross_check` of any part of these would change none, and the card has not lost its UPS."""
    runtime, source, link = known.get("battery.runtime_s"), known.get("output_source"), known.get("card_link")
    test = known.get("test_running")
    if runtime is not None and runtime.value == 0:
        return False
    if source is not None and source.value == "battery" and test is not None and test.value is not False:
        return False  # an outage is believed at once only where it is known to be no test
    if link is not None and link.value == "lost":
        return False
    return agree(known.get("output.load_pct"), known.get("output.power_w"))


def agree(load: Sample | None, power: Sample | None) -> bool:
    """Whether a UPS at this load can give this power, as far as both are known."""
    if load is None or power is None or load.quality is not Quality.GOOD or power.quality is not Quality.GOOD:
        return True
    load_pct, watts = load.value, power.value
    if type(load_pct) not in _MEASURED or type(watts) not in _MEASURED:
        return True
    return not watts < LEAST_RATING_W * load_pct / 100  # type: ignore[operator]  # both are numbers


def _may_be_empty(picture: Mapping[str, Sample], *, runtime_seen: bool) -> bool:
    charge = _number_of(picture.get("battery.charge_pct"))
    if charge is not None and charge <= EMPTY_PCT:
        return True
    if _good(picture.get("battery.status")) in ("low", "depleted"):
        return True
    return runtime_seen and _good(picture.get("output_source")) in ("battery", "test")


def without_device(samples: Mapping[str, Sample]) -> dict[str, Sample]:
    """All samples BAD but those that the card itself knows: it has lost the UPS, and its values are frozen."""
    own = ("card_link", "alarms_present")
    lost = bad(Reason.SOURCE_LOST, "the card answers, but says that it has lost the UPS")
    return {name: sample if name in own else lost for name, sample in samples.items()}


def _good(sample: Sample | None) -> Value | None:
    return sample.value if sample is not None and sample.quality is Quality.GOOD else None


def _number_of(sample: Sample | None) -> float | None:
    value = _good(sample)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
