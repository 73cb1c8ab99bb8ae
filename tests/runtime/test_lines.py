"""Lines: whatever the bytes are, the reader neither raises nor believes a line whose CRC is wrong."""

import json
import random
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_py.runtime.lines import Verdict, encode_line, parse_lines

DOCUMENTS = st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=40)), max_size=6)


@given(DOCUMENTS)
def test_what_was_written_is_read_back(documents: list[dict[str, object]]) -> None:
    data = b"".join(encode_line(document) for document in documents)
    lines = list(parse_lines(data))
    assert [line.document for line in lines] == documents
    assert b"".join(data[line.offset : line.end] for line in lines) == data


@settings(max_examples=500)
@given(
    st.binary(max_size=400)
    | DOCUMENTS.flatmap(
        lambda some: st.binary(max_size=30).map(lambda junk: junk + b"".join(map(encode_line, some)) + junk)
    )
)
def test_arbitrary_bytes_never_raise_and_never_yield_a_record_with_a_wrong_crc(data: bytes) -> None:
    for line in parse_lines(data):
        assert (line.document is None) == (line.verdict is not Verdict.SOUND)
        assert 0 <= line.offset < line.end <= len(data)
        assert line.records_at_most >= 0
        if line.document is not None:
            assert b"%08x" % zlib.crc32(line.raw[9:]) == line.raw[:8]
            assert json.loads(line.raw[9:]) == line.document


def test_one_flipped_bit_costs_one_record_at_most_wherever_it_hits() -> None:
    documents = [{"seq": number, "text": "x" * (number % 9)} for number in range(40)]
    data = b"".join(encode_line(document) for document in documents)
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << random.Random(position).randrange(8)
        found = [line.document for line in parse_lines(bytes(flipped)) if line.document is not None]
        assert len(found) >= len(documents) - 1, position
        assert all(document in documents for document in found), position


def test_a_zeroed_block_costs_the_records_it_covers_and_the_two_at_its_edges() -> None:
    documents = [{"seq": number, "text": "x" * 100} for number in range(200)]
    lines = [encode_line(document) for document in documents]
    data = bytearray(b"".join(lines))
    data[4096:8192] = bytes(4096)
    found = [line.document for line in parse_lines(bytes(data)) if line.document is not None]
    assert len(found) >= 200 - (4096 // len(lines[0]) + 2)


def test_a_line_cut_anywhere_is_torn_and_stands_for_no_record() -> None:
    line = encode_line({"seq": 1, "data": {"a": [1, 2]}})
    for length in range(1, len(line) - 1):
        (found,) = parse_lines(line[:length])
        assert found.verdict is Verdict.TORN
        assert found.records_at_most == 0
    (whole,) = parse_lines(line[:-1])
    assert whole.verdict is Verdict.SOUND  # only its newline is missing


def test_a_deeply_nested_line_with_a_right_crc_is_bad_and_not_our_end() -> None:
    body = b"[" * 100_000
    (line,) = parse_lines(b"%08x %s\n" % (zlib.crc32(body), body))
    assert line.verdict is Verdict.BAD
