"""What is watched of an exchange's calls, out of the site: emergency numbers, the account, calls that remain, surges.

It must not open a connection.
"""

from collections.abc import Iterable

from config.emergency import numbers_of
from config.model_devices import Direction, Exchange
from config.model_site import Site
from firmware_py.core.point import Point
from firmware_py.core.volume import Volume, declare, week_point
from monitors import calls, volume
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
        calls.watch(calls.Calls(exchange=one.id, verifies=bool(numbers_of(one)), gate=gates.get(one.id, "")))
        for one in site.exchange
    ]
    return parts + [volume.watch(_watched(site, one)) for one in site.exchange if one.queues]


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
        call_in=surge.call_in,
    )
