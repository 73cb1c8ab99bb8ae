"""The power side of the plan: batteries to forecast, causes, and stages with their thresholds and targets.

Part of `compile`: from a checked site and the points that its profiles offer. It must not open a connection.
"""

from collections.abc import Collection, Iterable

from config import compile_inputs
from config.model_floor import Generator, Load, LoadKind, StageEntry
from config.model_site import Site
from firmware_py.core import generator, planned
from firmware_py.core.calendar import second_of_day, seconds_of
from firmware_py.core.check import Test
from firmware_py.core.derived import declare
from firmware_py.core.point import Point
from firmware_py.core.shedplan import Battery, FedLoad
from monitors import conservation, power, trunks
from monitors import generator as monitors_generator
from monitors import planned as monitors_planned
from monitors.parts import Part, join

SILENT_MS = 10_000  # how long a device may be silent before people are told


def is_forecast(ups: str, points: Collection[str]) -> bool:
    """Whether the profile of a UPS offers something that a forecast can rest on."""
    return f"{ups}.battery.charge_pct" in points or f"{ups}.battery.runtime_s" in points


def derived_points(site: Site, points: Collection[str]) -> Iterable[Point]:
    """The points that are worked out for each battery (decision 0010)."""
    for ups in site.ups:
        if is_forecast(ups.id, points):
            yield from declare(ups.id)
    if site.ups:
        yield from planned.declare()
    if site.generator is not None:
        yield from generator.declare()


def watched(site: Site, ups: str, points: Collection[str]) -> power.Ups:
    """One UPS as the monitor wants it."""
    return power.Ups(
        id=ups,
        on_delay_ms=site.power.on_delay_ms,
        off_delay_ms=site.power.off_delay_ms,
        silent_ms=SILENT_MS,
        manual_lead_ms=site.power.manual_records_lead_ms,
        has_runtime=f"{ups}.battery.runtime_s" in points,
        has_status=f"{ups}.battery.status" in points,
        has_charge=f"{ups}.battery.charge_pct" in points,
        has_load=f"{ups}.output.load_pct" in points,
        overload_pct=site.power.overload_pct,
        charge_floor_pct=site.recovery.charge_floor_pct,
        runtime_floor_ms=site.recovery.runtime_floor_ms,
        full_pct=site.recovery.full_pct,
        has_planned=planned.PHASE in points,
        has_calibration=f"{ups}.calibration_running" in points,
        calibration_floor_pct=site.power.calibration_floor_pct,
        last_words_ms=site.power.last_words_lead_ms if _feeds_controller(site, ups) else 0,
    )


def _feeds_controller(site: Site, ups: str) -> bool:
    return any(load.kind is LoadKind.CONTROLLER and load.ups == ups for load in site.load)


def batteries(site: Site, points: Collection[str]) -> tuple[Battery, ...]:
    """Every battery that is forecast, with its loads and the stages that may be shed for its endurance."""
    return tuple(_battery(site, ups.id, points) for ups in site.ups if is_forecast(ups.id, points))


def _battery(site: Site, ups: str, points: Collection[str]) -> Battery:
    entry = next(one for one in site.ups if one.id == ups)
    orders = {name: stage.order for stage in site.stage if stage.cause.value == power.CAUSE for name in stage.loads}

    def offered(point: str) -> str:
        return point if point in points else ""

    return Battery(
        id=ups,
        source=f"{ups}.output_source",
        charge=offered(f"{ups}.battery.charge_pct"),
        runtime=offered(f"{ups}.battery.runtime_s"),
        load=offered(f"{ups}.output.load_pct"),
        power=offered(f"{ups}.output.power_w"),
        rating_w=round(entry.rating_w or 0),
        overlong=power.test_overlong(ups),
        endurance_ms=site.power.endurance_ms if entry.endurance_ms is None else entry.endurance_ms,
        trust_pct=site.power.trust_unwatched_pct,
        kinds=frozenset(site.power.estimates),
        loads=tuple(
            FedLoad(
                id=load.id, watts_w=round(load.watts_w), output=load.output or "",
                order=orders.get(load.id, 0) if load.output else 0,
            )
            for load in site.load
            if load.ups == ups
        ),
        orders=tuple(sorted(stage.order for stage in site.stage if _aims_at(site, stage, ups))),
    )  # fmt: skip


