"""A floor is run, its events become journal records, the book takes them: what reports are made from."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from config.texts import load_texts
from firmware_py.core.checklist import Checklist, Opens
from firmware_py.core.codec import encode
from firmware_py.core.command import CommandKind
from firmware_py.core.escalation import Contact, Escalation
from firmware_py.core.event import Event
from firmware_py.report.words import Words
from firmware_py.runtime.book import Book
from firmware_py.runtime.clock import utc_text
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.lines import Document
from tests.core.floor import CHARGE, MINUTE, SOURCE, Floor, healthy

SITE = {"id": "floor-3", "name": "呼叫中心三层 <3>", "language": "en", "timezone": "UTC", "endurance_ms": 14_400_000}
START_MS = 1_795_000_000_000
CHARGED, RUNTIME = "ups1.forecast.charge_pct", "ups1.forecast.runtime_s"
FORMS = Checklist(id="power.recovery", opens=Opens.CAUSE_ENDS, of="power", items=("forms", "systems"))


def records(events: Iterable[Event], *, start_ms: int = START_MS) -> list[Document]:
    """As the journal numbers and stamps them."""
    return [
        {
            "seq": number, "log": "7f3a", "ts": utc_text(start_ms + event.at_ms), "clk": "ntp", "up_ms": event.at_ms,
            "boot": "b1", "type": event.type, "sev": event.severity.value, "incident": event.incident,
            "drill": event.drill, "data": encode(dict(event.data)),
        }
        for number, event in enumerate(events, start=1)
    ]  # fmt: skip


def outage() -> Floor:
    """Forty minutes without mains, a quarter of an hour of it blind, then recovery; people answer and tick."""
    floor = healthy()
    people = Escalation(
        contacts=(Contact(tier=1, name="Duty <manager>", way="0101"), Contact(tier=2, name="服务经理", way="0102")),
        texts={"escalated": "{cause} {minutes}"}, names={"power": "Power cut"},
    )  # fmt: skip
    power = replace(floor.plan.causes["power"], repeat_ms=5 * MINUTE, guidance="Stairs, then car park B")
    course = (CHARGED, RUNTIME, "trunks.main.state", "trunks.spare.state")
    floor.plan = replace(
        floor.plan, escalation=people, causes={**floor.plan.causes, "power": power}, course=course,
        checklists={FORMS.id: FORMS},
    )  # fmt: skip
    floor.values |= {SOURCE: "battery", "ups1.battery.runtime_s": 9_000.0}
    floor.run(12 * MINUTE)
    floor.order(CommandKind.ACK, by="li")
    floor.values |= {CHARGE: 70.0, "ups1.battery.runtime_s": 5_000.0, "trunks.main.state": "down"}
    floor.run(10 * MINUTE)
    floor.lose(SOURCE)
    floor.values |= {CHARGE: 55.0, "trunks.main.state": "up"}
    floor.run(15 * MINUTE)
    floor.find(SOURCE)
    floor.values |= {SOURCE: "mains", CHARGE: 60.0}
    floor.run(20 * MINUTE)
    floor.order(CommandKind.TICK, "power.recovery.forms", by="wang")
    return floor


def book_of(floor: Floor, folder: Path) -> Book:
    """The book of everything that has happened on it."""
    book = Book(Disk(), folder)
    assert book.enter(records(event for decision in floor.decisions for event in decision.events))
    return book


def words(language: str) -> Words:
    """Times stay UTC."""
    return Words(texts=load_texts(language), local=lambda s: utc_text(s * 1000)[:19].replace("T", " "))


def incident_of(book: Book, name: str) -> Mapping[str, Any]:
    found = book.incident(name)
    assert found is not None
    return found
