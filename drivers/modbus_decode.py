"""Registers and bits to values: every type, four byte orders, scale, sentinels, ranges, words. Pure.

It must not know a device, a request or a point's name. Whatever cannot be decoded becomes a BAD sample with its reason,
never 0 and never False. Byte orders are named as the Modbus world does: ABCD is big-endian throughout.
"""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from functools import lru_cache, partial
from typing import Literal

from config.valued import dataclass
from firmware_py.core.point import Kind
from firmware_py.core.reading import Quality, Reason, Sample, bad, good


class Form(StrEnum):
    """How the cells of one point are to be read."""

    BIT = "bit"  # a coil, a discrete input, or with `bit` one bit of a register
    ANY_BIT = "any_bit"  # true when any of `count` neighbouring coils or discrete inputs is set
    U16 = "u16"
    S16 = "s16"
    U32 = "u32"
    S32 = "s32"
    U64 = "u64"
    S64 = "s64"
    F32 = "f32"
    F64 = "f64"
    BCD = "bcd"  # four decimal digits a register
    STRING = "string"  # two characters a register


class Order(StrEnum):
    """Byte order over all registers of a value: words first or last, bytes of a word first or last."""

    ABCD = "ABCD"
    CDAB = "CDAB"
    BADC = "BADC"
    DCBA = "DCBA"


