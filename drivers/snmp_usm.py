"""SNMP version 3 on the wire: questions signed and enciphered, answers checked and opened (RFC 3412, 3414, 3826, 7860).

What goes into a message and what may come out of one; AES-128 or no privacy, other ciphers are the library's. Knows no
socket and no clock (`now_s` is given); what cannot be proven to be the answer is Malformed, and never an Answer.
"""

from enum import StrEnum
from hmac import compare_digest
from typing import Final, TypeVar

from drivers.snmp_access import User
from drivers.snmp_cfb import BLOCK, Feedback
from drivers.snmp_fetch import Answer
from drivers.snmp_guard import MAX_BYTES, V3
from drivers.snmp_keys import HASHES, Masters, Signer, localized
from drivers.snmp_layout import MOST_KEPT, Layout, vector
from drivers.snmp_told import Pair
from drivers.snmp_wire import EVERYONES, FIRST_ID, Malformed, Pdu, Question, element, number_bytes, whole, wrapped

_OCTETS, _SEQUENCE, _RESPONSE, _REPORT = 0x04, 0x30, 0xA2, 0xA8
_SIGNED, _ENCIPHERED, _REPORTABLE, _USM = 1, 2, 4, 3  # msgFlags (RFC 3412 clause 6.4), msgSecurityModel
_WINDOW_S = 150  # RFC 3414 clause 2.2.3
_MOST_BOOTS = 2**31 - 1
_CERTAIN_S = 100  # so long a clock is surely within the window that has not gone back
_NUMBER = b"\x02\x04"
_Key = TypeVar("_Key")
_Kept = TypeVar("_Kept")
_VERSION, _MOST, _MODEL = number_bytes(V3), number_bytes(MAX_BYTES), number_bytes(_USM)
_NOBODY = wrapped(_OCTETS, b"") + number_bytes(0) * 2  # no engine yet, and no clock


class Report(StrEnum):
    """What an agent reports instead of an answer (usmStats, RFC 3414 clause 5), named as in `snmp_access.ADVICE`."""

    UNSUPPORTED_LEVEL = "UnsupportedSecurityLevel"
    NOT_IN_TIME = "NotInTimeWindow"
    UNKNOWN_USER = "UnknownUserName"
    UNKNOWN_ENGINE = "UnknownEngineId"
    WRONG_DIGEST = "WrongDigest"
    DECRYPTION = "DecryptionError"
    OTHER = "a report that is none of RFC 3414's"


_REPORTS: Final = {f"1.3.6.1.6.3.15.1.1.{n}.0": report for n, report in enumerate(list(Report)[:6], 1)}


def fits_here(user: User) -> bool:
    """Whether this file speaks for the user; the library speaks for the others."""
    return user.privacy in (None, "aes")


class _Written:
    """A question as it was written: its layout, what lay around the number in what was enciphered, and for which times
    of the engine all is as long."""

    __slots__ = ("before", "behind", "boots", "layout", "least_s", "most_s")

    def __init__(self, layout: Layout, plain: bytes, tail: bytes) -> None:
        self.layout, self.boots = layout, layout.boots
        self.before, self.behind = plain[: len(plain) - len(tail) - 4], tail
        self.most_s = 1 << (8 * layout.time_bytes - 1)
        self.least_s = self.most_s >> 8 if layout.time_bytes > 1 else 0


