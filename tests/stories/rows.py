"""The stories of the plans' procedures: one text file a section, one story a row, played on the example floor.

A row may be `open` with its reason, or `see` a story that stands elsewhere. Made into one page by `python -m
tests.stories.page`.
"""

import re
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from config.checking import validated
from config.compile import compile_floor
from config.devices import find_devices
from config.library import Library
from config.model_floor import PlannedOutage
from config.site import load_document
from config.texts import load_texts
from firmware_py.cli import main
from firmware_py.core.command import Command, CommandKind
from firmware_py.core.decision import Decision
from firmware_py.core.handover import matters
from firmware_py.core.plan import Plan
from firmware_py.core.planned import Cut
from firmware_py.core.reading import Value
from firmware_py.report.incident import incident_page
from firmware_py.report.month import month_page
from firmware_py.report.page import Picture
from firmware_py.report.render_text import as_text
from firmware_py.report.words import Words
from firmware_py.runtime.book import Book
from firmware_py.runtime.clock import utc_text
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.ledger import summary
from firmware_py.runtime.lines import Document
from tests.faults.disk import FaultyDisk
from tests.report.told import SITE, records
from tests.stories.story import Teller

FOLDER = Path(__file__).parent / "procedures"
EXAMPLE = Path(__file__).parents[2] / "config" / "sites" / "example.toml"
CONTACTS = Path(__file__).parent / "contacts.toml"
CLOCK_S = 1_795_996_800  # 30 November 2026
CUT = Cut(start_s=CLOCK_S + 86_400, end_s=CLOCK_S + 86_400 + 4 * 3_600, note="landlord")
WORDS = Words(texts=load_texts("en"), local=lambda s: utc_text(s * 1000)[:19].replace("T", " "))

