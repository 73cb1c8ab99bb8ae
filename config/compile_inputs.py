"""Contacts and services of a site: their points, and what is watched of them.

Part of `compile`: from a checked site. It must not open a pin or a connection.
"""

from collections.abc import Iterable

from config.model_alarms import Check, Service
from config.model_floor import InputKind
from config.model_site import Site
from firmware_py.core.point import Kind, Point
from monitors import contacts, systems
from monitors.parts import Part

CONTACT_STALE_MS = 5_000
CERT_WARN_DAYS = 30
_FIRE = (InputKind.FIRE, InputKind.FIRE_FAULT, InputKind.SMOKE)
_BUTTONS = (InputKind.ACK, InputKind.SILENCE, InputKind.LAMP_TEST)


def declare(site: Site) -> Iterable[Point]:
    """The points of contacts, buttons and services."""
    for entry in site.input:
        yield Point(id=entry.id, kind=Kind.FLAG, stale_after_ms=CONTACT_STALE_MS, urgent=True)
    for service in site.service:
        for side in sides(service):
            name = f"{service.id}.{side}"
            stale_ms = 3 * service.every_ms + service.timeout_ms
            yield Point(id=f"{name}.up", kind=Kind.FLAG, stale_after_ms=stale_ms)
            yield Point(id=f"{name}.answer_ms", kind=Kind.INTEGER, unit="ms", stale_after_ms=stale_ms, low=0)
            if has_certificate(service):
                yield Point(id=f"{name}.cert_days", kind=Kind.NUMBER, unit="d", stale_after_ms=stale_ms)


def watch(site: Site) -> list[Part]:
    """The alarms of contacts and services."""
    parts = [
        contacts.watch(
            contacts.Contact(
                id=entry.id,
                kind=entry.kind.value,
                on_delay_ms=site.power.on_delay_ms if entry.kind is InputKind.MAINS else entry.debounce_ms,
                off_delay_ms=site.power.off_delay_ms if entry.kind is InputKind.MAINS else 0,
            )
        )
        for entry in site.input
        if entry.kind not in _BUTTONS
    ]
    parts += [contacts.watch_sight(one.id, fire=one.kind in _FIRE) for one in site.input if one.kind not in _BUTTONS]
    watched = [
        systems.Service(
            id=service.id,
            standby=service.standby is not None,
            on_delay_ms=service.on_delay_ms,
            off_delay_ms=service.off_delay_ms,
            cert_warn_days=CERT_WARN_DAYS if has_certificate(service) and service.cert_warn == "on" else 0,
        )
        for service in site.service
    ]
    if watched:
        parts.append(systems.watch(watched))
    return parts


def outages(site: Site) -> tuple[str, ...]:
    """Conditions of mains relays that mean: the floor does not live on the mains."""
    return tuple(contacts.mains_lost(entry.id) for entry in site.input if entry.kind is InputKind.MAINS)


def sides(service: Service) -> tuple[str, ...]:
    """Who serves it."""
    return ("main",) if service.standby is None else ("main", "standby")


def has_certificate(service: Service) -> bool:
    """Whether it shows one."""
    return service.check in (Check.TLS, Check.HTTPS)
