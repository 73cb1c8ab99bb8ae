"""Power cuts that somebody has announced: how far away, under way, or longer than promised.

Wall time comes in as a reading with quality; without a sound clock nothing is said. Must not read a clock.
"""

from collections.abc import Iterator, Sequence

from config.valued import dataclass
from firmware_py.core.calendar import SECONDS_A_DAY, seconds_of
from firmware_py.core.image import InputImage
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason, Value

PHASE, STARTS_IN, OVERDUE, NOTE = "planned.phase", "planned.starts_in_s", "planned.overdue_s", "planned.note"
PHASES = ("none", "noticed", "soon", "running", "overrun")
SOON_S = 24 * 3_600  # the floor is looked over a day before
WATCH_S = 24 * 3_600  # a cut that is longer than promised is of interest for a day
NOTICE_S = 7 * SECONDS_A_DAY
LONGEST_S = 14 * SECONDS_A_DAY
MOST = 64  # told while it runs
STALE_MS = 60_000
CLOCK_POINT = "clock.utc_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One announced cut, in seconds of UTC, told `notice_s` before. `by`: who told the controller of it while it ran;
    empty where the site file does."""

    start_s: int
    end_s: int
    note: str = ""
    notice_s: int = NOTICE_S
    id: str = ""
    by: str = ""


def declare() -> tuple[Point, ...]:
    """The points that are worked out from the clock."""
    return (
        Point(id=PHASE, kind=Kind.WORD, words=PHASES, stale_after_ms=STALE_MS),
        Point(id=STARTS_IN, kind=Kind.INTEGER, unit="s", stale_after_ms=STALE_MS, low=0),
        Point(id=OVERDUE, kind=Kind.INTEGER, unit="s", stale_after_ms=STALE_MS, low=0),
        Point(id=NOTE, kind=Kind.TEXT, stale_after_ms=STALE_MS),
    )


def derive(cuts: Sequence[Cut], image: InputImage) -> dict[str, Reading]:
    """The four readings, of the cut that matters most now; as good as the clock."""
    clock = image[CLOCK_POINT]
    if not clock.good or not isinstance(clock.value, int):
        lost = Reading(value=None, quality=Quality.BAD, at_ms=clock.at_ms, because=clock.because)
        return dict.fromkeys((PHASE, STARTS_IN, OVERDUE, NOTE), lost)
    if not cuts:
        none = Reading(value=None, quality=Quality.BAD, at_ms=clock.at_ms, because=Reason.NOT_YET)
        rest: dict[str, Value] = {PHASE: "none", OVERDUE: 0, NOTE: ""}
        return {STARTS_IN: none} | {name: _good(value, clock.at_ms) for name, value in rest.items()}
    word, cut = _now(cuts, clock.value)
    values: dict[str, Value] = {
        PHASE: word,
        STARTS_IN: max(0, cut.start_s - clock.value) // 60 * 60,
        OVERDUE: max(0, clock.value - cut.end_s) // 60 * 60 if word == "overrun" else 0,
        NOTE: cut.note if word != "none" else "",
    }
    return {name: _good(value, clock.at_ms) for name, value in values.items()}


def _good(value: Value, at_ms: int) -> Reading:
    return Reading(value=value, quality=Quality.GOOD, at_ms=at_ms)


def current(cuts: tuple[Cut, ...], image: InputImage) -> tuple[Cut, ...]:
    """Those that are still of interest by a sound clock; the same object where all are."""
    clock = image[CLOCK_POINT]
    if not cuts or not clock.good or not isinstance(clock.value, int):
        return cuts
    left = tuple(cut for cut in cuts if clock.value < cut.end_s + WATCH_S)
    return cuts if len(left) == len(cuts) else left


def written(text: str, note: str, *, number: int, by: str, notice_s: int) -> Cut:
    """A cut from `START/END`, two dates with their offset. ValueError with a sentence for people."""
    start, slash, end = text.partition("/")
    if not slash:
        raise ValueError("say when it begins and when it ends, like 2026-12-01T08:00+08:00/2026-12-01T12:00+08:00")
    start_s, end_s = seconds_of(start), seconds_of(end)
    if not start_s < end_s:
        raise ValueError("it must end after it begins")
    if end_s - start_s > LONGEST_S:
        raise ValueError(f"it lasts longer than {LONGEST_S // SECONDS_A_DAY} days")
    return Cut(start_s=start_s, end_s=end_s, note=note, notice_s=notice_s, id=f"cut{number}", by=by)


def _now(cuts: Sequence[Cut], utc_s: int) -> tuple[str, Cut]:
    """The phase that is furthest on, of the nearest cut in it."""
    phases = [(_phase(cut, utc_s), cut) for cut in sorted(cuts, key=lambda cut: cut.start_s)]
    for word in ("running", "overrun", "soon", "noticed"):
        found = next(_of(phases, word), None)
        if found is not None:
            return word, found
    ahead = next((cut for _, cut in phases if cut.start_s > utc_s), phases[-1][1])
    return "none", ahead


def _of(phases: Sequence[tuple[str, Cut]], word: str) -> Iterator[Cut]:
    return (cut for phase, cut in phases if phase == word)


def _phase(cut: Cut, utc_s: int) -> str:
    if cut.start_s <= utc_s < cut.end_s:
        return "running"
    if cut.end_s <= utc_s < cut.end_s + WATCH_S:
        return "overrun"
    ahead_s = cut.start_s - utc_s
    if 0 < ahead_s <= SOON_S:
        return "soon"
    return "noticed" if SOON_S < ahead_s <= cut.notice_s else "none"
