"""The generator as declarations: with and without a contact ahead of the transfer switch."""

import pytest

from firmware_py.core.calendar import second_of_day
from firmware_py.core.check import Above, AllOf, IsFlag
from firmware_py.core.plan import Holds
from monitors import generator
from monitors.generator import Pair, Standby
from monitors.parts import Part, assemble

BARE = Standby(output="start", running="contact.up", cause="power", outages=("ups1.on_battery",))


def test_a_pair_with_the_stop_below_the_start_is_an_upper_bound() -> None:
    part = generator.watch(Standby(output="start", running="up", cause="power", outages=(), mains="mains", pairs=(
        Pair(name="load", point="load", start_limit=80.0, stop_limit=60.0),
    )))  # fmt: skip
    reason = next(one for one in part.conditions if one.id == "generator.load")
    bound = Above(point="load", limit=80.0, deadband=20.0)
    assert reason.test == AllOf(tests=(IsFlag(point="mains", wanted=False), bound))
    assert part.generators[0].gates == ()


def test_the_start_contact_follows_one_condition_and_nothing_else() -> None:
    part = generator.watch(BARE)
    assert [(rule.output, rule.when) for rule in part.rules] == [("start", Holds(condition=generator.RUN))]
    assert part.generators[0].gates == ("ups1.on_battery",)
    assert "generator.mains_lost" not in {condition.id for condition in part.conditions}


def test_a_floor_has_one_generator_at_most() -> None:
    asked = generator.watch(BARE).generators[0]
    with pytest.raises(AssertionError, match="one generator"):
        assemble((), (), Part(generators=(asked, asked)))


@pytest.mark.parametrize(("text", "second"), [("09:30+08:00", 5_400), ("01:30Z", 5_400), ("20:00-05:00", 3_600)])
def test_a_time_of_day_with_its_offset_is_a_second_of_the_utc_day(text: str, second: int) -> None:
    assert second_of_day(text) == second
