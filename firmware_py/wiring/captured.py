"""What a capture says of the device that it was taken from: what its driver was told, without address and secret.

Asked of a running controller too, so it loads no check. It must not open anything.
"""

from collections.abc import Mapping
from typing import TypeGuard

from config.model_devices import Exchange, ModbusEndpoint, Ups
from config.model_site import Site
from firmware_py.wiring.devices import Wired


def recordable(section: Wired) -> TypeGuard[Ups | ModbusEndpoint | Exchange]:
    """Whether what is behind it can become a capture."""
    return isinstance(section, Ups | ModbusEndpoint | Exchange)


def about(site: Site, name: str, section: Wired) -> Mapping[str, str | int]:
    """For a capture: what the driver of this device was told."""
    if isinstance(section, Exchange):
        from config.driven import pbx_config
        from firmware_py.wiring.capture import spell_settings

        config = pbx_config(site, section, secret="", tls=None)
        return {"protocol": "ami", "profile": "", "device": name, "settings": spell_settings(config)}
    if isinstance(section, Ups):
        return {"protocol": "snmp", "profile": section.profile, "device": name}
    if not isinstance(section, ModbusEndpoint):
        return {}
    unit = next(one for one in section.units if one.id == name)
    room = {} if unit.room is None else {"room": unit.room}
    settings = {f"parameters.{key}": number for key, number in unit.parameters.items()}
    return {"protocol": "modbus", "profile": unit.profile, "device": name, **room, **settings}