_REGISTERS = {
    Form.BIT: 1, Form.U16: 1, Form.S16: 1, Form.U32: 2, Form.S32: 2, Form.U64: 4, Form.S64: 4, Form.F32: 2, Form.F64: 4,
}  # fmt: skip
_SIGNED = frozenset({Form.S16, Form.S32, Form.S64})
_SHORT = frozenset({Form.U16, Form.S16, Form.U32, Form.S32})
_LARGE = 1e200  # a scale below this keeps every 32-bit number finite
Decode = Callable[[Sequence[int]], Sample]
_FLOATS = {Form.F32: ">f", Form.F64: ">d"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How one point lies in its cells.

    `count`: cells of an ANY_BIT, BCD or STRING. `mask` cuts a bit field out of an integer and moves it down unless
    `equals` is given: then the point is a FLAG, true when the masked integer is one of `equals`. `sentinels` are
    compared with the whole integer, before any mask. The value is number * scale + offset, then Fahrenheit to Celsius
    where `fahrenheit` says so.
    """

    form: Form
    order: Order = Order.ABCD
    count: int = 1
    bit: int | None = None
    mask: int | None = None
    equals: tuple[int, ...] = ()
    invert: bool = False
    words: Mapping[int, str] = field(default_factory=dict)
    scale: float = 1.0
    offset: float = 0.0
    fahrenheit: bool = False
    sentinels: tuple[float, ...] = ()
    low: float | None = None
    high: float | None = None

    @property
    def cells(self) -> int:
        """Registers, or bits of a bit table, that this point takes."""
        return _REGISTERS.get(self.form, self.count)

    @property
    def kind(self) -> Kind:
        """The kind of value that comes out."""
        if self.form in (Form.BIT, Form.ANY_BIT) or self.equals:
            return Kind.FLAG
        if self.words:
            return Kind.WORD
        if self.form is Form.STRING:
            return Kind.TEXT
        plain = self.form not in _FLOATS and self.scale == 1.0 and self.offset == 0.0 and not self.fahrenheit
        return Kind.INTEGER if plain else Kind.NUMBER


def decode(encoding: Encoding, cells: Sequence[int]) -> Sample:
    """Decode one point from exactly its cells (registers 0..65535, or bits 0/1)."""
    assert len(cells) == encoding.cells, "the planner cuts blocks into exact pieces"
    match encoding.form:
        case Form.BIT if encoding.bit is None:
            return Sample(value=bool(cells[0]) is not encoding.invert)
        case Form.BIT:
            return _decode_bit(encoding, cells[0])
        case Form.ANY_BIT:
            return Sample(value=any(cells) is not encoding.invert)
        case Form.STRING:
            return _decode_text(join(cells, encoding.order))
        case Form.F32 | Form.F64:
            return _finish(encoding, struct.unpack(_FLOATS[encoding.form], join(cells, encoding.order))[0])
        case Form.BCD:
            digits = join(cells, encoding.order).hex()
            if not digits.isdecimal():
                return bad(Reason.UNKNOWN_WORD, f"not decimal digits: {digits}")
            return _decode_integer(encoding, int(digits))
        case _:
            raw = int.from_bytes(join(cells, encoding.order), "big", signed=encoding.form in _SIGNED)
            return _decode_integer(encoding, raw)


def decoder(encoding: Encoding) -> Decode:
    """`decode` of this encoding, with all settled beforehand that does not hang on the cells. Plain numbers go a short
    way, the same for all points alike; whatever is not simply a good value goes the long one."""
    one = encoding
    is_plain = one.mask is None and not (one.equals or one.words or one.fahrenheit)
    if one.form not in _SHORT or not is_plain or not (abs(one.scale) < _LARGE and abs(one.offset) < _LARGE):
        return partial(decode, encoding)
    return _short(one.form, one.order, one.scale, one.offset, one.sentinels, one.low, one.high)


@lru_cache(maxsize=1_024)
def _short(
    form: Form, order: Order, scale: float, offset: float, sentinels: tuple[float, ...], low: float | None,
    high: float | None,
) -> Decode:  # fmt: skip
    encoding = Encoding(
        form=form, order=order, scale=scale, offset=offset, sentinels=sentinels, low=low, high=high
    )  # fmt: skip
    is_whole, suffix = encoding.kind is Kind.INTEGER, _spelled(encoding, 0).removeprefix("raw 0")
    divisor, cut, words = _divisor(scale), _cutter(form, order), _REGISTERS[form]

    def take(cells: Sequence[int]) -> Sample:
        assert len(cells) == words, "the planner cuts blocks into exact pieces"
        raw = cut(cells)
        value = raw if is_whole else (raw / divisor if divisor else raw * scale) + offset
        if raw in sentinels or (low is not None and value < low) or (high is not None and value > high):
            return decode(encoding, cells)
        return good(value, f"raw {raw:g}{suffix}")

    return take


def _cutter(form: Form, order: Order) -> Callable[[Sequence[int]], int]:
    """The integer of a number's registers."""
    is_signed, turned = form in _SIGNED, order in (Order.BADC, Order.DCBA)
    if _REGISTERS[form] == 1 and not turned:
        return (lambda cells: cells[0] - ((cells[0] & 0x8000) << 1)) if is_signed else (lambda cells: cells[0])
    return lambda cells: int.from_bytes(join(cells, order), "big", signed=is_signed)


def encode(encoding: Encoding, value: float) -> tuple[int, ...]:
    """The registers that hold `value`, the way back of `decode`. ValueError where the point cannot hold it."""
    if encoding.form in (Form.BIT, Form.ANY_BIT, Form.BCD, Form.STRING) or encoding.kind is Kind.WORD:
        raise ValueError("only a number can be written")
    if encoding.mask is not None or encoding.equals:
        raise ValueError("a part of a register cannot be written")
    if (encoding.low is not None and value < encoding.low) or (encoding.high is not None and value > encoding.high):
        raise ValueError(f"{value:g} is outside the point's range")
    number = ((value * 9.0 / 5.0 + 32.0 if encoding.fahrenheit else value) - encoding.offset) / encoding.scale
    size = 2 * encoding.cells
    try:
        if encoding.form in _FLOATS:
            raw = struct.pack(_FLOATS[encoding.form], number)
        else:
            raw = round(number).to_bytes(size, "big", signed=encoding.form in _SIGNED)
    except OverflowError:
        raise ValueError(f"{value:g} does not fit into {encoding.form}") from None
    endian: Literal["big", "little"] = "big" if encoding.order in (Order.ABCD, Order.CDAB) else "little"
    words = [int.from_bytes(raw[place : place + 2], endian) for place in range(0, size, 2)]
    return tuple(words if encoding.order in (Order.ABCD, Order.BADC) else reversed(words))


def join(registers: Sequence[int], order: Order) -> bytes:
    """The registers' bytes, most significant first, after undoing the device's word and byte order."""
    words = registers if order in (Order.ABCD, Order.BADC) else tuple(reversed(registers))
    endian = "big" if order in (Order.ABCD, Order.CDAB) else "little"
    return b"".join(word.to_bytes(2, "big" if endian == "big" else "little") for word in words)


def _decode_bit(encoding: Encoding, word: int) -> Sample:
    assert encoding.bit is not None
    if word in encoding.sentinels:
        return bad(Reason.SENTINEL, f"register 0x{word:04x}")
    return Sample(value=bool(word >> encoding.bit & 1) is not encoding.invert, detail=f"register 0x{word:04x}")


def _decode_integer(encoding: Encoding, raw: int) -> Sample:
    if raw in encoding.sentinels:
        return bad(Reason.SENTINEL, f"raw {raw}")
    number = raw
    if encoding.mask is not None:
        number &= encoding.mask
    if encoding.equals:
        return Sample(value=(number in encoding.equals) is not encoding.invert, detail=f"raw {raw}")
    if encoding.mask:
        number >>= (encoding.mask & -encoding.mask).bit_length() - 1
    if encoding.words:
        word = encoding.words.get(number)
        return bad(Reason.UNKNOWN_WORD, f"raw {raw}") if word is None else Sample(value=word, detail=f"raw {raw}")
    return _finish(encoding, number)


def _finish(encoding: Encoding, number: float) -> Sample:
    if not math.isfinite(number):
        return bad(Reason.SENTINEL, f"raw {number}")
    if number in encoding.sentinels:
        return bad(Reason.SENTINEL, f"raw {number:g}")
    value = number
    if encoding.kind is Kind.NUMBER:
        value = _scaled(encoding, number)
        if not math.isfinite(value):
            return bad(Reason.OUT_OF_RANGE, f"raw {number}")
    if (encoding.low is not None and value < encoding.low) or (encoding.high is not None and value > encoding.high):
        return Sample(value=value, quality=Quality.BAD, because=Reason.OUT_OF_RANGE, detail=_spelled(encoding, number))
    return Sample(value=value, detail=_spelled(encoding, number))


def _spelled(encoding: Encoding, number: float) -> str:
    """What came, and what makes the value of it: `raw 225 x 0.1`."""
    text = f"raw {number:g}" if encoding.scale == 1.0 else f"raw {number:g} x {encoding.scale:g}"
    if encoding.offset:
        text += f" {'+' if encoding.offset > 0 else '-'} {abs(encoding.offset):g}"
    return f"{text} F" if encoding.fahrenheit else text


def _scaled(encoding: Encoding, number: float) -> float:
    # 227 / 10 is 22.7, while 227 * 0.1 is 22.700000000000003: divide where the scale is one over a whole number.
    divisor = _divisor(encoding.scale)
    value = (number / divisor if divisor else number * encoding.scale) + encoding.offset
    if encoding.fahrenheit:
        # A thousandth of a degree is below what any of these sensors can tell.
        value = round((value - 32.0) * 5.0 / 9.0, 3)
    return value


def _divisor(scale: float) -> int:
    """The whole number that a scale is one over, else 0."""
    divisor = round(1 / scale) if 0 < abs(scale) < 1 else 0
    return divisor if divisor != 0 and math.isclose(divisor * scale, 1.0, rel_tol=1e-9) else 0


def _decode_text(raw: bytes) -> Sample:
    text = raw.split(b"\0", 1)[0]
    if not text.isascii() or not text.decode("ascii").isprintable():
        return bad(Reason.UNKNOWN_WORD, f"not printable ASCII: {raw[:16].hex()}")
    return Sample(value=text.decode("ascii").strip())


__all__ = ["Encoding", "Form", "Order", "decode", "decoder", "encode", "join"]
