"""Who is told of an incident and how often: tiers by its age, again until somebody answers, reports while it lasts.

People and sentences come with the plan, so that every notice says who is meant. Must not know how a notice travels.
"""

from collections.abc import Collection, Mapping
from dataclasses import field

from config.valued import dataclass, replace
from firmware_py.core.event import Event, Severity
from firmware_py.core.image import InputImage
from firmware_py.core.incident import Fact, IncidentState, told
from firmware_py.core.mode import Cause

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Somebody who is told from a tier on. `way`: telephone, mail or both, as people read it."""

    tier: int
    name: str
    way: str = ""

    @property
    def line(self) -> str:
        """As it stands in a notice: `Duty manager, +86 21 5550 0101`."""
        return f"{self.name}, {self.way}" if self.way else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """The site's people and sentences. `texts` by kind of notice (`escalated`, `repeated`, `situation`; `drill` goes
    before each in one) with {incident} {cause} {minutes} {tier} {alarms} {todo} in them; `names` of causes as people
    call them; `actions`: what to do, by alarm."""

    contacts: tuple[Contact, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    actions: Mapping[str, str] = field(default_factory=dict)

    def people(self, tiers: Collection[int]) -> tuple[str, ...]:
        """Everybody of these tiers."""
        return tuple(contact.line for contact in self.contacts if contact.tier in tiers)

    def sentence(self, kind: str, incident: IncidentState) -> str:
        """The sentence of a notice; empty where the site has none."""
        said = self.texts.get(kind, "")
        filled = {
            "incident": incident.id, "cause": self.names.get(incident.cause, incident.cause),
            "minutes": str(incident.elapsed_ms // MINUTE_MS), "tier": str(incident.tier),
            "alarms": ", ".join(incident.alarms),
            "todo": next((self.actions[name] for name in incident.alarms if name in self.actions), ""),
        }  # fmt: skip
        for name, value in filled.items():
            said = said.replace(f"{{{name}}}", value)
        return said.rstrip()


def advance(
    cause: Cause, incident: IncidentState, escalation: Escalation, image: InputImage, dt_ms: int
) -> tuple[IncidentState, list[Event]]:
    """What is due of one open incident by its age, which `dt_ms` have just been added to."""
    events: list[Event] = []
    if incident.waits:
        incident = replace(incident, since_notice_ms=incident.since_notice_ms + dt_ms)
    while incident.tier < len(cause.escalate_ms) and incident.elapsed_ms >= cause.escalate_ms[incident.tier]:
        incident = replace(incident, tier=incident.tier + 1, since_notice_ms=0, repeats=0)
        events.append(_notice("escalated", cause, incident, escalation, image, (incident.tier,)))
    if cause.repeat_ms and incident.waits and incident.since_notice_ms >= cause.repeat_ms:
        incident = replace(incident, since_notice_ms=0, repeats=incident.repeats + 1)
        tiers = range(incident.acked_tier + 1, incident.tier + 1)
        events.append(_notice("repeated", cause, incident, escalation, image, tiers))
    # After a long darkness (restart) one report says it all: missed ones are not made up for.
    if cause.report_every_ms and incident.elapsed_ms // cause.report_every_ms > incident.reports:
        incident = replace(incident, reports=incident.elapsed_ms // cause.report_every_ms)
        events.append(_notice("situation", cause, incident, escalation, image, range(1, incident.tier + 1)))
    return incident, events


def due_ms(cause: Cause, incident: IncidentState) -> int | None:
    """Milliseconds until the incident's age alone makes a notice."""
    due = []
    if incident.tier < len(cause.escalate_ms):
        due.append(cause.escalate_ms[incident.tier] - incident.elapsed_ms)
    if cause.repeat_ms and incident.waits:
        due.append(cause.repeat_ms - incident.since_notice_ms)
    if cause.report_every_ms:
        due.append((incident.reports + 1) * cause.report_every_ms - incident.elapsed_ms)
    return min(due, default=None)


def _notice(
    kind: str, cause: Cause, incident: IncidentState, escalation: Escalation, image: InputImage, tiers: Collection[int]
) -> Event:
    severity = Severity.WARNING if kind == "situation" else Severity.CRITICAL
    seen: dict[str, Fact] = {name: image[name].value if image[name].good else None for name in cause.carry}
    facts: dict[str, Fact] = {
        "contacts": escalation.people(tiers), "text": escalation.sentence(kind, incident), "repeats": incident.repeats,
    }  # fmt: skip
    return told(f"incident.{kind}", severity, cause, incident, image.now_ms, facts | seen)
