"""What an exchange's words mean: from device state, contacts, registration and counts to samples of one trunk.

Pure and without policy: it reports what is observed now. Debounce, blame and consequences belong to conditions in the
core. It must not know connections or time; whether the exchange has settled after its boot is an argument.
"""

import re
from collections.abc import Mapping

from config.valued import dataclass
from drivers.pbx_outcomes import ATTEMPTS_LIMIT, Verdict
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reason, Sample, bad

STATE_WORDS = ("up", "degraded", "full", "down", "unknown", "maintenance")
NAME = re.compile(r"[A-Za-z0-9_.:+-]{1,80}")  # endpoints, AORs and device states that may stand in a Getvar
GROUP = re.compile(r"[A-Za-z0-9_.-]{1,80}(@[A-Za-z0-9_.-]{1,80})?")
CONTACT = re.compile(r"[A-Za-z0-9_.+-]{1,80}[;@]@[0-9a-f]{32}")  # static `aor@@md5`, dynamic `aor;@md5`
CONTACT_LIMIT = 8  # contacts of one AOR that are looked at
# Contact states of res_pjsip (Asterisk 16 to 22); `Unknown` is an older spelling of `NonQualified`.
REACHABLE = frozenset({"Reachable"})
UNREACHABLE = frozenset({"Unreachable", "Removed"})
NOT_QUALIFIED = frozenset({"NonQualified", "Unknown", "Created", "Unqualified"})
# Registration states of res_pjsip_outbound_registration.
REGISTERED = frozenset({"Registered"})
NOT_REGISTERED = frozenset({"Unregistered", "Rejected", "Stopped", "Stopping", "Unregistering"})
# Device states of every channel technology; only INUSE closes a gate, because only that is what the dialplan tests.
DEVICE_STATES = frozenset(
    {"UNKNOWN", "NOT_INUSE", "INUSE", "BUSY", "INVALID", "UNAVAILABLE", "RINGING", "RINGINUSE", "ONHOLD"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """One trunk group. `capacity` in calls, 0 when not known. `groups` as in GROUP_COUNT (`out-main@trunks`), summed.

    `aor` defaults to the endpoint's name. `registration` is the outbound registration object, '' when there is none.
    """

    name: str
    endpoint: str
    aor: str = ""
    groups: tuple[str, ...] = ()
    capacity: int = 0
    registration: str = ""

    def __post_init__(self) -> None:
        assert NAME.fullmatch(self.endpoint) and (not self.aor or NAME.fullmatch(self.aor)), self
        assert all(GROUP.fullmatch(group) for group in self.groups) and self.capacity >= 0, self


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Status and round trip (microseconds in text, `N/A` when down) as PJSIP_CONTACT gives them."""

    status: str
    rtt_us: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one reading of one trunk found, in the exchange's words. `registration` is None when it was not listed;
    `outcomes` what became of the calls that went out over it."""

    device: str
    contacts: tuple[Contact, ...]
    calls: int | None
    registration: str | None
    outcomes: Verdict


def declare(trunk: Trunk, stale_after_ms: int) -> tuple[Point, ...]:
    """The points of one trunk."""
    prefix = f"trunks.{trunk.name}"
    points = [
        Point(id=f"{prefix}.state", kind=Kind.WORD, words=STATE_WORDS, urgent=True, stale_after_ms=stale_after_ms),
        Point(id=f"{prefix}.rtt_ms", kind=Kind.NUMBER, unit="ms", low=0, high=60_000, stale_after_ms=stale_after_ms),
        Point(id=f"{prefix}.failed_pct", kind=Kind.NUMBER, unit="%", low=0, high=100, stale_after_ms=stale_after_ms),
        Point(id=f"{prefix}.attempts", kind=Kind.INTEGER, low=0, high=ATTEMPTS_LIMIT, stale_after_ms=stale_after_ms),
    ]
    if trunk.groups:
        points.append(Point(id=f"{prefix}.calls", kind=Kind.INTEGER, low=0, high=10_000, stale_after_ms=stale_after_ms))
    if trunk.registration:
        points.append(Point(id=f"{prefix}.registered", kind=Kind.FLAG, stale_after_ms=stale_after_ms))
    return tuple(points)


def judge(trunk: Trunk, seen: Seen, *, settled: bool) -> Mapping[str, Sample]:
    """Samples for every point that `declare` named. Until `settled` only "reachable" is believed."""
    prefix = f"trunks.{trunk.name}"
    registered = _registered(trunk, seen, settled=settled)
    samples = {
        f"{prefix}.state": _state(trunk, seen, registered, settled=settled),
        f"{prefix}.rtt_ms": _rtt(seen),
        f"{prefix}.failed_pct": _failed(seen.outcomes),
        f"{prefix}.attempts": Sample(value=seen.outcomes.attempts),
    }
    if trunk.groups:
        counted = seen.calls is not None
        samples[f"{prefix}.calls"] = Sample(value=seen.calls) if counted else bad(Reason.BAD_REPLY, "no number")
    if registered is not None:
        samples[f"{prefix}.registered"] = registered
    return samples


def level(device_state: str) -> bool | None:
    """Whether a custom device state is set. Never set (`UNKNOWN`) is off; a word that is no device state is None."""
    return device_state == "INUSE" if device_state in DEVICE_STATES else None


def _evidence(seen: Seen) -> str:
    contacts = ",".join(contact.status for contact in seen.contacts) or "no contact"
    registration = f", registration {seen.registration}" if seen.registration is not None else ""
    return f"device {seen.device}, {contacts}{registration}"


def _doubtful(value: str, detail: str) -> Sample:
    return Sample(value=value, quality=Quality.UNCERTAIN, because=Reason.DOUBTFUL, detail=detail)


def _state(trunk: Trunk, seen: Seen, registered: Sample | None, *, settled: bool) -> Sample:
    evidence = _evidence(seen)
    if seen.device == "INVALID":
        return bad(Reason.NOT_SUPPORTED, f"no endpoint {trunk.endpoint}")
    statuses = {contact.status for contact in seen.contacts}
    if seen.device not in DEVICE_STATES or not statuses <= REACHABLE | UNREACHABLE | NOT_QUALIFIED:
        return bad(Reason.UNKNOWN_WORD, evidence)
    if not statuses and seen.device != "UNAVAILABLE":
        return bad(Reason.NOT_SUPPORTED, f"no AOR {trunk.aor or trunk.endpoint} ({evidence})")
    if not statuses & REACHABLE:
        if not settled:
            return _doubtful("unknown", f"{evidence}; the exchange has just started")
        if statuses & NOT_QUALIFIED:
            return _doubtful("unknown", f"{evidence}; is qualify_frequency 0?")
        return Sample(value="down", detail=evidence)
    return _reachable_state(trunk, seen, registered, partly=bool(statuses - REACHABLE), evidence=evidence)


def _reachable_state(trunk: Trunk, seen: Seen, registered: Sample | None, *, partly: bool, evidence: str) -> Sample:
    if registered is not None and registered.quality is Quality.BAD:
        return bad(Reason.UNKNOWN_WORD, evidence)  # a status that nobody listed is never taken for "up"
    lost = registered is not None and registered.quality is Quality.GOOD and registered.value is False
    if lost or partly:
        return Sample(value="degraded", detail=evidence)
    if seen.outcomes.refusing:  # answers OPTIONS and refuses calls: only the calls themselves show it
        said = f"{seen.outcomes.failed} of the last {seen.outcomes.attempts} calls failed"
        return Sample(value="degraded", detail=f"{evidence}, {said}")
    if trunk.capacity and seen.calls is not None and seen.calls >= trunk.capacity:
        return Sample(value="full", detail=f"{seen.calls} of {trunk.capacity} calls")
    if seen.device == "BUSY":  # the endpoint's own device_state_busy_at
        return Sample(value="full", detail=evidence)
    return Sample(value="up", detail=evidence)


def _registered(trunk: Trunk, seen: Seen, *, settled: bool) -> Sample | None:
    if not trunk.registration:
        return None
    if seen.registration is None:
        return bad(Reason.NOT_SUPPORTED, f"no outbound registration {trunk.registration}")
    if seen.registration in REGISTERED:
        return Sample(value=True)
    if seen.registration not in NOT_REGISTERED:
        return bad(Reason.UNKNOWN_WORD, seen.registration)
    if settled:
        return Sample(value=False, detail=seen.registration)
    # The first REGISTER is delayed at random, by up to 10 s in a stock configuration.
    return Sample(
        value=False, quality=Quality.UNCERTAIN, because=Reason.DOUBTFUL, detail="the exchange has just started"
    )


def _failed(outcomes: Verdict) -> Sample:
    """Share of attempts that the way out failed, in percent."""
    said = f"{outcomes.failed} of {outcomes.attempts} calls"
    if outcomes.share is None:
        return bad(Reason.NOT_YET, f"too few calls to tell: {said}")
    return Sample(value=round(100 * outcomes.share, 1), detail=said)


def _rtt(seen: Seen) -> Sample:
    """The slowest reachable contact's round trip in milliseconds (PJSIP_CONTACT gives microseconds)."""
    texts = [contact.rtt_us for contact in seen.contacts if contact.status in REACHABLE]
    if not texts:
        return bad(Reason.SOURCE_LOST, "no contact is reachable")
    if not all(text.isascii() and text.isdigit() and len(text) < 12 for text in texts):
        return bad(Reason.BAD_REPLY, f"round trip {texts[0][:20]!r}")
    return Sample(value=max(int(text) for text in texts) / 1000)
