"""How late a change on a Modbus line can be seen, worked out from the site before anything is asked.

Counts requests, answers, spacing and periods, with everything due at once, and again with the worst neighbour dead. It
must not open a connection, and it never lowers a limit that a measurement would not have to keep.
"""

from collections.abc import Iterable, Iterator, Mapping

from config.floor import Devices
from config.model_devices import ModbusEndpoint, Transport
from config.model_site import Site
from config.strict import ConfigError, Document, Fault
from config.units import DURATION
from config.valued import dataclass
from drivers.modbus_plan import Block, plan
from drivers.modbus_profile import ModbusUnit, resolve
from drivers.modbus_schema import DeviceClass, Pace

# What a sound answer takes, on the slow side of what was measured (facts: modbus.md 2.3): a device on Ethernet, and a
# gateway with its own pause. On a serial line the characters are counted, and a device thinks for so long.
ANSWER_MS: Mapping[Transport, int] = {Transport.TCP: 50, Transport.RTU_TCP: 120, Transport.SERIAL: 50}
_REQUEST_CHARS, _FRAME_CHARS, _SILENCE_CHARS, _CHAR_BITS = 8, 5, 7, 11
_CANARIES = 2  # proof reads of a unit behind RTU framing, which may fall due in any round


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """One poll group, whose points are all seen together. `seen_ms`: from the change at the device to its reading at
    the latest; `dead_ms`: the same while the worst neighbour does not answer."""

    endpoint: str
    unit: str
    pace: Pace
    points: tuple[str, ...]
    requests: int
    read_ms: int
    period_ms: int
    seen_ms: int
    dead_ms: int

    @property
    def text(self) -> str:
        """For people, one line."""
        return (
            f"{self.endpoint:<16} {self.unit:<12} {self.pace:<5} {len(self.points):>4} points "
            f"{self.requests:>3} requests every {DURATION.show(self.period_ms):>6}: "
            f"seen within {self.seen_ms / 1000:5.1f} s, with one dead unit {self.dead_ms / 1000:5.1f} s"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """One poll group before it is known who else is on the line."""

    unit: ModbusUnit
    pace: Pace
    points: tuple[str, ...]
    blocks: tuple[Block, ...]
    read_ms: int


def budget(site: Site, devices: Devices) -> tuple[Late, ...]:
    """Every poll group of every Modbus endpoint, in the order of the site file."""
    return tuple(late for endpoint in site.modbus for late in _line(endpoint, devices.units[endpoint.id]))


def check_budget(document: Document, site: Site, devices: Devices) -> None:
    """ConfigError for a fire panel that is seen too late, and for a line that is asked more than it can answer."""
    faults: list[Fault] = []
    limit_ms = site.fire.seen_within_ms
    for place, endpoint in enumerate(site.modbus):
        found = {(late.unit, late.pace): late for late in _line(endpoint, devices.units[endpoint.id])}
        busy = sum(late.read_ms / late.period_ms for late in found.values())
        if busy > 1:
            message = f"is asked for {busy:.1f} s of answers in each second; poll its units less often"
            faults.append(document.fault(("modbus", place, "id"), message, endpoint.id))
        for index, unit in enumerate(devices.units[endpoint.id]):
            late_by = [late for (name, _), late in found.items() if name == unit.device and late.dead_ms > limit_ms]
            if unit.profile.device_class is not DeviceClass.FIRE:
                continue
            for late in late_by:
                message = (
                    f"a change of its {late.pace} points may be seen {late.dead_ms / 1000:.1f} s late"
                    f" with one dead unit on the line; a fire must be seen within {DURATION.show(limit_ms)}"
                )
                faults.append(document.fault(("modbus", place, "unit", index, late.pace.value), message))
    if faults:
        raise ConfigError(faults)


def _line(endpoint: ModbusEndpoint, units: Iterable[ModbusUnit]) -> Iterator[Late]:
    turns = [turn for unit in units for turn in _turns(endpoint, unit)]
    round_ms = sum(turn.read_ms for turn in turns) + _proof_ms(endpoint, turns)
    for turn in turns:
        period_ms = turn.unit.period_ms(turn.pace)
        others = {each.unit.device for each in turns} - {turn.unit.device}
        dead_ms = round_ms + max((_dead_ms(endpoint, turns, device) for device in others), default=0)
        yield Late(
            endpoint=endpoint.id,
            unit=turn.unit.device,
            pace=turn.pace,
            points=turn.points,
            requests=len(turn.blocks),
            read_ms=turn.read_ms,
            period_ms=period_ms,
            # The change may come just after the read began; then all the others may be due before the next one.
            seen_ms=max(period_ms, round_ms) + round_ms,
            dead_ms=max(period_ms, dead_ms) + dead_ms,
        )


def _turns(endpoint: ModbusEndpoint, unit: ModbusUnit) -> Iterator[_Turn]:
    mapped = resolve(unit)
    for pace in Pace:
        points = [point for point in mapped.points if point.pace is pace]
        if points:
            blocks = plan((point.span for point in points), mapped.limits)
            yield _Turn(
                unit=unit,
                pace=pace,
                points=tuple(point.id for point in points),
                blocks=blocks,
                read_ms=sum(_request_ms(endpoint, unit, block) for block in blocks),
            )


def _request_ms(endpoint: ModbusEndpoint, unit: ModbusUnit, block: Block) -> int:
    answer_ms = ANSWER_MS[endpoint.transport]
    if endpoint.transport is Transport.SERIAL:
        data = (block.count + 7) // 8 if block.table.of_bits else 2 * block.count
        chars = _REQUEST_CHARS + _FRAME_CHARS + _SILENCE_CHARS + data
        answer_ms += chars * _CHAR_BITS * 1000 // endpoint.baud + 1
    return max(unit.spacing_ms, unit.profile.file.quirks.spacing) + answer_ms


def _proof_ms(endpoint: ModbusEndpoint, turns: Iterable[_Turn]) -> int:
    if endpoint.transport is Transport.TCP:
        return 0
    first = {turn.unit.device: turn for turn in turns}
    return sum(_CANARIES * _request_ms(endpoint, turn.unit, turn.blocks[0]) for turn in first.values())


def _dead_ms(endpoint: ModbusEndpoint, turns: Iterable[_Turn], device: str) -> int:
    """What the others wait longer for while this unit is dead: the first request of a round is given up after the
    time-out, and the rest of the unit is left alone in that round (`runtime/poller.py`)."""
    return endpoint.timeout_ms - min(turn.read_ms for turn in turns if turn.unit.device == device)
