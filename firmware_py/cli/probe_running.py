"""One device as the running controller reads it: raw and decoded side by side, with its age and quality.

From the control socket alone. It must not open a device.
"""

import json
import sys
from pathlib import Path

from firmware_py.cli.beside import Held
from firmware_py.cli.codes import Code
from firmware_py.cli.spell import age, columns, plain
from firmware_py.cli.wire import ask
from firmware_py.core.command import CommandRefused
from firmware_py.report.fold import fold
from firmware_py.runtime.control_line import Line

SILENCE_MS = 75_000  # a recording waits for readings that are a minute apart


def record_running(socket: str, asked: Held, path: Path) -> Code:
    """Have the controller keep what it hears from the device with its next readings, and write that."""
    print(f"waiting for the controller to read {asked.id}, for a minute at most ...", file=sys.stderr)
    code = Code.UNREACHABLE
    try:
        with Line(Path(socket), SILENCE_MS) as line:
            code = Code.FAILED
            answer = line.ask("capture", device=asked.id)
    except CommandRefused as error:
        print(f"floorguard: {error}", file=sys.stderr)
        return code
    assert isinstance(answer, dict)
    try:
        path.write_text(answer["text"], encoding="utf-8")
    except OSError as error:
        print(f"floorguard: {path}: {error.strerror}; name a file where you may write", file=sys.stderr)
        return Code.FAILED
    if answer["left"]:
        print(
            f"not read within a minute and so not in it (try again for them): {', '.join(answer['left'])}",
            file=sys.stderr,
        )
    print(f"{path} is written; in tests/data/captures it is a test", file=sys.stderr)
    return Code.OK


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
        print(
            f"floorguard: nothing sound is known of {name}; look at its cable, address and credential", file=sys.stderr
        )
    return Code.OK if sound else Code.PROBE