def _aims_at(site: Site, stage: StageEntry, ups: str) -> bool:
    return stage.endurance and ups in _fed_by(site, _loads(site, stage))


def announced(site: Site, points: Collection[str]) -> Part:
    """The planned cuts and what is watched about them; more may be told of while it runs, so it is always watched."""
    if not site.ups:
        return Part()
    notice_s = site.power.notice_ms // 1000
    cuts = tuple(
        planned.Cut(
            start_s=seconds_of(one.start), end_s=seconds_of(one.end), note=one.note, notice_s=notice_s,
            id=f"file{number}",
        )
        for number, one in enumerate(site.planned_outage, start=1)
    )  # fmt: skip
    charges = [f"{ups.id}.battery.charge_pct" for ups in site.ups if f"{ups.id}.battery.charge_pct" in points]
    sources = [f"{ups.id}.output_source" for ups in site.ups]
    flags = [generator.FAILED] if site.generator is not None else []
    untried = [f"{ups.id}.forecast.untried_d" for ups in site.ups if is_forecast(ups.id, points)]
    watched = monitors_planned.watch(
        sources, charges, flags, untried, cause=power.CAUSE, off_delay_ms=site.power.off_delay_ms
    )
    return join((Part(cuts=cuts, notice_s=(notice_s,)), watched))


def standby(site: Site, points: Collection[str]) -> Part:
    """The generator and what is watched about it; nothing where there is none."""
    asked = site.generator
    if asked is None:
        return Part()
    return monitors_generator.watch(
        monitors_generator.Standby(
            output=asked.output, running=asked.running, cause=power.CAUSE, mains=asked.mains or "",
            outages=tuple(name for ups in site.ups for name in power.outages(ups.id)),
            pairs=tuple(pair for ups in site.ups for pair in _pairs(asked, ups.id, points)),
            start_after_ms=asked.start_after_ms, stop_after_ms=asked.stop_after_ms,
            hold_ms=asked.start_hold_ms, stop_hold_ms=asked.stop_hold_ms,
            start_within_ms=asked.start_within_ms, tries_count=asked.tries, minimum_run_ms=asked.minimum_run_ms,
            test_every_s=asked.test_every_ms // 1000, test_run_ms=asked.test_run_ms,
            test_at_s=None if asked.test_at is None else second_of_day(asked.test_at),
        )
    )  # fmt: skip


def _pairs(asked: Generator, ups: str, points: Collection[str]) -> Iterable[monitors_generator.Pair]:
    runtime, load = asked.start_runtime_below_ms, asked.start_load_above_pct
    named: list[tuple[str, str, float | None, float | None]] = [
        ("charge", f"{ups}.forecast.charge_pct", asked.start_charge_below_pct, asked.stop_charge_above_pct),
        ("runtime", f"{ups}.forecast.runtime_s", _in_s(runtime), _in_s(asked.runtime_stop_ms)),
        ("load", f"{ups}.output.load_pct", load, asked.load_stop_pct),
    ]
    for name, point, start, stop in named:
        offered = point in points or (".forecast." in point and is_forecast(ups, points))
        if start is not None and stop is not None and offered:
            yield monitors_generator.Pair(name=f"{ups}.{name}", point=point, start_limit=start, stop_limit=stop)


