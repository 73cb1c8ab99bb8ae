"""The outputs behind a wire for `safe-outputs`: each endpoint by itself, again and again for a few seconds.

A dead one costs the others nothing. It must not know why an output is to have its level.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from config.devices import find_devices
from config.library import Library
from config.model_outputs import ModbusOutput, SetpointOutput
from config.site import Site
from config.strict import ConfigError, Document
from firmware_py.cli.safe_outputs import tell, tell_failure
from firmware_py.ports import DeviceError
from firmware_py.wiring.devices import Attached, attach

LIMIT_S = 6.0
_PAUSE_S = 0.25
_CLOSE_S = 1.0
Levels = Mapping[str, bool]


async def drive_remote(folder: Path, site: Site, levels: Levels) -> list[str]:
    """Bring all to their levels within LIMIT_S; those that could not be. `folder`: where the site file is."""
    tasks = [
        asyncio.create_task(_drive_port(partial(_attach, folder, alone), {name: levels[name] for name in names}))
        for alone, names in _endpoints(site, levels)
    ]
    left: list[str] = []
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        # One driver's bug must not keep the others from their outputs.
        left += [tell_failure("an endpoint", repr(outcome))] if isinstance(outcome, BaseException) else outcome
    return left


def _endpoints(site: Site, levels: Levels) -> Iterator[tuple[Site, list[str]]]:
    """Each endpoint that has outputs to drive, in a site of its own: one's missing secret is not the others'."""
    nobody: dict[str, object] = {"ups": (), "modbus": (), "exchange": ()}
    for endpoint in site.modbus:
        units = {unit.id for unit in endpoint.units}
        on_modbus = [one for one in site.output if isinstance(one, ModbusOutput | SetpointOutput)]
        names = [one.id for one in on_modbus if one.unit in units and one.id in levels]
        if names:
            yield site.altered(nobody | {"modbus": (endpoint,)}), names
    for exchange in site.exchange:
        mine = [one.id for one in site.output if one.port == "exchange" and one.exchange == exchange.id]
        if names := [name for name in mine if name in levels]:
            yield site.altered(nobody | {"exchange": (exchange,)}), names


def _attach(folder: Path, site: Site) -> Attached:
    return attach(site, find_devices(Document(file="", tree={}), site, Library(folder)), os.environ)[0]


async def _drive_port(make: Callable[[], Attached], levels: Levels) -> list[str]:
    """Write and see it written until it is so or time is up; those that are not."""
    try:
        attached = make()
    except ConfigError as error:
        return [tell_failure(name, str(error)) for name in levels]
    assert attached.port is not None and attached.bus is not None, "an endpoint with outputs has both"
    why = dict.fromkeys(levels, "no answer")
    try:
        async with asyncio.timeout(LIMIT_S):
            while why:
                for name in tuple(why):
                    try:
                        await attached.port.write(name, levels[name])
                    except DeviceError as error:
                        why[name] = str(error)
                    else:
                        del why[name]
                        tell(name, levels[name])
                await asyncio.sleep(_PAUSE_S if why else 0)
    except TimeoutError:
        pass
    await asyncio.wait({asyncio.ensure_future(attached.bus.close())}, timeout=_CLOSE_S)
    return [tell_failure(name, reason) for name, reason in why.items()]
