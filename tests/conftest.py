"""What all tests share: asking for a peer, free ports, waiting for a condition, a look at what a test leaves behind.

`from tests.conftest import require, eventually, run` for the plain functions; the rest are fixtures.
No pytest-asyncio: a test of something asynchronous calls `run(scenario())`, which is asyncio.run with a time limit and
a look at the tasks left over.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings

from tests import tidy_rules

T = TypeVar("T")

PROJECT = Path(__file__).resolve().parent.parent
# Goes through lines that others have been through, many thousand times or with a whole machine's files below it.
UNMEASURED = (
    "tests/stories/", "tests/sim/", "tests/core/test_alarm_course.py", "tests/core/test_surge_table.py", "tests/test_",
    "tests/core/test_properties.py", "tests/runtime/test_journal_faults.py", "tests/runtime/test_journal_kill.py",
    "tests/runtime/test_book.py",
)  # fmt: skip
# All other random courses are not measured either, but those of the pure parts, each branch of which has to be run.
MEASURED = ("tests/core/", "tests/monitors/", "tests/runtime/test_turns.py")
CI = bool(os.environ.get("FLOORGUARD_CI"))
# No example is timed: the machine may be busy, and the first one of a process builds what all others use.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Coverage reaches the workers and no further: hundreds of command lines and daemons would start twice as slowly.
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
# Debian keeps daemons where an ordinary user's PATH does not look.
DAEMON_FOLDERS = ("/usr/sbin", "/usr/local/sbin")


def require(condition: object, reason: str) -> None:
    """Skip the test with a reason when a peer is absent; with FLOORGUARD_CI set that is a failure."""
    if condition:
        return
    if CI:
        pytest.fail(f"required here (FLOORGUARD_CI): {reason}", pytrace=False)
    pytest.skip(reason)


def find_program(name: str) -> str | None:
    """Path of a peer program, also where only root's PATH looks; None where it is not installed."""
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(DAEMON_FOLDERS))


def require_program(name: str, package: str = "") -> str:
    """Path of a peer program, or skip and say which Debian package has it."""
    found = find_program(name)
    require(found, f"{name} is not installed (apt-get install {package or name})")
    assert found is not None
    return found


def find_tcp_port() -> int:
    """A TCP port of the loopback that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_udp_port() -> int:
    """A UDP port of the loopback that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(probe: Callable[[], T], *, within_s: float = 5.0, every_s: float = 0.01, what: str = "") -> T:
    """Ask until the answer is true and return it; fail after `within_s`. For waits outside an event loop."""
    deadline = time.monotonic() + within_s
    while not (answer := probe()):
        if time.monotonic() > deadline:
            pytest.fail(f"did not happen within {within_s} s: {what or probe}", pytrace=True)
        time.sleep(every_s)
    return answer


async def eventually_async(
    probe: Callable[[], T | Awaitable[T]], *, within_s: float = 5.0, every_s: float = 0.01, what: str = ""
) -> T:
    """The same inside an event loop; the probe may be a coroutine function."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        asked = probe()
        answer = await asked if isinstance(asked, Awaitable) else asked
        if answer:
            return answer
        if loop.time() > deadline:
            pytest.fail(f"did not happen within {within_s} s: {what or probe}", pytrace=True)
        await asyncio.sleep(every_s)


def run(scenario: Coroutine[Any, Any, T], *, within_s: float = 30.0) -> T:
    """Run a scenario in a fresh event loop, in bounded time; fail when it leaves tasks of its own running."""

    async def watched() -> T:
        async with asyncio.timeout(within_s):
            answer = await scenario
        await asyncio.sleep(0)  # what was cancelled at the very end may finish now
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not left, f"tasks left running: {left}"
        return answer

    return asyncio.run(watched())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """MORE_EXAMPLES=20: each property is tried with so many times more examples than on each commit (`make proof`)."""
    for item in items:
        place = item.path.relative_to(PROJECT).as_posix() if item.path.is_relative_to(PROJECT) else ""
        is_random = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if place.startswith(UNMEASURED) or (is_random and not place.startswith(MEASURED)):
            item.add_marker("unmeasured")
    if (times := int(os.environ.get("MORE_EXAMPLES", "1"))) == 1:
        return
    for test in {id(test): test for item in items if (test := getattr(item, "obj", None))}.values():
        test = getattr(test, "__func__", test)
        if (usual := getattr(test, "_hypothesis_internal_use_settings", None)) is not None:
            test._hypothesis_internal_use_settings = settings(usual, max_examples=usual.max_examples * times)


@pytest.fixture
def free_tcp_port() -> int:
    return find_tcp_port()


@pytest.fixture
def free_udp_port() -> int:
    return find_udp_port()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recordings and facts beside the project. Not part of the project: its absence is always a skip."""
    folder = Path(os.environ.get("FLOORGUARD_SHARED", PROJECT.parent / "shared"))
    if not (folder / "devices").is_dir():
        pytest.skip("the recordings are not beside the project (../shared, or FLOORGUARD_SHARED)")
    return folder


def living_children() -> set[int]:
    """Process ids of our running children. Linux only; elsewhere nothing is seen."""
    found: set[int] = set()
    for listing in Path("/proc/self/task").glob("*/children"):
        try:
            children = listing.read_text().split()
        except OSError:  # the thread ended while we looked
            continue
        for pid in children:
            try:
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            except OSError:  # ended while we looked
                continue
            if state != "Z":
                found.add(int(pid))
    return found


def lasting_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if not thread.daemon}


@pytest.fixture(autouse=True)
def leaves_nothing_behind() -> Iterator[None]:
    """Fail a test whose child processes or threads outlive it. Peers of a wider scope were there before, and stay."""
    children, threads = living_children(), lasting_threads()
    yield
    deadline = time.monotonic() + 1.0
    while (left := (living_children() - children, lasting_threads() - threads)) != (set(), set()):
        if time.monotonic() > deadline:
            pytest.fail(f"left behind: processes {sorted(left[0])}, threads {sorted(t.name for t in left[1])}")
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def says_nothing_invalid() -> Iterator[None]:
    """Fail a test in which a bridge of ours said what the contract's schemas do not allow, whoever listened."""
    if "mqtt_bridge.publisher" not in sys.modules:
        yield
        return
    ear = importlib.import_module("tests.wires.mqtt_judge").EAR  # not before somebody has a bridge: it costs a second
    yield
    assert ear.take_faults() == []


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The house aims for at least as many lines of tests as of code; the number is shown, not enforced."""
    code, tests = tidy_rules.count_lines(PROJECT)
    terminalreporter.write_line(f"tests : code = {tests} : {code} lines = {tests / max(code, 1):.2f}")
