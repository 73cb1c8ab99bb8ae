"""The tools that all tests lean on do what they say: skips that become failures, waits that end, leftovers seen."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests import conftest
from tests.conftest import PROJECT, eventually, eventually_async, living_children, require, run

LITTERING = """
import subprocess, sys, threading
def test_a_process_is_left():
    subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
def test_a_thread_is_left():
    threading.Timer(3.0, lambda: None).start()
def test_nothing_is_left():
    subprocess.run([sys.executable, "-c", "pass"], check=True)
"""


def test_an_absent_peer_is_a_skip_here_and_a_failure_in_the_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    require(True, "never said")
    monkeypatch.setattr(conftest, "CI", False)
    with pytest.raises(pytest.skip.Exception, match="no exchange here"):
        require(None, "no exchange here")
    monkeypatch.setattr(conftest, "CI", True)
    with pytest.raises(pytest.fail.Exception, match="no exchange here"):
        require(None, "no exchange here")


def test_a_program_is_found_where_only_root_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = tmp_path / "agentd"
    daemon.write_text("#!/bin/sh\n")
    daemon.chmod(0o755)
    assert conftest.find_program("agentd") is None
    monkeypatch.setattr(conftest, "DAEMON_FOLDERS", (str(tmp_path),))
    assert conftest.require_program("agentd") == str(daemon)


def test_the_free_ports_can_be_bound(free_tcp_port: int, free_udp_port: int) -> None:
    with socket.create_server(("127.0.0.1", free_tcp_port)), socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", free_udp_port))


def test_waiting_ends_with_the_answer_or_with_a_failure() -> None:
    answers = iter([0, 0, 7])
    assert eventually(lambda: next(answers)) == 7
    with pytest.raises(pytest.fail.Exception, match="the relay closes"):
        eventually(lambda: False, within_s=0.03, what="the relay closes")


def test_waiting_in_a_loop_takes_plain_and_asynchronous_questions() -> None:
    async def ask() -> int:
        return 7

    async def scenario() -> None:
        assert await eventually_async(lambda: 5) == 5
        assert await eventually_async(ask) == 7
        with pytest.raises(pytest.fail.Exception, match="the relay closes"):
            await eventually_async(lambda: False, within_s=0.03, what="the relay closes")

    run(scenario())


def test_a_scenario_that_leaves_a_task_fails() -> None:
    async def scenario() -> None:
        scenario.task = asyncio.create_task(asyncio.Event().wait())  # type: ignore[attr-defined]  # keeps it alive

    with pytest.raises(AssertionError, match="tasks left running"):
        run(scenario())


def test_a_scenario_that_hangs_is_ended() -> None:
    async def scenario() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        run(scenario(), within_s=0.05)


def test_a_child_is_seen_while_it_lives_and_not_as_a_zombie() -> None:
    before = living_children()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert living_children() - before == {child.pid}
        child.kill()
        eventually(lambda: living_children() == before, what="the dead child is no longer counted")


def test_a_daemon_thread_is_nobodys_leftover() -> None:
    threading.Thread(target=threading.Event().wait, args=(1.5,), daemon=True).start()


def test_a_test_that_litters_is_reported(tmp_path: Path) -> None:
    (tmp_path / "test_littering.py").write_text(LITTERING)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    report = done.stdout
    assert "ERROR" in report
    assert "left behind: processes [" in report
    assert "Timer" in report or "Thread-" in report
    assert "3 passed, 2 errors" in report, report + done.stderr