def causes(site: Site, points: Collection[str]) -> list[conservation.Conservation]:
    """Power and trunks, each with its conditions and the way back."""
    asked = {
        power.CAUSE: (
            *(name for ups in site.ups for name in power.outages(ups.id)),
            *((monitors_generator.CARRIES,) if site.generator is not None and not site.generator.carries_all else ()),
            *compile_inputs.outages(site),
        ),
        trunks.CAUSE: tuple(trunks.below_minimum(group.id) for group in site.trunk_group if group.conserve),
    }
    stopped = tuple(name for ups in site.ups for name in power.stops_return(watched(site, ups.id, points)))
    return [
        conservation.Conservation(
            cause=cause,
            conditions=conditions,
            stable_ms=site.recovery.stable_ms,
            spacing_ms=site.recovery.restore_spacing_ms,
            relapse_window_ms=site.recovery.relapse_window_ms,
            relapse_factor=site.recovery.relapse_factor,
            stopped_by=stopped if cause == power.CAUSE else (),
        )
        for cause, conditions in asked.items()
    ]


def stages(site: Site, points: Collection[str]) -> list[conservation.ShedStage]:
    """All stages. Those of the power cause look only at the UPSs behind their loads."""
    return [_stage(site, entry, points) for entry in site.stage]


def _stage(site: Site, entry: StageEntry, points: Collection[str]) -> conservation.ShedStage:
    chosen = _loads(site, entry)
    fed_by = _fed_by(site, chosen)
    of_power = entry.cause.value == power.CAUSE
    return conservation.ShedStage(
        cause=entry.cause.value,
        order=entry.order,
        # What matters least first: it is given back from the end.
        outputs=tuple(load.output for load in sorted(chosen, key=lambda load: -load.priority) if load.output),
        after_ms=entry.after_ms,
        thresholds=tuple(threshold for ups in fed_by for threshold in _thresholds(site, entry, ups, points)),
        dwell_ms=site.recovery.stage_dwell_ms if entry.dwell_ms is None else entry.dwell_ms,
        hold_ms=entry.hold_ms,
        announce_ms=site.power.announce_lead_ms if any(load.people for load in chosen) else 0,
        targets=tuple(f"{ups}.plan.stages" for ups in fed_by if entry.endurance and is_forecast(ups, points)),
        feeds=frozenset(load.ups for load in chosen if load.ups) if of_power else frozenset(),
        while_any=tuple(name for ups in fed_by for name in power.outages(ups)) if of_power else (),
        loads=tuple(load.name or load.id for load in chosen),
        by_hand=tuple(load.name or load.id for load in chosen if not load.output),
    )


def _loads(site: Site, entry: StageEntry) -> list[Load]:
    loads = {load.id: load for load in site.load}
    return [loads[name] for name in entry.loads]


def _fed_by(site: Site, chosen: Iterable[Load]) -> tuple[str, ...]:
    """The UPSs behind loads; all of them where no load names one."""
    named = tuple(dict.fromkeys(load.ups for load in chosen if load.ups))
    return named or tuple(ups.id for ups in site.ups)


def _thresholds(site: Site, entry: StageEntry, ups: str, points: Collection[str]) -> Iterable[conservation.Threshold]:
    # Charge and runtime by our own forecast, which goes on where the UPS falls silent.
    gauged = f"{ups}.battery.charge_pct" in points
    grows = power.may_have_more(ups, site.recovery.full_pct) if gauged else None
    named: list[tuple[str, float | None, float | None, Test | None]] = [
        (f"{ups}.forecast.charge_pct", entry.charge_below_pct, entry.charge_release_pct, None),
        (f"{ups}.forecast.runtime_s", _in_s(entry.runtime_below_ms), _in_s(entry.runtime_release_ms), grows),
        (f"{ups}.output.load_pct", entry.load_above_pct, entry.load_release_pct, None),
    ]
    for point, limit, release, only_while in named:
        offered = point in points or (".forecast." in point and is_forecast(ups, points))
        if limit is not None and release is not None and offered:
            yield conservation.Threshold(point=point, limit=limit, release=release, only_while=only_while)


def _in_s(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000
