"""Run by Home Assistant's own Python (`.ci/peers-homeassistant`), never by ours: its schemas judge a discovery payload.

JSON on standard input, JSON out: {"version", "device": refusal or null if not judged, "refused": {component: why}}.
Its packages that no schema touches are not installed; empty ones stand in for them.
"""

import importlib
import importlib.abc
import importlib.machinery
import json
import logging
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

ABSENT = {
    "hass_nabucasa", "webrtc_models", "ifaddr", "lru", "OpenSSL", "aiohttp_cors", "async_interrupt", "httpx",
    "home_assistant_bluetooth", "aiohttp_fast_url_dispatcher", "aiohttp_zlib_ng",
}  # fmt: skip
MQTT = "homeassistant.components.mqtt"


class Hollow(ModuleType):
    """A module that has every name, each an exception class, so that it can be raised, caught and inherited from."""

    __path__: Sequence[str] = []

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Exception,), {})


class StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the ABSENT ones."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        absent = name.partition(".")[0] in ABSENT
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if absent else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return Hollow(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is in it."""


def judge_device(payload: dict[str, Any]) -> str | None:
    """What device discovery (2024.11 and later) has against the whole; None where this release does not know it."""
    try:
        schemas = importlib.import_module(f"{MQTT}.schemas")
    except ModuleNotFoundError:
        return None
    return refusal(schemas.DEVICE_DISCOVERY_SCHEMA, payload)


def judge_component(payload: dict[str, Any], config: dict[str, Any]) -> str:
    """What the platform has against one component, with what device discovery hands down to it."""
    platform = importlib.import_module(f"{MQTT}.{config['platform']}")
    own = {name: value for name, value in config.items() if name != "platform"}
    shared = {name: payload[name] for name in ("availability", "device", "origin") if name in payload}
    return refusal(platform.DISCOVERY_SCHEMA, shared | own)


def refusal(schema: Any, content: dict[str, Any]) -> str:
    try:
        schema(json.loads(json.dumps(content)))
    except Exception as error:  # noqa: BLE001 - whatever it raises is its answer
        return f"{type(error).__name__}: {error}"
    return ""


def main() -> None:
    logging.disable(logging.CRITICAL)  # of being used outside its own loop
    sys.meta_path.insert(0, StandIn())
    payload = json.load(sys.stdin)
    refused = {key: why for key, one in payload["components"].items() if (why := judge_component(payload, one))}
    version = importlib.import_module("homeassistant.const").__version__
    sys.stdout.write(json.dumps({"version": version, "device": judge_device(payload), "refused": refused}))


if __name__ == "__main__":
    main()
