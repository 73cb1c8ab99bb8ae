"""From exec to the first published value of a device at the typical site, and the memory at that moment.

`python -m bench.start`; rounds are interleaved.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict

from bench.ear import Ear
from bench.plant import folder, plant, rss_mib
from bench.table import Table, middle, number
from bench.tools import TOOLS, Floor, running
from tests.wires.mosquitto import Mosquitto

ROUNDS, PATIENCE_S = 5, 30.0
TOPICS = {"Floorguard": "floor/", "collectd": "collectd/", "Node-RED": "nr/"}


def holds_value(topic: str, text: bytes) -> bool:
    """Whether a message has a value of a device: of ours, the power source as read."""
    if not topic.startswith("floor/"):
        return True
    if not topic.endswith("/state"):
        return False
    state = json.loads(text)
    return bool(
        state.get("ups1", {}).get("output_source", {}).get("q") == "good" and state["unit1"]["r1"]["q"] == "good"
    )


def measure() -> Table:
    """The table."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with folder("start") as place, plant(4, 1) as device, Mosquitto.serve(place, quiet=True) as broker:
        for turn in range(ROUNDS + 1):
            for tool in TOOLS:
                own = place / tool.name.split()[0]  # as at a restart: what was worked out at the first start is there
                own.mkdir(exist_ok=True)
                floor = Floor(units=device.units, agents=device.agents, broker=broker.port, folder=own)
                if tool.name not in TOPICS or (command := tool.command(floor)) is None:
                    continue
                ear, began_ns = Ear(broker.port), time.monotonic_ns()
                with running(command, own) as process:
                    at_ns, deadline_ns = None, began_ns + int(PATIENCE_S * 1e9)
                    while at_ns is None and time.monotonic_ns() < deadline_ns:
                        # What is retained of an earlier round comes before the tool can have started.
                        fresh = (
                            at
                            for at, topic, text in list(ear.heard)
                            if at > began_ns + 5e6 and holds_value(topic, text)
                        )
                        at_ns = next(fresh, None)
                        time.sleep(0.01)
                    memory = rss_mib([process.pid])
                    if not turn:
                        time.sleep(2 * tool.settle_s)  # what is kept for the next start has been written by then
                ear.close()
                if turn and at_ns is not None:  # the first round fills the cache of byte code and keeps the generation
                    found[tool.name].append(((at_ns - began_ns) / 1e6, memory))
                    print(f"  {tool.name}: {found[tool.name][-1]}", file=sys.stderr, flush=True)
    mine = middle([ms for ms, _ in found["Floorguard"]])
    rows = [
        (name, number(middle([ms for ms, _ in runs])), f"{number(min(runs)[0])} to {number(max(runs)[0])}",
         f"{mine / middle([ms for ms, _ in runs]):.2f}", f"{middle([mib for _, mib in runs]):.1f}")
        for name, runs in found.items()
    ]  # fmt: skip
    return Table(
        name="start", title="Start: from exec to the first published value at the typical site",
        head=("tool", "ms", "spread", "ours : it", "RSS MiB then"), rows=tuple(rows),
        notes=(
            "A restart each: byte code is there, and our generation in compiled form. Ours has by then restored its"
            " memory, driven every output and read every device once.",
        ),
    )  # fmt: skip


if __name__ == "__main__":
    measure().show()
