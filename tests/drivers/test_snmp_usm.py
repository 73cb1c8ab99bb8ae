"""Version 3 by hand: the RFC's own keys, and that nothing but the proven answer is ever an answer."""

from __future__ import annotations

import contextlib
import copy
import hmac
import random

import pytest
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers import snmp_keys
from drivers.snmp_access import User
from drivers.snmp_cfb import Feedback
from drivers.snmp_fetch import Answer
from drivers.snmp_keys import HASHES, Masters, Signer, localized, masters_of, stretch
from drivers.snmp_usm import Report, Speaker, fits_here
from drivers.snmp_wire import FIRST_ID, Malformed, Pdu, Question
from tests.wires.snmp_v3_agent import AUTH, PRIV

ENGINE = bytes.fromhex("000000000000000000000002")
NAMES = ("1.3.6.1.2.1.33.1.4.1.0", "1.3.6.1.2.1.33.1.2.4.0")


@pytest.mark.parametrize(
    ("name", "master", "key"),
    [
        ("md5", "9faf3283884e92834ebc9847d8edd963", "526f5eed9fcce26f8964c2930787d82b"),
        ("sha1", "9fb5cc0381497b3793528939ff788d5d79145211", "6695febc9288e36282235fc7151f128497b38f3f"),
    ],
)
def test_phrases_become_the_keys_of_rfc_3414_appendix_a_3(name: str, master: str, key: str) -> None:
    assert stretch(name, b"maplesyrup").hex() == master
    assert localized(name, bytes.fromhex(master), ENGINE).hex() == key


def test_what_other_ciphers_need_is_left_to_the_library() -> None:
    assert [fits_here(User(name="u", auth="sha", privacy=one)) for one in (None, "aes", "des", "aes192", "aes256")] == [
        True, True, False, False, False,
    ]  # fmt: skip


class Twin:
    """Both ends made of one Speaker, which only proves what is refused; pysnmp and net-snmp prove the rest."""

    def __init__(self, user: User) -> None:
        self.speaker = Speaker(user, masters_of(user), 1)
        self.question = Question(Pdu.GET, NAMES)
        learn(self.speaker, boots=3, time_s=1_000)

    def reply(self, number: int, *, boots: int = 3, time_s: int = 1_000, level: int | None = None) -> bytes:
        """What an agent would send: its own writing with an answer in the place of the question."""
        far = copy.copy(self.speaker)
        far._boots, far._engine_s, far._heard_s = boots, time_s, 0.0
        if level is not None:
            far._level = level
        return far.write(AnsweringQuestion(), number, 0.0)


class AnsweringQuestion(Question):
    """A Response-PDU in the place of a question."""

    def __init__(self) -> None:
        super().__init__(Pdu.GET, NAMES)

    def numbered(self, number: int) -> bytes:
        return b"\xa2" + super().numbered(number)[1:]


def learn(speaker: Speaker, *, boots: int, time_s: int) -> None:
    """As after a discovery."""
    speaker._note_report(report(4), start_of_report(), ENGINE)
    speaker._boots, speaker._engine_s, speaker._heard_s = boots, time_s, 0.0


def report(which: int) -> bytes:
    """The content of a Report-PDU for one of usmStats."""
    bind = Question(Pdu.GET, (f"1.3.6.1.6.3.15.1.1.{which}.0",)).numbered(FIRST_ID)
    return bind


def start_of_report() -> int:
    return 2


SECRET = User(name="floor", auth="sha256", auth_phrase=AUTH, privacy="aes", privacy_phrase=PRIV)
SIGNED = User(name="floor", auth="md5", auth_phrase=AUTH)
OPEN = User(name="floor")
NUMBER = 0x12345678


@pytest.mark.parametrize("user", [SECRET, SIGNED, OPEN], ids=["secret", "signed", "open"])
def test_an_answer_is_read_with_the_protection_it_was_asked_with(user: User) -> None:
    twin = Twin(user)
    told = twin.speaker.read(twin.reply(NUMBER), twin.question, NUMBER, 1.0)
    assert isinstance(told, Answer)
    assert [name for name, _ in told.values] == list(NAMES)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([SECRET, SIGNED]), st.integers(0, 10_000), st.integers(1, 255))
