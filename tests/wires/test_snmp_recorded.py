"""Recorded UPSs over real SNMP: each with the right source, and no value that its quirk makes wrong is GOOD.

The recordings are read from ../shared and belong to others; without them these tests are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from drivers.snmp import Community, points
from firmware_py.core.reading import Quality, Reason, Sample
from firmware_py.ports import DeviceError
from tests.conftest import eventually_async, find_udp_port, run
from tests.wires.snmp_peers import make_bus, read, recorded

pytestmark = pytest.mark.wire

GOOD: dict[str, dict[str, object]] = {
    "generex-ups_cs141-v22036": {
        "output_source": "mains", "battery.status": "normal", "battery.charge_pct": 100.0,
        "battery.runtime_s": 43680.0, "output.load_pct": 5.0, "battery.voltage_v": 272.8, "input.voltage_v": 235.0,
    },
    "generex-ups_cs141-v22036__onbattery": {
        "output_source": "battery", "battery.charge_pct": 88.0, "battery.runtime_s": 12720.0, "on_battery_s": 137,
        "input.voltage_v": 0.0, "alarms_present": 2, "card_link": "ok",
    },
    "generex-ups_cs141-v22036__lowbattery": {
        "output_source": "battery", "battery.status": "low", "battery.charge_pct": 9.0, "battery.runtime_s": 480.0,
    },
    "generex-ups_cs141-v22036__test": {"output_source": "test", "battery.status": "normal", "card_link": "ok"},
    "generex-ups_cs141-v22036__commlost": {"card_link": "lost", "alarms_present": 1},
    "generex-ups_cs121": {"output_source": "mains", "battery.runtime_s": 3540.0, "output.load_pct": 28.0},
    "huaweiups_ups2000": {"output_source": "mains", "battery.charge_pct": 100.0, "output.load_pct": 27.0},
    "netvision-rfc": {"output_source": "mains", "battery.charge_pct": 100.0, "output.load_pct": 7.0},
    "marathonups": {"output_source": "mains", "battery.charge_pct": 100.0, "output.load_pct": 16.0},
    "liebert_apm": {"output_source": "mains", "battery.runtime_s": 4320.0, "alarms_present": 0, "card_link": "ok"},
    "poweralert_ups": {"battery.charge_pct": 100.0, "battery.runtime_s": 4320.0, "output.load_pct": 10.0},
    "deltaups_rfc1628string": {"output_source": "mains", "input.voltage_v": 236.0, "battery.runtime_s": 20280.0},
    "netmanplus_204": {"output_source": "mains", "output.load_pct": 8.0, "output.power_w": 184.0},
    "apc_smx750": {"output_source": "mains", "battery.charge_pct": 100.0, "battery.runtime_s": 16374.0},
    "apc_smx750__onbattery": {"output_source": "battery", "battery.runtime_s": 12720.0, "on_battery_s": 137},
    "apc_smx750__selftest": {"output_source": "test"},
    "apc_smx750__calibration": {"output_source": "test", "battery.status": "low"},
    "apc_smx750__commlost": {"card_link": "lost"},
    "eatonups": {"output_source": "mains", "battery.runtime_s": 8620.0, "battery.voltage_v": 78.0},
    "eatonupsm2_9px": {"output_source": "mains", "battery.charge_pct": 98.0, "battery.runtime_s": 25800.0},
    "eaton-mgeups_5px__onbattery": {"output_source": "battery", "battery.runtime_s": 2400.0},
    "cyberpower_cp1000pfclcd": {"output_source": "mains", "battery.runtime_s": 1200.0, "output.load_pct": 24.0},
}  # fmt: skip
NOT_GOOD: dict[str, dict[str, Reason]] = {
    "generex-ups_cs141-v22036__commlost": {
        "output_source": Reason.SOURCE_LOST, "battery.charge_pct": Reason.SOURCE_LOST,
    },
    "generex-ups_cs121": {"battery.charge_pct": Reason.NOT_SUPPORTED, "on_battery_s": Reason.NOT_SUPPORTED},
    "huaweiups_ups2000": {"battery.runtime_s": Reason.SENTINEL, "output.power_w": Reason.OUT_OF_RANGE},
    "netvision-rfc": {"battery.runtime_s": Reason.SENTINEL, "battery.current_a": Reason.SENTINEL},
    "marathonups": {"battery.runtime_s": Reason.SENTINEL},
    "liebert_apm": {"battery.charge_pct": Reason.NOT_SUPPORTED},
    "poweralert_ups": {"output_source": Reason.UNKNOWN_WORD, "battery.temp_c": Reason.SENTINEL},
    "deltaups_rfc1628string": {"battery.current_a": Reason.NOT_SUPPORTED},
    "netmanplus_204": {"battery.current_a": Reason.SENTINEL},
    "apc_smx750__commlost": {"output_source": Reason.SOURCE_LOST},
}  # fmt: skip


@pytest.fixture(scope="module")
def port(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = shared / "devices" / "ups"
    found = [path for kind in ("snmprec", "derived") for path in (folder / kind).glob("*.snmprec") if path.stem in GOOD]
    with recorded(tmp_path_factory.mktemp("sim"), find_udp_port(), found) as ready:
        yield ready


async def decode(port: int, name: str, version: str) -> Mapping[str, Sample]:
    access = Community(name=name, version="1" if version == "1" else "2c")
    # The simulator is slow to start and answers single objects from a file.
    bus = make_bus(port, access, fast_deadline_ms=4000, slow_deadline_ms=8000)

    async def answered() -> Mapping[str, Sample] | None:
        try:
            return await read(bus)
        except DeviceError:
            return None

    try:
        fast = await eventually_async(answered, within_s=40)
        assert fast is not None
        return {**fast, **await read(bus, "slow")}
    finally:
        await bus.close()


@pytest.mark.parametrize("name", GOOD)
def test_a_recorded_ups_is_read_rightly(port: int, name: str) -> None:
    samples = run(decode(port, name, "2c"), within_s=60)
    for signal, value in GOOD[name].items():
        assert (samples[signal].value, samples[signal].quality) == (value, Quality.GOOD), samples[signal]
    for signal, reason in NOT_GOOD.get(name, {}).items():
        assert samples[signal].because is reason, samples[signal]
        assert samples[signal].value in (None, "unknown")
    for point in points("ups1"):
        sample = samples[point.id.removeprefix("ups1.")]
        assert sample.quality is not Quality.GOOD or point.fits(sample.value)


@pytest.mark.parametrize("name", ["generex-ups_cs141-v22036__onbattery", "liebert_apm", "apc_smx750", "netvision-rfc"])
def test_version_1_gives_the_same_although_one_missing_object_spoils_a_whole_answer(port: int, name: str) -> None:
    first, second = run(decode(port, name, "1"), within_s=60), run(decode(port, name, "2c"), within_s=60)
    assert {k: (s.value, s.because) for k, s in first.items()} == {k: (s.value, s.because) for k, s in second.items()}
