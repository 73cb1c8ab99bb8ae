"""What is watched of telephones, out of the site: exchanges, trunks and their groups, lines, calls, surges.

It must not open a connection.
"""

from collections.abc import Iterable

from config.compile_power import SILENT_MS
from config.emergency import numbers_of
from config.model_devices import Direction, Exchange, TrunkGroup
from config.model_phones import LineSource
from config.model_site import Site
from firmware_py.core import lines
from firmware_py.core.point import Point
from firmware_py.core.volume import Volume, declare, week_point
from monitors import calls, trunks, volume
from monitors.parts import Part


def derived_points(site: Site, stale_ms: int) -> Iterable[Point]:
    """The points that are worked out of the callers, and the local time that this needs."""
    counted = [one for one in site.exchange if one.queues]
    if counted:
        yield week_point(stale_ms)
    for one in counted:
        yield from declare(one.id)


def watch_calls(site: Site) -> list[Part]:
    """One part for each exchange, and one for its callers where they are counted."""
    gates = {
        output.exchange: output.id
        for output in site.output
        if output.port == "exchange" and output.id in site.outbound.outputs
    }
    parts = [
        *(_exchange(one, gates.get(one.id, "")) for one in site.exchange),
        *(_group(site, group) for group in site.trunk_group),
    ]
    parts += [
        calls.watch(
            calls.Calls(
                exchange=one.id,
                verifies=bool(numbers_of(one)),
                gate=gates.get(one.id, ""),
                fails_over=one.dial_test is not None,
            )
        )
        for one in site.exchange
    ]
    counted = [one for one in site.exchange if one.queues]
    surges = [volume.cause(one.id for one in counted)] if counted else []
    return parts + surges + [volume.watch(_watched(site, one)) for one in counted]


def _watched(site: Site, exchange: Exchange) -> volume.Watched:
    surge = site.surge
    inbound = {group.id for group in site.trunk_group if group.direction is not Direction.OUT}
    lines = [trunk for trunk in exchange.trunks if trunk.group in inbound]
    # Taken lines are counted only where every inbound trunk says how many it has and which groups count its calls.
    known = bool(lines) and all(trunk.capacity and trunk.counted_in for trunk in lines)
    return volume.Watched(
        volume=Volume(
            id=exchange.id,
            offered=f"{exchange.id}.queue.offered",
            abandoned=f"{exchange.id}.queue.abandoned",
            lines=tuple(f"trunks.{trunk.name}.calls" for trunk in lines) if known else (),
            capacity_count=sum(trunk.capacity for trunk in lines) if known else 0,
        ),
        busy_limit_pct=surge.busy_pct,
        wait_limit_s=surge.wait_ms // 1000,
        abandoned_limit_pct=surge.abandoned_pct,
        off_delay_ms=surge.off_delay_ms,
        outbound=site.outbound.outputs if surge.pause_outbound else (),
        announcement=surge.announcement or "",
        agents=surge.agents or "",
        call_in=_call_in(site),
    )


def _call_in(site: Site) -> tuple[str, ...]:
    """Whom to call in, in which order: the site's people, or the texts where it names nobody."""
    order = site.call_in
    lines = (("present", order.present), ("standby", order.standby), ("away", order.away))
    named = tuple(f"{who}: {', '.join(people)}" for who, people in lines if people)
    return named or tuple(f"call_in.{who}" for who, _ in lines)


def _exchange(exchange: Exchange, gate: str) -> Part:
    by_hand = f"{exchange.id}.held_by_hand" if gate else ""
    return trunks.watch_exchange(trunks.Exchange(id=exchange.id, silent_ms=SILENT_MS, gate=gate, by_hand=by_hand))


def _group(site: Site, group: TrunkGroup) -> Part:
    failover = site.failover
    moves = failover.enabled and failover.group == group.id
    advised = group.conserve and failover.group in (None, group.id)
    return trunks.watch_group(
        trunks.Group(
            name=group.id,
            trunks=site.trunk_names(group.id),
            minimum_up=group.minimum_up,
            on_delay_ms=site.trunks.on_delay_ms,
            off_delay_ms=site.trunks.off_delay_ms,
            confirm=site.trunks.looks,
            failover=(failover.output or "") if moves else "",
            back_ms=failover.stable_ms if failover.back == "stable" else None,
            relay=site.moves_lines,
            calls=site.calls_of(group.id),
            in_use=failover.in_use or "",
            # Where a switch moves by itself there is nothing to be done by hand; a relay may have to wait for calls.
            steps=failover.steps if advised and (site.moves_lines or not moves) else (),
        )
    )


def watch_lines(site: Site) -> list[Part]:
    """Every trunk by itself, and who tells of those that no exchange does."""
    listed = [lines.Line(name=trunk.name) for one in site.exchange for trunk in one.trunks]
    listed += [
        lines.Line(
            name=line.name, sensed=line.contact or "", alive=line.alive == "on", told=line.source is LineSource.MANUAL
        )
        for line in site.line
    ]
    given = site.trunks
    delays = {"on_delay_ms": given.on_delay_ms, "off_delay_ms": given.off_delay_ms, "confirm": given.looks}
    return [Part(lines=tuple(listed)), *(trunks.watch_trunk(trunks.Trunk(name=one.name, **delays)) for one in listed)]