class Speaker:
    """One user at one agent: what is known of its engine, and the messages to and from it. `salt`: where to begin, at
    random (RFC 3826 clause 3.1.2.1). The engine and its clock are learnt from what the agent says."""

    def __init__(self, user: User, masters: Masters, salt: int) -> None:
        assert fits_here(user)
        self._name, self._masters, self._salt = user.name.encode(), masters, salt
        self._hash, self._mac_bytes = ("", 0) if user.auth is None else HASHES[user.auth]
        self._level = (_SIGNED if user.auth else 0) | (_ENCIPHERED if user.privacy else 0)
        self._reader = EVERYONES
        self._discovery = Question(Pdu.GET, ())
        self._unsigned = bytes(self._mac_bytes)
        self._who = wrapped(_OCTETS, self._name) + wrapped(_OCTETS, self._unsigned)
        self.forget()

    @property
    def knows_engine(self) -> bool:
        """False before the agent has said who it is."""
        return bool(self._engine)

    def forget(self) -> None:
        """Another engine may answer from now on."""
        self._engine, self._context = b"", b""
        self._boots, self._engine_s, self._heard_s = 0, 0, 0.0
        self._written: dict[Question, _Written] = {}
        self._heard: dict[int, Layout] = {}

    def _learn(self, engine: bytes) -> None:
        """What every message of this engine has in common is made once."""
        self._engine = engine
        self._context = wrapped(_OCTETS, engine) + wrapped(_OCTETS, b"")
        if self._hash:
            key = localized(self._hash, self._masters.auth, engine)
            self._mac = Signer(self._hash, key, self._mac_bytes).signature
        if self._level & _ENCIPHERED:
            self._feedback = Feedback(localized(self._hash, self._masters.privacy, engine)[:BLOCK])

    def write(self, question: Question, number: int, now_s: float) -> bytes:
        """The datagram: the question, or before the engine is known the one that finds it out."""
        if not self._engine:
            scoped = wrapped(_SEQUENCE, wrapped(_OCTETS, b"") * 2 + self._discovery.numbered(number))
            nobody = _NOBODY + wrapped(_OCTETS, b"") * 3
            return self._message(number, 0, nobody, scoped)
        boots, time_s, written = self._boots, self._time_s(now_s), self._written.get(question)
        if written is not None and boots == written.boots and written.least_s <= time_s < written.most_s:
            return self._write_alike(written, number.to_bytes(4, "big"), time_s)
        plain, salt = wrapped(_SEQUENCE, self._context + question.numbered(number)), b""
        body = plain
        if self._level & _ENCIPHERED:
            salt = self._next_salt()
            body = wrapped(_OCTETS, self._feedback.enciphered(vector(boots, time_s) + salt, plain))
        who = wrapped(_OCTETS, self._engine) + number_bytes(boots) + number_bytes(time_s) + self._who
        behind = wrapped(_OCTETS, salt)
        message = self._message(number, self._level, who + behind, body)
        if not self._mac_bytes:
            return message
        if salt and number >= FIRST_ID and (boots or time_s):
            _keep(self._written, question, _Written(Layout(message), plain, question.tail))
        place = len(message) - len(body) - len(behind) - self._mac_bytes
        return message[:place] + self._mac(message) + message[place + self._mac_bytes :]

    def _write_alike(self, written: "_Written", number: bytes, time_s: int) -> bytes:
        """As `write`, by the message before of the same question."""
        salt, layout = self._next_salt(), written.layout
        start = layout.start + (time_s & 0xFFFFFFFF).to_bytes(4, "big") + salt
        body = self._feedback.enciphered(start, written.before + number + written.behind)
        one, two, three, four, five = layout.fixed
        before = one + number + two + time_s.to_bytes(layout.time_bytes, "big", signed=True) + three
        behind = four + salt + five + body
        return before + self._mac(before + self._unsigned + behind) + behind

    def _next_salt(self) -> bytes:
        self._salt = (self._salt + 1) % 2**64
        return self._salt.to_bytes(8, "big")

    def _message(self, number: int, level: int, security: bytes, body: bytes) -> bytes:
        head = number_bytes(number) + _MOST + bytes((_OCTETS, 1, level | _REPORTABLE)) + _MODEL
        head = wrapped(_SEQUENCE, head) + wrapped(_OCTETS, wrapped(_SEQUENCE, security))
        return wrapped(_SEQUENCE, _VERSION + head + body)

    def read(self, datagram: bytes, question: Question, number: int, now_s: float) -> Answer | Report:
        """The answer, or what the agent reports instead; it has then been learnt from. Raises Malformed."""
        if len(datagram) > MAX_BYTES:
            raise Malformed("too long")
        octets = number.to_bytes(4, "big")
        if (scoped := self._opened_alike(datagram, octets, now_s)) is not None:
            known = self._reader.alike(scoped, question.told, octets)
            if known is not None:
                return Answer(status=0, index=0, values=known)
            tag, start = _content_of(scoped)
            if tag == _RESPONSE:
                return self._reader.read_scoped(scoped, start, number, question)
            return self._note_report(scoped, start, self._engine)
        place, end = element(datagram, 0, len(datagram), _SEQUENCE)
        place, version = whole(datagram, place, end)
        if end != len(datagram) or version != V3:
            raise Malformed("no message of version 3")
        number_at, _ = element(datagram, place, end, _SEQUENCE)
        place, level = _level_of(datagram, place, end, number)
        start, place = element(datagram, place, end, _OCTETS)
        engine, boots, time_s, name, mac_at, salt = _security_of(datagram, start, place)
        if level & _SIGNED:
            self._check(datagram, engine, name, mac_at)
            self._note_time(boots, time_s, now_s)
        scoped = self._opened(datagram, place, end, level, vector(boots, time_s) + salt if len(salt) == 8 else b"")
        tag, start = _content_of(scoped)
        if tag == _RESPONSE:
            if level != self._level or not self._engine or engine != self._engine:
                raise Malformed("an answer with less protection than its question")
            answer = self._reader.read_scoped(scoped, start, number, question)
            if level & _ENCIPHERED and datagram.startswith(_NUMBER, number_at):
                _keep(self._heard, len(datagram), Layout(datagram))
            return answer
        return self._note_report(scoped, start, engine)

    def alike(self, datagram: bytes, question: Question, number: bytes, now_s: float) -> tuple[Pair, ...] | None:
        """The values of a datagram that differs from a believed answer of this engine only where layouts say, to an
        answer to the same question only in values; None leaves it to `read`. Raises Malformed."""
        scoped = self._opened_alike(datagram, number, now_s)
        return None if scoped is None else self._reader.alike(scoped, question.told, number)

    def _opened_alike(self, datagram: bytes, number: bytes, now_s: float) -> bytes | None:
        """The scoped PDU of a datagram that differs from a believed answer of this engine only where its layout says;
        None leaves it to a closer look."""
        layout = self._heard.get(len(datagram))
        if layout is None:
            return None
        found = layout.cut(datagram)
        if found[::2] != layout.fixed:
            return None
        _, told, _, time, _, mac, _, salt, _, body = found
        if told != number:
            raise Malformed("an answer to another question")
        start, stop = layout.mac
        if not compare_digest(self._mac(datagram[:start] + self._unsigned + datagram[stop:]), mac):
            raise Malformed("a wrong signature")
        time_s = int.from_bytes(time, "big", signed=True)
        if time_s != self._engine_s or layout.boots != self._boots or now_s - self._heard_s > _CERTAIN_S:
            self._note_time(layout.boots, time_s, now_s)
        return self._feedback.deciphered(layout.start + (time_s & 0xFFFFFFFF).to_bytes(4, "big") + salt, body)

    def _check(self, datagram: bytes, engine: bytes, name: bytes, mac_at: tuple[int, int]) -> None:
        start, stop = mac_at
        if not self._engine or engine != self._engine or name != self._name or stop - start != self._mac_bytes:
            raise Malformed("signed by somebody else")
        unsigned = datagram[:start] + bytes(stop - start) + datagram[stop:]
        if not self._mac_bytes or not compare_digest(self._mac(unsigned), datagram[start:stop]):
            raise Malformed("a wrong signature")

    def _note_time(self, boots: int, time_s: int, now_s: float) -> None:
        """Of a message whose signature is right (RFC 3414 clause 3.2, 7b): it is new, or it is not believed."""
        if not 0 <= boots < _MOST_BOOTS or time_s < 0:
            raise Malformed("a clock that cannot be")
        if boots > self._boots or (boots == self._boots and time_s > self._engine_s):
            self._boots, self._engine_s, self._heard_s = boots, time_s, now_s
        elif boots < self._boots or time_s < self._time_s(now_s) - _WINDOW_S:
            raise Malformed("an old message")

    def _opened(self, datagram: bytes, place: int, end: int, level: int, start: bytes) -> bytes:
        """The scoped PDU, whole."""
        if not level & _ENCIPHERED:
            return datagram[place:end]
        if not level & self._level & _SIGNED or not self._level & _ENCIPHERED or not start:
            raise Malformed("enciphered, but not for us")
        begin, stop = element(datagram, place, end, _OCTETS)
        if stop != end:
            raise Malformed("something follows the message")
        return self._feedback.deciphered(start, datagram[begin:stop])

    def _note_report(self, scoped: bytes, start: int, engine: bytes) -> Report:
        names = [name for name, _ in self._reader.read_values(scoped, start, len(scoped))]
        report = _REPORTS.get(names[0], Report.OTHER) if names else Report.OTHER
        if report is Report.UNKNOWN_ENGINE:
            if not self._engine and 5 <= len(engine) <= 32:
                self._learn(engine)
            else:
                self.forget()
        return report

    def _time_s(self, now_s: float) -> int:
        return self._engine_s + int(now_s - self._heard_s) if self._boots or self._engine_s else 0


