"""Kill -9 on a real process with real files, 200 times, between append and publish and anywhere else.

The process publishes by writing number and content to a pipe after the sync, as the publisher does with the broker.
"""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from firmware_py.runtime.backlog import Backlog
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.journal import Journal

KILLS = 200
PROJECT = Path(__file__).parents[2]

# The parent forks once per run from a process that has everything imported: 200 interpreter starts would take a minute.
WRITER = """
import json, os, sys, random
from pathlib import Path
from firmware_py.core.event import Event, Severity
from firmware_py.runtime.backlog import Backlog, Stamp
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.journal import Journal

def write(run):
    backlog = Backlog()
    journal = Journal(Disk(), Path(sys.argv[1]), backlog, cap_bytes=96 << 10, segment_bytes=8 << 10)
    journal.open()
    chance, number = random.Random(run), 0
    strike = chance.randint(3, 12) if run % 4 == 0 else 0  # ends itself between the sync and the publishing
    severities = list(Severity)
    while True:
        for _ in range(chance.randint(1, 6)):
            number += 1
            event = Event(type="t", severity=chance.choice(severities), at_ms=number, data={"id": f"{run}-{number}"})
            backlog.add(event, Stamp(ts="", clk="none", boot=str(run)))
        records = journal.commit()
        strike -= 1
        if not strike:
            os.kill(os.getpid(), 9)
        if number % 7 == 0:
            journal.acknowledged(max(journal.last - 30, 0), cursor=False)
            journal.save_position()
        text = "".join(json.dumps([r["log"], r["seq"], r["data"].get("id")]) + "\\n" for r in records)
        os.write(1, text.encode())

for run in sys.stdin:
    child = os.fork()
    if not child:
        write(int(run))
    os.write(2, b"%d\\n" % child)
    os.waitpid(child, 0)
    os.write(2, b"dead\\n")
"""


def test_200_kills_give_no_number_to_two_events_and_lose_none_that_was_published(tmp_path: Path) -> None:
    chance = random.Random(1)
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        cwd=PROJECT, stdin=subprocess.PIPE, stdout=write_end, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(write_end)
    published: dict[tuple[str, int], str | None] = {}
    try:
        assert process.stdin is not None
        assert process.stderr is not None
        rest = b""
        for run in range(KILLS):
            process.stdin.write(f"{run}\n")
            process.stdin.flush()
            child = int(process.stderr.readline())
            ends_itself = run % 4 == 0
            for _ in range(1 if ends_itself else chance.randint(1, 2)):  # let it publish something,
                rest = take(published, rest + os.read(read_end, 1 << 16))
            spin = chance.randrange(4000)  # then strike at any moment
            while spin and not ends_itself:
                spin -= 1
            if not ends_itself:
                os.kill(child, signal.SIGKILL)
            assert process.stderr.readline() == "dead\n"
        process.stdin.close()
        process.wait(10)
        while chunk := os.read(read_end, 1 << 16):
            rest = take(published, rest + chunk)
    finally:
        process.kill()
        process.wait()
        os.close(read_end)
    check(tmp_path, published)


def take(published: dict[tuple[str, int], str | None], data: bytes) -> bytes:
    """Note what was published; a line that the kill cut short was not heard by anyone and is dropped."""
    *lines, rest = data.split(b"\n")
    for line in lines:
        start = line.rfind(b"[")  # after a cut line the next process's first line follows without a newline
        log, seq, name = json.loads(line[start:])
        assert published.setdefault((log, seq), name) == name, (log, seq)
    return rest


def check(directory: Path, published: dict[tuple[str, int], str | None]) -> None:
    journal = Journal(Disk(), directory, Backlog(), cap_bytes=96 << 10, segment_bytes=8 << 10)
    assert journal.open()
    assert not journal.damage
    assert len({log for log, _ in published}) == 1
    assert len(published) > KILLS
    assert max(seq for _, seq in published) <= journal.last
    stored, gone, after = dict[int, object](), set[int](), 0
    while window := journal.pending(after, 500):
        for record in window:
            data, after = record["data"], int(str(record["seq"]))
            assert isinstance(data, dict)
            if record["type"] == "journal.gap":
                gone |= set(range(data["from"], data["to"] + 1))
            else:
                stored[after] = data["id"]
    for (_, seq), name in published.items():
        assert stored.get(seq, name) == name
        assert seq in stored or seq in gone
    assert len(stored) > 100
    # The kills that this is about did happen: appended and synced, but not published when the process died.
    assert journal.last - len(published) >= KILLS // 4
