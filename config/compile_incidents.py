"""The management log's side of the plan: which causes are told to whom and when, checklists, what a picture shows.

Part of `compile`: lays the site's people and sentences over the causes that the monitors declared. It must not open a
connection.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from config.model_site import Site
from config.texts import load_texts
from firmware_py.core.alarm import Alarm
from firmware_py.core.checklist import Checklist, Opens
from firmware_py.core.course import POINTS
from firmware_py.core.escalation import Contact, Escalation
from firmware_py.core.mode import Cause, Mode
from monitors import conservation, fire, planned, power, trunks
from monitors.comms import CAUSE as COMMS
from monitors.parts import Part, RowAlarm

MAJOR = "major"
# Contacts that are an emergency by themselves: the cause that their alarm opens, and its class.
_BY_CONTACT: Mapping[str, tuple[str, str]] = {
    "alarm.contact_panic": ("people", MAJOR),
    "alarm.contact_smoke": ("smoke", MAJOR),
    "alarm.contact_leak": ("water", "technical"),
}
# Held by hand, or told by the causes that it makes blind: nobody is called for these.
_UNTOLD = frozenset({conservation.MANUAL, COMMS})
_LISTS = (
    Checklist(
        id="power.recovery", opens=Opens.CAUSE_ENDS, of=power.CAUSE, items=("forms", "systems", "battery")
    ),
    Checklist(id="trunk.recovery", opens=Opens.CAUSE_ENDS, of=trunks.CAUSE, items=("forms", "lines")),
    Checklist(
        id="fire.evacuation", opens=Opens.CAUSE_BEGINS, of=fire.CAUSE,
        items=("head_count", "fire_service", "losses", "aftercare"),
    ),
    Checklist(
        id="planned.readiness", opens=Opens.CONDITION_BEGINS, of=planned.AHEAD,
        items=("staff_told", "battery_full", "battery_test", "generator", "paper_forms"),
    ),
)  # fmt: skip


def declare(site: Site, part: Part) -> Part:
    """The part with its causes told to people, emergencies by contact as causes of their own, and the checklists."""
    part = _with_contacts(part)
    causes = tuple(_told(site, part, cause) for cause in part.causes)
    known = {cause.id for cause in causes} | {condition.id for condition in part.conditions}
    # Where an exchange's switch moves the calls there is nothing to be done by hand; a relay may wait for calls to end.
    steps = site.failover.steps if site.moves_lines or not site.failover.enabled else ()
    by_hand = Checklist(id="trunk.failover", opens=Opens.CAUSE_BEGINS, of=trunks.CAUSE, items=steps)
    lists = (*_LISTS, *((by_hand,) if steps else ()))
    return replace(part, causes=causes, checklists=(*part.checklists, *(one for one in lists if one.of in known)))


def escalation(site: Site, alarms: Iterable[RowAlarm]) -> Escalation:
    """The people and the sentences in the language of the site, with what to do about each alarm."""
    texts = load_texts(site.site.language)
    said = dict(texts.notice)
    if site.escalation.text:
        said |= dict.fromkeys(("escalated", "repeated"), site.escalation.text)
    return Escalation(
        contacts=tuple(
            Contact(
                tier=person.tier,
                name=f"{person.name} ({person.role})" if person.role else person.name,
                way=" ".join(way for way in (person.phone, person.mail) if way),
            )
            for person in site.person
        ),
        texts={kind: sentence.replace("{site}", site.site.name) for kind, sentence in said.items()},
        names=texts.cause,
        actions={listed.alarm.id: texts.advice(listed.alarm.text)[1] for listed in alarms},
    )


def course(site: Site, points: Collection[str]) -> tuple[str, ...]:
    """What the picture of an incident shows: charge and runtime of each UPS, trunks, room temperatures."""
    wanted = [f"{ups.id}.{part}" for ups in site.ups for part in ("forecast.charge_pct", "forecast.runtime_s")]
    wanted += [f"trunks.{trunk.name}.state" for exchange in site.exchange for trunk in exchange.trunks]
    rooms = sorted({unit.room for _, unit in site.units if unit.room})
    wanted += [f"{room}.temp_c" for room in rooms]
    return tuple(point for point in wanted if point in points)[:POINTS]


def _told(site: Site, part: Part, cause: Cause) -> Cause:
    if cause.id in _UNTOLD:
        return cause
    asked, major = site.escalation, site.escalation.major
    is_major = cause.incident_class == MAJOR
    tier2_ms = major.tier2_after_ms if is_major and major.tier2_after_ms is not None else asked.tier2_after_ms
    tier3_ms = major.tier3_after_ms if is_major and major.tier3_after_ms is not None else asked.tier3_after_ms
    repeat_ms = major.repeat_ms if is_major and major.repeat_ms is not None else asked.repeat_ms
    return replace(
        cause,
        escalate_ms=(0, tier2_ms, tier3_ms),
        repeat_ms=repeat_ms,
        report_every_ms=asked.situation_report_ms,
        carry=tuple(_carried(site, part, cause)),
        guidance=(site.site.exit or "") if cause.id == fire.CAUSE else "",
    )


def _carried(site: Site, part: Part, cause: Cause) -> Iterator[str]:
    """What a situation report says in numbers: the batteries of a power cut."""
    if cause.id == power.CAUSE:
        for battery in part.batteries:
            yield f"{battery.id}.forecast.charge_pct"
            yield f"{battery.id}.forecast.runtime_s"


def _with_contacts(part: Part) -> Part:
    listed, causes = [], dict[str, Cause]()
    for one in part.alarms:
        cause, kind = _BY_CONTACT.get(one.alarm.text, ("", ""))
        if cause and one.alarm.cause is None:
            one = replace(one, alarm=_joined(one.alarm, cause))
            conditions = (*(causes[cause].conditions if cause in causes else ()), one.alarm.condition)
            causes[cause] = Cause(id=cause, mode=Mode.NORMAL, conditions=conditions, incident_class=kind)
        listed.append(one)
    return replace(part, alarms=tuple(listed), causes=(*part.causes, *causes.values()))


def _joined(alarm: Alarm, cause: str) -> Alarm:
    return replace(alarm, cause=cause)
