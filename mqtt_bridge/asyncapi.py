"""The contract as an AsyncAPI 3 document, made of the same topics and JSON Schemas that the bridge itself uses.

Pure. `docs/asyncapi.json` is what it makes; a test keeps the two alike. It must not know brokers.
"""

from collections.abc import Mapping

from mqtt_bridge.commands import NAMES
from mqtt_bridge.topics import ROOT_PATTERN, SITE_PATTERN, VERSION, Topics

_SITE = "site-0"  # stands for any site while addresses are made, and is replaced by the parameter
# channel: (we send, QoS, retained, what it is)
_CHANNELS: Mapping[str, tuple[bool, int, bool, str]] = {
    "status": (True, 1, True, "Birth, last will and clean stop."),
    "info": (True, 1, True, "Versions, the catalogue of points, the hash over the schemas."),
    "state": (True, 1, True, "The whole floor: on change, and once a minute."),
    "alarm": (True, 1, True, "One topic per alarm that stands; an empty payload: it is gone."),
    "event": (True, 1, False, "Numbered facts, sent again until the cursor has passed them."),
    "tele": (True, 0, False, "Fast values, if the site wants them."),
    "cursor": (False, 1, True, "Written by the central server: processed up to here."),
    "cmd": (False, 1, False, "Commands; off unless the site switches them on."),
    "reply": (True, 1, False, "The answer to a command, with its correlation data."),
}


def document(schemas: Mapping[str, Mapping[str, object]], *, release: str) -> dict[str, object]:
    """The whole document, ready for JSON; `schemas` by the names of `schema.NAMES`."""
    shapes: dict[str, object] = {}
    for name, schema in schemas.items():
        shapes |= _shapes(name, schema)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Floorguard over MQTT",
            "version": release,
            "description": "What one controller says and hears. Rules and rhythms: mqtt.md and central-server.md.",
        },
        "defaultContentType": "application/json",
        "servers": {"broker": {"host": "broker.example.org:8883", "protocol": "secure-mqtt", "protocolVersion": "5"}},
        "channels": {name: _channel(name) for name in _CHANNELS},
        "operations": {_verb(name): _operation(name) for name in _CHANNELS},
        "components": {
            "schemas": shapes,
            "messages": {
                name: {"name": name, "summary": _CHANNELS[name][3], "payload": _ref("schemas", name)}
                for name in _CHANNELS
            },
        },
    }


def _channel(name: str) -> dict[str, object]:
    parameters: dict[str, object] = {
        "root": {"description": f"first level, {ROOT_PATTERN}", "default": "floor"},
        "site": {"description": f"the controller's name, {SITE_PATTERN}"},
    }
    if name == "alarm":
        parameters |= {"instance": {"description": "device, zone or group"}, "alarm": {"description": "which alarm"}}
    if name == "cmd":
        parameters["command"] = {"description": "what to do", "enum": sorted(NAMES)}
    return {
        "address": _address(name),
        "messages": {name: _ref("messages", name)},
        "parameters": parameters,
        "description": _CHANNELS[name][3],
    }


def _address(name: str) -> str:
    topics = Topics(site=_SITE)
    match name:
        case "alarm":
            found = f"{topics}/alarm/{{instance}}/{{alarm}}"
        case "cmd":
            found = topics.commands.removesuffix("+") + "{command}"
        case _:
            found = f"{topics}/{name}"
    return found.replace(f"floor/{VERSION}/{_SITE}", f"{{root}}/{VERSION}/{{site}}")


def _verb(name: str) -> str:
    return f"send_{name}" if _CHANNELS[name][0] else f"hear_{name}"


def _operation(name: str) -> dict[str, object]:
    sends, qos, retained, summary = _CHANNELS[name]
    operation: dict[str, object] = {
        "action": "send" if sends else "receive",
        "channel": {"$ref": f"#/channels/{name}"},
        "summary": summary,
        "bindings": {"mqtt": {"qos": qos, "retain": retained, "bindingVersion": "0.2.0"}},
    }
    return operation | {"reply": {"channel": {"$ref": "#/channels/reply"}}} if name == "cmd" else operation


def _shapes(name: str, schema: Mapping[str, object]) -> dict[str, object]:
    """One schema, its definitions beside it: a reference in a document counts from the document's root."""
    defs = schema.get("$defs", {})
    assert isinstance(defs, dict), name
    flat = {f"{name}_{part}": _moved(shape, name) for part, shape in defs.items()}
    head = {key: _moved(value, name) for key, value in schema.items() if key not in ("$schema", "$id", "$defs")}
    return {name: head, **flat}


def _moved(value: object, name: str) -> object:
    if isinstance(value, dict):
        return {
            key: str(part).replace("#/$defs/", f"#/components/schemas/{name}_") if key == "$ref" else _moved(part, name)
            for key, part in value.items()
        }
    return [_moved(part, name) for part in value] if isinstance(value, list) else value


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}
