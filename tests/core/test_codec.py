"""The codec: every state survives the way to JSON and back; what does not fit is refused with its path."""

import contextlib
import json
import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields, is_dataclass, replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firmware_py.core.alarm import AlarmState
from firmware_py.core.codec import decode, difference, digest, encode
from firmware_py.core.command import Command
from firmware_py.core.image import InputImage
from firmware_py.core.mode import Mode
from firmware_py.core.output import Drive, Pattern, Priority
from firmware_py.core.reading import Quality, Reading, Reason
from firmware_py.core.state import OutputState, State
from tests.core.small_states import STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """Shapes that the core's own types do not have yet."""

    pair: tuple[int, str] = (0, "")
    words: frozenset[str] = frozenset()
    ratio: float = 0.0
    mode: Mode = Mode.NORMAL
    by_quality: Mapping[Quality, int] = field(default_factory=dict)
    nothing: None = None
    limit: int = 1

    def __post_init__(self) -> None:
        assert self.limit > 0, "limit is not positive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hopeless:
    """Types that have no document form."""

    blob: bytes = b""


def through_json(value: object) -> object:
    return json.loads(json.dumps(encode(value)))


@settings(max_examples=25, deadline=None)
@given(st.from_type(State))
def test_every_state_survives_the_way_to_json_and_back(state: State) -> None:
    assume("nan" not in repr(state))  # a driver refuses it, and it is not even equal to itself
    assert decode(State, through_json(state)) == state
    assert decode(State, json.loads(json.dumps(encode(state, sparse=True)))) == state


def test_a_sparse_document_leaves_out_what_is_at_rest() -> None:
    state = State(alarms={"a": AlarmState(), "b": AlarmState(active=True)})
    assert encode(state, sparse=True) == {"alarms": {"a": {}, "b": {"active": True}}}
    assert encode(Odd(words=frozenset({"x"}), pair=(1, "")), sparse=True) == {"pair": [1, ""], "words": ["x"]}


@given(st.builds(Command), st.builds(Odd, limit=st.integers(1), ratio=st.floats(allow_nan=False)))
def test_commands_and_odd_shapes_survive_too(command: Command, odd: Odd) -> None:
    assert decode(Command, through_json(command)) == command
    assert decode(Odd, through_json(odd)) == odd


def test_an_image_with_all_kinds_of_values_survives() -> None:
    readings = {
        name: Reading(value=value, quality=Quality.BAD, at_ms=5, because=Reason.STALE, detail="é")
        for name, value in {"a": True, "b": 1, "c": 1.0, "d": "x", "e": None}.items()
    }
    image = InputImage(now_ms=9, readings=readings, stale_at_ms=None)
    back = decode(InputImage, through_json(image))
    assert back == image
    assert [type(reading.value) for reading in back.readings.values()] == [bool, int, float, str, type(None)]


def test_a_value_that_may_be_a_flag_or_a_pattern_keeps_which_it_is() -> None:
    for value in (True, False, Pattern.FLASH):
        output = OutputState(drive=Drive(value=value, priority=Priority.PROGRAM))
        assert decode(OutputState, through_json(output)).drive.value is value


