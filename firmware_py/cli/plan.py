"""`floorguard plan`: what would be shed when, if the mains failed now, and what each stage buys.

From the site file, and from the daemon's live points where one runs. Sheds nothing and opens no device.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from config.stages import PlannedStage
from config.units import DURATION, PERCENT, WATTS
from config.valued import dataclass
from firmware_py.cli.codes import Code
from firmware_py.cli.course import Going, Start, foresee
from firmware_py.cli.places import DEFAULT_SITE
from firmware_py.cli.spell import columns
from firmware_py.cli.wire import ask
from firmware_py.core.codec import decode
from firmware_py.core.shedplan import Battery, fed_w
from firmware_py.report.fold import fold

Points = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a site declares of its batteries."""

    batteries: tuple[Battery, ...]
    stages: tuple[PlannedStage, ...]


def run(args: argparse.Namespace) -> int:
    """Print the plan of every UPS."""
    seen = _live(args.socket)
    declared, code = _of_file(args.file or DEFAULT_SITE) if args.file or not seen else _in_force(args.socket)
    if declared is None:
        return code
    plans = []
    for battery in declared.batteries:
        start = _start(battery, seen, args)
        going, end_ms = foresee(battery, _stages(declared.stages, battery), start)
        plans.append(_document(battery, start, going, end_ms, live=bool(seen)))
    if args.json:
        print(json.dumps({"v": 1, "plans": plans}, ensure_ascii=False))
        return Code.OK
    if not plans:
        print("no UPS of this site can be forecast: there is nothing to plan")
    for document in plans:
        for line in _lines(document):
            print("\n".join(fold(line, columns(), after=" " * 20)))
    return Code.OK


def _live(socket: str) -> Mapping[str, Any]:
    """The daemon's picture; empty where none runs."""
    if not Path(socket).exists():
        return {}
    answer, _ = ask(socket, "status")
    return answer if isinstance(answer, dict) and "points" in answer else {}


def _start(battery: Battery, seen: Mapping[str, Any], args: argparse.Namespace) -> Start:
    points: Points = seen.get("points", {})
    off = frozenset(name for name, one in seen.get("outputs", {}).items() if one.get("wanted") is False)
    off &= {load.output for load in battery.loads}
    percent, watts = _number(points, battery.load), _number(points, battery.power)
    if watts is None and percent is not None and battery.rating_w:
        watts = percent * battery.rating_w / 100
    runtime_s = _number(points, f"{battery.id}.forecast.runtime_s")
    believed_s = _number(points, f"{battery.id}.forecast.believed_s")
    runtime_ms = args.runtime_ms if args.runtime_ms else int((runtime_s or 0) * 1000)
    believed_ms = min(runtime_ms, int(believed_s * 1000)) if believed_s is not None else 0
    return Start(
        load_w=int(args.load_w or watts or fed_w(battery, off)),
        charge_pct=_number(points, battery.charge) or 100.0,
        runtime_ms=runtime_ms,
        believed_ms=believed_ms if seen and not args.runtime_ms else int(runtime_ms * (battery.trust_pct / 100)),
        off=off,
    )


def _number(points: Points, name: str) -> float | None:
    one = points.get(name) or {}
    value = one.get("value") if one.get("quality") == "good" else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _in_force(socket: str) -> "tuple[Declared | None, Code]":
    """What the controller runs: nobody compiles a draft that is not in force."""
    answer, code = ask(socket, "batteries")
    return (None, code) if answer is None else (decode(Declared, answer), code)


def _of_file(file: str) -> "tuple[Declared | None, Code]":
    """Of a file: what was kept when it was put in force, else compiled."""
    from firmware_py.cli.kept import find_gist

    if gist := find_gist(Path(file)):
        return Declared(batteries=gist.batteries, stages=gist.stages), Code.OK
    from config.faults import ConfigError
    from config.stages import planned_stages
    from firmware_py.wiring.building import build_floor

    try:
        floor, _ = build_floor(Path(file))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return None, Code.CHECK
    stages = tuple(planned_stages(floor.site.stage))
    return Declared(batteries=tuple(floor.plan.batteries.values()), stages=stages), Code.OK


def _stages(stages: Sequence[PlannedStage], battery: Battery) -> list[PlannedStage]:
    """Those that have a load on this UPS."""
    own = {load.id for load in battery.loads}
    return [stage for stage in stages if own & set(stage.loads)]


def _document(battery: Battery, start: Start, going: list[Going], end_ms: int, *, live: bool) -> dict[str, Any]:
    return {
        "ups": battery.id, "live": live, "load_w": start.load_w, "declared_w": fed_w(battery, start.off),
        "charge_pct": start.charge_pct, "runtime_ms": start.runtime_ms, "believed_ms": start.believed_ms,
        "endurance_ms": battery.endurance_ms, "end_ms": end_ms,
        "stages": [
            {
                "id": one.stage.id, "order": one.stage.order, "loads": list(one.stage.loads), "when": _when(one.stage),
                "at_ms": one.at_ms, "why": _why(battery, one, start), "load_w": one.load_w, "lasts_ms": one.lasts_ms,
                "buys_ms": one.buys_ms,
            }
            for one in going
        ],
    }  # fmt: skip


def _why(battery: Battery, going: Going, start: Start) -> str:
    """What brings a stage, or that it is shed already."""
    own = {load.output for load in battery.loads if load.output and load.id in going.stage.loads}
    return "shed already" if own and own <= start.off else going.why


def _when(stage: PlannedStage) -> str:
    """The site's own words for its triggers."""
    said = [] if stage.after_ms is None else [f"after {DURATION.show(stage.after_ms)}"]
    if stage.charge_below_pct is not None:
        said.append(f"charge below {PERCENT.show(stage.charge_below_pct)}")
    if stage.runtime_below_ms is not None:
        said.append(f"runtime below {DURATION.show(stage.runtime_below_ms)}")
    if stage.load_above_pct is not None:
        said.append(f"load above {PERCENT.show(stage.load_above_pct)}")
    return ", ".join([*said, "for endurance"] if stage.endurance else said)


def _lines(plan: Mapping[str, Any]) -> Iterator[str]:
    source = "live" if plan["live"] else "no daemon answers: declared loads, full battery"
    yield f"{plan['ups']}  {WATTS.show(plan['load_w'])} now, {WATTS.show(plan['declared_w'])} declared  ({source})"
    if not plan["runtime_ms"]:
        yield '  no forecast: give one with --runtime "90 min"'
        return
    yield (
        f"  lasts {_clock(plan['runtime_ms'])} at this load, of which {_clock(plan['believed_ms'])} is believed;"
        f" target {_clock(plan['endurance_ms'])}"
    )
    yield "  at     stage        load left   then lasts  buys    why; sheds"
    for stage in plan["stages"]:
        if stage["at_ms"] is None:
            yield f"  never  {stage['id']:<12} the battery ends before: {stage['when']}; {', '.join(stage['loads'])}"
            continue
        after = f"{WATTS.show(stage['load_w']):<11} {_clock(stage['lasts_ms']):<11} +{_clock(stage['buys_ms']):<6}"
        yield f"  {_clock(stage['at_ms']):<6} {stage['id']:<12} {after} {stage['why']}; {', '.join(stage['loads'])}"
    reached = "reached" if plan["end_ms"] >= plan["endurance_ms"] else "MISSED"
    yield f"  {_clock(plan['end_ms']):<6} battery empty; target {reached} by this forecast"


def _clock(ms: int) -> str:
    minutes = ms // 60_000
    return f"{minutes // 60}:{minutes % 60:02d}"
