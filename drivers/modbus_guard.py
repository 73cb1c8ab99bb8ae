"""The reply guard: raw bytes in, a verdict out. No reply reaches the library, let alone a value, before it passes here.

The library takes a reply of another function, of another length or of no transaction for an answer, and behind RTU
framing it takes a late answer for a fresh one (facts measured with 3.16.1). Pure; it must not know time or sockets.
"""

import struct
from enum import StrEnum

from config.valued import dataclass

READS_OF_BITS = (1, 2)
READS = (1, 2, 3, 4)
WRITE_COIL = 5
WRITE_REGISTER = 6
WRITE_REGISTERS = 16
WRITES = (WRITE_COIL, WRITE_REGISTER, WRITE_REGISTERS)
_ECHOES = (5, 6, 15, 16)
_MAX_PDU = 254  # unit id and PDU, application protocol V1.1b3 chapter 4
_READ = struct.Struct(">HHHBBHH")
_REPLY = struct.Struct(">HHHBBB")
_SHORTEST_RTU = 5  # unit, function, exception code, CRC


class Framing(StrEnum):
    """How a PDU is wrapped."""

    TCP = "tcp"
    RTU_OVER_TCP = "rtu-tcp"
    RTU = "serial"

    @property
    def blind(self) -> bool:
        """True when replies carry no transaction id, so that a late one looks like a fresh one."""
        return self is not Framing.TCP


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request. `value` is what a coil is set to, for function 5 only; `words` registers, for 6 and 16."""

    unit: int
    function: int
    address: int
    count: int
    value: bool = False
    words: tuple[int, ...] = ()

    @property
    def payload_bytes(self) -> int:
        """Bytes of data that a sound reply carries."""
        return (self.count + 7) // 8 if self.function in READS_OF_BITS else 2 * self.count

    @property
    def shape(self) -> tuple[int, int]:
        """All that tells one RTU reply of a unit from another."""
        return self.function, self.payload_bytes

    @property
    def echo(self) -> bytes:
        """What the reply to a write repeats (application protocol, 6.5, 6.6 and 6.12)."""
        if self.function == WRITE_COIL:
            told = 0xFF00 if self.value else 0
        else:
            told = self.words[0] if self.function == WRITE_REGISTER else self.count
        return self.address.to_bytes(2, "big") + told.to_bytes(2, "big")


class Verdict(StrEnum):
    """What the bytes heard so far are."""

    INCOMPLETE = "incomplete"
    SOUND = "sound"
    MISFIT = "misfit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict; a SOUND reply lies at start..end of the bytes. `late`: replies to other questions before it."""

    verdict: Verdict
    why: str = ""
    late: int = 0
    start: int = 0
    end: int = 0


def judge(
    framing: Framing, question: Question, heard: bytes, transaction: int = 0, *, zero_allowed: bool = False
) -> Judgement:
    """Judge everything heard since `question` was sent. `zero_allowed`: the device is known to answer transaction 0."""
    if framing is Framing.TCP:
        return _judge_tcp(question, heard, transaction, zero_allowed)
    return _judge_rtu(question, heard)


def check_values(question: Question, function: int, amount: int) -> str:
    """What is wrong with a decoded reply, or nothing: the second look, after the library has parsed it."""
    if function != question.function:
        return f"function {function} answers function {question.function}"
    wanted = 8 * question.payload_bytes if question.function in READS_OF_BITS else question.count
    if question.function in READS and amount != wanted:
        return f"{amount} values instead of {wanted}"
    return ""


def read_frame(question: Question, transaction: int) -> bytes:
    """A read as it goes over TCP (application protocol, 4.1 and 6.1 to 6.4; messaging guide, 3.1.3)."""
    assert question.function in READS
    return _READ.pack(transaction, 0, 6, question.unit, question.function, question.address, question.count)


def sound_head(question: Question, transaction: int) -> bytes:
    """How the whole reply to a read over TCP begins, up to its data, if all is as it should be; empty for more than
    fits a reply. What begins so, with as many bytes of data behind, is SOUND; of anything else this tells nothing.
    """
    if (size := question.payload_bytes) + 3 > _MAX_PDU:
        return b""
    return _REPLY.pack(transaction, 0, size + 3, question.unit, question.function, size)


