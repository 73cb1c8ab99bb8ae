"""What a schema cannot see about values: thresholds that cross, stages with gaps, protected loads, timeouts, protocols.

Each check is a function from the site to findings. Judges the file only; asks no device and opens nothing.
"""

from collections.abc import Iterator
from itertools import pairwise

from config.faults import Path
from config.finding import Check, Finding, repeated
from config.model_devices import ModbusEndpoint, SnmpV3, SnmpVersion, Transport, Ups
from config.model_floor import PROTECTED, StageCause, StageEntry
from config.model_site import Site
from config.units import DURATION, PERCENT
from firmware_py.core.calendar import seconds_of


def check_protected(site: Site) -> Iterator[Finding]:
    """Emergency lighting, the phone system, inbound and the controller are never cut."""
    kinds = {load.id: load.kind for load in site.load}
    fed = {load.id: load.output for load in site.load}
    named: list[tuple[Path, str]] = [
        (("stage", index, "loads", place), name)
        for index, stage in enumerate(site.stage)
        for place, name in enumerate(stage.loads)
    ]
    burning: list[tuple[Path, str]] = [
        (("fire", "off_on_fire", place), name) for place, name in enumerate(site.fire.off_on_fire)
    ]
    for path, name in named + burning:
        if kinds.get(name) in PROTECTED:
            yield Finding(
                path=path, message=f"is of kind {kinds[name]} and is never cut; take it out of the stage", got=name
            )
    for path, name in burning:
        if name in fed and fed[name] is None:
            message = "this load has no output, so it cannot be cut on a fire; give it one"
            yield Finding(path=path, message=message, got=name, absence=True)


def check_stages(site: Site) -> Iterator[Finding]:
    """Each cause's stages count 1, 2, 3 ..., come later and at lower thresholds, and cut what matters less first."""
    for index, stage in enumerate(site.stage):
        yield from _stage_alone(index, stage, bool(site.ups))
    priorities = {load.id: load.priority for load in site.load}
    for cause in StageCause:
        stages = sorted(
            ((index, stage) for index, stage in enumerate(site.stage) if stage.cause is cause),
            key=lambda entry: entry[1].order,
        )
        yield from repeated(
            ((("stage", index, "order"), stage.order) for index, stage in stages),
            f"another stage of cause {cause} has this order already, at {{first}}",
        )
        yield from _gaps(stages, cause)
        loads: list[tuple[Path, object]] = [
            (("stage", index, "loads", place), name)
            for index, stage in stages
            for place, name in enumerate(stage.loads)
        ]
        yield from repeated(loads, f"a stage of cause {cause} cuts this load already, at {{first}}")
        for (_, before), (index, stage) in pairwise(stages):
            yield from _stage_pair(before, index, stage, priorities)


def _gaps(stages: list[tuple[int, StageEntry]], cause: StageCause) -> Iterator[Finding]:
    present = {stage.order for _, stage in stages}
    for index, stage in stages:
        if stage.order > 1 and stage.order - 1 not in present:
            message = f"there is no stage of cause {cause} with order {stage.order - 1}; orders count 1, 2, 3"
            yield Finding(path=("stage", index, "order"), message=message, got=stage.order, absence=True)


def _stage_alone(index: int, stage: StageEntry, has_ups: bool) -> Iterator[Finding]:
    where: Path = ("stage", index)
    charge, runtime = stage.charge_below_pct, stage.runtime_below_ms
    load, target = stage.load_above_pct, True if stage.endurance else None
    if all(given is None for given in (charge, runtime, load, target, stage.after_ms)):
        message = (
            "needs a condition: after, charge_below, runtime_below, load_above or endurance;"
            ' after = "0 s" sheds at once'
        )
        yield Finding(path=where, message=message, absence=True)
    for key, given in (
        ("charge_below", charge), ("runtime_below", runtime), ("load_above", load), ("endurance", target),
    ):  # fmt: skip
        if given is None:
            continue
        if stage.cause is StageCause.TRUNK:
            yield Finding(path=(*where, key), message="says nothing about trunks; a stage of cause trunk uses after")
        elif not has_ups:
            message = "needs a [[ups]] whose battery it could look at"
            yield Finding(path=(*where, key), message=message, absence=True)
    release = stage.charge_release_above_pct
    if release is not None and (charge is None or release <= charge):
        bound = "needs charge_below" if charge is None else f"must be above charge_below, {PERCENT.show(charge)}"
        got = PERCENT.show(release)
        yield Finding(path=(*where, "charge_release_above"), message=bound, got=got, absence=charge is None)
    longer = stage.runtime_release_above_ms
    if longer is not None and (runtime is None or longer <= runtime):
        bound = "needs runtime_below" if runtime is None else f"must be above runtime_below, {DURATION.show(runtime)}"
        got = DURATION.show(longer)
        yield Finding(path=(*where, "runtime_release_above"), message=bound, got=got, absence=runtime is None)


