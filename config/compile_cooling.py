"""The cooling side of the plan: units, rooms with rates of rise, what is asked for less, compressors that are spared.

Part of `compile`: from a checked site and the points that its profiles offer. It must not open a connection.
"""

from collections.abc import Collection, Iterable, Iterator

from config.compile_power import SILENT_MS
from config.model_floor import LoadKind
from config.model_site import Site
from firmware_py.core.compressor import Compressor
from firmware_py.core.point import Point
from monitors import conservation, hvac, power
from monitors.parts import Part

HUMIDITY_DEADBAND_PCT = 3.0
_MINUTES = hvac.RISE_WINDOW_MS / 60_000


def derived_points(site: Site, points: Collection[str]) -> Iterable[Point]:
    """The points that are worked out for each room whose temperature is read."""
    return [hvac.rise_point(room) for room in _rooms(site, points, "temp_c") if site.cooling.rise_c_per_min]


def watch(site: Site, points: Collection[str], *, fire_seen: str) -> list[Part]:
    """All parts of cooling. `fire_seen`: the condition during which nothing starts, "" for a floor without panel."""
    units = [unit for _, unit in site.units if unit.kind.value == "hvac"]
    cooling = site.cooling
    parts = [
        hvac.watch_unit(
            hvac.Unit(
                id=unit.id,
                on_delay_ms=cooling.on_delay_ms,
                off_delay_ms=cooling.off_delay_ms,
                silent_ms=SILENT_MS,
                running=f"{unit.id}.running" in points,
                ordered_off=f"{unit.id}.ordered_off" in points,
            )
        )
        for unit in units
    ]
    rooms = [_room(site, room) for room in _rooms(site, points, "temp_c")]
    parts += [hvac.watch_room(room) for room in rooms]
    parts += [hvac.watch_rise(room) for room in rooms if room.rise_c]
    parts += _airs(site, points)
    parts.append(
        hvac.cool(
            tuple(unit.id for unit in units),
            tuple(room.id for room in rooms),
            cooling.fans,
            fire_seen,
            rises=cooling.rise_c_per_min > 0,
        )
    )
    parts.append(hvac.ease(cooling.gentle, (power.CAUSE, conservation.MANUAL)))
    parts.append(Part(compressors=tuple(_compressors(site, points, fire_seen))))
    return parts


def _rooms(site: Site, points: Collection[str], value: str) -> list[str]:
    named = {unit.room for _, unit in site.units if unit.kind.value == "hvac" and unit.room}
    return sorted(room for room in named if f"{room}.{value}" in points)


def _room(site: Site, room: str) -> hvac.Room:
    cooling = site.cooling
    return hvac.Room(
        id=room,
        point=f"{room}.temp_c",
        warn_c=cooling.warm_c,
        alarm_c=cooling.hot_c,
        critical_c=cooling.critical_c,
        deadband_c=cooling.deadband_c,
        on_delay_ms=cooling.on_delay_ms,
        off_delay_ms=cooling.off_delay_ms,
        rise_c=cooling.rise_c_per_min * _MINUTES,
        jump_c=cooling.jump_c,
    )


def _airs(site: Site, points: Collection[str]) -> Iterator[Part]:
    cooling = site.cooling
    for room in _rooms(site, points, "humidity_pct"):
        yield hvac.watch_air(
            hvac.Air(
                id=room,
                point=f"{room}.humidity_pct",
                dry_pct=cooling.dry_pct,
                humid_pct=cooling.humid_pct,
                deadband_pct=HUMIDITY_DEADBAND_PCT,
                on_delay_ms=cooling.on_delay_ms,
                off_delay_ms=cooling.off_delay_ms,
            )
        )


def _compressors(site: Site, points: Collection[str], fire_seen: str) -> Iterator[Compressor]:
    cooling = site.cooling
    ports = {output.id: output.port for output in site.output}
    for load in site.load:
        if load.kind is not LoadKind.COMPRESSOR or load.output is None:
            continue

        def own(*names: str, unit: str | None = load.unit) -> tuple[str, ...]:
            return tuple(point for name in names if (point := f"{unit}.compressor.{name}") in points)

        yield Compressor(
            output=load.output,
            min_on_ms=cooling.min_on_ms,
            min_off_ms=cooling.min_off_ms,
            start_limit=cooling.starts_per_hour,
            spacing_ms=cooling.restart_spacing_ms,
            points_on=own("min_on_s"),
            points_off=own("min_off_s", "restart_s"),
            points_between=own("between_s"),
            barred=(fire_seen,) if fire_seen else (),
            survives=ports[load.output] != "gpio",
        )
