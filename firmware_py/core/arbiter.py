"""Many requests become one value per output: interlock, then priority, then rank; every value keeps its reasons.

Nothing but this module decides an output. All requests that ask for the winning value stay on record as its owners, so
that a pause ends only when the last of them is gone. It must not know where requests come from.
"""

from collections.abc import Collection, Iterable, Mapping

from firmware_py.core.output import Drive, Output, OutputImage, OutputValue, Priority
from firmware_py.core.plan import Interlock, Plan
from firmware_py.core.rules import Request, Situation, reasons
from firmware_py.core.state import OutputState


def arbitrate(
    plan: Plan, requests: Iterable[Request], now: Situation, before: Mapping[str, OutputState], only: Collection[str],
    *, dt_ms: int = 0,
) -> dict[str, Drive]:  # fmt: skip
    """One Drive for each output of `only`, to which all `requests` are, `dt_ms` after they became as they were `before`
    so long ago."""
    asked: dict[str, list[Request]] = {name: [] for name in only}
    for request in requests:
        asked[request.output].append(request)
    return {
        name: _forced(plan.readers.interlocks_of.get(name, ()), now)
        or _decide(plan.outputs[name], asked[name], before.get(name), dt_ms)
        for name in only
    }


def _forced(interlocks: Iterable[Interlock], now: Situation) -> Drive | None:
    for interlock in interlocks:
        why = reasons(interlock.when, now)
        if why is not None:
            return Drive(
                value=interlock.value,
                priority=Priority.LIFE_SAFETY,
                because=(*why, interlock.id),
                owners=(f"interlock {interlock.id}",),
            )
    return None


def _decide(output: Output, asked: list[Request], before: OutputState | None, dt_ms: int) -> Drive:
    wanted = _win(output, asked)
    if before is None or wanted.priority < Priority.MINIMUM_ON_OFF or left_ms(output, before, wanted.value) <= dt_ms:
        return wanted
    kept = before.drive
    return Drive(value=kept.value, priority=Priority.MINIMUM_ON_OFF, because=kept.because, owners=kept.owners)


def _win(output: Output, asked: list[Request]) -> Drive:
    if not asked:
        return Drive(value=output.normal, priority=Priority.PROGRAM)
    best = min(asked, key=lambda request: (request.priority, request.rank, request.owner, str(request.value)))
    same = [request for request in asked if request.value == best.value]
    same.sort(key=lambda request: (request.priority, request.rank, request.owner))
    return Drive(
        value=best.value,
        priority=best.priority,
        because=tuple(dict.fromkeys(reason for request in same for reason in request.because)),
        owners=tuple(dict.fromkeys(request.owner for request in same)),
    )


def left_ms(output: Output, before: OutputState, wanted: OutputValue) -> int:
    """Milliseconds for which the output must still stay as it is before it may become `wanted`; 0 when it may now."""
    if bool(before.drive.value) == bool(wanted):
        return 0
    shortest_ms = output.min_on_ms if before.drive.value else output.min_off_ms
    return max(0, shortest_ms - before.elapsed_ms)


def remember(
    plan: Plan, outputs: OutputImage, before: Mapping[str, OutputState], dt_ms: int
) -> Mapping[str, OutputState]:  # fmt: skip
    """The outputs' part of the new state: how long each has been on or off. `before` itself where that is the same."""
    after = {name: _aged(plan.outputs[name], drive, before.get(name), dt_ms) for name, drive in outputs.items()}
    return before if after == before else after


def _aged(output: Output, drive: Drive, before: OutputState | None, dt_ms: int) -> OutputState:
    if before is None or bool(before.drive.value) != bool(drive.value):
        return OutputState(drive=drive)
    # Counted only as far as it matters, so that an output at rest does not change.
    elapsed_ms = min(before.elapsed_ms + dt_ms, max(output.min_on_ms, output.min_off_ms))
    if elapsed_ms == before.elapsed_ms and (drive is before.drive or drive == before.drive):
        return before
    return OutputState(drive=drive, elapsed_ms=elapsed_ms)
