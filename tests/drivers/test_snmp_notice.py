"""Which datagrams are notifications, and that nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.snmp_notice import STANDARD, TRAP_OID, Notice, look

UPS_TRAPS = "1.3.6.1.2.1.33.2"


def element(tag: int, *content: bytes) -> bytes:
    body = b"".join(content)
    length = bytes((len(body),)) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes((tag,)) + length + body


def number(value: int, tag: int = 2) -> bytes:
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted: str) -> bytes:
    first, second, *rest = (int(one) for one in dotted.split("."))
    octets = b""
    for one in (40 * first + second, *rest):
        groups = [one & 0x7F]
        while one := one >> 7:
            groups.insert(0, one & 0x7F | 0x80)
        octets += bytes(groups)
    return element(6, octets)


def message(version: int, pdu: bytes) -> bytes:
    return element(0x30, number(version), element(4, b"public"), pdu)


def second(name: str, tag: int = 0xA7) -> bytes:
    uptime = element(0x30, oid("1.3.6.1.2.1.1.3.0"), element(0x43, b"\x05"))
    values = element(0x30, uptime, element(0x30, oid(TRAP_OID), oid(name)))
    return message(1, element(tag, number(77), number(0), number(0), values))


def first(enterprise: str, generic: int, specific: int) -> bytes:
    parts = (oid(enterprise), element(0x40, b"\x7f\0\0\1"), number(generic), number(specific), element(0x43, b"\x05"))
    return message(0, element(0xA4, *parts, element(0x30)))


@pytest.mark.parametrize("name", [f"{UPS_TRAPS}.1", f"{UPS_TRAPS}.0.1", "1.3.6.1.4.1.318.0.5", "1.3.6.1.4.1.3808.0.5"])
def test_a_notification_of_version_2c_is_named(name: str) -> None:
    assert look(second(name)) == Notice(version=1, oid=name)


def test_an_inform_is_acknowledged_with_the_same_message_as_a_response() -> None:
    sent = second(f"{UPS_TRAPS}.1", 0xA6)
    found = look(sent)
    assert found is not None and found.reply is not None
    assert [place for place in range(len(sent)) if sent[place] != found.reply[place]] == [sent.index(0xA6)]
    assert found.reply[sent.index(0xA6)] == 0xA2


def test_a_trap_of_version_1_is_named_as_rfc_3584_does() -> None:
    assert look(first("1.3.6.1.4.1.318", 6, 5)) == Notice(version=0, oid="1.3.6.1.4.1.318.0.5")
    assert look(first("1.3.6.1.4.1.534.1.11.4.1", 6, 3)) == Notice(version=0, oid="1.3.6.1.4.1.534.1.11.4.1.0.3")
    assert look(first("1.3.6.1.4.1.9", 0, 0)) == Notice(version=0, oid=f"{STANDARD}.1")
    assert look(first(UPS_TRAPS, 7, 1)) is None


def test_only_the_mibs_of_the_ups_and_a_restart_concern_us() -> None:
    mine = (UPS_TRAPS,)
    assert Notice(version=1, oid=f"{UPS_TRAPS}.0.3").concerns(mine)
    assert Notice(version=1, oid=f"{STANDARD}.1").concerns(mine)
    assert Notice(version=3).concerns(mine)  # enciphered: it may
    assert not Notice(version=1, oid=f"{STANDARD}.3").concerns(mine)  # a link went down
    assert not Notice(version=1, oid="1.3.6.1.2.1.332.1").concerns(mine)


def test_requests_and_answers_are_no_notifications() -> None:
    for tag in (0xA0, 0xA1, 0xA2, 0xA3, 0xA5):
        assert look(second(f"{UPS_TRAPS}.1", tag)) is None
    assert look(b"") is None and look(b"\x30\x00") is None and look(b"x" * 9000) is None


whole = [second(f"{UPS_TRAPS}.1"), second(f"{UPS_TRAPS}.1", 0xA6), first("1.3.6.1.4.1.318", 6, 5)]


@given(which=st.sampled_from(whole), place=st.integers(0, 200), octet=st.integers(0, 255), cut=st.integers(0, 200))
def test_no_damage_raises(which: bytes, place: int, octet: int, cut: int) -> None:
    broken = bytearray(which)
    broken[place % len(broken)] = octet
    look(bytes(broken))
    look(bytes(broken[:cut]))


@given(st.binary(max_size=300))
def test_rubbish_never_raises_and_is_a_notice_only_in_the_shape_of_one(rubbish: bytes) -> None:
    found = look(rubbish)
    assert found is None or rubbish[0] == 0x30