HEALTHY: dict[str, Value] = {
    "clock.utc_s": CLOCK_S, "storage.sound": True, "mqtt.connected": True, "mqtt.refused": False,
    "mqtt.duplicate_id": False, "mqtt.cursor_ahead": False, "mqtt.cert_days": 300.0,
    "ups1.output_source": "mains", "ups1.battery.status": "normal", "ups1.battery.charge_pct": 100.0,
    "ups1.battery.runtime_s": 36_000.0, "ups1.output.load_pct": 40.0, "ups1.replace_battery": False,
    "hvac1.fault": False, "hvac1.running": True, "hvac1.ordered_off": False, "room1.temp_c": 23.0,
    "pbx1.link": "up", "trunks.main1.state": "up", "trunks.backup1.state": "up", "pbx1.emergency.path": "open",
    "pbx1.outbound_calls": 0, "pbx1.held_by_hand": False, "trunks.main1.calls": 0, "trunks.backup1.calls": 0,
    **{f"pbx1.queue.{what}": 0 for what in ("offered", "answered", "abandoned", "waiting", "longest_s")},
    **{f"pbx1.emergency.line{line}": False for line in range(1, 5)},
    **{f"pbx1.emergency.{what}{line}": "" for line in range(1, 5) for what in ("number", "caller")},
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the procedures: `number` as 1.2, what the plans say, and its story."""

    section: str
    number: str
    says: str
    story: str

    @property
    def open_because(self) -> str:
        """Why there is no story yet, "" where there is one."""
        return self.story.removeprefix("open").strip() if self.story.startswith("open ") else ""

    @property
    def elsewhere(self) -> str:
        """File and test of a story that stands elsewhere."""
        return self.story.removeprefix("see").strip() if self.story.startswith("see ") else ""


def read_rows() -> list[Row]:
    """All rows in their order."""
    return [row for path in sorted(FOLDER.glob("*.txt")) for row in _rows(path.read_text(encoding="utf-8"))]


def _rows(text: str) -> Iterator[Row]:
    section, *blocks = re.split(r"\n\n+", text.strip())
    for block in blocks:
        head, _, story = block.partition("\n")
        number, _, says = head.partition(" ")
        yield Row(section=section, number=number, says=says, story=story.strip())


def _with_cut() -> Plan:
    """The example floor as if the cut that stands in its comments were announced."""
    document, site = load_document(EXAMPLE)
    named = ("# [[planned_outage]]", "# start =", "# end =", '# note = "landlord')
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    said = "\n".join(line.removeprefix("# ") for line in lines if line.startswith(named))
    outages = tuple(validated(one, PlannedOutage) for one in tomllib.loads(said)["planned_outage"])
    site = site.altered({"planned_outage": outages})
    return compile_floor(site, find_devices(document, site, Library(EXAMPLE.parent))).plan


@cache
def _plan(name: str) -> Plan:
    if name == "planned":
        return replace(_with_cut(), cuts=(CUT,))
    path = CONTACTS if name == "contacts" else EXAMPLE
    document, site = load_document(path)
    plan = compile_floor(site, find_devices(document, site, Library(path.parent))).plan
    return plan


def _floor(name: str) -> "FloorTeller":
    plan = _plan(name)
    values = {point: value for point, value in HEALTHY.items() if point in plan.points}
    values |= {point.id: False for point in plan.points.values() if point.id.startswith(("fire1.", "contact."))}
    values |= {name: True for name in plan.points if name.startswith("out.")}
    return FloorTeller(plan=plan, values=values)


def play(row: Row) -> None:
    """AssertionError with the line that does not hold."""
    story, name = row.story, "example"
    if match := re.match(r"floor (\w+)\n", story):
        name, story = match[1], story[match.end() :]
    _floor(name).tell(story)


@dataclass(slots=True, kw_only=True)
class FloorTeller(Teller):
    """Understands what records say, besides what the floor does."""

    decisions: list[Decision] = field(default_factory=list)
    card: TemporaryDirectory[str] = field(default_factory=lambda: TemporaryDirectory(prefix="floorguard-"))

    def _step(self, *commands: Command) -> None:
        Teller._step(self, *commands)
        assert self.last is not None
        self.decisions.append(self.last)

    def _line(self, what: str) -> None:
        if match := re.fullmatch(r"(\w+) takes over (\S+|the rest)", what):
            left = self.state.handover.left if match[2] == "the rest" else (match[2],)
            for matter in left:
                self._person(match[1], CommandKind.TAKE_OVER, matter)
                assert self.last is not None and self.last.replies[0].done, self.last
        elif match := re.fullmatch(r"(\w+) cannot take over (\S+)", what):
            self._person(match[1], CommandKind.TAKE_OVER, match[2])
            assert self.last is not None and not self.last.replies[0].done
        elif what == "the site is exported, and restored on a new card":
            self._export()
        elif match := re.fullmatch(r"order override (\S+) (on|off)", what):
            self._person("anna", CommandKind.OVERRIDE, match[1], value=match[2] == "on")
        else:
            Teller._line(self, what)
            if what.startswith("order "):
                assert self.last is not None and self.last.replies[0].done, self.last.replies if self.last else ""

    def _person(self, by: str, kind: CommandKind, target: str, *, value: bool | None = None) -> None:
        self.now_ms += 1
        self._step(Command(id=f"o{self.now_ms}", kind=kind, by=by, target=target, value=value))

    def _export(self) -> None:
        """With the commands that people type; the state folder lies where the site file says, so the old one goes."""
        shutil.rmtree(self.card.name)
        site, archive, state = (Path(self.card.name, name) for name in ("etc/site.toml", "site.tar.gz", "state"))
        site.parent.mkdir(parents=True)
        site.write_text(f'{EXAMPLE.read_text(encoding="utf-8")}\n[storage]\ndirectory = "{state}"\n', encoding="utf-8")
        book = Book(Disk(), state / "book")
        (state / "book").mkdir(parents=True)
        assert book.enter(self._told_records())
        where = ["--config", str(site), "--socket", "/nowhere"]
        with redirect_stdout(StringIO()):
            assert main(["export", str(archive), *where]) == 0
            state.rename(state.with_name("the old card"))
            assert main(["restore", str(archive), *where]) == 0
        self.values["controller.export_age_s"] = 0  # as the controller is told by the command

    def _told_records(self) -> list[Document]:
        return records((e for d in self.decisions for e in d.events), start_ms=CLOCK_S * 1000)

    def _expect(self, what: str, seen: Decision) -> None:
        kind, _, rest = what.partition(" ")
        match kind:
            case "said":
                assert any(rest in line for line in self.told), f"nobody was told {rest}"
            case "count":
                name, _, count = rest.partition(" ")
                found = [line for line in self.told if line.split()[0] == name]
                assert len(found) == int(count), f"{len(found)} times"
            case "output":
                name, _, wanted = rest.partition(" ")
                assert seen.outputs[name].value is (wanted == "on"), seen.outputs[name]
            case "list":
                name, _, wanted = rest.partition(" ")
                assert (name in seen.state.lists) is (wanted == "open"), seen.state.lists
            case "left":
                assert rest in seen.state.handover.left, seen.state.handover
            case "defect":
                assert rest in {one.id for one in matters(self.plan.checklists, seen.state)}
            case "no":
                assert rest.split()[1] not in {one.id for one in matters(self.plan.checklists, seen.state)}
            case "report" | "month:" | "picture":
                self._records(kind, rest, Book(FaultyDisk(), Path("book")))
            case "restored":
                self._records(kind, rest, Book(Disk(), Path(self.card.name, "state", "book")))
            case "load":
                name, _, wanted = rest.partition(" ")
                feed = seen.outputs.get(f"feed.{name}")  # what has no feed of ours cannot be cut by us
                assert (feed is None or feed.value is True) is (wanted == "fed"), feed
            case _:
                Teller._expect(self, what, seen)

    def _records(self, kind: str, rest: str, book: Book) -> None:
        assert book.open() and (kind == "restored" or book.enter(self._told_records()))
        if kind == "month:":
            ledger: Any = summary("2026-11", *book.month("2026-11"))
            said = as_text(month_page(ledger, SITE, WORDS, CLOCK_S + 86_400))
            assert rest in said, said
            return
        cause, _, wanted = rest.partition(": ")
        (found,) = [one for one in book.incidents() if one["cause"] == cause]
        page = incident_page(book.incident(str(found["id"])) or {}, SITE, WORDS)
        if kind == "picture":
            assert any(isinstance(block, Picture) and "<rect" in block.svg for block in page.blocks)
        else:
            said = " ".join(as_text(page).split())
            assert wanted in said, said