def _keep(kept: dict[_Key, _Kept], key: _Key, what: _Kept) -> None:
    if len(kept) >= MOST_KEPT:
        kept.clear()
    kept[key] = what


def _level_of(data: bytes, place: int, end: int, number: int) -> tuple[int, int]:
    """Behind msgGlobalData, and its flags but for reportable."""
    start, place = element(data, place, end, _SEQUENCE)
    start, told = whole(data, start, place)
    if told != number:
        raise Malformed("an answer to another question")
    start, _ = whole(data, start, place)
    start, stop = element(data, start, place, _OCTETS)
    after, model = whole(data, stop, place)
    if stop - start != 1 or model != _USM or after != place:
        raise Malformed("not the user-based security model")
    return place, data[start] & (_SIGNED | _ENCIPHERED)


def _security_of(data: bytes, start: int, end: int) -> tuple[bytes, int, int, bytes, tuple[int, int], bytes]:
    """msgSecurityParameters: engine, its boots and time, user, where the signature is, salt."""
    start, stop = element(data, start, end, _SEQUENCE)
    if stop != end:
        raise Malformed("something follows the security parameters")
    begin, place = element(data, start, end, _OCTETS)
    engine = data[begin:place]
    place, boots = whole(data, place, end)
    place, time_s = whole(data, place, end)
    begin, place = element(data, place, end, _OCTETS)
    name = data[begin:place]
    mac_at = element(data, place, end, _OCTETS)
    begin, place = element(data, mac_at[1], end, _OCTETS)
    if place != end:
        raise Malformed("something follows the security parameters")
    return engine, boots, time_s, name, mac_at, data[begin:place]


def _content_of(scoped: bytes) -> tuple[int, int]:
    """The tag of the PDU of a scoped PDU, and where its content begins; it ends where `scoped` does."""
    start, end = element(scoped, 0, len(scoped), _SEQUENCE)
    _, place = element(scoped, start, end, _OCTETS)
    _, place = element(scoped, place, end, _OCTETS)
    tag = scoped[place] if place < end else 0
    if tag not in (_RESPONSE, _REPORT):
        raise Malformed("neither an answer nor a report")
    start, stop = element(scoped, place, end, tag)
    if stop != end or end != len(scoped):
        raise Malformed("something follows the values")
    return tag, start
