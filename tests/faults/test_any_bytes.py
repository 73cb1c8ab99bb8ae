"""Whatever bytes a card gives back or a far end sends: every loader, replayer and decoder of the shell takes them.

Each kept file is damaged as cards damage (cut, flipped, zeroed, reordered, repeated, replaced by rubbish), or holds
whole lines that make no sense; the store opens, tells nothing wrong and can be written again. Drivers' codecs have such
tests of their own beside them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.redact import redact
from drivers.http import Request, fetch
from firmware_py.core.command import CommandRefused
from firmware_py.core.event import Event, Severity
from firmware_py.core.state import State
from firmware_py.ports import DeviceError
from firmware_py.runtime.backlog import Backlog, Stamp
from firmware_py.runtime.book import Book
from firmware_py.runtime.control_wire import decode
from firmware_py.runtime.generations import BOOK, FOLDER, Generations
from firmware_py.runtime.journal import Journal
from firmware_py.runtime.lines import encode_line, parse_lines
from firmware_py.runtime.recorded import replay
from firmware_py.runtime.recorder import Recorder
from firmware_py.runtime.segments import number_of
from firmware_py.runtime.state_file import StateFile
from firmware_py.wiring.kept import KeptWords
from tests.conftest import run
from tests.faults.disk import FaultyDisk
from tests.runtime.test_recorder import day

STAMP = Stamp(ts="2026-11-22T00:00:00.000Z", clk="ntp", boot="b1")
HOME = Path("/kept")
BLOCK = 64  # stands for a card's 4 KiB: the files here are small
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = (
    "seq", "log", "type", "sev", "data", "id", "incident", "state", "v", "gen", "boot", "at_ms", "points", "t", "r",
    "n", "h", "from", "to", "ts", "doc", "table", "op", "file", "low", "high", "split", "unwritten", "plan", "s", "c",
)  # fmt: skip
DOCUMENTS = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=8)


def events(count: int, journal: Journal, backlog: Backlog) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for number in range(count):
        kind = ("incident.opened", "alarm.raised", "incident.closed")[number % 3]
        data: dict[str, Any] = {"cause": "power", "class": "technical", "to": "normal"}
        incident = f"2026-{number // 3:04d}"
        backlog.add(Event(type=kind, severity=Severity.CRITICAL, at_ms=number, incident=incident, data=data), STAMP)
        told += journal.commit()
    return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """`fill` makes sound files on an empty disk; `use` opens whatever is there and works with it."""

    name: str
    fill: Callable[[FaultyDisk], object]
    use: Callable[[FaultyDisk], object]


def fill_journal(disk: FaultyDisk, count: int = 6) -> list[dict[str, Any]]:
    backlog = Backlog()
    journal = Journal(disk, HOME, backlog)
    journal.open()
    return events(count, journal, backlog)


def use_journal(disk: FaultyDisk) -> None:
    backlog = Backlog()
    journal = Journal(disk, HOME, backlog)
    journal.open()
    before = journal.pending(0, 1_000)
    fresh = events(1, journal, backlog)
    assert len(fresh) == 1 and fresh[0]["seq"] == journal.last, "it can be written again"
    numbers = [number_of(one) for one in (*before, *fresh)]
    assert numbers == sorted(set(numbers)), "no number comes twice"
    again = Journal(disk, HOME, Backlog())
    again.open()
    assert again.last == journal.last and again.damage == [], "damage is told once"


def fill_state(disk: FaultyDisk) -> None:
    file = StateFile(disk, HOME)
    file.load("b")
    for number in (1, 2):
        file.save(State(incident_number=number), "b", number, force=True)


def use_state(disk: FaultyDisk) -> None:
    stored = StateFile(disk, HOME).load("b")
    assert stored is None or isinstance(stored.state, State)
    file = StateFile(disk, HOME)
    file.load("b")
    assert file.save(State(incident_number=77), "b", 9, force=True)
    found = StateFile(disk, HOME).load("b")
    assert found is not None and found.state.incident_number == 77, "what is written now counts"


def fill_book(disk: FaultyDisk) -> None:
    book = Book(disk, HOME / "book", limit=8)
    book.open()
    book.enter(fill_journal(FaultyDisk(), count=7))
    book.enter(fill_journal(FaultyDisk(), count=7))


def use_book(disk: FaultyDisk) -> None:
    book = Book(disk, HOME / "book", limit=8)
    assert book.open()
    for incident in book.incidents():
        assert isinstance(incident, dict)
        book.incident(str(incident.get("id")))
    for month in book.months():
        book.archived(month)
        book.month(month)
    book.enter(fill_journal(FaultyDisk()))
    assert book.flush()


def fill_inputs(disk: FaultyDisk) -> None:
    recorder = Recorder(disk, HOME)
    for inputs in day(6, points=["a", "b", "c"]):
        recorder.remember(inputs)
    recorder.flush()


def use_inputs(disk: FaultyDisk) -> None:
    true = {inputs.image.now_ms: inputs for inputs in day(6, points=["a", "b", "c"])}
    for step in replay(disk, HOME):
        if step.digest and step.image.now_ms in true and step.before == true[step.image.now_ms].before:
            assert step.image == true[step.image.now_ms].image, "a step that is shown is as it was"


def fill_generations(disk: FaultyDisk) -> None:
    raw = {"v": 1, "confirmed": [{"number": 1}], "highest": 1, "running": 1}
    disk.write_whole(HOME / FOLDER / BOOK, json.dumps(raw).encode())


def use_generations(disk: FaultyDisk) -> None:
    store = Generations(HOME, disk)
    store.load()
    assert store.book.highest >= 0 and store.newest_good() >= 0


def fill_words(disk: FaultyDisk) -> None:
    disk.write_whole(HOME / "words.json", json.dumps(["one", "two"]).encode())


def use_words(disk: FaultyDisk) -> None:
    assert all(isinstance(word, str) for word in KeptWords(HOME / "words.json", disk).recall())


STORES = (
    Store(name="journal", fill=fill_journal, use=use_journal),
    Store(name="state", fill=fill_state, use=use_state),
    Store(name="book", fill=fill_book, use=use_book),
    Store(name="inputs", fill=fill_inputs, use=use_inputs),
    Store(name="generations", fill=fill_generations, use=use_generations),
    Store(name="words", fill=fill_words, use=use_words),
)


def damage(raw: bytes, draw: Callable[[Any], Any]) -> bytes:
    """One thing that happens to a file on a card."""
    at = draw(st.integers(0, max(0, len(raw) - 1)))
    match draw(st.sampled_from(("cut", "flip", "zero", "swap", "again", "insert", "rubbish", "lines"))):
        case "cut":
            return raw[:at]
        case "flip" if raw:
            return raw[:at] + bytes([raw[at] ^ (1 << draw(st.integers(0, 7)))]) + raw[at + 1 :]
        case "zero":
            start = at // BLOCK * BLOCK
            return raw[:start] + bytes(len(raw[start : start + BLOCK])) + raw[start + BLOCK :]
        case "swap":
            lines = raw.splitlines(keepends=True)
            return b"".join(draw(st.permutations(lines))) if 1 < len(lines) < 40 else raw
        case "again":
            return raw + raw[at:]
        case "insert":
            return raw[:at] + draw(st.binary(max_size=20)) + raw[at:]
        case "lines":
            made = b"".join(encode_line(document) for document in draw(st.lists(DOCUMENTS, max_size=3)))
            return draw(st.sampled_from((made + raw, raw + made, made)))
        case _:
            return bytes(draw(st.binary(max_size=200)))


@pytest.mark.parametrize("store", STORES, ids=lambda store: store.name)
@settings(max_examples=30, deadline=None, suppress_health_check=SLOW)
@given(data=st.data())
def test_a_store_opens_on_any_bytes_and_goes_on(store: Store, data: st.DataObject) -> None:
    disk = FaultyDisk()
    store.fill(disk)
    for path in data.draw(st.lists(st.sampled_from(sorted(disk.files)), min_size=1, max_size=3)):
        disk.write_whole(path, damage(bytes(disk.files[path].now), data.draw))
    store.use(disk)


@pytest.mark.parametrize("store", STORES, ids=lambda store: store.name)
def test_a_store_opens_on_what_it_wrote_and_on_nothing(store: Store) -> None:
    full, empty = FaultyDisk(), FaultyDisk()
    store.fill(full)
    assert full.files, "there is something to damage"
    if store.name == "book":
        assert any(path.name.startswith("book-2026") for path in full.files), "an archive too"
    store.use(full)
    store.use(empty)


@settings(deadline=None)
@given(st.binary(max_size=400) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_line_at_the_control_socket_is_a_request_or_refused(line: bytes) -> None:
    with suppress(CommandRefused):
        assert decode(line)["v"] == 1


@settings(deadline=None)
@given(st.text(max_size=300))
def test_the_sieve_of_secrets_takes_any_text_and_is_stable(text: str) -> None:
    once = redact(text, ["hunter22", "a b"])
    assert "hunter22" not in once
    assert redact(once, ["hunter22", "a b"]) == once


@settings(max_examples=20, deadline=None, suppress_health_check=SLOW)
@given(st.lists(st.binary(max_size=300) | st.just(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n"), max_size=3))
def test_any_answer_of_a_dialler_is_an_answer_or_a_device_error(parts: list[bytes]) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
        writer.close()

    async def scenario() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            with suppress(DeviceError):
                got = await fetch(Request(url=address), "", 2_000, None)
                assert 100 <= got.status <= 599

    run(scenario())


def test_the_damage_that_is_made_here_is_damage() -> None:
    disk = FaultyDisk()
    fill_journal(disk)
    (path,) = [path for path in disk.files if path.suffix == ".jsonl"]
    raw = bytes(disk.files[path].now)
    flipped = raw[:40] + bytes([raw[40] ^ 1]) + raw[41:]
    assert sum(line.document is None for line in parse_lines(flipped)) == 1
    assert all(line.document is not None for line in parse_lines(raw))
