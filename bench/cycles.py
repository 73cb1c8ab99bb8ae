"""What one cycle costs at 100 and at 1,000 points of which 10 changed: the picture, `step`, and both with the outputs.

`python -m bench.cycles`; in one process, CPU milliseconds, turns of all floors interleaved. Also the large example
site at rest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle as repeat
from itertools import islice
from pathlib import Path

from bench.plant import folder
from bench.site import write_site
from bench.table import Table, middle, number
from config.floor import Floor
from firmware_py.core.looked import Looked
from firmware_py.core.looks import looks
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Sample, Source, Value
from firmware_py.core.state import State
from firmware_py.core.step import step
from firmware_py.runtime.clock import SystemClock
from firmware_py.runtime.table import PointTable
from firmware_py.wiring.building import build_floor

TURNS, CHANGED = 300, 10
_GOOD_FLAGS = ("sound", "connected", "follows", "running")
LARGE = Path(__file__).resolve().parents[1] / "config" / "sites" / "large.toml"


@dataclass(slots=True, kw_only=True)
class Course:
    """One floor that is read again and again; ten measurements move each time."""

    name: str
    floor: Floor
    table: PointTable
    state: State
    samples: dict[str, Sample]
    moving: Iterator[str]
    sources: list[tuple[Source, frozenset[str]]]
    looked: Looked | None = None
    now_ms: int = 0
    picture_ms: list[float] = field(default_factory=list)
    step_ms: list[float] = field(default_factory=list)

    def turn(self) -> None:
        """A second later."""
        self.now_ms += 1_000
        changed = list(islice(self.moving, CHANGED))
        for name in changed:
            self.samples[name] = _moved(self.samples[name])
        answers = [
            source.answer(
                {name: self.samples[name] for name in points}, {n: self.samples[n] for n in changed if n in points}
            )
            for source, points in self.sources
        ]
        began = time.thread_time_ns()
        for answer in answers:
            self.table.put(answer)
        self.table.freeze(self.now_ms)
        self.picture_ms.append((time.thread_time_ns() - began) / 1e6)
        self.now_ms += 1
        image = self.table.freeze(self.now_ms)
        began = time.thread_time_ns()
        decision = step(self.floor.plan, self.state, image, (), self.now_ms, self.looked)
        self.state, self.looked = decision.state, decision.looked
        self.step_ms.append((time.thread_time_ns() - began) / 1e6)


class _Clock(SystemClock):
    """Stands where the course stands."""

    course: Course | None = None

    def now_ms(self) -> int:
        return 0 if self.course is None else self.course.now_ms


def _moved(sample: Sample) -> Sample:
    assert isinstance(sample.value, int | float)
    return Sample(value=sample.value + (1 if int(sample.value) % 2 == 0 else -1))


def begin(name: str, floor: Floor) -> Course:
    """Everything sound."""
    points, clock = floor.plan.points, _Clock()
    samples = {id: Sample(value=_sound(point)) for id, point in points.items()}
    moving = [
        id
        for id, point in points.items()
        if point.kind in (Kind.INTEGER, Kind.NUMBER) and not point.urgent and "utc" not in id
    ]
    table = PointTable(points, clock, lambda: None, looks(floor.plan))
    devices = {point.partition(".")[0] for point in points}
    sources = [(Source(), frozenset(p for p in points if p.partition(".")[0] == device)) for device in sorted(devices)]
    course = Course(
        name=name, floor=floor, table=table, state=State(), samples=samples, moving=repeat(moving), sources=sources
    )
    clock.course = course
    return course


def _sound(point: Point) -> Value:
    match point.kind:
        case Kind.FLAG:
            return point.id.rpartition(".")[2] in _GOOD_FLAGS
        case Kind.WORD:
            return next(
                (word for word in ("mains", "normal", "ok", "none", "up") if word in point.words), point.words[0]
            )
        case Kind.TEXT:
            return ""
        case _:
            low, high = point.low if point.low is not None else 0, point.high if point.high is not None else 100
            return 30 if point.id.endswith("load_pct") else int((low + high) / 2)


def floors(place: Path) -> Mapping[str, Floor]:
    """By what they are."""
    made = {}
    for name, units, agents in (
        ("100 points: 4 UPSs", 0, 4),
        ("1,000 points: 43 UPSs", 0, 43),
        ("1,000 points: 8 units x 125", 8, 0),
    ):
        own = place / name.replace(",", "")[:12].replace(" ", "") / str(units)
        own.mkdir(parents=True)
        site = write_site(own, units=range(20_000, 20_000 + units), agents=range(30_000, 30_000 + agents))
        made[name] = build_floor(site)[0]
    made["the large example site"] = build_floor(LARGE)[0]
    return made


def measure() -> Table:
    """The table."""
    with folder("cycles") as place:
        courses = [begin(name, floor) for name, floor in floors(place).items()]
    for turn in range(TURNS):
        for course in courses:
            course.turn()
        if turn == TURNS // 3:  # a floor that has just begun is busy with that
            for course in courses:
                course.picture_ms.clear()
                course.step_ms.clear()
    first = middle(courses[0].step_ms)
    rows = [
        (course.name, f"{len(course.floor.plan.points):,}", number(middle(course.picture_ms)),
         number(middle(course.step_ms)), number(max(course.step_ms)), f"{middle(course.step_ms) / first:.1f}")
        for course in courses
    ]  # fmt: skip
    return Table(
        name="cycles", title="One cycle, CPU milliseconds; ten measurements have moved",
        head=("floor", "points", "taking all readings in", "step()", "step(), worst", "step() : the first"),
        rows=tuple(rows),
    )  # fmt: skip


if __name__ == "__main__":
    measure().show()
