"""N controllers' real publisher code against one mosquitto with TLS: rate, CPU, latency, and a storm of reconnections.

`python -m bench.fleet [N [RATE [OUTAGE_S]]]`; prints JSON. The controllers share two worker processes; a small paho
subscriber in the main process hears all events. It measures; it promises nothing about other machines.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from mqtt_bridge.ports import Health
from mqtt_bridge.publisher import Publisher
from mqtt_bridge.settings import Bridge, Broker, Tls
from tests.conftest import PROJECT, eventually
from tests.mqtt_bridge.floors import ABOUT, ALARMS, BOOT, ListOutbox, LoopClock, Notes, see
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_certificates import Authority

WORKERS = 2
STEADY_S = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Controller:
    """One site: the real publisher, an event now and then, and a note of each connection and each failed attempt."""

    def __init__(self, number: int, port: int, folder: Path) -> None:
        site = f"site-{number}"
        tls = Tls(ca=str(folder / "ca.pem"), cert=str(folder / "fleet.pem"), key=str(folder / "fleet.key"))
        self.outbox, self.draws, self.back_s = ListOutbox(), 0, 0.0
        self.publisher = Publisher(
            Bridge(site=site, broker=Broker(host="127.0.0.1", port=port, tls=tls)),
            boot=BOOT, about=ABOUT, alarms=ALARMS, text=lambda alarm: alarm.text, clock=LoopClock(),
            outbox=self.outbox, memory=Notes(), report=self._note, chance=self._chance,
        )  # fmt: skip

    @property
    def connected(self) -> bool:
        return self.publisher.health.connected

    def _note(self, health: Health) -> None:
        if health.connected and not self.back_s:
            self.back_s = time.monotonic()
        elif not health.connected:
            self.back_s = 0.0

    def _chance(self, low_s: float, high_s: float) -> float:
        self.draws += 1  # one for the loss of a session, and one for each attempt that failed
        return random.uniform(low_s, high_s)

    async def work(self, rate: float) -> None:
        """Events at `rate` a second, and a state with each."""
        await asyncio.sleep(random.uniform(0, 1 / rate))
        while True:
            self.outbox.append("bench.counted", sent_ns=time.monotonic_ns())
            del self.outbox.records[:-64]
            self.publisher.offer(
                see(now_ms=int(time.monotonic() * 1000) % 86_400_000, charge_pct=self.outbox.last % 101)
            )
            self.publisher.notify()
            await asyncio.sleep(1 / rate)


async def run_worker(numbers: range, port: int, folder: Path, rate: float) -> None:
    """Live until standard input says `report` (a line of JSON comes back) or ends."""
    fleet = [Controller(number, port, folder) for number in numbers]
    tasks = []
    for one in fleet:
        one.publisher.offer(see())
        tasks.append(asyncio.create_task(one.publisher.run()))
        await asyncio.sleep(0.01)
    tasks += [asyncio.create_task(one.work(rate)) for one in fleet]
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip() == "reset":
            for one in fleet:
                one.draws = 0
        report = {
            "connected": sum(one.connected for one in fleet),
            "back_s": [one.back_s for one in fleet],
            "draws": [one.draws for one in fleet],
            "cpu_s": time.process_time(),
        }
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


class Worker:
    def __init__(self, numbers: range, port: int, folder: Path, rate: float) -> None:
        words = [str(numbers.start), str(numbers.stop), str(port), str(folder), str(rate)]
        command = [sys.executable, "-m", "bench.fleet", "worker", *words]
        self.process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, word: str = "report") -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{word}\n".encode())
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


class Ear:
    """Hears every event and notes how long it was on its way."""

    def __init__(self, port: int, folder: Path) -> None:
        self.late_ms: list[float] = []
        self._lock = threading.Lock()
        client = paho.Client(CallbackAPIVersion.VERSION2, "central", protocol=MQTTProtocolVersion.MQTTv5)
        client.tls_set(str(folder / "ca.pem"), str(folder / "fleet.pem"), str(folder / "fleet.key"))
        client.on_connect = lambda c, *_: c.subscribe("floor/v1/+/event", qos=1)
        client.on_message = self._hear
        client.reconnect_delay_set(1, 2)
        client.connect("127.0.0.1", port)
        client.loop_start()
        self.client = client

    def _hear(self, client: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        event = json.loads(message.payload)
        with self._lock:
            self.late_ms.append((time.monotonic_ns() - event["data"]["sent_ns"]) / 1e6)

    def take(self) -> list[float]:
        with self._lock:
            taken, self.late_ms = self.late_ms, []
        return sorted(taken)


def cpu_s(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def measure(count: int, rate: float, outage_s: float, folder: Path) -> dict[str, Any]:
    """Steady state, then the broker is killed for `outage_s` and all come back."""
    authority = Authority(folder)
    cert, key = authority.issue("broker")
    authority.issue("fleet")
    lines = [f"cafile {authority.ca}", f"certfile {cert}", f"keyfile {key}", "require_certificate true"]
    with Mosquitto.serve(folder, settings="\n".join(lines), quiet=True) as broker:
        share = count // WORKERS
        workers = [Worker(range(n * share, (n + 1) * share), broker.port, folder, rate) for n in range(WORKERS)]
        ear = Ear(broker.port, folder)
        try:
            eventually(lambda: sum(w.ask()["connected"] for w in workers) == share * WORKERS, within_s=90, every_s=0.5)
            found = {"controllers": share * WORKERS, "events_per_s_each": rate} | steady(broker, workers, ear)
            return found | storm(broker, workers, outage_s)
        finally:
            ear.client.disconnect()
            ear.client.loop_stop()
            for worker in workers:
                worker.process.kill()
                worker.process.wait(10)


def steady(broker: Mosquitto, workers: list[Worker], ear: Ear) -> dict[str, Any]:
    time.sleep(3)
    ear.take()
    before, used = cpu_s(broker.pid), [worker.ask()["cpu_s"] for worker in workers]
    time.sleep(STEADY_S)
    late_ms = ear.take()
    spent = sum(worker.ask()["cpu_s"] for worker in workers) - sum(used)
    return {
        "events_per_s": round(len(late_ms) / STEADY_S, 1),
        "broker_cpu_pct": round((cpu_s(broker.pid) - before) / STEADY_S * 100, 1),
        "all_controllers_cpu_pct": round(spent / STEADY_S * 100, 1),
        "latency_p50_ms": round(statistics.median(late_ms), 1),
        "latency_p99_ms": round(late_ms[int(len(late_ms) * 0.99)], 1),
    }


def storm(broker: Mosquitto, workers: list[Worker], outage_s: float) -> dict[str, Any]:
    for worker in workers:
        worker.ask("reset")
    broker.kill()
    time.sleep(outage_s)
    broker.start()
    began_s = time.monotonic()
    total = sum(len(worker.ask()["draws"]) for worker in workers)
    eventually(lambda: sum(w.ask()["connected"] for w in workers) == total, within_s=120, every_s=0.2)
    reports = [worker.ask() for worker in workers]
    back_s = sorted(at_s - began_s for report in reports for at_s in report["back_s"])
    failed = sum(draws - 1 for report in reports for draws in report["draws"])
    return {
        "outage_s": outage_s,
        "load_average": round(os.getloadavg()[0], 1),
        "half_back_s": round(back_s[len(back_s) // 2], 1),
        "all_back_s": round(back_s[-1], 1),
        "failed_attempts_each": round(failed / total, 2),
    }


def main(words: list[str]) -> int:
    if words and words[0] == "worker":
        first, last, port, folder, rate = words[1:]
        asyncio.run(run_worker(range(int(first), int(last)), int(port), Path(folder), float(rate)))
        return 0
    count, rate, outage_s = (*map(float, words), *(300.0, 1.0, 3.0)[len(words) :])
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(int(count), rate, outage_s, Path(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
