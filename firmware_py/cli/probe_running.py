"""One device as the running controller reads it: raw and decoded side by side, with its age and quality.

From the control socket alone. It must not open a device.
"""

import json
import sys

from firmware_py.cli.beside import Held
from firmware_py.cli.codes import Code
from firmware_py.cli.spell import age, columns, plain
from firmware_py.cli.wire import ask
from firmware_py.report.fold import fold


def show_running(socket: str, asked: Held, *, as_json: bool) -> int:
    """Print it; exit 5 where nothing of it is sound."""
    answer, code = ask(socket, "status")
    if not isinstance(answer, dict):
        return code
    points = {key: one for key, one in answer.get("points", {}).items() if key.startswith(asked.points)}
    name = asked.id
    device = answer.get("devices", {}).get(name)
    if as_json:
        print(json.dumps({"v": 1, "device": device, "points": points}, ensure_ascii=False))
    else:
        print(f"{name} as the running controller reads it" + (f", {device['latency_ms']} ms" if device else ""))
        print()
        print(f"{'POINT':<28} {'VALUE':>14} {'AGE':>6}  {'QUALITY':<24} RAW")
        for key, one in points.items():
            quality = one["quality"] if one["quality"] == "good" else f"{one['quality']} {one['reason']}"
            shown = f"{plain(one['value'])} {one['unit']}".strip()
            line = f"{key:<28} {shown:>14} {age(one['age_ms']):>6}  {quality:<24} {one['detail']}".rstrip()
            print("\n".join(fold(line, columns(), after=" " * 8)))
    sound = any(one["quality"] == "good" for one in points.values())
    if not sound:
        print(f"floorguard: nothing sound is known of {name}", file=sys.stderr)
    return Code.OK if sound else Code.PROBE
