"""Seeded runs: a week of faults with every invariant, then all is healed and the floor must come to rest.

`python -m tests.sim.weeks SEED` shows one, `--many N` all up to there on all processors, in slices with `--log` and
`--within`; what fails is made small and told.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from firmware_py.core.command import Command, CommandKind
from firmware_py.core.mode import Mode
from tests.sim.checks import Checks
from tests.sim.faults import DAY, HOUR, Script, draw
from tests.sim.run import TEND_MS, Broken, Run
from tests.sim.site import plan
from tests.sim.table import Log, Outcome, missing, show

SEEDS = Path(__file__).with_name("seeds.txt")
HEALED_WITHIN_MS = 12 * HOUR
SHRINK_S = 40.0


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


def play(script: Script, *, until_ms: int | None = None, healing: bool = True) -> Outcome:
    """One script to its end, or to `until_ms` without healing, or to the first invariant that breaks."""
    begun_s = time.process_time()
    run = Run(script, plan(), check=Checks())
    broken, healed_ms = "", 0
    try:
        run.play(until_ms)
        healed_ms = heal(run) if healing and until_ms is None else 0
    except Broken as error:
        broken = str(error)
    except AssertionError as error:
        broken = f"An assertion of the product failed: {error!r}"
    return Outcome(
        seed=script.seed, steps=run.steps, restarts=run.restarts, events=len(run.trace), healed_ms=healed_ms,
        broken=broken, broken_ms=run.world.now_ms if broken else 0, story="\n".join(run.last),
        cpu_s=round(time.process_time() - begun_s, 2),
        faults=dict(Counter(fault.kind.value for fault in script.faults)),
    )  # fmt: skip


def shrink(script: Script, *, within_s: float = SHRINK_S) -> Script:
    """A part of the faults and orders that still breaks something, cut in halves, then one by one."""
    until_s = time.monotonic() + within_s
    whole = play(script)
    # What broke while faults still fell breaks again by then or soon after; otherwise all of it is played.
    until_ms = whole.broken_ms + HOUR if whole.broken and whole.broken_ms < script.length_ms else None
    parts: list[object] = [*script.faults, *script.orders]
    size = max(1, len(parts) // 2)
    while size and time.monotonic() < until_s:
        for at in range(0, len(parts), size):
            rest = parts[:at] + parts[at + size :]
            fewer = _with(script, rest)
            if time.monotonic() < until_s and play(fewer, until_ms=until_ms).broken:
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


def _pass(_: Outcome) -> None:
    pass


def play_many(seeds: Iterable[int], *, each: Callable[[Outcome], None] = _pass) -> list[Outcome]:
    """All of them, on all processors; `each` is told of every one as soon as it and those before it have ended."""
    outcomes: list[Outcome] = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for outcome in pool.map(play_seed, seeds, chunksize=1):
            outcomes.append(outcome)
            each(outcome)
    return outcomes


def _slice(seeds: Sequence[int], log: Log | None, within_s: float) -> list[Outcome]:
    """As many as can be begun within a time; all that the log knows come back with them."""

    def tell(outcome: Outcome) -> None:
        sys.stdout.write(f"{outcome.line()}\n")
        sys.stdout.flush()
        if log is not None:
            log.add(outcome)

    until_s, width = time.monotonic() + within_s, 2 * (os.cpu_count() or 1)
    played = log.read() if log is not None else []
    waiting = missing(seeds, played)
    while waiting and time.monotonic() < until_s:
        played += play_many(waiting[:width], each=tell)
        waiting = waiting[width:]
    if waiting:
        sys.stdout.write(f"{len(waiting)} seeds are left; go on with FROM={waiting[0]} or the same log\n")
    return [outcome for outcome in played if outcome.seed in seeds]


def main(words: Sequence[str] | None = None) -> int:
    """As a command."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim.weeks", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", default=1)
    parser.add_argument("--many", type=int, default=0, help="this and all seeds up to so many from 0 on")
    parser.add_argument("--log", type=Path, help="keep what each came to, and leave out what stands there already")
    parser.add_argument("--within", type=float, default=1e9, metavar="SECONDS", help="begin no further seed after that")
    parser.add_argument("--faults", action="store_true", help="show the script as well")
    chosen = parser.parse_args(words)
    if chosen.faults:
        sys.stdout.write(f"{draw(chosen.seed)}\n")
    begun_s = time.monotonic()
    seeds = range(chosen.seed, max(chosen.seed + 1, chosen.many))
    outcomes = _slice(seeds, Log(chosen.log) if chosen.log else None, chosen.within)
    sys.stdout.write(f"{show(outcomes, time.monotonic() - begun_s)}\n")
    return 1 if any(outcome.broken for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
