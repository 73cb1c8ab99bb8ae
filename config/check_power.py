"""What a schema cannot see about the generator: contacts of the wrong kind, stop values before their start values.

Each check is a function from the site to findings. Judges the file only; asks no device and opens nothing.
"""

from collections.abc import Iterator

from config.finding import Check, Finding, unknown
from config.model_floor import InputKind
from config.model_site import Site
from config.units import DURATION, PERCENT


def check_contacts(site: Site) -> Iterator[Finding]:
    """Start contact, feedback and mains contact exist and are what they are taken for."""
    asked = site.generator
    if asked is None:
        return
    kinds = {entry.id: entry.kind for entry in site.input}
    yield from unknown(("generator", "output"), asked.output, (output.id for output in site.output), "output")
    for key, name, kind in (("running", asked.running, InputKind.GENERATOR), ("mains", asked.mains, InputKind.MAINS)):
        yield from unknown(("generator", key), name, kinds, "input")
        if name in kinds and kinds[name] is not kind:
            message = f"must be an input of kind {kind}"
            yield Finding(path=("generator", key), message=message, got=str(kinds[name]))


def check_pairs(site: Site) -> Iterator[Finding]:
    """It is asked for by something, and each stop value lies on the other side of its start value."""
    asked = site.generator
    if asked is None:
        return
    charge, runtime, load = asked.start_charge_below_pct, asked.start_runtime_below_ms, asked.start_load_above_pct
    if asked.start_after_ms is not None and asked.mains is None:
        message = "needs mains: once the generator carries the floor its UPS cannot tell whether the mains is back"
        yield Finding(path=("generator", "start_after"), message=message, absence=True)
    thresholds = [given for given in (charge, runtime, load) if given is not None]
    if asked.start_after_ms is None and not thresholds:
        message = "needs a reason: start_after, start_charge_below, start_runtime_below or start_load_above"
        yield Finding(path=("generator",), message=message, absence=True)
    if thresholds and not site.ups:
        yield Finding(path=("generator",), message="needs a [[ups]] whose battery it could look at", absence=True)
    if charge is not None and asked.stop_charge_above_pct <= charge:
        message = f"must be above start_charge_below, {PERCENT.show(charge)}"
        got = PERCENT.show(asked.stop_charge_above_pct)
        yield Finding(path=("generator", "stop_charge_above"), message=message, got=got)
    longer = asked.stop_runtime_above_ms
    if longer is not None and (runtime is None or longer <= runtime):
        message = "needs start_runtime_below" if runtime is None else f"must be above {DURATION.show(runtime)}"
        path = ("generator", "stop_runtime_above")
        yield Finding(path=path, message=message, got=DURATION.show(longer), absence=runtime is None)
    lower = asked.stop_load_below_pct
    if lower is not None and (load is None or lower >= load):
        message = "needs start_load_above" if load is None else f"must be below {PERCENT.show(load)}"
        path = ("generator", "stop_load_below")
        yield Finding(path=path, message=message, got=PERCENT.show(lower), absence=load is None)


CHECKS: tuple[Check, ...] = (check_contacts, check_pairs)