def read_cells(question: Question, pdu: bytes) -> tuple[int, ...] | int:
    """The cells of a SOUND reply to a read, or its exception code. `pdu`: from the function code on."""
    if pdu[0] & 0x80:
        return pdu[1]
    if question.function in READS_OF_BITS:
        return tuple(pdu[2 + place // 8] >> place % 8 & 1 for place in range(question.count))
    return struct.unpack_from(f">{question.count}H", pdu, 2)


def may_leave(function: int, *, watched_only: bool) -> bool:
    """Whether a request may go out at all: only reads ever reach a unit that is watched only."""
    return function in READS or (function in WRITES and not watched_only)


def _judge_tcp(question: Question, heard: bytes, transaction: int, zero_allowed: bool) -> Judgement:
    start, late = 0, 0
    while True:
        frame = heard[start:]
        if len(frame) < 7:
            return Judgement(verdict=Verdict.INCOMPLETE, late=late)
        number, protocol = int.from_bytes(frame[0:2], "big"), int.from_bytes(frame[2:4], "big")
        length = int.from_bytes(frame[4:6], "big")
        if protocol != 0:
            return _misfit(f"protocol id {protocol}", late)
        if not 2 <= length <= _MAX_PDU:
            return _misfit(f"header length {length}", late)
        if len(frame) < 6 + length:
            return Judgement(verdict=Verdict.INCOMPLETE, late=late)
        if number == transaction or (number == 0 and zero_allowed):
            break
        if not 0 < number < transaction:
            return _misfit(f"transaction {number}, asked {transaction}", late)
        start, late = start + 6 + length, late + 1
    end = start + 6 + length
    why = _unit_fault(question, heard[start + 6]) or _pdu_fault(question, heard[start + 7 : end])
    if not why and end != len(heard):
        why = f"{len(heard) - end} bytes after the reply"
    return _misfit(why, late) if why else Judgement(verdict=Verdict.SOUND, late=late, start=start, end=end)


def _judge_rtu(question: Question, heard: bytes) -> Judgement:
    start, late = 0, 0
    while True:
        frame = heard[start:]
        if len(frame) < 3:
            return Judgement(verdict=Verdict.INCOMPLETE, late=late)
        size = rtu_size(frame)
        if size == 0:
            return _misfit(f"function {frame[1]} was not asked", late)
        foreign = frame[0] != question.unit
        # A length that does not fit is known at once; waiting for the rest would only waste the time-out.
        if not foreign and frame[1] == question.function and size != _expected_rtu(question):
            return _misfit(f"a reply of {size} bytes instead of {_expected_rtu(question)}", late)
        if len(frame) < size:
            return Judgement(verdict=Verdict.INCOMPLETE, late=late)
        if crc16(frame[:size]) != 0:
            return _misfit("wrong checksum", late)
        if not foreign:
            break
        start, late = start + size, late + 1  # the late answer of a neighbour; it can never pass for this unit's
    end = start + size
    why = _pdu_fault(question, heard[start + 1 : end - 2])
    if not why and end != len(heard):
        why = f"{len(heard) - end} bytes after the reply"
    return _misfit(why, late) if why else Judgement(verdict=Verdict.SOUND, late=late, start=start, end=end)


def rtu_size(frame: bytes) -> int:
    """The whole length of the RTU reply that begins here (at least 3 bytes), 0 when it cannot be a reply to us."""
    function = frame[1]
    if function & 0x80:
        return _SHORTEST_RTU
    if function in READS:
        return _SHORTEST_RTU + frame[2]
    return 8 if function in _ECHOES else 0


def whole_rtu_reply(heard: bytes) -> int | None:
    """The unit id of exactly one sound RTU reply, None for anything else."""
    if len(heard) < _SHORTEST_RTU or rtu_size(heard) != len(heard) or crc16(heard) != 0:
        return None
    return heard[0]


def crc16(frame: bytes) -> int:
    """The checksum of Modbus RTU (serial line guide V1.02, 6.2.2); 0 over a frame that includes its own."""
    crc = 0xFFFF
    for byte in frame:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def _expected_rtu(question: Question) -> int:
    return _SHORTEST_RTU + question.payload_bytes if question.function in READS else 8


def _unit_fault(question: Question, unit: int) -> str:
    return "" if unit == question.unit else f"unit {unit} answers for unit {question.unit}"


def _pdu_fault(question: Question, pdu: bytes) -> str:
    function, body = pdu[0], pdu[1:]
    if function == question.function | 0x80:
        return "" if len(body) == 1 else f"an exception of {len(body)} bytes"
    if function != question.function:
        return f"function {function} answers function {question.function}"
    if function not in READS:
        return "" if body == question.echo else f"the echo says {body.hex()}"
    if not body or body[0] != len(body) - 1:
        return f"byte count {body[0] if body else 'missing'} with {max(len(body) - 1, 0)} bytes"
    if body[0] != question.payload_bytes:
        return f"{body[0]} bytes of data instead of {question.payload_bytes}"
    return ""


def _misfit(why: str, late: int) -> Judgement:
    return Judgement(verdict=Verdict.MISFIT, why=why, late=late)
