"""The manager protocol as bytes: any chunking, hostile input, injected lines, and what belongs to an answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.ami import (
    LINE_LIMIT,
    LIST_LIMIT,
    PACKET_LIMIT,
    Answers,
    Banner,
    Decoder,
    Packet,
    encode,
    plain,
)
from firmware_py.core.reading import Reason
from firmware_py.ports import DeviceError

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
# As Asterisk 22 sends them: an error that ends with one empty line too many, a repeated header, an empty value.
SESSION = (
    GREETING
    + b"Response: Success\r\nActionID: a-1\r\nMessage: Authentication accepted\r\n\r\n"
    + b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 38\r\nStatus: Fully Booted\r\n\r\n"
    + b"Response: Error\r\nActionID: a-2\r\nMessage: Unable to retrieve endpoint\r\n\r\n\r\n"
    + b"Response: Success\r\nActionID: a-3\r\nVariable: X(y)\r\nValue: \r\n\r\n"
    + "Event: ContactStatus\r\nState: one\r\nState: two\r\nCallerIDName: Zoë 火事\r\n\r\n".encode()
)


def packet(**headers: str) -> Packet:
    return Packet(headers=tuple(headers.items()))


def decode(data: bytes, *, banner: bool = True) -> list[Banner | Packet]:
    return Decoder(banner=banner).feed(data)


def test_a_session_is_read_into_a_banner_and_packets() -> None:
    banner, login, booted, refused, empty, event = decode(SESSION)
    assert banner == Banner(version="11.0.0")
    assert isinstance(login, Packet) and login.get("response") == "Success" and login.action_id == "a-1"
    assert isinstance(booted, Packet) and booted.event == "FullyBooted" and booted.get("Uptime") == "38"
    assert (
        isinstance(refused, Packet) and refused.event == "" and refused.get("Message") == "Unable to retrieve endpoint"
    )
    assert isinstance(empty, Packet) and empty.get("Value") == "" and empty.get("Absent") == ""
    assert isinstance(event, Packet) and event.get("State") == "one" and event.get("CallerIDName") == "Zoë 火事"


@given(st.lists(st.integers(1, 60), max_size=200))
def test_any_chunking_gives_the_same_packets(sizes: list[int]) -> None:
    decoder, found, at = Decoder(), [], 0
    for size in [*sizes, len(SESSION)]:
        found += decoder.feed(SESSION[at : at + size])
        at += size
    assert found == decode(SESSION)


@given(st.lists(st.binary(max_size=300), max_size=20), st.booleans())
def test_random_bytes_raise_nothing_but_a_device_error(chunks: list[bytes], banner: bool) -> None:
    decoder, faults = Decoder(banner=banner), []
    for chunk in chunks:
        try:
            for found in decoder.feed(chunk):
                assert isinstance(found, Banner) or (found.headers and isinstance(found.event, str))
        except DeviceError as fault:
            faults.append(fault.because)
    assert set(faults) <= {Reason.BAD_REPLY}


@given(
    st.lists(
        st.sampled_from(
            [
                b"Event: X",
                b"Response: Y",
                b"ActionID: a-1",
                b"EventList: start",
                b"EventList: Complete",
                b"",
                b"no colon",
                b": ",
                b"\xff\xfe",
                b"Event:",
                b"\r",
            ]
        ),
        max_size=60,
    )
)
@settings(max_examples=300)
def test_packets_in_any_order_never_break_the_sorting(lines: list[bytes]) -> None:
    answers = Answers()
    answers.expect("a-1")
    for found in decode(b"".join(line + b"\r\n" for line in lines), banner=False):
        assert isinstance(found, Packet)
        answers.belongs(found)
        answers.take(found)


def test_a_line_of_ten_megabytes_is_refused_before_it_is_kept() -> None:
    decoder, taken = Decoder(), []
    decoder.feed(GREETING)

    def pour() -> None:
        for _ in range(10_000_000 // 4096):
            decoder.feed(b"x" * 4096)
            taken.append(4096)

    with pytest.raises(DeviceError, match="a line of more than"):
        pour()
    assert sum(taken) <= LINE_LIMIT
    with pytest.raises(DeviceError, match="a line of more than"):
        decoder.feed(b"\r\n\r\n")


def test_a_packet_that_does_not_end_is_refused() -> None:
    endless = b"A: 0123456789012345678901234567890123456789\r\n" * (PACKET_LIMIT // 40)
    with pytest.raises(DeviceError, match="a packet of more than"):
        decode(endless, banner=False)


def test_a_whole_line_that_is_too_long_is_refused_as_well() -> None:
    with pytest.raises(DeviceError, match="a line of more than"):
        decode(b"A: " + b"x" * LINE_LIMIT + b"\r\n", banner=False)


def test_many_packets_of_legal_size_are_no_fault() -> None:
    one = b"Event: X\r\n" + b"A: " + b"y" * 4000 + b"\r\n\r\n"
    assert len(decode(one * 100, banner=False)) == 100


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\r\n", b"220 mail\n", b"\x16\x03\x01\n"])
def test_a_peer_with_another_greeting_is_refused(greeting: bytes) -> None:
    with pytest.raises(DeviceError, match="not the manager protocol"):
        decode(greeting)


def test_an_action_is_written_with_its_id() -> None:
    assert encode("Getvar", {"Variable": "DEVICE_STATE(Custom:a)"}, "f-7") == (
        b"Action: Getvar\r\nActionID: f-7\r\nVariable: DEVICE_STATE(Custom:a)\r\n\r\n"
    )


@pytest.mark.parametrize("bad", ["a\r\n\r\nAction: DBPut", "a\nb", "a\rb", "a\0b"])
def test_an_injected_line_break_is_refused_anywhere(bad: str) -> None:
    assert not plain(bad)
    for action, headers, action_id in [(bad, {}, "1"), ("A", {bad: "v"}, "1"), ("A", {"k": bad}, "1"), ("A", {}, bad)]:
        with pytest.raises(ValueError, match="line break"):
            encode(action, headers, action_id)
    with pytest.raises(ValueError, match="header name"):
        encode("A", {"Variable: x": "v"}, "1")


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_is_encoded_is_one_packet_or_refused(name: str, value: str) -> None:
    try:
        data = encode("A", {f"K{name}": value}, "id")
    except ValueError:
        return
    (found,) = decode(data, banner=False)
    assert isinstance(found, Packet) and len(found.headers) == 3


def test_a_plain_response_is_an_answer() -> None:
    answers = Answers()
    answers.expect("a")
    answer = answers.take(packet(Response="Success", ActionID="a", Message="Variable Set"))
    assert answer is not None and answer.ok and answer.message == "Variable Set" and answer.items == ()
    assert answers.take(packet(Response="Success", ActionID="a")) is None, "answered once"


def test_a_list_is_collected_between_start_and_complete() -> None:
    answers = Answers()
    answers.expect("a")
    assert answers.take(packet(Response="Success", ActionID="a", EventList="start")) is None
    item = packet(Event="Detail", ActionID="a", ObjectName="x")
    assert answers.belongs(item) and answers.take(item) is None
    assert answers.take(packet(Event="ContactStatus")) is None, "something else happened meanwhile"
    answer = answers.take(packet(Event="DetailComplete", ActionID="a", EventList="Complete"))
    assert answer is not None and answer.ok and answer.items == (item,)


def test_an_event_with_the_actions_id_is_no_part_of_the_answer() -> None:
    answers = Answers()
    answers.expect("a")
    early = packet(Event="OriginateResponse", ActionID="a", Response="Success")
    assert not answers.belongs(early) and answers.take(early) is None
    answer = answers.take(packet(Response="Error", ActionID="a", Message="Permission denied"))
    assert answer is not None and not answer.ok and answer.items == ()
    assert not answers.belongs(early) and answers.take(early) is None


def test_an_answer_that_nobody_waits_for_is_none() -> None:
    answers = Answers()
    answers.expect("a")
    answers.forget("a")
    answers.forget("a")
    assert answers.take(packet(Response="Success", ActionID="a")) is None


def test_a_list_without_an_end_is_refused() -> None:
    answers = Answers()
    answers.expect("a")
    answers.take(packet(Response="Success", ActionID="a", EventList="start"))
    for _ in range(LIST_LIMIT):
        assert answers.take(packet(Event="Detail", ActionID="a")) is None
    with pytest.raises(DeviceError, match="a list of more than"):
        answers.take(packet(Event="Detail", ActionID="a"))
