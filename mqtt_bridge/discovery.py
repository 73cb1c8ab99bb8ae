"""The floor as one device of Home Assistant (MQTT device discovery): its mode, its points, and buttons if it may order.

Pure. Read-only unless the site lets a sender of the name `homeassistant` send commands, and then just those. It must
not know when it is sent.
"""

from collections.abc import Mapping

from firmware_py.core.mode import Mode
from firmware_py.core.point import Kind, Point
from mqtt_bridge.commands import ANNOUNCE, KINDS
from mqtt_bridge.payload import About, Json, key_path
from mqtt_bridge.topics import Topics

BIRTH_TOPIC = "homeassistant/status"
SENDER = "homeassistant"
COMPONENTS = 200
_ORDER_S = 10
_SAY_WHAT = frozenset({"shelve", "unshelve", "tick", "drill"})  # a button cannot

# Our unit -> theirs, and the class that they know for it.
_UNITS: Mapping[str, tuple[str, str]] = {
    "C": ("°C", "temperature"), "V": ("V", "voltage"), "A": ("A", "current"), "W": ("W", "power"),
    "VA": ("VA", "apparent_power"), "Hz": ("Hz", "frequency"), "s": ("s", "duration"), "Pa": ("Pa", "pressure"),
}  # fmt: skip


def describe(topics: Topics, about: About, *, boot: str, senders: Mapping[str, frozenset[str]]) -> Json:
    """The retained payload. Points beyond COMPONENTS are left out; a stale or bad value is shown as unknown."""
    origin = {"name": "floorguard", "sw_version": about.version}
    device = {"identifiers": [f"floorguard_{topics.site}"], "name": f"Floor {topics.site}", "sw_version": about.version}
    # Both `lost` and `offline` mean that nothing here is current.
    online = "{{ 'online' if value_json.state == 'online' else 'offline' }}"
    parts: dict[str, Json] = {"mode": _mode(topics)}
    parts |= {_key(point.id): _point(topics, point) for point in about.points[:COMPONENTS]}
    allowed = senders.get(SENDER, frozenset()) - _SAY_WHAT
    parts |= {f"do_{_key(name)}": _button(topics, name, boot) for name in (*KINDS, ANNOUNCE) if name in allowed}
    return {
        "device": device,
        "origin": origin,
        "availability": [{"topic": topics.status, "value_template": online}],
        "qos": 1,
        "components": parts,
    }


def _mode(topics: Topics) -> Json:
    words = [mode.word for mode in Mode]
    about: Json = {"platform": "sensor", "name": "Mode", "device_class": "enum", "options": words}
    return about | {
        "unique_id": f"floorguard_{topics.site}_mode",
        "state_topic": topics.state,
        "value_template": "{{ value_json.mode }}",
    }


def _point(topics: Topics, point: Point) -> Json:
    keys = "".join(f".get('{part}', {{}})" for part in key_path(point.id))
    flag = point.kind is Kind.FLAG
    word = "('ON' if p.v else 'OFF')" if flag else "p.v"
    value = f"{{% set p = value_json{keys} %}}{{{{ {word} if p.get('q') in ('good', 'uncertain') else none }}}}"
    about: Json = {
        "platform": "binary_sensor" if flag else "sensor",
        "name": point.id,
        "unique_id": f"floorguard_{topics.site}_{_key(point.id)}",
        "state_topic": topics.state,
        "value_template": value,
    }
    if point.unit in _UNITS:
        unit, kind = _UNITS[point.unit]
        about |= {"unit_of_measurement": unit, "device_class": kind}
    elif point.unit:
        about["unit_of_measurement"] = point.unit
    return about


def _button(topics: Topics, name: str, boot: str) -> Json:
    # The id is new with each press; `boot` is why this payload goes out again with each run of the controller.
    order = f'{{"id":"ha-{{{{ now().timestamp() }}}}","by":"{SENDER}","boot":"{boot}","ttl_s":{_ORDER_S}}}'
    return {
        "platform": "button",
        "name": name,
        "unique_id": f"floorguard_{topics.site}_do_{_key(name)}",
        "command_topic": topics.commands.removesuffix("+") + name,
        "command_template": order,
        "retain": False,
        "qos": 1,
    }


def _key(id_: str) -> str:
    return id_.replace(".", "_").replace("-", "_")