def test_unknown_keys_are_ignored_and_missing_ones_take_their_default() -> None:
    assert decode(AlarmState, {"active": True, "invented_later": {"x": 1}}) == AlarmState(active=True)
    assert decode(State, {}) == State()


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"alarms": {"a": {"active": 1}}}, "alarms.a.active"),
        ({"alarms": {"a": {"activations": True}}}, "alarms.a.activations"),
        ({"alarms": {"a": {"elapsed_ms": 1.5}}}, "alarms.a.elapsed_ms"),
        ({"alarms": []}, "alarms"),
        ({"alarms": {"a": 7}}, "alarms.a"),
        ({"causes": {"p": {"phase": "asleep"}}}, "causes.p.phase"),
        ({"causes": {"p": {"because": ["x", 3]}}}, "causes.p.because[1]"),
        ({"causes": {"p": {"because": "x"}}}, "causes.p.because"),
        ({"outputs": {"o": {"drive": {"value": True, "priority": 16.0}}}}, "outputs.o.drive.priority"),
        ({"outputs": {"o": {"drive": {"value": 1, "priority": 16}}}}, "outputs.o.drive.value"),
        ({"outputs": {"o": {}}}, "outputs.o"),
        ({"stepped_ms": "12"}, "stepped_ms"),
        (None, "document"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(document: object, path: str) -> None:
    with pytest.raises(ValueError, match=rf"^{path.replace('[', chr(92) + '[')}"):
        decode(State, document)


@pytest.mark.parametrize(
    "document", [{"pair": [1]}, {"pair": [1, 2]}, {"words": "x"}, {"ratio": True}, {"mode": True}, {"nothing": 0}]
)
def test_odd_shapes_are_strict_as_well(document: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        decode(Odd, document)


def test_a_whole_number_serves_as_a_float_and_only_there() -> None:
    assert decode(Odd, {"ratio": 2}).ratio == 2.0
    with pytest.raises(ValueError, match="limit"):
        decode(Odd, {"limit": 2.0})


def test_a_value_that_its_own_class_refuses_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="limit is not positive"):
        decode(Odd, {"limit": 0})


def test_a_type_without_a_document_form_is_our_bug() -> None:
    with pytest.raises(TypeError):
        encode(b"bytes")
    with pytest.raises(TypeError):
        decode(Hopeless, {"blob": "x"})
    with pytest.raises(TypeError):
        decode(list[int], [])
    with pytest.raises(TypeError):
        decode(..., {})


def test_the_digest_depends_on_values_and_not_on_the_order_of_mappings() -> None:
    one = State(alarms={"a": AlarmState(), "b": AlarmState(active=True)})
    other = State(alarms={"b": AlarmState(active=True), "a": AlarmState()})
    assert digest(one) == digest(other)
    assert digest(one) != digest(State())
    assert len(digest(State())) == 16
    assert digest(math.nan) == digest(math.nan)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.text() | st.sampled_from(["alarms", "causes", "outputs", "stepped_ms"]), inner)
        ),
        max_leaves=20,
    )
)
def test_any_document_is_decoded_or_refused_never_worse(document: object) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(decode(State, document), State)


@settings(max_examples=30, deadline=None)
@given(st.from_type(AlarmState), st.from_type(AlarmState))
def test_two_values_differ_exactly_where_their_difference_says(one: AlarmState, other: AlarmState) -> None:
    before, after = State(alarms={"a": one, "b": one}), State(alarms={"a": other, "b": one})
    found = difference(before, after)
    assert (found == {}) is (one == other)
    if one != other:
        assert list(found) == ["alarms"] and list(found["alarms"]) == ["a"]
        changed = found["alarms"]["a"]
        assert changed == {name: [encode(getattr(other, name))] for name in changed}
        assert all(getattr(one, name) != getattr(other, name) for name in changed)


def asked_of_each(before: object, after: object) -> object:
    """What a difference is, without a look at what moved."""
    if is_dataclass(after) and not isinstance(after, type) and type(before) is type(after):
        names = [each.name for each in fields(after) if each.compare]
        parts = {name: asked_of_each(getattr(before, name), getattr(after, name)) for name in names}
        return {name: part for name, part in parts.items() if part != {}}
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        found = {str(encode(key)): asked_of_each(before[key], part) for key, part in after.items() if key in before}
        found = {key: part for key, part in found.items() if part != {}}
        found |= {str(encode(key)): [encode(part)] for key, part in after.items() if key not in before}
        return found | {str(encode(key)): [] for key in before if key not in after}
    return {} if type(before) is type(after) and before == after else [encode(after)]


@settings(max_examples=40, deadline=None)
@given(STATES, STATES)
def test_a_difference_is_the_same_whatever_stayed_the_same_object(one: State, other: State) -> None:
    mixed = replace(one, alarms={**other.alarms, **one.alarms}, causes=other.causes, paused_by=other.paused_by)
    for before, after in ((one, mixed), (mixed, one), (mixed, other), (one, deepcopy(one))):
        assert difference(before, after) == asked_of_each(before, after)


def test_what_came_and_what_went_is_told_by_name() -> None:
    drive = OutputState(drive=Drive(value=True, priority=Priority.PROGRAM))
    before, after = State(outputs={"gone": drive, "kept": drive}), State(outputs={"kept": drive, "new": drive})
    assert difference(before, after) == {"outputs": {"new": [encode(drive)], "gone": []}}
    assert difference(True, 1) == [1]
    assert difference(before, before) == {}
    assert difference(Odd(), Odd(by_quality={Quality.BAD: 0})) == {"by_quality": {"bad": [0]}}
    assert difference({"a": 1}, {"a": 1, "b": None}) == {"b": [None]}
    assert difference(Odd(words=frozenset("ab")), Odd(words=frozenset("ba"))) == {}
