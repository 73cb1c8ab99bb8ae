"""Links and the controller's own health: the broker, the disk, the outputs that do not follow, and the clock.

None of them is a reason to conserve; each is something that people must know. It must not know MQTT or files.
"""

from collections.abc import Sequence

from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import Below, IsFlag
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.event import Severity
from firmware_py.core.mode import Cause, Mode
from firmware_py.core.plan import Announce
from firmware_py.core.point import Kind, Point
from monitors.parts import Part, Row, RowAlarm

CAUSE = "comms"
MQTT_CONNECTED = "mqtt.connected"
MQTT_REFUSED = "mqtt.refused"
MQTT_DUPLICATE = "mqtt.duplicate_id"
MQTT_AHEAD = "mqtt.cursor_ahead"
MQTT_CERT = "mqtt.cert_days"
CERT_WARN_DAYS = 30
STORAGE_SOUND = "storage.sound"
CLOCK_POINT = "clock.utc_s"
EXPORT_AGE = "controller.export_age_s"


def own_points(*, stale_ms: int, mqtt: bool, certificate: bool = False) -> tuple[Point, ...]:
    """The points that the shell itself feeds; `certificate`: the site has one for the broker."""
    flags = (STORAGE_SOUND, *((MQTT_CONNECTED, MQTT_REFUSED, MQTT_DUPLICATE, MQTT_AHEAD) if mqtt else ()))
    return (
        Point(id=CLOCK_POINT, kind=Kind.INTEGER, unit="s", stale_after_ms=stale_ms, low=0),
        Point(id=EXPORT_AGE, kind=Kind.INTEGER, unit="s", stale_after_ms=stale_ms, low=0),
        *(Point(id=name, kind=Kind.FLAG, stale_after_ms=stale_ms, urgent=True) for name in flags),
        *((Point(id=MQTT_CERT, kind=Kind.NUMBER, unit="d", stale_after_ms=stale_ms),) if certificate else ()),
    )


def follow_point(output: str, stale_ms: int) -> Point:
    """The point that says whether an output's far end shows what was commanded."""
    return Point(id=f"out.{output}.follows", kind=Kind.FLAG, stale_after_ms=stale_ms)


def watch(
    triggers: Sequence[str], *, mqtt: bool, delay_ms: int, followed: Sequence[str], certificate: bool = False
) -> Part:
    """Own health, and the cause that joins all lost devices (`triggers`: their conditions) into one incident."""
    conditions = [_lost("storage.degraded", STORAGE_SOUND, delay_ms=0)]
    alarms = [_alarm("storage.degraded", AlarmPriority.MEDIUM, "storage_degraded", Row.CONTROLLER, None)]
    if mqtt:
        conditions.append(_lost("mqtt.disconnected", MQTT_CONNECTED, delay_ms=delay_ms))
        alarms.append(_alarm("mqtt.disconnected", AlarmPriority.LOW, "mqtt_disconnected", Row.LINK, None))
        for point in (MQTT_REFUSED, MQTT_DUPLICATE, MQTT_AHEAD):
            # The point says that something is wrong, so that it is the alarm's condition as it stands.
            conditions.append(Condition(id=point, test=IsFlag(point=point), when_bad=WhenBad.HOLD))
            alarms.append(_alarm(point, AlarmPriority.MEDIUM, point.replace(".", "_"), Row.LINK, None))
    if certificate:
        test = Below(point=MQTT_CERT, limit=CERT_WARN_DAYS)
        # Held while our clock is not known: a certificate does not get younger meanwhile.
        conditions.append(Condition(id="mqtt.cert_ending", test=test, when_bad=WhenBad.HOLD))
        alarms.append(_alarm("mqtt.cert_ending", AlarmPriority.LOW, "mqtt_cert_ending", Row.LINK, None))
    for output in followed:
        name = f"out.{output}.stuck"
        conditions.append(_lost(name, f"out.{output}.follows", delay_ms=delay_ms))
        alarms.append(_alarm(name, AlarmPriority.MEDIUM, "output_stuck", Row.CONTROLLER, None))
    announcements = tuple(
        Announce(condition=name, begins="comms.lost", ends="comms.returned", severity=Severity.WARNING)
        for name in triggers
    )
    return Part(
        conditions=tuple(conditions),
        alarms=tuple(alarms),
        causes=(Cause(id=CAUSE, mode=Mode.NORMAL, conditions=tuple(triggers)),),
        announcements=announcements,
    )


def _lost(condition: str, point: str, *, delay_ms: int) -> Condition:
    return Condition(id=condition, test=IsFlag(point=point, wanted=False), when_bad=WhenBad.HOLD, on_delay_ms=delay_ms)


def _alarm(condition: str, priority: AlarmPriority, text: str, row: Row, cause: str | None) -> RowAlarm:
    return RowAlarm(
        alarm=Alarm(id=condition, condition=condition, priority=priority, text=f"alarm.{text}", cause=cause), row=row
    )
