"""What a schema cannot see about cooling: compressors that are cut before other loads, or that would be harmed.

Each check is a function from the site to findings. Judges the file only; asks no device and opens nothing.
"""

from collections.abc import Iterator

from config.faults import Path
from config.finding import Check, Finding, unknown
from config.model_devices import UnitClass
from config.model_floor import LoadKind, StageCause
from config.model_outputs import Fallback, ModbusOutput, Polarity, SetpointOutput
from config.model_site import Site
from config.units import CELSIUS, DURATION


def check_compressors(site: Site) -> Iterator[Finding]:
    """A compressor has a unit that is air conditioning, and an output that a stop or a fault leaves as it is."""
    units = {unit.id: unit.kind for _, unit in site.units}
    outputs = {output.id: (index, output) for index, output in enumerate(site.output)}
    for index, load in enumerate(site.load):
        where: Path = ("load", index, "unit")
        if load.kind is not LoadKind.COMPRESSOR:
            if load.unit is not None:
                yield Finding(path=where, message='is for kind = "compressor" only', got=load.unit)
            continue
        yield from unknown(where, load.unit, units, "modbus.unit")
        if load.unit in units and units[load.unit] is not UnitClass.HVAC:
            yield Finding(path=where, message="is no air conditioning; name a unit of class hvac", got=load.unit)
        if load.output not in outputs:
            continue
        place, output = outputs[load.output]
        for key, value in (("on_stop", output.on_stop), ("on_fault", output.on_fault)):
            if value is not Fallback.HOLD:
                message = 'feeds a compressor, so it must be "hold"; else our restarts are its starts'
                yield Finding(path=("output", place, key), message=message, got=str(value))


def check_compressors_last(site: Site) -> Iterator[Finding]:
    """No stage cuts an ordinary load after a stage of its cause has cut a compressor."""
    kinds = {load.id: load.kind for load in site.load}
    for cause in StageCause:
        stages = sorted((s.order, index, s) for index, s in enumerate(site.stage) if s.cause is cause)
        last = max((order for order, _, s in stages if LoadKind.ORDINARY in {kinds.get(n) for n in s.loads}), default=0)
        for order, index, stage in stages:
            for place, name in enumerate(stage.loads):
                if kinds.get(name) is LoadKind.COMPRESSOR and order < last:
                    message = f"is a compressor and comes last; stage {last} of cause {cause} cuts an ordinary load"
                    yield Finding(path=("stage", index, "loads", place), message=message, got=name)


def check_humidity(site: Site) -> Iterator[Finding]:
    """Dry is below humid."""
    if site.cooling.dry_pct >= site.cooling.humid_pct:
        yield Finding(path=("cooling", "dry"), message="must be below humid")


def check_setpoints(site: Site) -> Iterator[Finding]:
    """A raised set point asks for less, and is given back when the controller stops."""
    for index, output in enumerate(site.output):
        if not isinstance(output, SetpointOutput):
            continue
        if output.raised_c <= output.usual_c:
            message = f"must be above usual, {CELSIUS.show(output.usual_c)}; else conservation asks for more cooling"
            yield Finding(path=("output", index, "raised"), message=message, got=CELSIUS.show(output.raised_c))
        if output.id not in site.cooling.gentle:
            message = "is a set point that nothing asks for; name it in cooling.gentle"
            yield Finding(path=("output", index, "id"), message=message, got=output.id)


def check_safety_timers(site: Site) -> Iterator[Finding]:
    """A board that lets go by itself is asked and told often enough, and letting go is what on_fault says."""
    timers = {unit.id: unit.safety_timer_ms for _, unit in site.units if unit.safety_timer_ms}
    for place, endpoint in enumerate(site.modbus):
        for index, unit in enumerate(endpoint.units):
            if unit.id in timers and timers[unit.id] < 3 * unit.slow_ms:
                message = f"must be at least three slow periods of its unit, {DURATION.show(3 * unit.slow_ms)}"
                path: Path = ("modbus", place, "unit", index, "safety_timer")
                yield Finding(path=path, message=message, got=DURATION.show(timers[unit.id]))
    for index, output in enumerate(site.output):
        if not isinstance(output, ModbusOutput) or output.unit not in timers:
            continue
        timer_ms = timers[output.unit]
        if 2 * output.lease_ms > timer_ms:
            message = f"must be at most half of the safety timer of {output.unit}, {DURATION.show(timer_ms // 2)}"
            yield Finding(path=("output", index, "lease"), message=message, got=DURATION.show(output.lease_ms))
        released = Fallback.ON if output.polarity is Polarity.ACTIVE_LOW else Fallback.OFF
        if output.on_fault is not released:
            message = f'must be "{released}": {output.unit} lets go of this relay when the controller is gone'
            yield Finding(path=("output", index, "on_fault"), message=message, got=str(output.on_fault))


CHECKS: tuple[Check, ...] = (
    check_compressors,
    check_compressors_last,
    check_humidity,
    check_setpoints,
    check_safety_timers,
)
