"""From a checked site to the plan of the floor: points from the profiles, declarations from the monitors.

Everything that the schema alone cannot see (a profile without the point that a monitor needs) is a ConfigError here,
all at once. It must not open a connection or read a clock.
"""

from collections.abc import Iterable, Mapping

from config import compile_alarms, compile_cooling, compile_incidents, compile_inputs, compile_phones, compile_power
from config.compile_power import SILENT_MS
from config.floor import Devices, Floor
from config.model_floor import InputKind
from config.model_outputs import OutputEntry
from config.model_site import Site
from config.texts import load_texts
from firmware_py.core import drill
from firmware_py.core.codec import digest
from firmware_py.core.output import Output, StopValue
from firmware_py.core.point import Point
from monitors import annunciator, comms, conservation, fire, power, ups_facts
from monitors.parts import Part, Row, assemble, join

OWN_STALE_MS = 15_000  # the shell feeds its own points every 5 s; a busy start must not make them stale
FIRE_OFF_DELAY_MS = 2_000
CYCLE_MS = 1_000


def compile_floor(site: Site, devices: Devices) -> Floor:
    """Join all monitors' parts over the points of all devices."""
    points = {point.id: point for point in _points(site, devices)}
    points |= {point.id: point for point in compile_power.derived_points(site, points)}
    points |= {point.id: point for point in compile_cooling.derived_points(site, points)}
    points |= {point.id: point for point in compile_phones.derived_points(site, OWN_STALE_MS)}
    part = compile_alarms.tune(site, compile_incidents.declare(site, _watch(site, points)))
    causes = frozenset(cause.id for cause in part.causes)
    flags = frozenset(rule.flag for rule in part.flags)
    spoken = annunciator.announce(_panel(site), part.alarms, causes=causes, flags=flags)
    plan = assemble(points.values(), _outputs(site), join((part, spoken)), outbound=site.outbound.outputs,
                    escalation=compile_incidents.escalation(site, part.alarms),
                    course=compile_incidents.course(site, points), alarm_rules=compile_alarms.rules(site),
                    drills=compile_alarms.drills(site, points))  # fmt: skip
    texts = load_texts(site.site.language)
    sentences = {alarm.id: texts.alarm_text(alarm.id, alarm.text) for alarm in plan.alarms.values()}
    return Floor(site=site, plan=plan, alarms=part.alarms, digest=digest(plan), sentences=sentences)


def remote_outputs(site: Site) -> tuple[str, ...]:
    """Outputs behind a wire, whose far end can be read back."""
    return tuple(output.id for output in site.output if output.port != "gpio")


def _points(site: Site, devices: Devices) -> Iterable[Point]:
    yield from devices.points
    yield from compile_inputs.declare(site)
    yield drill.declare()
    yield from comms.own_points(stale_ms=OWN_STALE_MS, mqtt=_publishes(site), certificate=_has_certificate(site))
    for output in site.output:
        if output.port != "gpio":
            # Read back at each lease; twice missed is lost.
            yield comms.follow_point(output.id, 2 * output.lease_ms + OWN_STALE_MS)


def _publishes(site: Site) -> bool:
    return site.mqtt is not None and site.mqtt.enabled


def _has_certificate(site: Site) -> bool:
    mqtt = site.mqtt
    return mqtt is not None and mqtt.enabled and mqtt.tls is not None and mqtt.tls.cert_file is not None


