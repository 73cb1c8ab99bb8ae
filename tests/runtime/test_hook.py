"""The site's own program: started without a shell, confined, ended in time, one at a time, never in the way."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from firmware_py.core.image import InputImage
from firmware_py.runtime import confine
from firmware_py.runtime.clock import SystemClock
from firmware_py.runtime.hook import MAX_NOTICE_BYTES, MAX_WAITING, Hook, Program
from firmware_py.wiring.notices import Notices
from tests.conftest import eventually_async
from tests.core.floor import MINUTE, SOURCE, healthy


def script(folder: Path, text: str) -> str:
    path = folder / "notify"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def is_gone(pid: int) -> bool:
    """Dead, whether or not whoever inherited it has looked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def carried(hook: Hook, done: Callable[[], bool], *notices: bytes) -> None:
    """Offer, run until `done`, stop."""

    async def play() -> None:
        for notice in notices:
            hook.offer(notice)
        task = asyncio.create_task(hook.run())
        try:
            await eventually_async(done, within_s=60)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    asyncio.run(play())


def test_the_notice_comes_on_stdin_and_the_arguments_as_they_are(tmp_path: Path) -> None:
    out = tmp_path / "out"
    program = Program(path=script(tmp_path, 'cat > "$1"; echo "$2" >> "$1"'), arguments=[str(out), "$(id); `id` *"])
    hook = Hook(program)
    carried(hook, lambda: hook.tally.done == 1, b'{"v":1}\n')
    assert out.read_text() == '{"v":1}\n$(id); `id` *\n'


def test_the_program_gets_no_environment_no_rights_and_little_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/secret")
    out = tmp_path / "out"
    said = f"env > {out}; pwd >> {out}; grep NoNewPrivs /proc/self/status >> {out}; ulimit -a >> {out}; umask >> {out}"
    hook = Hook(Program(path=script(tmp_path, said)))
    carried(hook, lambda: hook.tally.done == 1, b"{}\n")
    told = out.read_text()
    assert "CREDENTIALS" not in told and "HOME=" not in told
    assert "\n/\n" in told and "NoNewPrivs:\t1" in told and told.rstrip().endswith("0077")
    assert f"{confine.OPEN_FILES}" in told and f"{confine.MEMORY_BYTES // 1024}" in told


def test_a_program_that_hangs_is_ended_with_all_that_it_started_and_the_next_notice_is_carried(tmp_path: Path) -> None:
    pids, out = tmp_path / "pids", tmp_path / "out"
    hangs = f"sleep 600 & echo $! >> {pids}; echo $$ >> {pids}; sleep 600"
    text = f'read line; if [ "$line" = hang ]; then {hangs}; fi; echo "$line" > {out}'
    hook = Hook(Program(path=script(tmp_path, text), timeout_ms=3_000))
    carried(hook, out.exists, b"hang\n", b"second\n")
    assert (hook.tally.failed, hook.tally.error) == (1, "ended after 3000 ms") or hook.tally.done == 1
    for pid in pids.read_text().split():
        assert is_gone(int(pid)), pid


def test_what_a_program_says_of_its_failure_is_kept_and_one_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    hook = Hook(Program(path=script(tmp_path, "echo the modem is dead >&2; exit 3")))
    carried(hook, lambda: hook.tally.failed == 1, b"{}\n")
    assert hook.tally.error == "exit 3: the modem is dead"
    hook = Hook(Program(path=str(tmp_path / "nobody")))
    carried(hook, lambda: hook.tally.failed == 1, b"{}\n")
    assert "nobody: No such file or directory" in hook.tally.error


def test_a_program_that_floods_its_output_or_reads_nothing_harms_nobody(tmp_path: Path) -> None:
    hook = Hook(Program(path=script(tmp_path, "yes loud | head -c 2000000 >&2; yes | head -c 2000000")))
    carried(hook, lambda: hook.tally.done == 1, b"x" * 1_000_000)
    assert hook.tally.failed == 0


def test_too_many_notices_drop_the_oldest_and_a_long_one_is_cut() -> None:
    async def play() -> Hook:
        hook = Hook(Program(path="/bin/true"))
        for number in range(MAX_WAITING + 5):
            hook.offer(str(number).encode() + b"x" * MAX_NOTICE_BYTES)
        return hook

    hook = asyncio.run(play())
    assert hook.tally.dropped == 5
    assert hook._waiting[0].startswith(b"5x") and len(hook._waiting[0]) == MAX_NOTICE_BYTES


class Listed(Hook):
    """Keeps what it is offered."""

    def __init__(self) -> None:
        super().__init__(Program(path="/bin/true"))
        self.offered: list[dict[str, object]] = []

    def offer(self, notice: bytes) -> None:
        self.offered.append(json.loads(notice))


def test_the_notices_of_an_incident_are_handed_over_with_who_is_meant() -> None:
    async def play() -> list[dict[str, object]]:
        floor, hook = healthy(), Listed()
        sink = Notices(hook, SystemClock(), "floor-3", ["escalated", "closed"])
        floor.values[SOURCE] = "battery"
        floor.run(MINUTE)
        floor.values[SOURCE] = "mains"
        floor.run(20 * MINUTE)
        for decision in floor.decisions:
            sink.show(InputImage(now_ms=0), decision)
        return hook.offered

    offered = asyncio.run(play())
    assert [one["type"] for one in offered] == ["incident.escalated", "incident.closed"]
    first = offered[0]
    assert (first["v"], first["site"], first["incident"], first["severity"]) == (1, "floor-3", "2026-0001", "critical")
    assert isinstance(first["data"], dict) and first["data"]["tier"] == 1