def test_a_signed_answer_that_was_touched_anywhere_is_none(user: User, place: int, other: int) -> None:
    twin = Twin(user)
    sound = bytearray(twin.reply(NUMBER))
    sound[place % len(sound)] ^= other
    try:
        told = twin.speaker.read(bytes(sound), twin.question, NUMBER, 1.0)
    except Malformed:
        return
    # A report is believed unsigned, as far as that goes: it can only make us give up, or ask again.
    assert not isinstance(told, Answer)


@settings(deadline=None)
@given(st.binary(max_size=400), st.integers(0, 400))
def test_no_bytes_at_all_are_an_answer_or_upset_the_reading(rubbish: bytes, kept: int) -> None:
    twin = Twin(SECRET)
    for datagram in (rubbish, twin.reply(NUMBER)[:kept] + rubbish):
        if datagram != twin.reply(NUMBER):
            with contextlib.suppress(Malformed):
                assert not isinstance(twin.speaker.read(datagram, twin.question, NUMBER, 1.0), Answer)


@pytest.mark.parametrize(
    ("boots", "time_s", "now_s"),
    [(2, 1_000, 1.0), (3, 849, 0.5), (3, 1_000, 151.5), (2**31 - 1, 5, 1.0)],
    ids=["an earlier boot", "150 s old", "said again later", "no more boots"],
)
def test_an_old_message_is_not_believed_however_well_signed(boots: int, time_s: int, now_s: float) -> None:
    twin = Twin(SECRET)
    twin.speaker._heard_s = 0.0
    with pytest.raises(Malformed):
        twin.speaker.read(twin.reply(NUMBER, boots=boots, time_s=time_s), twin.question, NUMBER, now_s)


def test_the_clock_of_an_agent_that_was_started_again_is_followed() -> None:
    twin = Twin(SECRET)
    assert isinstance(twin.speaker.read(twin.reply(NUMBER, boots=4, time_s=2), twin.question, NUMBER, 9.0), Answer)
    assert (twin.speaker._boots, twin.speaker._time_s(19.0)) == (4, 12)


@pytest.mark.parametrize(("user", "level"), [(SECRET, 1), (SECRET, 0), (SIGNED, 0)])
def test_an_answer_with_less_protection_than_its_question_is_none(user: User, level: int) -> None:
    twin = Twin(user)
    with pytest.raises(Malformed, match="less protection"):
        twin.speaker.read(twin.reply(NUMBER, level=level), twin.question, NUMBER, 1.0)


def test_an_answer_to_another_question_or_of_another_user_or_engine_is_none() -> None:
    twin = Twin(SECRET)
    with pytest.raises(Malformed, match="another question"):
        twin.speaker.read(twin.reply(NUMBER), twin.question, NUMBER + 1, 1.0)
    other = Twin(User(name="other", auth="sha256", auth_phrase=AUTH, privacy="aes", privacy_phrase=PRIV))
    with pytest.raises(Malformed, match="somebody else"):
        twin.speaker.read(other.reply(NUMBER), twin.question, NUMBER, 1.0)
    wrong = Speaker(SECRET, Masters(auth=bytes(32), privacy=bytes(32)), 1)
    learn(wrong, boots=3, time_s=1_000)
    with pytest.raises(Malformed, match="signature"):
        wrong.read(twin.reply(NUMBER), twin.question, NUMBER, 1.0)


def test_before_the_engine_is_known_nothing_of_ours_is_said_and_no_answer_is_taken() -> None:
    speaker, twin = Speaker(SECRET, masters_of(SECRET), 1), Twin(SECRET)
    first = speaker.write(twin.question, NUMBER, 0.0)
    assert b"floor" not in first
    assert not speaker.knows_engine
    with pytest.raises(Malformed):
        speaker.read(twin.reply(NUMBER), twin.question, NUMBER, 0.0)


