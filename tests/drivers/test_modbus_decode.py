"""Registers to values: the vectors made with libmodbus, and every way a register can fail to be a value."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.modbus_decode import Encoding, Form, Order, decode, decoder, encode, join
from firmware_py.core.point import Kind
from firmware_py.core.reading import Quality, Reason

VECTORS = json.loads((Path(__file__).parent.parent / "data/modbus/decode-vectors.json").read_text())["vectors"]
FORMS = {"float32": Form.F32, "uint32": Form.U32, "int32": Form.S32, "uint16": Form.U16, "int16": Form.S16}
ORDERS = {"AB": Order.ABCD, "BA": Order.BADC}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['type']} {v['order']} {v['registers']}")
def test_each_vector_of_the_independent_library_decodes_to_its_value(vector: dict[str, Any]) -> None:
    order = ORDERS.get(vector["order"]) or Order(vector["order"])
    sample = decode(Encoding(form=FORMS[vector["type"]], order=order), vector["registers"])
    if isinstance(vector["value"], str):
        assert sample.because is Reason.SENTINEL
        return
    assert sample.quality is Quality.GOOD
    assert isinstance(sample.value, int | float)
    # The vectors print nine digits, which name a single-precision number exactly.
    assert struct.pack(">d", float(f"{sample.value:.9g}")) == struct.pack(">d", float(f"{vector['value']:.9g}"))


@pytest.mark.parametrize(
    "vector",
    [v for v in VECTORS if not isinstance(v["value"], str)],
    ids=lambda v: f"{v['type']} {v['order']} {v['registers']}",
)
def test_each_vector_is_encoded_to_the_registers_that_the_independent_library_made(vector: dict[str, Any]) -> None:
    order = ORDERS.get(vector["order"]) or Order(vector["order"])
    encoding = Encoding(form=FORMS[vector["type"]], order=order)
    value = decode(encoding, vector["registers"]).value
    assert isinstance(value, int | float)
    assert encode(encoding, value) == tuple(vector["registers"])


@given(tenths=st.integers(160, 320), order=st.sampled_from(Order), form=st.sampled_from([Form.S16, Form.S32, Form.F32]))
def test_a_set_point_in_tenths_comes_back_as_it_was_set(tenths: int, order: Order, form: Form) -> None:
    for encoding in (
        Encoding(form=form, order=order, scale=0.1),
        Encoding(form=form, order=order, scale=0.1, offset=-40.0),
        Encoding(form=form, order=order, scale=0.01, fahrenheit=True),
    ):
        assert decode(encoding, encode(encoding, tenths / 10)).value == pytest.approx(tenths / 10, abs=0.01)


@pytest.mark.parametrize(
    ("encoding", "value", "sentence"),
    [
        (Encoding(form=Form.BIT), 1.0, "only a number"),
        (Encoding(form=Form.STRING, count=2), 1.0, "only a number"),
        (Encoding(form=Form.U16, words={1: "on"}), 1.0, "only a number"),
        (Encoding(form=Form.U16, mask=0xF0), 1.0, "a part of a register"),
        (Encoding(form=Form.S16, scale=0.1, low=16, high=32), 32.5, "outside the point's range"),
        (Encoding(form=Form.S16, scale=0.001), 33.0, "does not fit"),
        (Encoding(form=Form.U16), -1.0, "does not fit"),
        (Encoding(form=Form.F32), 1e39, "does not fit"),
    ],
)
def test_what_a_register_cannot_hold_is_refused(encoding: Encoding, value: float, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        encode(encoding, value)


@given(value=st.integers(0, 2**64 - 1), order=st.sampled_from(Order))
def test_every_byte_order_of_a_long_number_is_a_permutation_that_comes_back(value: int, order: Order) -> None:
    raw = value.to_bytes(8, "big")
    words = [raw[i : i + 2] for i in range(0, 8, 2)]
    if order in (Order.CDAB, Order.DCBA):
        words.reverse()
    if order in (Order.BADC, Order.DCBA):
        words = [word[::-1] for word in words]
    sample = decode(Encoding(form=Form.U64, order=order), [int.from_bytes(word, "big") for word in words])
    assert sample.value == value


@given(registers=st.lists(st.integers(0, 65535), min_size=4, max_size=4), form=st.sampled_from(Form))
def test_no_registers_make_the_decoder_fail_or_give_a_good_number_that_is_none(
    registers: list[int], form: Form
) -> None:
    encoding = Encoding(form=form, count=4, bit=3 if form is Form.BIT else None)
    sample = decode(encoding, registers[: 1 if form is Form.BIT else encoding.cells])
    if sample.quality is Quality.GOOD and isinstance(sample.value, float):
        assert math.isfinite(sample.value)


plain_encodings = st.builds(
    Encoding,
    form=st.sampled_from([Form.U16, Form.S16, Form.U32, Form.S32, Form.U64, Form.F32, Form.BCD]),
    order=st.sampled_from(Order),
    mask=st.sampled_from([None, None, None, 0x00F0]),
    equals=st.sampled_from([(), (), (3, 16)]),
    words=st.sampled_from([{}, {}, {1: "on"}]),
    scale=st.sampled_from([1.0, 0.1, 0.01, 3.0, -2.5, 1e305, 1 / 3]),
    offset=st.sampled_from([0.0, -40.0, 0.5]),
    fahrenheit=st.booleans(),
    sentinels=st.sampled_from([(), (0xFFFF, -1), (0.0,)]),
    low=st.sampled_from([None, -10.0, 0.0]),
    high=st.sampled_from([None, 0.0, 500.0]),
)


@settings(deadline=None)
@given(
    plain_encodings,
    st.lists(st.one_of(st.integers(0, 65535), st.sampled_from([0, 1, 16, 65535])), min_size=4, max_size=4),
)
def test_the_short_way_of_a_decoder_says_what_the_long_one_says(encoding: Encoding, registers: list[int]) -> None:
    cells = registers[: encoding.cells]
    short, long = decoder(encoding)(cells), decode(encoding, cells)
    assert short == long
    assert type(short.value) is type(long.value)


def test_a_scale_of_a_tenth_gives_the_decimal_that_people_expect() -> None:
    encoding = Encoding(form=Form.S16, scale=0.1)
    assert [decode(encoding, [raw]).value for raw in (227, 65336, 3)] == [22.7, -20.0, 0.3]


def test_fahrenheit_becomes_celsius_after_the_scale() -> None:
    assert decode(Encoding(form=Form.S32, scale=0.1, fahrenheit=True), [0, 716]).value == 22.0


def test_a_sentinel_is_no_value_whatever_the_scale_or_the_bit() -> None:
    assert decode(Encoding(form=Form.S16, scale=0.1, sentinels=(-32768,)), [0x8000]).because is Reason.SENTINEL
    assert decode(Encoding(form=Form.BIT, bit=3, sentinels=(0xFF,)), [0xFF]).because is Reason.SENTINEL
    assert decode(Encoding(form=Form.F32, sentinels=(-999.0,)), [0xC479, 0xC000]).because is Reason.SENTINEL


def test_a_value_outside_its_range_is_shown_and_not_believed() -> None:
    sample = decode(Encoding(form=Form.S16, scale=0.1, low=-20, high=80), [2000])
    assert (sample.value, sample.quality, sample.because) == (200.0, Quality.BAD, Reason.OUT_OF_RANGE)


def test_a_word_that_the_table_does_not_list_is_no_word() -> None:
    encoding = Encoding(form=Form.U16, words={0: "off", 1: "on"})
    assert decode(encoding, [1]).value == "on"
    assert decode(encoding, [7]).because is Reason.UNKNOWN_WORD


@pytest.mark.parametrize(
    ("raw", "fire"), [(0x0C10, True), (0x0410, False), (0x0CEA, True), (0x0C40, False), (0x0800, False)]
)
def test_an_event_number_counts_only_while_its_active_bit_is_set(raw: int, fire: bool) -> None:
    encoding = Encoding(form=Form.U16, mask=0x08FF, equals=(0x0810, 0x08EA, 0x08ED))
    assert decode(encoding, [raw]).value is fire


def test_a_masked_field_is_moved_down() -> None:
    assert decode(Encoding(form=Form.U16, mask=0x0F00), [0xAB12]).value == 0xB


def test_an_inverted_bit_is_true_when_it_is_zero() -> None:
    assert decode(Encoding(form=Form.BIT, bit=4, invert=True), [0x0010]).value is False
    assert decode(Encoding(form=Form.BIT, invert=True), [0]).value is True


def test_a_string_ends_at_its_first_zero_and_must_be_readable() -> None:
    encoding = Encoding(form=Form.STRING, count=3)
    assert decode(encoding, [0x4331, 0x3000, 0xFFFF]).value == "C10"
    assert decode(encoding, [0xC331, 0x3000, 0xFFFF]).because is Reason.UNKNOWN_WORD
    assert decode(Encoding(form=Form.STRING, count=1, order=Order.BADC), [0x3143]).value == "C1"


def test_decimal_digits_that_are_none_are_no_number() -> None:
    assert decode(Encoding(form=Form.BCD), [0x1234]).value == 1234
    assert decode(Encoding(form=Form.BCD), [0x12A4]).because is Reason.UNKNOWN_WORD


@pytest.mark.parametrize(
    ("encoding", "kind"),
    [
        (Encoding(form=Form.BIT), Kind.FLAG),
        (Encoding(form=Form.U16, equals=(3,)), Kind.FLAG),
        (Encoding(form=Form.U16, words={1: "on"}), Kind.WORD),
        (Encoding(form=Form.STRING), Kind.TEXT),
        (Encoding(form=Form.U32), Kind.INTEGER),
        (Encoding(form=Form.U32, scale=0.5), Kind.NUMBER),
        (Encoding(form=Form.F64), Kind.NUMBER),
    ],
)
def test_the_kind_of_a_point_follows_from_its_encoding(encoding: Encoding, kind: Kind) -> None:
    assert encoding.kind is kind


def test_the_order_of_one_register_is_only_about_its_bytes() -> None:
    assert join([0x1234], Order.CDAB) == join([0x1234], Order.ABCD) == b"\x12\x34"
    assert join([0x1234], Order.DCBA) == join([0x1234], Order.BADC) == b"\x34\x12"


@pytest.mark.parametrize(
    ("encoding", "cells", "told"),
    [
        (Encoding(form=Form.U16), [225], "raw 225"),
        (Encoding(form=Form.U16, scale=0.1), [225], "raw 225 x 0.1"),
        (Encoding(form=Form.S16, scale=0.5, offset=-40.0), [225], "raw 225 x 0.5 - 40"),
        (Encoding(form=Form.U16, scale=0.1, offset=2.0, fahrenheit=True), [770], "raw 770 x 0.1 + 2 F"),
        (Encoding(form=Form.U16, scale=0.1, high=20.0), [225], "raw 225 x 0.1"),
    ],
)
def test_what_came_is_told_with_its_scale(encoding: Encoding, cells: list[int], told: str) -> None:
    assert decode(encoding, cells).detail == told
