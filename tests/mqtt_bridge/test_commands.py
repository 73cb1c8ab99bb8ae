"""Commands, judged: each rule alone stops one, and nothing that a sender writes raises."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.model_mqtt import Order as Allowed
from firmware_py.core.command import CommandKind
from mqtt_bridge.commands import (
    ANNOUNCE,
    COMMAND_BYTES,
    KINDS,
    LATER,
    NAMES,
    Answer,
    Order,
    Rules,
    Status,
    judge,
    read_order,
)
from mqtt_bridge.messages import Heard

RULES = Rules(boot="b41c", senders={"ops@noc": frozenset({"ack", "shelve"})})
GOOD = Order(id="1", name="ack", by="ops@noc", boot="b41c", ttl_ms=10_000)
WORDS: dict[str, Any] = {"id": "1", "by": "ops@noc", "boot": "b41c", "ttl_s": 10}


def say(content: object, *, name: str = "ack", **more: Any) -> Order | Answer:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return read_order(Heard(topic=f"floor/v1/mnl-2f/cmd/{name}", payload=raw, **more))


def test_a_command_that_keeps_every_rule_may_act() -> None:
    assert say(WORDS) == GOOD
    assert judge(GOOD, RULES, age_ms=9_999, seen=False) is None


def test_a_tick_names_an_item_and_nothing_else() -> None:
    ticked = say({**WORDS, "args": {"item": "power.recovery.forms"}}, name="tick")
    assert ticked == replace(GOOD, name="tick", item="power.recovery.forms")
    wrong = say({**WORDS, "args": {"item": ["forms"]}}, name="tick")
    assert isinstance(wrong, Answer) and "item" in wrong.error
    rules = replace(RULES, senders={"ops@noc": frozenset({"tick"})})
    assert isinstance(ticked, Order) and judge(ticked, rules, age_ms=0, seen=False) is None


@pytest.mark.parametrize(
    ("order", "age_ms", "seen", "status"),
    [
        (replace(GOOD, by="somebody"), 0, False, Status.FORBIDDEN),
        (replace(GOOD, name="conserve"), 0, False, Status.FORBIDDEN),
        (replace(GOOD, name="fire-confirm"), 0, False, Status.REJECTED),
        (replace(GOOD, boot="0000"), 0, False, Status.REJECTED),
        (replace(GOOD, boot=""), 0, False, Status.REJECTED),
        (GOOD, 0, True, Status.DUPLICATE),
        (GOOD, 10_000, False, Status.EXPIRED),
    ],
)
def test_each_rule_alone_stops_a_command(order: Order, age_ms: int, seen: bool, status: Status) -> None:
    refusal = judge(order, RULES, age_ms=age_ms, seen=seen)
    assert refusal is not None and refusal.status is status and refusal.error
    assert (refusal.id, refusal.by) == (order.id, order.by)


def test_what_the_core_cannot_do_is_refused_in_words_even_where_the_site_allows_it() -> None:
    rules = replace(RULES, senders={"ops@noc": frozenset(NAMES)})
    for name in NAMES:
        refusal = judge(replace(GOOD, name=name), rules, age_ms=0, seen=False)
        assert (refusal is None) is (name in KINDS or name == ANNOUNCE)
        assert refusal is None or refusal.status is Status.REJECTED


def test_arguments_are_read_and_absent_ones_are_empty() -> None:
    args: dict[str, Any] = {
        "alarm": "hvac1.fault", "item": "power.forms", "why": "filter ordered", "for_s": 3_600, "tele_s": 60,
    }  # fmt: skip
    assert say({**WORDS, "args": {**args, "stray": []}}) == replace(GOOD, **args)


@pytest.mark.parametrize(
    "args",
    [
        {"item": "x" * 129}, {"why": "a\nb"}, {"why": "x" * 201}, {"for_s": -1}, {"for_s": True}, {"for_s": 86_401},
        {"for_s": "1"}, {"for_s": 1.5}, {"tele_s": 601}, {"tele_s": None}, {"alarm": None},
    ],
    ids=lambda args: repr(args)[:30],
)  # fmt: skip
def test_an_argument_of_the_wrong_kind_or_size_is_named(args: dict[str, Any]) -> None:
    answer = say({**WORDS, "args": args})
    assert isinstance(answer, Answer) and next(iter(args)) in answer.error


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"null", b"{", b"\xff", b"[" * 5_000, b'{"id":"1"}', {**WORDS, "id": ""}, {**WORDS, "id": 1},
        {**WORDS, "id": "x" * 65}, {**WORDS, "id": "a\nb"}, {**WORDS, "by": None}, {**WORDS, "ttl_s": 0},
        {**WORDS, "ttl_s": True}, {**WORDS, "ttl_s": 601}, {**WORDS, "ttl_s": 1.5}, {**WORDS, "args": []},
        {**WORDS, "args": {"alarm": 1}}, {**WORDS, "args": {"alarm": "x" * 129}}, {**WORDS, "pad": "x" * COMMAND_BYTES},
    ],
    ids=lambda content: repr(content)[:40],
)  # fmt: skip
def test_what_is_no_command_is_rejected_with_a_reason(content: object) -> None:
    answer = say(content)
    assert isinstance(answer, Answer)
    assert answer.status is Status.REJECTED and answer.error


def test_a_retained_command_is_rejected_whatever_else_is_right() -> None:
    answer = say(WORDS, retain=True)
    assert isinstance(answer, Answer) and "retained" in answer.error


def test_the_shorter_of_ttl_and_message_expiry_counts() -> None:
    order = say(WORDS, expiry_s=3)
    assert isinstance(order, Order) and order.ttl_ms == 3_000
    order = say(WORDS, expiry_s=30)
    assert isinstance(order, Order) and order.ttl_ms == 10_000


def test_fire_and_overrides_cannot_be_ordered_and_the_site_file_knows_the_same_names() -> None:
    assert not {CommandKind.FIRE_CONFIRM, CommandKind.OVERRIDE, CommandKind.RELEASE_OVERRIDE} & set(KINDS.values())
    assert {allowed.value for allowed in Allowed} == set(NAMES)
    assert not LATER & KINDS.keys()


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from([*NAMES, "fire-confirm", "x", ""]), st.booleans())
def test_no_bytes_make_the_reader_raise(raw: bytes, name: str, retain: bool) -> None:
    assert isinstance(say(raw, name=name, retain=retain), Answer)
