"""Agents in this process whose replies a course twists: of version 2c, and of version 3 by the same values.

The second is made of our own codec, which proves nothing of that; who asks is compared with itself.
"""

from __future__ import annotations

import asyncio
import copy
import socket
from typing import Final

from drivers.snmp_access import User
from drivers.snmp_keys import masters_of
from drivers.snmp_layout import vector
from drivers.snmp_usm import Speaker, _security_of
from drivers.snmp_wire import Pdu, Question, element, number_bytes, whole, wrapped
from firmware_py.demo.ups_agent import Gauge32, UpsAgent
from tests.drivers.snmp_profiles import UPS
from tests.wires.snmp_peers import HOST
from tests.wires.snmp_v3_agent import AUTH, PRIV

VALUES: dict[str, int | str] = {
    f"{UPS}.2.1.0": 2, f"{UPS}.2.2.0": 0, f"{UPS}.2.3.0": 43, f"{UPS}.2.4.0": 100, f"{UPS}.2.5.0": 545,
    f"{UPS}.2.7.0": 24, f"{UPS}.3.3.1.2.1": 500, f"{UPS}.3.3.1.3.1": 231, f"{UPS}.4.1.0": 3, f"{UPS}.4.2.0": 500,
    f"{UPS}.4.4.1.2.1": 230, f"{UPS}.4.4.1.4.1": 800, f"{UPS}.4.4.1.5.1": 40, f"{UPS}.6.1.0": Gauge32(0),
}  # fmt: skip
USER: Final = User(name="floor", auth="sha", auth_phrase=AUTH, privacy="aes", privacy_phrase=PRIV)
ENGINE: Final = bytes.fromhex("8000000001020304")


class Twisted(UpsAgent):
    """An agent whose next reply is treated as told."""

    def __init__(self) -> None:
        self.values = dict(VALUES)
        super().__init__(lambda: self.values, "floor")
        self.twist, self.asked = "", 0
        self.said: list[bytes] = []
        self.last_peer: tuple[str, int] = (HOST, 9)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        self.last_peer = addr
        twist, self.said = self.twist, self._replies(data)
        assert self.said and self._transport is not None
        loop, send = asyncio.get_running_loop(), self._transport.sendto
        if twist == "once silent":
            self.twist = ""
        elif twist == "slow":
            loop.call_later(0.09, send, self.said[0], addr)
        elif twist == "too slow":
            loop.call_later(0.5, send, self.said[0], addr)
        elif twist == "stranger":
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.sendto(self.said[0], addr)
        else:
            for datagram in self.said if twist != "silent" else ():
                send(datagram, addr)

    def _replies(self, data: bytes) -> list[bytes]:
        reply = self._reply(data)
        assert reply is not None
        return twisted(self.twist, reply)


def twisted(twist: str, reply: bytes) -> list[bytes]:
    number_at = reply.index(b"\xa2") + (4 if reply[reply.index(b"\xa2") + 1] & 0x80 else 2) + 2
    number_at += reply[reply.index(b"\xa2") + 1] == 0x81 and -1
    status_at = reply.index(b"\x02\x01\x00\x02\x01\x00") + 2
    match twist:
        case "twice":
            return [reply, reply]
        case "other number":
            return [reply[:number_at] + bytes(4) + reply[number_at + 4 :]]
        case "other community":
            return [reply.replace(b"floor", b"flour")]
        case "cut":
            return [reply[:-3], reply]
        case "longer":
            return [reply + b"\0", reply]
        case "a status":
            return [reply[:status_at] + b"\5" + reply[status_at + 1 :]]
        case "no status":
            return [reply[: status_at - 2] + b"\x04" + reply[status_at - 1 :], reply]
        case "rubbish":
            return [bytes(range(200)), b"", reply]
        case "8 KiB more":
            return [reply + bytes(9_000), reply]
        case _:
            return [reply]


class Saying(Question):
    """Any PDU in the place of a question."""

    def __init__(self, pdu: bytes) -> None:
        super().__init__(Pdu.GET, ())
        self.pdu = pdu

    def numbered(self, number: int) -> bytes:
        return self.pdu


class SecureTwisted(Twisted):
    """The same in version 3, for USER. A restart is one more boot; `behind_s`: how far its clock has stayed behind."""

    def __init__(self) -> None:
        super().__init__()
        self.boots, self.behind_s = 3, 0
        self.far = Speaker(USER, masters_of(USER), 7)
        self.far._learn(ENGINE)

    def _replies(self, data: bytes) -> list[bytes]:
        twist = self.twist
        if twist == "restarted":
            self.boots += 1
            self.twist = ""
        place, end = element(data, 0, len(data), 0x30)
        place, _ = whole(data, place, end)
        start, place = element(data, place, end, 0x30)
        _, number = whole(data, start, place)
        start, place = element(data, place, end, 0x04)
        engine, boots, time_s, _, _, salt = _security_of(data, start, place)
        if engine != ENGINE:
            return [self._written(number, _report(4), level=0)]
        if boots != self.boots or twist == "not in time":
            self.twist = ""
            return [self._written(number, _report(2), level=1)]
        if twist == "unknown user":
            return [self._written(number, _report(3), level=0)]
        scoped = self.far._opened(data, place, end, 3, vector(boots, time_s) + salt)
        start, stop = element(scoped, 0, len(scoped), 0x30)
        for _ in range(2):
            _, start = element(scoped, start, stop, 0x04)
        reply = self._reply(wrapped(0x30, number_bytes(1) + wrapped(0x04, b"floor") + scoped[start:stop]))
        assert reply is not None
        inner = twist if twist in ("other number", "a status", "no status") else ""
        said = [self._written(number, _pdu_of(one), level=3) for one in twisted(inner, reply)]
        return self._treated(twist, number, _pdu_of(reply), said)

    def _treated(self, twist: str, number: int, pdu: bytes, said: list[bytes]) -> list[bytes]:
        sound, middle = said[0], len(said[0]) // 2
        match twist:
            case "twice":
                return [sound, sound]
            case "cut" | "longer" | "rubbish" | "8 KiB more":
                return [{"cut": sound[:-3], "longer": sound + b"\0"}.get(twist, bytes(9_000)), sound]
            case "touched":
                return [sound[:middle] + bytes((sound[middle] ^ 1,)) + sound[middle + 1 :], sound]
            case "signed only":
                return [self._written(number, pdu, level=1), sound]
            case "an earlier boot":
                return [self._written(number, pdu, level=3, boots=self.boots - 1), sound]
            case "an old message":
                return [self._written(number, pdu, level=3, late_s=200), sound]
            case "another message":
                return [self._written(number + 1, pdu, level=3), sound]
            case _:
                return said

    def _written(self, number: int, pdu: bytes, *, level: int, boots: int | None = None, late_s: int = 0) -> bytes:
        far = copy.copy(self.far)
        far._level, far._boots = level, self.boots if boots is None else boots
        far._engine_s, far._heard_s, far._written = int(asyncio.get_running_loop().time()) - late_s, 0.0, {}
        self.far._salt += 1
        return far.write(Saying(pdu), number, 0.0)


def _report(which: int) -> bytes:
    return b"\xa8" + Question(Pdu.GET, (f"1.3.6.1.6.3.15.1.1.{which}.0",)).numbered(0x10000000)[1:]


def _pdu_of(message: bytes) -> bytes:
    start, stop = element(message, 0, len(message), 0x30)
    start, _ = whole(message, start, stop)
    _, start = element(message, start, stop, 0x04)
    return message[start:stop]