def check_planned(site: Site) -> Iterator[Finding]:
    """A planned cut ends after it begins, and there is a UPS that can tell whether it came."""
    for index, cut in enumerate(site.planned_outage):
        if seconds_of(cut.end) <= seconds_of(cut.start):
            yield Finding(path=("planned_outage", index, "end"), message="must be after start", got=cut.end)
        if not site.ups:
            message = "needs a [[ups]] that tells whether the mains is there"
            yield Finding(path=("planned_outage", index), message=message, absence=True)


def check_load_release(site: Site) -> Iterator[Finding]:
    """A load threshold ends below where it begins."""
    for index, stage in enumerate(site.stage):
        load, lower = stage.load_above_pct, stage.load_release_below_pct
        if lower is not None and (load is None or lower >= load):
            bound = "needs load_above" if load is None else f"must be below load_above, {PERCENT.show(load)}"
            path: Path = ("stage", index, "load_release_below")
            yield Finding(path=path, message=bound, got=PERCENT.show(lower), absence=load is None)


def _stage_pair(before: StageEntry, index: int, stage: StageEntry, priorities: dict[str, int]) -> Iterator[Finding]:
    where: Path = ("stage", index)
    if before.after_ms is not None and stage.after_ms is not None and stage.after_ms < before.after_ms:
        least = DURATION.show(before.after_ms)
        message = f"is earlier than stage {before.id}, which is shed first; it must be at least {least}"
        yield Finding(path=(*where, "after"), message=message, got=DURATION.show(stage.after_ms))
    charges = before.charge_below_pct, stage.charge_below_pct
    if charges[0] is not None and charges[1] is not None and charges[1] >= charges[0]:
        message = f"must be below that of stage {before.id}, which is shed first ({PERCENT.show(charges[0])})"
        yield Finding(path=(*where, "charge_below"), message=message, got=PERCENT.show(charges[1]))
    runtimes = before.runtime_below_ms, stage.runtime_below_ms
    if runtimes[0] is not None and runtimes[1] is not None and runtimes[1] >= runtimes[0]:
        message = f"must be below that of stage {before.id}, which is shed first ({DURATION.show(runtimes[0])})"
        yield Finding(path=(*where, "runtime_below"), message=message, got=DURATION.show(runtimes[1]))
    kept = min((priorities[name] for name in before.loads if name in priorities), default=9)
    for place, name in enumerate(stage.loads):
        if priorities.get(name, 0) > kept:
            message = (
                f"has priority {priorities[name]} and matters less than a load of priority {kept}"
                f" that stage {before.id} cuts before it; exchange the two"
            )
            yield Finding(path=(*where, "loads", place), message=message, got=name)


