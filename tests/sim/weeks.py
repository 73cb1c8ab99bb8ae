"""Seeded runs: a week of faults with every invariant, then all is healed and the floor must come to rest.

`python -m tests.sim.weeks SEED` shows one, `--many N` so many on all processors; what fails is made small and told.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from firmware_py.core.command import Command, CommandKind
from firmware_py.core.mode import Mode
from tests.sim.checks import Checks
from tests.sim.faults import DAY, HOUR, MINUTE, Script, draw
from tests.sim.run import TEND_MS, Broken, Run
from tests.sim.site import plan

SEEDS = Path(__file__).with_name("seeds.txt")
HEALED_WITHIN_MS = 12 * HOUR
SHRINK_S = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one script. `broken`: the first invariant that did not hold, empty if all held."""

    seed: int
    steps: int
    restarts: int
    events: int
    healed_ms: int
    broken: str = ""
    story: str = ""


def tend(run: Run) -> tuple[Command, ...]:
    """A person who looks after the floor every few minutes: the night shift of the healing."""
    if run.world.now_ms % TEND_MS:
        return ()
    hands = [(CommandKind.RELEASE_OVERRIDE, name) for name in run.state.overrides]
    wishes = [(CommandKind.ACK, ""), (CommandKind.ACK, "checklist"), (CommandKind.RESET, ""), *hands]
    wishes += [(CommandKind.RELEASE, ""), (CommandKind.RESUME_OUTBOUND, "")]
    return tuple(
        Command(id=f"t{run.world.now_ms}-{number}", kind=kind, by="night shift", target=target)
        for number, (kind, target) in enumerate(wishes[:8])
    )


def restless(run: Run) -> list[str]:
    """What is not yet at rest."""
    assert run.decision is not None
    state, decision = run.state, run.decision
    found = [] if decision.mode is Mode.NORMAL else [f"mode {decision.mode.word} because {decision.because}"]
    found += [
        f"alarm {name} {alarm.display.value}" for name, alarm in state.alarms.items() if alarm.display != "normal"
    ]
    found += [f"stage {name} is shed" for name, stage in state.stages.items() if stage.shed]
    found += [f"incident {incident.id}" for incident in state.incidents.values()]
    found += [f"checklist {name}" for name in state.lists]
    return found + [
        f"output {name} {drive.value} because {drive.because}"
        for name, drive in decision.outputs.items()
        if drive.value != run.plan.outputs[name].normal and drive.because != ("always",)
    ]


def heal(run: Run) -> int:
    """No more faults: how long it takes until nothing is left of them. Broken when that is too long."""
    begun_ms = max(run.script.length_ms, *(fault.until_ms for fault in run.script.faults), 0)
    run.play(begun_ms)
    run.tend = tend
    now_ms = begun_ms
    while now_ms < begun_ms + HEALED_WITHIN_MS:
        now_ms += TEND_MS
        run.play(now_ms)
        if not run.is_down and not restless(run):
            return now_ms - begun_ms
    raise Broken(f"Healed, the floor comes to rest within {HEALED_WITHIN_MS // HOUR} h. Left: {restless(run)}")


def play(script: Script, *, healing: bool = True) -> Outcome:
    """One script to its end or to the first invariant that breaks."""
    run = Run(script, plan(), check=Checks())
    broken, healed_ms = "", 0
    try:
        run.play()
        healed_ms = heal(run) if healing else 0
    except Broken as error:
        broken = str(error)
    except AssertionError as error:
        broken = f"An assertion of the product failed: {error!r}"
    return Outcome(
        seed=script.seed, steps=run.steps, restarts=run.restarts, events=len(run.trace), healed_ms=healed_ms,
        broken=broken, story="\n".join(run.last),
    )  # fmt: skip


def shrink(script: Script, *, within_s: float = SHRINK_S) -> Script:
    """A part of the faults and orders that still breaks something, cut in halves, then one by one."""
    until_s = time.monotonic() + within_s
    parts: list[object] = [*script.faults, *script.orders]
    size = max(1, len(parts) // 2)
    while size and time.monotonic() < until_s:
        for at in range(0, len(parts), size):
            rest = parts[:at] + parts[at + size :]
            fewer = _with(script, rest)
            if time.monotonic() < until_s and play(fewer).broken:
                parts, script = rest, fewer
                break
        else:
            size //= 2
    return script


def _with(script: Script, parts: Sequence[object]) -> Script:
    kept = {id(part) for part in parts}
    return replace(
        script,
        faults=tuple(fault for fault in script.faults if id(fault) in kept),
        orders=tuple(order for order in script.orders if id(order) in kept),
    )


def play_seed(seed: int, length_ms: int = 7 * DAY) -> Outcome:
    """One seed; a broken one comes back with its shrunk story."""
    script = draw(seed, length_ms)
    outcome = play(script)
    if not outcome.broken:
        return outcome
    small = shrink(script)
    last = play(small)
    said = f"{outcome.broken}\nsmallest: {last.broken}\nrepeat: make sim SEED={seed}"
    story = f"{small}\nlast decisions:\n{last.story}\n{said}"
    return replace(outcome, story=story)


def kept_seeds() -> list[int]:
    """Seeds that once found something, and stay."""
    lines = [line.partition("#")[0].strip() for line in SEEDS.read_text().splitlines()]
    return [int(line) for line in lines if line]


def play_many(seeds: Iterable[int], workers: int | None = None) -> list[Outcome]:
    """All of them, on all processors."""
    with ProcessPoolExecutor(workers or os.cpu_count()) as pool:
        return list(pool.map(play_seed, seeds, chunksize=1))


def show(outcomes: Sequence[Outcome], seconds: float) -> str:
    """For people: what was played and what broke."""
    broken = [outcome for outcome in outcomes if outcome.broken]
    told = "\n\n".join(f"BROKEN seed {outcome.seed}\n{outcome.story}" for outcome in broken)
    steps, events = sum(o.steps for o in outcomes), sum(o.events for o in outcomes)
    slowest_min = max((o.healed_ms for o in outcomes), default=0) // MINUTE
    return (
        f"{told}\n{len(outcomes)} seeds, {len(broken)} broken: {steps} steps, {events} events and changes,"
        f" {sum(o.restarts for o in outcomes)} restarts, at rest again within {slowest_min} min, {seconds:.0f} s"
    ).strip()


def main(words: Sequence[str] | None = None) -> int:
    """As a command."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim.weeks", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", default=1)
    parser.add_argument("--many", type=int, default=1, help="so many seeds from this one on")
    parser.add_argument("--faults", action="store_true", help="show the script as well")
    chosen = parser.parse_args(words)
    if chosen.faults:
        sys.stdout.write(f"{draw(chosen.seed)}\n")
    begun_s = time.monotonic()
    outcomes = play_many(range(chosen.seed, chosen.seed + chosen.many))
    sys.stdout.write(f"{show(outcomes, time.monotonic() - begun_s)}\n")
    return 1 if any(outcome.broken for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
