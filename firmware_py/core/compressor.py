"""Compressors are not harmed: shortest time on and off, starts an hour, one after the other, none during a fire.

Stands between what the arbiter decided and what is done. A change is remembered before it is made, so that a reboot in
between forgets no start. This module must not know why a compressor is wanted, nor how it is switched.
"""

from collections.abc import Mapping

from config.valued import dataclass, replace
from firmware_py.core.condition import ConditionState
from firmware_py.core.image import InputImage
from firmware_py.core.output import Drive, OutputImage, Priority

HOUR_MS = 3_600_000
ARM_MS = 2_000  # between remembering a change and making it: longer than the state file takes
LIMIT_MOST_S = 3_600  # what a device says beyond this is no limit but a fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Compressor:
    """The output that lets it run while on, and its limits (defaults after facts: modbus.md 4.2).

    `points_*`: points with the device's own limits in seconds; the longer one counts, also after it went dark.
    `barred`: conditions of which none may have been seen when it starts. `survives`: the far end keeps its level while
    the controller is off (a coil does, a pin does not).
    """

    output: str
    min_on_ms: int = 300_000
    min_off_ms: int = 300_000
    start_limit: int = 6
    spacing_ms: int = 30_000
    points_on: tuple[str, ...] = ()
    points_off: tuple[str, ...] = ()
    points_between: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()
    survives: bool = True

    def __post_init__(self) -> None:
        assert min(self.min_on_ms, self.min_off_ms, self.spacing_ms) >= 0 and self.start_limit >= 1, self.output


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressorState:
    """Without memory it counts as just stopped: how long it really stood is not known.

    `stood_ms`: since it last went on or off. `ages_ms`: of the starts within the last hour. `turning`: the change is
    remembered but not yet made. `wait_ms`: how long the clock alone holds back what is wanted, 0 when nothing does.
    """

    on: bool = False
    stood_ms: int = 0
    ages_ms: tuple[int, ...] = ()
    start_count: int = 0
    turning: bool = False
    turning_ms: int = 0
    on_ms: int = 0  # the device's own limits, as last read
    off_ms: int = 0
    between_ms: int = 0
    wait_ms: int = 0


def protect(
    compressors: Mapping[str, Compressor], states: Mapping[str, CompressorState], outputs: OutputImage,
    image: InputImage, conditions: Mapping[str, ConditionState], *, stepped_ms: int | None,
) -> tuple[Mapping[str, CompressorState], dict[str, Drive]]:  # fmt: skip
    """What each compressor may do now, at `image.now_ms`: the memory after it, and its Drive where it is held back."""
    if not compressors and not states:
        return states, {}
    restored, dt_ms = stepped_ms is None, 0 if stepped_ms is None else image.now_ms - stepped_ms
    after = {
        name: _learn(compressor, _older(compressor, states[name], dt_ms, restored=restored), image)
        for name, compressor in compressors.items()
    }
    held: dict[str, Drive] = {}
    for name, compressor in compressors.items():
        wanted = outputs[compressor.output]
        after[name], why = _turn(compressor, name, after, wanted, conditions, dt_ms)
        if after[name].on is not bool(wanted.value):
            held[compressor.output] = Drive(
                value=after[name].on,
                priority=Priority.MINIMUM_ON_OFF,
                because=(*wanted.because, why),
                owners=wanted.owners,
            )
    return after, held


def _older(compressor: Compressor, state: CompressorState, dt_ms: int, *, restored: bool) -> CompressorState:
    """The state `dt_ms` later. After a reboot the cautious reading counts: what was about to happen has happened, and
    what does not survive the controller has stopped."""
    if restored:
        on = state.on is not state.turning
        begun = on and state.turning
        state = replace(state, on=on, turning=False, turning_ms=0, wait_ms=0)
        state = replace(state, ages_ms=(*state.ages_ms, 0), start_count=state.start_count + 1) if begun else state
        return replace(state, on=state.on and compressor.survives, stood_ms=0)
    stood_ms = min(state.stood_ms + dt_ms, HOUR_MS)
    ages_ms = tuple(age + dt_ms for age in state.ages_ms if age + dt_ms < HOUR_MS)
    return replace(state, stood_ms=stood_ms, ages_ms=ages_ms)


def _learn(compressor: Compressor, state: CompressorState, image: InputImage) -> CompressorState:
    return replace(
        state,
        on_ms=_limit(compressor.points_on, image, state.on_ms),
        off_ms=_limit(compressor.points_off, image, state.off_ms),
        between_ms=_limit(compressor.points_between, image, state.between_ms),
    )


def _limit(points: tuple[str, ...], image: InputImage, known_ms: int) -> int:
    read = [image[point].value for point in points if image[point].good]
    limits = [int(v * 1000) for v in read if isinstance(v, int | float) and 0 <= v <= LIMIT_MOST_S]
    return max(limits, default=known_ms)


def _turn(
    compressor: Compressor, name: str, states: Mapping[str, CompressorState], wanted: Drive,
    conditions: Mapping[str, ConditionState], dt_ms: int,
) -> tuple[CompressorState, str]:  # fmt: skip
    state = states[name]
    if bool(wanted.value) is state.on:
        return replace(state, turning=False, turning_ms=0, wait_ms=0), ""
    if state.on and wanted.priority < Priority.MINIMUM_ON_OFF:
        return _changed(state), ""  # life safety does not wait
    barred = None if state.on else next((each for each in compressor.barred if conditions[each].seen), None)
    waits = _stop_waits(compressor, state) if state.on else _start_waits(compressor, name, states)
    why, wait_ms = max(waits, key=lambda each: each[1])
    if barred is not None or wait_ms > 0:
        idle = replace(state, turning=False, turning_ms=0, wait_ms=max(0, wait_ms))
        return (replace(idle, wait_ms=0), barred) if barred is not None else (idle, why)
    turning_ms = state.turning_ms + dt_ms if state.turning else 0
    if turning_ms >= ARM_MS:
        return _changed(state), ""
    return replace(state, turning=True, turning_ms=turning_ms, wait_ms=ARM_MS - turning_ms), "remembered first"


def _stop_waits(compressor: Compressor, state: CompressorState) -> list[tuple[str, int]]:
    return [("shortest time on", max(compressor.min_on_ms, state.on_ms) - state.stood_ms)]


def _start_waits(compressor: Compressor, name: str, states: Mapping[str, CompressorState]) -> list[tuple[str, int]]:
    state = states[name]
    waits = [("shortest time off", max(compressor.min_off_ms, state.off_ms) - state.stood_ms)]
    if state.ages_ms:
        waits.append(("time between starts", state.between_ms - min(state.ages_ms)))
    if len(state.ages_ms) >= compressor.start_limit:
        fits = sorted(state.ages_ms)[compressor.start_limit - 1]
        waits.append(("starts an hour", HOUR_MS - fits))
    # A neighbour that has made up its mind counts as having started.
    others = [age for other, each in states.items() if other != name for age in each.ages_ms]
    others += [0 for other, each in states.items() if other != name and each.turning and not each.on]
    waits += [("one after the other", compressor.spacing_ms - min(others))] if others else []
    return waits


def _changed(state: CompressorState) -> CompressorState:
    started = not state.on
    return replace(
        state,
        on=started,
        stood_ms=0,
        ages_ms=(*state.ages_ms, 0) if started else state.ages_ms,
        start_count=state.start_count + started,
        turning=False,
        turning_ms=0,
        wait_ms=0,
    )