def check_thresholds(site: Site) -> Iterator[Finding]:
    """Steps rise, leads fit into what they lead, tiers come one after the other."""
    cooling = site.cooling
    if not cooling.warm_c < cooling.hot_c < cooling.critical_c:
        key = "hot" if cooling.warm_c >= cooling.hot_c else "critical"
        yield Finding(path=("cooling", key), message="the steps must rise: warm, hot, critical")
    elif cooling.deadband_c >= min(cooling.hot_c - cooling.warm_c, cooling.critical_c - cooling.hot_c):
        yield Finding(path=("cooling", "deadband"), message="must be smaller than the distance between two steps")
    if site.escalation.tier3_after_ms < site.escalation.tier2_after_ms:
        message = f"must not be before tier 2, {DURATION.show(site.escalation.tier2_after_ms)}"
        yield Finding(path=("escalation", "tier3_after"), message=message)
    if site.power.manual_records_lead_ms >= site.power.endurance_ms:
        yield Finding(path=("power", "manual_records_lead"), message="must be shorter than endurance")
    if site.person and all(person.tier != 1 for person in site.person):
        yield Finding(
            path=("person", 0, "tier"),
            message="nobody is in tier 1, which is told first; give somebody tier = 1",
            absence=True,
        )
    if site.fire.sounder and not site.annunciator.sounders:
        yield Finding(
            path=("fire", "sounder"), message="there is no output in annunciator.sounders; name one there", absence=True
        )


def check_polling(site: Site) -> Iterator[Finding]:
    """An answer is awaited for less than a period, and a reading lives longer than two lost polls."""
    for index, ups in enumerate(site.ups):
        yield from _rhythm(("ups", index), ups.fast_ms, ups.slow_ms, ups.timeout_ms, ups.stale_after_ms)
    for index, endpoint in enumerate(site.modbus):
        for place, unit in enumerate(endpoint.units):
            where: Path = ("modbus", index, "unit", place)
            yield from _rhythm(where, unit.fast_ms, unit.slow_ms, None, unit.stale_after_ms)
            if endpoint.timeout_ms >= unit.fast_ms:
                message = f"must be shorter than the fast period of {unit.id}, {DURATION.show(unit.fast_ms)}"
                got = DURATION.show(endpoint.timeout_ms)
                yield Finding(path=("modbus", index, "timeout"), message=message, got=got)
            if unit.kind == "fire" and unit.stale_ms > site.fire.lost_after_ms:
                message = (
                    f"a lost fire panel must be known after {DURATION.show(site.fire.lost_after_ms)}; poll it faster"
                )
                yield Finding(path=(*where, "fast"), message=message, got=DURATION.show(unit.fast_ms))
    for index, one in enumerate(site.exchange):
        yield from _rhythm(("exchange", index), one.fast_ms, None, None, one.stale_after_ms)


def _rhythm(
    where: Path, fast_ms: int, slow_ms: int | None, timeout_ms: int | None, stale_ms: int | None
) -> Iterator[Finding]:
    if slow_ms is not None and slow_ms < fast_ms:
        message = f"must not be shorter than fast, {DURATION.show(fast_ms)}"
        yield Finding(path=(*where, "slow"), message=message, got=DURATION.show(slow_ms))
    if timeout_ms is not None and timeout_ms >= fast_ms:
        message = f"must be shorter than the fast period, {DURATION.show(fast_ms)}"
        yield Finding(path=(*where, "timeout"), message=message, got=DURATION.show(timeout_ms))
    if stale_ms is not None and stale_ms < 2 * fast_ms:
        message = f"must be at least two fast periods, {DURATION.show(2 * fast_ms)}; else one lost poll is a fault"
        yield Finding(path=(*where, "stale_after"), message=message, got=DURATION.show(stale_ms))


def check_snmp(site: Site) -> Iterator[Finding]:
    """A community belongs to versions 1 and 2c, a user to version 3, and privacy needs authentication."""
    for index, ups in enumerate(site.ups):
        yield from _snmp_version(index, ups)
        if ups.v3 is not None:
            yield from _snmp_user(("ups", index, "v3"), ups.v3)
    agents = [(("ups", index, "address"), f"{ups.address} port {ups.port}") for index, ups in enumerate(site.ups)]
    yield from repeated(agents, "another UPS has this address and port already, at {first}")


def _snmp_version(index: int, ups: Ups) -> Iterator[Finding]:
    if ups.version is SnmpVersion.V3:
        if ups.v3 is None:
            yield Finding(path=("ups", index, "version"), message="version 3 needs [ups.v3]", absence=True)
        if ups.community_file is not None:
            yield Finding(path=("ups", index, "community_file"), message="version 3 has no community; use [ups.v3]")
    elif ups.v3 is not None:
        yield Finding(path=("ups", index, "v3"), message='is for version = "3" only', absence=True)


