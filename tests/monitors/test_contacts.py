"""Contacts: what each kind means, and that one which cannot be read is a fault of its own."""

from firmware_py.core.alarm import AlarmPriority
from firmware_py.core.check import IsFlag
from firmware_py.core.plan import FlagRule, Holds
from monitors.contacts import Contact, mains_lost, watch
from monitors.parts import Part, Row


def alarms(part: Part) -> dict[str, tuple[AlarmPriority, Row]]:
    return {listed.alarm.id: (listed.alarm.priority, listed.row) for listed in part.alarms}


def test_a_mains_relay_that_drops_is_an_outage_on_the_power_lamp() -> None:
    part = watch(Contact(id="contact.mains", kind="mains", on_delay_ms=2_000, off_delay_ms=30_000))
    lost = part.conditions[0]
    assert (lost.id, lost.test) == (mains_lost("contact.mains"), IsFlag(point="contact.mains", wanted=False))
    assert (lost.on_delay_ms, lost.off_delay_ms, lost.confirm) == (2_000, 30_000, 2)
    assert alarms(part)["contact.mains.lost"] == (AlarmPriority.HIGH, Row.POWER)
    assert part.alarms[0].alarm.cause == "power" and part.alarms[0].early


def test_a_running_generator_is_a_flag_and_no_alarm() -> None:
    part = watch(Contact(id="contact.generator", kind="generator"))
    assert part.flags == (FlagRule(flag="generator", when=Holds(condition="contact.generator.running")),)
    assert alarms(part) == {}


def test_a_fire_contact_is_watched_beside_the_panel_and_not_here() -> None:
    assert watch(Contact(id="contact.fire", kind="fire")) == Part()


def test_a_door_counts_after_its_rest() -> None:
    part = watch(Contact(id="contact.door", kind="door", on_delay_ms=500))
    assert part.conditions[0].on_delay_ms == 500
