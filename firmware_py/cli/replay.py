"""`floorguard replay`: the recorded inputs run through `step()` again, and the first difference.

Every stretch is run on the configuration that it was recorded with, which must give the same decisions; with a site
file it is run on that as well, and the first cycle in which the floor would have been told otherwise is shown.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from config.faults import ConfigError
from config.valued import dataclass
from firmware_py.cli.codes import Code
from firmware_py.cli.shadow import spell_event
from firmware_py.core.codec import digest
from firmware_py.core.decision import Decision
from firmware_py.core.image import freeze
from firmware_py.core.plan import Plan
from firmware_py.core.state import State
from firmware_py.core.step import step
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.recorded import Recorded, replay
from firmware_py.runtime.trace import trace
from firmware_py.wiring.drafts import find_directory, open_store


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was run, and what came of it."""

    steps: int = 0
    stretches: int = 0
    skipped: int = 0
    difference: str = ""


def run(args: argparse.Namespace) -> int:
    """Replay a state directory."""
    from firmware_py.wiring.building import build_floor

    directory = Path(args.directory) if args.directory else find_directory(Path(args.config), os.environ)
    try:
        other = build_floor(Path(args.file))[0].plan if args.file else None
    except ConfigError as error:
        print(error, file=sys.stderr)
        return Code.CHECK
    plans = {digest(plan): plan for plan in _plans(directory, Path(args.config))}
    try:
        tally = compare(replay(Disk(), directory / "inputs"), plans, other)
    except OSError as error:
        print(
            f"floorguard: nothing is recorded in {directory}: {error.strerror}; name another with --directory",
            file=sys.stderr,
        )
        return Code.FAILED
    if args.json:
        document = {"v": 1, "steps": tally.steps, "skipped": tally.skipped, "difference": tally.difference or None}
        print(json.dumps(document, ensure_ascii=False))
    else:
        told = f"{tally.steps} cycles in {tally.stretches} stretches"
        print(told + (f"; {tally.skipped} of a configuration that is not kept any more" if tally.skipped else ""))
        print(tally.difference or "no difference: every decision is what it was")
    return Code.FAILED if tally.difference or not tally.steps else Code.OK


def _plans(directory: Path, config: Path) -> Iterator[Plan]:
    from firmware_py.wiring.building import build_floor

    store = open_store(directory)
    for path in (config, *(store.path(one.number) for one in store.book.confirmed)):
        try:
            yield build_floor(path)[0].plan
        except ConfigError:
            continue  # a draft with faults, or one that another release wrote


def compare(recorded: Iterator[Recorded], plans: dict[str, Plan], other: Plan | None) -> Tally:
    """Run all of it, up to the first difference."""
    tally = Tally()
    state, shadow, plan = State(), State(), None
    for one in recorded:
        if one.before is not None:
            plan = plans.get(one.plan) if one.plan else next(iter(plans.values()), None)
            state = one.before
            shadow = replace(state, settled=False)
            tally.stretches += 1
        if plan is None:
            tally.skipped += 1
            continue
        tally.steps += 1
        decision = step(plan, state, one.image, one.commands, one.image.now_ms)
        known, state = trace(state, decision, one.form), decision.state
        if known != one.digest:
            when = f"cycle {tally.steps} at {one.image.now_ms} ms"
            tally.difference = f"{when}: not what was decided then.\nNow: {_say(decision)}"
            return tally
        if other is not None:
            image = freeze(other.points.values(), one.image.readings, one.image.now_ms)
            told = step(other, shadow, image, one.commands, one.image.now_ms)
            shadow = told.state
            if found := _first(decision, told):
                tally.difference = f"cycle {tally.steps} at {one.image.now_ms} ms: {found}"
                return tally
    return tally


def _first(was: Decision, now: Decision) -> str:
    """Mode, outputs, events, in this order: what would have been seen otherwise."""
    if was.mode is not now.mode:
        return f"mode {was.mode.word} -> {now.mode.word}, because {', '.join(now.because) or 'nothing'}"
    for name in sorted(was.outputs.keys() | now.outputs.keys()):
        old, new = was.outputs.get(name), now.outputs.get(name)
        if (old and old.value) != (new and new.value):
            there = new or old
            because = "" if there is None else ", ".join(there.because)
            return f"output {name} {_value(old)} -> {_value(new)}, because {because or 'nobody asks'}"
    events = [spell_event(event) for event in was.events], [spell_event(event) for event in now.events]
    return f"events {events[0]} -> {events[1]}" if events[0] != events[1] else ""


def _value(drive: object) -> str:
    return "not there" if drive is None else str(getattr(drive, "value", ""))


def _say(decision: Decision) -> str:
    events = ", ".join(spell_event(event) for event in decision.events) or "none"
    return f"mode {decision.mode.word}, stage {decision.stage}, events {events}"
