"""The latest picture of everything, as one plain document for people: what `status` and `watch` show.

A sink of the cycle; it only keeps and arranges. It must not know sockets or terminals.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import TypeAlias

from firmware_py.core.alarm import AlarmState
from firmware_py.core.decision import Decision
from firmware_py.core.event import Event
from firmware_py.core.handover import matters
from firmware_py.core.image import InputImage
from firmware_py.core.plan import Plan
from firmware_py.core.reading import Reading
from firmware_py.runtime.clock import Clock, Waker
from firmware_py.runtime.health import DeviceReport
from firmware_py.runtime.writer import OutputReport

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
KEPT_EVENTS = 500


class Board:
    """Keeps the newest cycle and the last events. `storage` says how the stores fare."""

    def __init__(
        self, plan: Plan, clock: Clock, *, run: str, outputs: Callable[[], tuple[OutputReport, ...]],
        devices: Callable[[], tuple[DeviceReport, ...]], storage: Callable[[], Mapping[str, Json]],
        config: Callable[[], Mapping[str, Json]] = dict,
    ) -> None:  # fmt: skip
        self._plan, self._clock, self._run = plan, clock, run
        self._outputs, self._devices, self._storage, self._config = outputs, devices, storage, config
        self._image: InputImage | None = None
        self._decision: Decision | None = None
        self._events: deque[tuple[int, int, Event]] = deque(maxlen=KEPT_EVENTS)
        self._counted = 0
        self._watchers: set[Waker] = set()

    def adopt(self, plan: Plan) -> None:
        """Another plan from the next cycle on."""
        self._plan = plan

    def show(self, image: InputImage, decision: Decision) -> None:
        """A cycle was done."""
        self._image, self._decision = image, decision
        for event in decision.events:
            self._counted += 1
            self._events.append((self._counted, self._clock.utc_ms(), event))
        for watcher in self._watchers:
            watcher.wake()

    @property
    def newest(self) -> tuple[InputImage, Decision]:
        """The picture and the decision of the newest cycle; there has been one."""
        assert self._image is not None and self._decision is not None
        return self._image, self._decision

    def watch(self) -> Waker:
        """Something that wakes at every cycle, until it is given back to `unwatch`."""
        waker = Waker(self._clock)
        self._watchers.add(waker)
        return waker

    def unwatch(self, waker: Waker) -> None:
        """No more wakes."""
        self._watchers.discard(waker)

    def events(self, after: int, limit: int) -> list[Json]:
        """The newest `limit` events whose count in this run is above `after`, oldest first."""
        fresh = [(n, utc_ms, event) for n, utc_ms, event in self._events if n > after]
        return [_event(n, utc_ms, event) for n, utc_ms, event in fresh[-limit:]]

    @property
    def headline(self) -> str:
        """Mode and reason in one line, for the service manager."""
        if self._decision is None:
            return "starting"
        because = ", ".join(self._decision.because)
        return f"{self._decision.mode.word}" + (f" because {because}" if because else "")

    def snapshot(self) -> dict[str, Json]:
        """Everything; before the first cycle only the frame."""
        now_ms = self._clock.now_ms()
        clock: dict[str, Json] = {"now_ms": now_ms, "utc_ms": self._clock.utc_ms(), "clk": self._clock.quality().value}
        seen: dict[str, Json] = {"boot": self._run, "clock": clock, "storage": dict(self._storage())}
        seen |= self._config()
        seen["devices"] = {report.device: _device(report) for report in self._devices()}
        if self._decision is None or self._image is None:
            return seen | {"mode": "starting"}
        decision, state = self._decision, self._decision.state
        because = {name: list[Json](drive.because) for name, drive in decision.outputs.items()}
        return seen | {
            "mode": decision.mode.word,
            "flags": list[Json](sorted(decision.flags)),
            "because": list[Json](decision.because),
            "stage": decision.stage,
            "points": {name: self._point(name, reading, now_ms) for name, reading in self._image.readings.items()},
            "outputs": {r.output: _output(r, because.get(r.output, [])) for r in self._outputs()},
            "alarms": self._alarms(decision),
            "conditions": {n: {"phase": c.phase.value, "held": c.held} for n, c in state.conditions.items()},
            "causes": {
                n: {"phase": c.phase.value, "active_ms": c.active_ms, "because": list[Json](c.because)}
                for n, c in state.causes.items()
            },
            "stages": {
                n: {"shed": s.shed, "elapsed_ms": s.elapsed_ms, "because": list[Json](s.because)}
                for n, s in state.stages.items()
            },
            "planned": [
                {"id": cut.id, "start_s": cut.start_s, "end_s": cut.end_s, "note": cut.note, "by": cut.by}
                for cut in (*self._plan.cuts, *state.cuts)
            ],
            "incidents": {
                n: {"id": i.id, "cause": i.cause, "elapsed_ms": i.elapsed_ms, "tier": i.tier, "waits": i.waits}
                for n, i in state.incidents.items()
            },
            "matters": [
                {"id": one.id, "kind": one.kind, "about": one.about, "by": one.by, "why": one.why}
                for one in matters(self._plan.checklists, state)
            ],
            "lists": self._lists(decision),
            "handover": {
                "number": state.handover.number,
                "by": state.handover.by,
                "left": list[Json](state.handover.left),
                "taken": [{"matter": made.item, "by": made.by} for made in state.handover.taken],
            },
        }

    def _point(self, name: str, reading: Reading, now_ms: int) -> Json:
        return {
            "value": reading.value,
            "unit": self._plan.points[name].unit,
            "quality": reading.quality.value,
            "reason": None if reading.because is None else reading.because.value,
            "detail": reading.detail,
            "age_ms": None if reading.value is None else max(0, now_ms - reading.at_ms),
        }

    def _lists(self, decision: Decision) -> dict[str, Json]:
        """Open checklists with each item: who has ticked it, "" for nobody."""
        shown: dict[str, Json] = {}
        for name, one in decision.state.lists.items():
            done = {tick.item: tick.by for tick in one.ticks}
            items: dict[str, Json] = {item: done.get(item, "") for item in self._plan.checklists[name].items}
            shown[name] = {
                "incident": one.incident, "elapsed_ms": one.elapsed_ms, "items": items,
                "carried": list[Json](one.carried),
            }  # fmt: skip
        return shown

    def _alarms(self, decision: Decision) -> dict[str, Json]:
        """Those that are not at rest."""
        shown: dict[str, Json] = {}
        for name, alarm in decision.state.alarms.items():
            if alarm.display.value != "normal" and name in self._plan.alarms:
                declared = self._plan.alarms[name]
                shown[name] = {
                    "state": alarm.display.value, "priority": declared.priority.value, "text": declared.text,
                    "active": alarm.active, "acked": alarm.acked, "latched": alarm.latched, "sounds": alarm.sounds,
                    "elapsed_ms": alarm.elapsed_ms, "incident": alarm.incident, "evidence": alarm.evidence,
                    "activation": alarm.activations, "chattering": alarm.chattering, "acked_by": alarm.acked_by,
                    "first": name in decision.state.annunciation.firsts, "aside": _aside(alarm),
                }  # fmt: skip
        return shown


def _aside(alarm: AlarmState) -> str:
    """Why an alarm is not shown, for people; "" where it is."""
    if alarm.out_of_service:
        return f"out of service by {alarm.out_of_service}: {alarm.out_of_service_why}"
    if alarm.shelved_ms:
        return f"shelved for {-(-alarm.shelved_ms // 60_000)} min by {alarm.shelved_by}: {alarm.shelved_why}"
    return f"consequence of {alarm.suppressed_by}" if alarm.suppressed_by and alarm.active else ""


def _device(report: DeviceReport) -> Json:
    return {
        "endpoint": report.endpoint, "alive": report.alive, "ok": report.ok, "failed": report.failed,
        "late": report.late, "latency_ms": report.latency_ms, "longest_ms": report.longest_ms,
        "age_ms": report.age_ms, "error": report.error,
    }  # fmt: skip


def _output(report: OutputReport, because: list[Json]) -> Json:
    wanted = report.wanted
    return {
        "wanted": wanted if wanted is None or isinstance(wanted, bool) else wanted.value,
        "level": report.level, "follows": report.follows, "port": report.port, "because": because,
    }  # fmt: skip


def _event(count: int, utc_ms: int, event: Event) -> Json:
    data: dict[str, Json] = {k: list[Json](v) if isinstance(v, tuple) else v for k, v in event.data.items()}
    return {
        "count": count, "utc_ms": utc_ms, "at_ms": event.at_ms, "type": event.type, "severity": event.severity.value,
        "incident": event.incident, "drill": event.drill, "data": data,
    }  # fmt: skip