message = st.tuples(st.booleans(), st.binary(min_size=16, max_size=16), st.binary(max_size=200))


@given(st.lists(message, min_size=1, max_size=6))
def test_message_after_message_is_enciphered_and_deciphered_as_the_ciphers_own_mode_does_it(
    messages: list[tuple[bool, bytes, bytes]],
) -> None:
    key = bytes(range(16))
    feedback = Feedback(key)
    for is_ours, vector, content in messages:
        anew = Cipher(AES(key), CFB(vector))
        if is_ours:
            assert feedback.enciphered(vector, content) == anew.encryptor().update(content)
        else:
            assert feedback.deciphered(vector, content) == anew.decryptor().update(content)


@given(st.sampled_from(sorted(HASHES.values())), st.binary(max_size=64), st.lists(st.binary(max_size=300), max_size=3))
def test_messages_are_signed_as_the_standard_library_signs_them(
    way: tuple[str, int], key: bytes, messages: list[bytes]
) -> None:
    name, size = way
    signer = Signer(name, key, size)
    for one in messages:
        assert signer.signature(one) == hmac.new(key, one, name).digest()[:size]


def test_where_the_interpreter_has_no_hash_of_its_own_the_librarys_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Signer("sha256", b"key", 24).signature(b"message")
    monkeypatch.setattr(snmp_keys, "_OWN", ("no_such_module", "_md5"))
    assert Signer("sha256", b"key", 24).signature(b"message") == own


touches = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=2)
told = st.tuples(touches, st.integers(2, 4), st.sampled_from([800, 999, 1_000, 1_001, 70_000]), st.integers(0, 1))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(told, min_size=1, max_size=6))
def test_answers_one_after_the_other_are_read_as_if_each_were_the_first(
    course: list[tuple[list[tuple[int, int]], int, int, int]],
) -> None:
    known, anew = Twin(SECRET), Twin(SECRET)
    for number, (touched, boots, time_s, other) in enumerate(course, NUMBER):
        reply = bytearray(known.reply(number, boots=boots, time_s=time_s))
        for place, octet in touched:
            reply[place % len(reply)] = octet
        anew.speaker._heard.clear()
        anew.question = Question(Pdu.GET, NAMES)
        found: list[object] = []
        for twin in (known, anew):
            try:
                found.append(twin.speaker.read(bytes(reply), twin.question, number + other, 1.0))
            except Malformed:
                found.append("none")
            found.append((twin.speaker._boots, twin.speaker._engine_s, twin.speaker.knows_engine))
        assert found[:2] == found[2:]


def test_messages_one_after_the_other_are_written_as_if_each_were_the_first() -> None:
    known, anew = Twin(SECRET), Twin(SECRET)
    for number, time_s in enumerate((1, 100, 127, 128, 300, 300, 70_000, 5, 301), NUMBER):
        for twin in (known, anew):
            twin.speaker._engine_s = time_s
        anew.speaker._written.clear()
        assert known.speaker.write(known.question, number, 0.0) == anew.speaker.write(anew.question, number, 0.0)
    assert known.speaker._written


def test_no_two_messages_are_enciphered_alike() -> None:
    twin = Twin(SECRET)
    assert len({twin.speaker.write(twin.question, NUMBER, 0.0) for _ in range(50)}) == 50


def test_reports_are_told_by_their_names() -> None:
    twin = Twin(SECRET)
    found = [twin.speaker._note_report(report(n), start_of_report(), ENGINE) for n in (1, 2, 3, 5, 6, 99)]
    assert found == [
        Report.UNSUPPORTED_LEVEL, Report.NOT_IN_TIME, Report.UNKNOWN_USER, Report.WRONG_DIGEST, Report.DECRYPTION,
        Report.OTHER,
    ]  # fmt: skip
    assert twin.speaker.knows_engine
    twin.speaker._note_report(report(4), start_of_report(), random.randbytes(8))
    assert not twin.speaker.knows_engine, "another engine answers there now: it is asked who it is"
