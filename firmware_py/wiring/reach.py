"""Services of the site as buses, with their certificates' authorities and our clock.

It must not open a connection.
"""

import ssl

from config.compile_inputs import has_certificate, sides
from config.faults import ConfigError, Fault
from config.model_alarms import Service
from config.model_site import Site
from drivers import reach
from firmware_py.runtime.clock import Clock, ClockQuality
from firmware_py.wiring.devices import Attached

_DAY_S = 86_400


def services(site: Site, clock: Clock) -> list[Attached]:
    """One endpoint for each service. ConfigError for an authority that cannot be read."""

    def days_until(ends_s: int) -> float | None:
        return (ends_s - clock.utc_ms() / 1000) / _DAY_S if clock.quality() is ClockQuality.NTP else None

    return [Attached(bus=reach.ReachBus(_service(entry), days_until)) for entry in site.service]


def _service(entry: Service) -> reach.Service:
    hosts = {"main": entry.main, "standby": entry.standby}
    return reach.Service(
        id=entry.id,
        check=entry.check.value,
        hosts={side: host for side in sides(entry) if (host := hosts[side])},
        port=entry.port,
        path=entry.path,
        status=frozenset(entry.status),
        server_name=entry.server_name or "",
        tls=_context(entry) if has_certificate(entry) else None,
        period_ms=entry.every_ms,
        timeout_ms=entry.timeout_ms,
    )


def _context(entry: Service) -> "ssl.SSLContext":
    try:
        return ssl.create_default_context(cafile=entry.ca_file)
    except OSError as error:
        message = f"the authority cannot be read: {error.strerror}; put its certificate there"
        fault = Fault(file=entry.ca_file or entry.id, line=1, col=1, key="service.ca_file", message=message)
        raise ConfigError([fault]) from error