def _watch(site: Site, points: Mapping[str, Point]) -> Part:
    panels = _fire_panels(site, points)
    fire_contacts = tuple(entry.id for entry in site.input if entry.kind is InputKind.FIRE)
    parts = [power.watch(compile_power.watched(site, ups.id, points)) for ups in site.ups]
    parts += [ups_facts.watch(ups.id, points) for ups in site.ups]
    parts.append(Part(batteries=compile_power.batteries(site, points)))
    parts.append(compile_power.announced(site, points))
    parts.append(compile_power.standby(site, points))
    parts += compile_phones.watch_calls(site)
    parts += compile_phones.watch_lines(site)
    parts += compile_cooling.watch(site, points, fire_seen=fire.SEEN if panels or fire_contacts else "")
    parts += [fire.watch_panel(panel) for panel in panels]
    if panels or fire_contacts:
        parts.append(
            fire.evacuate(
                panels,
                fire_contacts,
                _cut_on_fire(site),
                off_delay_ms=FIRE_OFF_DELAY_MS,
            )
        )
    parts += compile_inputs.watch(site)
    parts += [compile_alarms.watch_age(site), compile_alarms.watch_export(site)]
    parts.append(conservation.conserve(compile_power.causes(site, points), site.outbound.outputs))
    parts.append(conservation.shed(compile_power.stages(site, points)))
    silent = [a.alarm.condition for part in parts for a in part.alarms if a.alarm.cause == comms.CAUSE]
    gates = frozenset(o.id for o in site.output if o.port == "exchange" and o.id in site.outbound.outputs)
    followed = [output for output in remote_outputs(site) if output not in gates]
    own = {"mqtt": _publishes(site), "certificate": _has_certificate(site)}
    parts.append(comms.watch(silent, delay_ms=SILENT_MS, followed=followed, **own))
    return join(parts)


def _fire_panels(site: Site, points: Mapping[str, Point]) -> list[fire.Panel]:
    panels = []
    for _, unit in site.units:
        if unit.kind.value != "fire":
            continue
        own = [point.removeprefix(f"{unit.id}.") for point in points if point.startswith(f"{unit.id}.")]
        zones = [name.removesuffix(".fire") for name in own if name.endswith(".fire")]
        panels.append(
            fire.Panel(
                id=unit.id,
                zones=tuple(fire.Zone(id=f"{unit.id}.{zone}", flags=frozenset(_parts_of(own, zone))) for zone in zones),
                # The limit counts from the last sound reading: what staleness takes is part of it, and one cycle.
                silent_ms=max(0, site.fire.lost_after_ms - unit.stale_ms - CYCLE_MS),
                off_delay_ms=FIRE_OFF_DELAY_MS,
                test_limit_ms=site.fire.test_limit_ms,
                flags=frozenset(_parts_of(own, "panel")),
            )
        )
    return panels


def _parts_of(names: Iterable[str], prefix: str) -> Iterable[str]:
    return (name.removeprefix(f"{prefix}.") for name in names if name.startswith(f"{prefix}."))


def _cut_on_fire(site: Site) -> Mapping[str, bool]:
    normal = {output.id: output.normal == "on" for output in site.output}
    chosen = [load for load in site.load if load.id in site.fire.off_on_fire and load.output]
    return {load.output: not normal[load.output] for load in chosen if load.output}


def _panel(site: Site) -> annunciator.Panel:
    lamps = {row: tuple(lamp.output for lamp in site.lamp if lamp.row.value == row.name) for row in Row}
    return annunciator.Panel(
        lamps={row: chosen for row, chosen in lamps.items() if chosen},
        beacons=site.annunciator.beacons,
        sounders=site.annunciator.sounders,
        sounds_in_fire=site.fire.sounder,
        zones=compile_alarms.zones(site),
    )


def _outputs(site: Site) -> list[Output]:
    shown = {lamp.output for lamp in site.lamp} | set(site.annunciator.sounders)
    stays = {site.failover.output: site.failover.minimum_stay_ms} if site.failover.enabled else {}
    return [_output(entry, stays.get(entry.id, 0), shown_only=entry.id in shown) for entry in site.output]


def _output(entry: OutputEntry, stay_ms: int, *, shown_only: bool) -> Output:
    return Output(
        id=entry.id,
        normal=entry.normal == "on",
        on_stop=StopValue(entry.on_stop.value),
        on_fault=StopValue(entry.on_fault.value),
        min_on_ms=max(stay_ms, entry.min_on_ms),
        min_off_ms=entry.min_off_ms,
        lease_ms=entry.lease_ms,
        shown_only=shown_only,
    )