def _snmp_user(where: Path, user: SnmpV3) -> Iterator[Finding]:
    for kind, protocol, secret in (
        ("auth", user.auth_protocol, user.auth_secret_file),
        ("privacy", user.privacy_protocol, user.privacy_secret_file),
    ):
        key: Path = (*where, f"{kind}_secret_file")
        if protocol != "none" and secret is None:
            yield Finding(
                path=key,
                message=f"is missing, since {kind}_protocol is {protocol}; name the file that holds the pass phrase",
                absence=True,
            )
        if protocol == "none" and secret is not None:
            yield Finding(path=key, message=f'has no use while {kind}_protocol is "none"; take one of them out"')
    if user.privacy_protocol != "none" and user.auth_protocol == "none":
        yield Finding(
            path=(*where, "privacy_protocol"),
            message="SNMPv3 has no privacy without authentication; choose an auth_protocol",
        )


def check_modbus(site: Site) -> Iterator[Finding]:
    """An endpoint has what its transport needs and nothing of another's; unit numbers are its own."""
    for index, endpoint in enumerate(site.modbus):
        yield from _transport(("modbus", index), endpoint)
        if endpoint.gateway_wait_ms is not None:
            gone_ms = endpoint.gateway_wait_ms * (endpoint.gateway_retries + 1)
            if endpoint.timeout_ms <= gone_ms:
                message = (
                    f"must be longer than the gateway's own tries, {DURATION.show(gone_ms)}; else a dead unit's time"
                    " is taken from the unit after it"
                )
                got = DURATION.show(endpoint.timeout_ms)
                yield Finding(path=("modbus", index, "timeout"), message=message, got=got)
        units = [(("modbus", index, "unit", place, "unit"), unit.unit) for place, unit in enumerate(endpoint.units)]
        yield from repeated(units, "another unit of this endpoint has this number already, at {first}")
        for path, number in units:
            if endpoint.transport is not Transport.TCP and not 1 <= number <= 247:
                yield Finding(path=path, message="on an RTU line unit numbers are 1 to 247 only", got=number)
    lines: list[tuple[Path, object]] = []
    for index, endpoint in enumerate(site.modbus):
        if endpoint.device is not None:
            lines.append((("modbus", index, "device"), endpoint.device))
        elif endpoint.address is not None:
            lines.append((("modbus", index, "address"), f"{endpoint.address} port {endpoint.port}"))
    yield from repeated(lines, "another endpoint has this line already, at {first}; put its units there")


def _transport(where: Path, endpoint: ModbusEndpoint) -> Iterator[Finding]:
    serial = endpoint.transport is Transport.SERIAL
    wanted, other = ("device", "address") if serial else ("address", "device")
    given = {"device": endpoint.device, "address": endpoint.address}
    if given[wanted] is None:
        message = f"is missing; transport {endpoint.transport} needs it"
        yield Finding(path=(*where, wanted), message=message, absence=True)
    if given[other] is not None:
        yield Finding(
            path=(*where, other),
            message=f"has no use with transport {endpoint.transport}; take it out",
            got=given[other],
        )


def check_connections(site: Site) -> Iterator[Finding]:
    """Certificate and key come together, a user has a password."""
    mqtt = site.mqtt
    if mqtt is not None:
        if mqtt.username is not None and mqtt.password_file is None:
            yield Finding(path=("mqtt", "username"), message="needs password_file", got=mqtt.username, absence=True)
        if mqtt.tls is not None and (mqtt.tls.cert_file is None) != (mqtt.tls.key_file is None):
            key = "key_file" if mqtt.tls.key_file is None else "cert_file"
            yield Finding(path=("mqtt", "tls", key), message="certificate and key come together", absence=True)


CHECKS: tuple[Check, ...] = (
    check_protected,
    check_stages,
    check_load_release,
    check_planned,
    check_thresholds,
    check_polling,
    check_snmp,
    check_modbus,
    check_connections,
)
