"""The people of a site: who is told in which tier, how often, by which program, and who is called in when calls surge.

Plain frozen values; this knows no device and no decision.
"""

from enum import StrEnum
from typing import Annotated

from config import units
from config.model_common import AbsolutePath, DelayMs, Section, within
from config.shape import Field
from config.strict import DurationMs, Text, fits

Words = Annotated[str, fits(r"[^\x00-\x08\x0b-\x1f\x7f-\x9f]{1,2000}", "must be 1 to 2000 characters of text")]
Argument = Annotated[str, fits(r"[^\x00-\x1f\x7f]{0,200}", "must be at most 200 printable characters")]


class Person(Section):
    """Who is told, in which tier."""

    tier: Annotated[int, Field(ge=1, le=3)] = Field(description="1 is told first")
    name: Text = Field(description="who")
    role: Text | None = Field(default=None, description="as what")
    phone: Annotated[str, fits(r"[0-9+()*#/ -]{2,40}", "must be a telephone number")] | None = Field(
        default=None, description="telephone"
    )
    mail: Annotated[str, fits(r"[^@\s]{1,64}@[^@\s]{1,190}", "must be a mail address")] | None = Field(
        default=None, description="address"
    )


class Notice(StrEnum):
    """What an incident tells people."""

    OPENED = "opened"
    ESCALATED = "escalated"
    REPEATED = "repeated"
    SITUATION = "situation"
    CLOSED = "closed"


class LocalCommand(Section):
    """A program of the site's own that carries notices where no central server does (a modem, a mail relay)."""

    program: AbsolutePath = Field(description="run without a shell; the notice is one line of JSON on its stdin")
    arguments: Annotated[tuple[Argument, ...], Field(max_length=32)] = Field(default=(), description="its arguments")
    on: Annotated[tuple[Notice, ...], Field(min_length=1)] = Field(
        default=(Notice.ESCALATED, Notice.REPEATED), description="notices that it is started for"
    )
    timeout_ms: Annotated[DurationMs, within(units.DURATION, "1 s", "2 min")] = Field(
        default=30_000, description="after which it is ended"
    )


class MajorEscalation(Section):
    """Where a major emergency (fire, people in danger) is told otherwise than a technical fault."""

    tier2_after_ms: DelayMs | None = Field(default=None, description="default as escalation.tier2_after")
    tier3_after_ms: DelayMs | None = Field(default=None, description="default as escalation.tier3_after")
    repeat_ms: DelayMs | None = Field(default=None, description="default as escalation.repeat")


class Escalation(Section):
    """Who is told when: tier 1 at once, by the incident's age and class."""

    tier2_after_ms: DelayMs = Field(default=1_800_000, description="age at which tier 2 is told")
    tier3_after_ms: DelayMs = Field(default=3_600_000, description="age at which tier 3 is told")
    repeat_ms: DelayMs = Field(
        default=300_000, description="a notice that nobody has acknowledged is given again after this; 0 s: never"
    )
    situation_report_ms: DelayMs = Field(
        default=1_800_000, description="period of the report while an incident is open; 0: none"
    )
    text: Words | None = Field(
        default=None,
        description="of a notice, with {site} {incident} {cause} {minutes} {tier} {alarms}; default by language",
    )
    major: MajorEscalation = Field(default=MajorEscalation(), description="for incidents of class major")
    command: LocalCommand | None = Field(default=None, description="program that carries notices")


class CallIn(Section):
    """Who is called in when calls surge, in this order: whoever is present, on standby, away."""

    present: tuple[Text, ...] = Field(default=(), max_length=32, description="on the floor, at other work")
    standby: tuple[Text, ...] = Field(default=(), max_length=32, description="at home and ready")
    away: tuple[Text, ...] = Field(default=(), max_length=32, description="off duty")
