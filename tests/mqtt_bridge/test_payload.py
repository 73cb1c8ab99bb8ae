"""Payloads as the contract shows them; whatever the floor is like, each message fits its schema and its size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_py.core.alarm import Alarm as Declared
from firmware_py.core.alarm import AlarmPriority, AlarmState, Display
from firmware_py.core.decision import Decision
from firmware_py.core.event import Severity
from firmware_py.core.image import InputImage
from firmware_py.core.mode import Mode
from firmware_py.core.output import Drive, Pattern, Priority
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason
from firmware_py.core.state import State
from mqtt_bridge import payload
from mqtt_bridge.ports import Snapshot
from mqtt_bridge.schema import NAMES, digest, read_schema
from tests.mqtt_bridge.floors import ABOUT, ACTIVE, ALARMS, BOOT, POINTS, SITE, power_cut, see, utc_text

WHO = payload.Identity(site=SITE, log="7f3a", boot=BOOT)
STAMP = payload.Stamp(ts=utc_text(0), clk="ntp")
VALIDATORS = {name: jsonschema.Draft202012Validator(read_schema(name)) for name in NAMES}


def check(kind: str, message: Mapping[str, object]) -> Any:
    """What the far side reads."""
    read = json.loads(payload.encode(dict(message)))
    VALIDATORS[kind].validate(read)
    return read


def tell(seen: Snapshot, points: tuple[Point, ...] = POINTS) -> Any:
    return check("state", payload.state(WHO, stamp=STAMP, seq=123, seen=seen, points=points, utc=utc_text))


# ------------------------------------------------------------------------------------------------ anything can happen
parts = st.from_regex(r"[a-z0-9_]{1,12}", fullmatch=True)
ids = st.one_of(
    st.sampled_from(["v", "q.v", "a.v.q", "a.because.t", "mode", "mode.seq", "outputs.v", "cut", "seq_", "a", "a.v_"]),
    st.lists(parts, min_size=1, max_size=4).map(".".join),
)
texts = st.text(max_size=300)
values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
readings = st.one_of(
    st.builds(Reading, value=values, quality=st.just(Quality.GOOD), at_ms=st.integers(0, 10**9)),
    st.builds(
        Reading,
        value=values,
        quality=st.sampled_from([Quality.BAD, Quality.UNCERTAIN]),
        at_ms=st.integers(0, 10**9),
        because=st.sampled_from(list(Reason)),
    ),
)
drives = st.builds(
    Drive,
    value=st.one_of(st.booleans(), st.sampled_from(list(Pattern))),
    priority=st.just(Priority.PROGRAM),
    because=st.lists(texts, max_size=80).map(tuple),
)
decisions = st.builds(
    Decision,
    state=st.just(State()),
    outputs=st.dictionaries(ids, drives, max_size=6),
    mode=st.sampled_from(list(Mode)),
    flags=st.frozensets(texts, max_size=5),
    because=st.lists(texts, max_size=80).map(tuple),
    stage=st.integers(0, 9),
)
floors = st.tuples(st.dictionaries(ids, readings, max_size=12), decisions)
alarm_states = st.builds(
    AlarmState,
    active=st.booleans(),
    acked=st.booleans(),
    latched=st.booleans(),
    shelved_ms=st.integers(0, 9),
    suppressed_by=st.sampled_from(["", "x"]),
    elapsed_ms=st.integers(0, 10**9),
    incident=st.one_of(st.none(), st.just("2026-0007")),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault of the floor's
@given(floors)
def test_any_floor_makes_a_valid_state_that_holds_every_point(floor: tuple[dict[str, Reading], Decision]) -> None:
    image, decision = floor
    points = tuple(Point(id=id_, kind=Kind.TEXT, stale_after_ms=1) for id_ in image)
    read = tell(Snapshot(image=InputImage(now_ms=0, readings=image), decision=decision), points)
    tree = {key: value for key, value in read.items() if key not in read_schema("state")["properties"]}
    assert count_leaves(tree) == len(image), "no point hides another"
    assert count_leaves(read["outputs"]) == len(decision.outputs)


def count_leaves(node: Mapping[str, Any]) -> int:
    below = sum(count_leaves(child) for key, child in node.items() if isinstance(child, dict))
    return below + ("v" in node)


@settings(deadline=None)
@given(alarm_states)
def test_any_alarm_that_stands_makes_a_valid_message(now: AlarmState) -> None:
    if payload.stands(now):
        declared = ALARMS["ups1.on_battery"]
        check("alarm", payload.alarm(declared, now, now_ms=10**9, text="x" * 500, utc=utc_text))
    else:
        assert now.display in (Display.NORMAL, Display.SHELVED, Display.SUPPRESSED)


data_values = st.one_of(values, st.lists(texts, max_size=5))
records = st.fixed_dictionaries(
    {
        "seq": st.integers(1, 2**53),
        "log": st.just("7f3a"),
        "ts": st.just(utc_text(5)),
        "clk": st.sampled_from(["ntp", "rtc", "none"]),
        "up_ms": st.integers(0, 2**53),
        "boot": st.just(BOOT),
        "type": st.sampled_from(["power.mains_lost", "journal.gap"]),
        "sev": st.sampled_from([severity.value for severity in Severity]),
        "incident": st.one_of(st.none(), st.just("2026-0007")),
        "drill": st.booleans(),
        "data": st.dictionaries(parts, data_values, max_size=6),
    }
)


@settings(deadline=None)
@given(records, st.integers(0, 9), st.booleans())
def test_any_journal_record_makes_a_valid_event(record: dict[str, Any], ack: int, replay: bool) -> None:
    read = check("event", payload.event(SITE, record, ack=ack, replay=replay))
    assert read["id"] == f"{SITE}/7f3a/{record['seq']}"
    assert (read["ack"], read["replay"]) == (ack, replay)


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=50), st.text(max_size=50).map(str.encode), values.map(json.dumps).map(str.encode)))
def test_no_bytes_at_all_upset_the_reading_of_a_cursor(raw: bytes) -> None:
    assert payload.read_cursor(raw) is None


# --------------------------------------------------------------------------------------------------------- as printed
def test_the_status_messages_are_those_of_the_contract() -> None:
    assert check("status", payload.birth(WHO, n=17, stamp=STAMP, acked=122)) == {
        "v": 1, "state": "online", "boot": "b41c", "n": 17, "since": utc_text(0), "clk": "ntp", "acked": 122,
    }  # fmt: skip
    assert check("status", payload.will(WHO, n=17)) == {"v": 1, "state": "lost", "boot": "b41c", "n": 17}
    gone = {"v": 1, "state": "offline", "boot": "b41c", "n": 17, "why": "update"}
    assert check("status", payload.farewell(WHO, n=17, why="update")) == gone


def test_a_state_nests_points_and_says_why_a_value_is_doubtful() -> None:
    assert tell(power_cut(now_ms=0)) == {
        "v": 1, "log": "7f3a", "seq": 123, "boot": "b41c", "ts": utc_text(0), "clk": "ntp",
        "mode": "conservation", "flags": [], "because": ["ups1.on_battery"], "stage": 2,
        "ups1": {
            "output_source": {"v": "battery", "q": "good"},
            "battery": {"charge_pct": {"v": 96, "q": "good"}},
        },
        "room1": {"temp_c": {"v": 24.1, "q": "bad", "because": "stale", "t": utc_text(0)}},
        "outputs": {
            "outbound_paused": {"v": True, "because": ["ups1.on_battery"]},
            "lamp": {"power": {"v": "flash", "because": ["ups1.on_battery"]}},
        },
    }  # fmt: skip


def test_a_point_that_was_never_read_has_no_value_and_no_time() -> None:
    seen = Snapshot(image=InputImage(now_ms=0), decision=see().decision)
    assert tell(seen)["room1"]["temp_c"] == {"v": None, "q": "bad", "because": "not_yet"}


def test_a_journal_that_is_not_open_yet_leaves_the_state_valid() -> None:
    nobody = payload.Identity(site=SITE, log="", boot=BOOT)
    check("state", payload.state(nobody, stamp=STAMP, seq=0, seen=see(), points=POINTS, utc=utc_text))


def test_since_is_the_time_of_the_last_activation_or_return() -> None:
    now = AlarmState(active=True, acked=False, elapsed_ms=3_000)
    message = payload.alarm(ALARMS["ups1.on_battery"], now, now_ms=10_000, text="On battery", utc=utc_text)
    assert message["since"] == utc_text(7_000)
    assert (message["id"], message["pri"], message["state"]) == ("ups1.on_battery", "high", "active_unacked")


@pytest.mark.parametrize(
    ("now", "stands"),
    [
        (AlarmState(), False),
        (ACTIVE, True),
        (AlarmState(acked=False), True),
        (AlarmState(latched=True), True),
        (AlarmState(shelved_ms=5), False),
        (AlarmState(active=True, shelved_ms=5), True),
    ],
)
def test_an_alarm_stands_while_it_is_active_or_waits_for_a_person(now: AlarmState, stands: bool) -> None:
    assert payload.stands(now) is stands


def test_info_describes_every_point_and_names_the_schemas() -> None:
    read = check("info", json.loads(payload.info(WHO, ABOUT)))
    assert [point["id"] for point in read["points"]] == [point.id for point in POINTS]
    assert read["points"][0]["words"] == ["mains", "battery"]
    assert read["schema"] == digest()
    assert digest().startswith("sha256:")


# -------------------------------------------------------------------------------------------------------------- sizes
def test_a_floor_that_is_too_large_is_cut_at_the_end_and_says_so() -> None:
    points = tuple(Point(id=f"hall{n}.rack.temp_c", kind=Kind.TEXT, stale_after_ms=1) for n in range(2_000))
    image = {point.id: Reading(value="\x01" * 200, quality=Quality.GOOD, at_ms=0) for point in points}
    seen = Snapshot(image=InputImage(now_ms=0, readings=image), decision=see().decision)
    message = payload.state(WHO, stamp=STAMP, seq=1, seen=seen, points=points, utc=utc_text)
    read = check("state", message)
    assert 50_000 < len(payload.encode(message)) <= payload.STATE_BYTES
    assert read["outputs"]["outbound_paused"], "what the floor does is never left out"
    assert "hall0" in read and "hall1999" not in read
    assert count_leaves({key: read[key] for key in read if key.startswith("hall")}) + read["cut"] == 2_000


def test_a_catalogue_that_is_too_large_is_cut_and_says_so() -> None:
    points = tuple(Point(id=f"p{n}", kind=Kind.WORD, stale_after_ms=1, words=("w" * 90,) * 9) for n in range(900))
    for many in (100, 130, 140, 150, 900):
        raw = payload.info(WHO, payload.About(version="1", schema=digest(), points=points[:many]))
        read = check("info", json.loads(raw))
        assert len(raw) <= payload.INFO_BYTES
        assert len(read["points"]) + read.get("cut", 0) == many
    assert "cut" in read
    assert len(raw) > payload.INFO_BYTES - 1_200, "as many as there is room for"


def test_an_event_that_is_too_large_keeps_its_number_and_loses_its_data() -> None:
    record = {"seq": 1, "log": "7f3a", "ts": utc_text(0), "clk": "rtc", "up_ms": 1, "boot": BOOT, "type": "a.b"}
    record |= {"sev": "info", "incident": None, "drill": False, "data": {"text": "x" * 70_000}}
    read = check("event", payload.event(SITE, record, ack=0, replay=False, fixed=utc_text(9)))
    assert read["ts"] == utc_text(9)
    assert (read["seq"], read["data"], read["cut"], read["ts_fixed"]) == (1, {}, True, True)


def test_readings_that_an_event_carries_lose_the_dots_of_their_ids() -> None:
    record = {"seq": 1, "log": "7f3a", "ts": utc_text(0), "clk": "rtc", "up_ms": 1, "boot": BOOT, "type": "a.b"}
    record |= {"sev": "info", "incident": None, "drill": False, "data": {"ups1.battery.charge_pct": 96}}
    read = check("event", payload.event(SITE, record, ack=0, replay=False))
    assert read["data"] == {"ups1_battery_charge_pct": 96}


def test_what_is_not_unicode_costs_only_the_characters_in_question() -> None:
    declared = Declared(id="a.b", condition="a.b", priority=AlarmPriority.LOW, text="x")
    message = payload.alarm(declared, ACTIVE, now_ms=0, text="caf\udce9", utc=utc_text)
    assert check("alarm", message)["text"] == "caf?"


@pytest.mark.parametrize(
    ("raw", "cursor"),
    [
        (b'{"log":"7f3a","seq":123}', ("7f3a", 123)),
        (b'{"log":"7f3a","seq":0,"more":[1]}', ("7f3a", 0)),
        (b'{"log":"7f3a","seq":true}', None),
        (b'{"log":"7f3a","seq":-1}', None),
        (b'{"log":"7f3a","seq":1.5}', None),
        (b'{"log":7,"seq":1}', None),
        (b'{"seq":1}', None),
        (b"[" * 1_000, None),
        (b'{"log":"7f3a","seq":1' + b" " * 1_100 + b"}", None),
    ],
)
def test_only_a_whole_cursor_of_sane_size_is_read(raw: bytes, cursor: tuple[str, int] | None) -> None:
    assert payload.read_cursor(raw) == cursor


# ------------------------------------------------------------------------------------------------------------ schemas
@pytest.mark.parametrize("name", NAMES)
def test_each_schema_is_one_of_draft_2020_12(name: str) -> None:
    schema = read_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:floorguard:mqtt:v1:{name}"


def test_the_words_in_the_schemas_are_those_of_the_core() -> None:
    node: Any = read_schema("state")
    props = node["$defs"]["node"]["properties"]
    assert props["because"]["enum"] == [reason.value for reason in Reason]
    assert props["q"]["enum"] == [quality.value for quality in Quality]
    assert node["properties"]["mode"]["enum"] == [mode.word for mode in Mode]
    alarm: Any = read_schema("alarm")
    assert set(alarm["properties"]["state"]["enum"]) == {display.value for display in Display} - {"normal"}
    assert alarm["properties"]["pri"]["enum"] == [priority.value for priority in AlarmPriority]
    event: Any = read_schema("event")
    assert event["properties"]["sev"]["enum"] == [severity.value for severity in Severity]


@pytest.mark.parametrize("kind", ["status", "info", "alarm", "event", "state"])
def test_a_key_that_nobody_declared_breaks_the_schema(kind: str) -> None:
    made = {
        "status": payload.will(WHO, n=1),
        "info": json.loads(payload.info(WHO, ABOUT)),
        "alarm": payload.alarm(ALARMS["ups1.on_battery"], ACTIVE, now_ms=0, text="x", utc=utc_text),
        "state": payload.state(WHO, stamp=STAMP, seq=1, seen=see(), points=POINTS, utc=utc_text),
        "event": payload.event(SITE, dict.fromkeys(("ts", "clk", "up_ms", "boot", "type", "sev", "incident", "drill"))
                               | {"log": "a", "seq": 1, "data": {}}, ack=0, replay=False),
    }  # fmt: skip
    assert VALIDATORS[kind].is_valid(made[kind] | {"New": 1}) is False
