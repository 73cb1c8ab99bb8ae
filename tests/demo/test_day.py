"""The whole demo as a user starts it: the day played through on real protocols, and an end that leaves nothing."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import PROJECT, eventually, find_program, require
from tests.wires.mqtt_collector import Collector

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
COMMAND = (sys.executable, "-m", "firmware_py", "demo")


@pytest.fixture(autouse=True)
def some_broker_is_installed() -> None:
    try:
        import amqtt
    except ImportError:
        amqtt = None
    require(find_program("mosquitto") or amqtt, "neither mosquitto nor amqtt is installed")


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of our own for the run's folder, short enough for a socket in it, to see what is left behind."""
    with tempfile.TemporaryDirectory(prefix="fgday") as folder:
        yield Path(folder)


def environment(temporary: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(PROJECT), **more}


def running_in(temporary: Path) -> list[str]:
    """Command lines of processes that were started with files of this run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(temporary) in words:
            found.append(words)
    return found


def assert_nothing_is_left(temporary: Path) -> None:
    eventually(lambda: not running_in(temporary), within_s=20, every_s=0.1, what="every process has ended")
    assert list(temporary.iterdir()) == []


@contextmanager
def demo(temporary: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The demo without a terminal; ended in any case."""
    process = subprocess.Popen(
        [*COMMAND, *words], cwd=PROJECT, env=environment(temporary), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        assert process.stdout is not None
        process.stdout.close()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"never said {words!r}:\n{said}")


def listen(temporary: Path) -> Collector:
    """An ear of the tests' own at the run's broker, from its beginning."""
    site = eventually(lambda: next(temporary.glob("*/site.toml"), None), within_s=60, what="the run's site file")
    mqtt = eventually(lambda: tomllib.loads(site.read_text()).get("mqtt"), within_s=10, what="its broker")
    return Collector(mqtt["port"], new=mqtt.get("version", "5") == "5")


def test_the_day_happens_as_the_script_expects_and_every_message_of_it_is_valid(temporary: Path) -> None:
    began_s = time.monotonic()
    process = subprocess.Popen(
        [*COMMAND, "--fast", "--check"], cwd=PROJECT, env=environment(temporary), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        collector = listen(temporary)
        said, complaints = process.communicate(timeout=240)
    finally:
        process.kill()
        process.wait(5)
    collector.close()
    assert process.returncode == 0, said + complaints
    assert "MISSED" not in said
    assert "expectations came true" in said.splitlines()[-1]
    assert complaints == ""
    assert time.monotonic() - began_s < 200
    assert_nothing_is_left(temporary)
    assert {"status", "info", "state", "alarm", "event"} <= {one.kind for one in collector.heard}
    assert collector.find_faults() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_without_a_terminal_it_tells_the_story_and_any_end_is_clean(temporary: Path, number: signal.Signals) -> None:
    with demo(temporary, "--fast") as process:
        said = read_until(process, "CONSERVATION")
        assert "The mains fails" in said
        assert "power.mains_lost" in read_until(process, "mode.changed to conservation") + said
        process.send_signal(number)
        process.send_signal(number)  # impatience must not break off the clearing up
        rest = process.communicate(timeout=40)[0]
        assert process.returncode == 0, rest
        assert "Traceback" not in said + rest
        assert rest.splitlines()[-1] == "ended"
        assert_nothing_is_left(temporary)


def test_a_check_that_is_broken_off_is_no_success(temporary: Path) -> None:
    with demo(temporary, "--fast", "--check") as process:
        read_until(process, "The mains fails")
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=40)[0]
        assert process.returncode == 1
        assert "before the day was over" in rest
        assert_nothing_is_left(temporary)


@pytest.mark.parametrize("words", [("--fast", "--check"), ("--fast",)])
def test_a_daemon_that_dies_fails_the_demo_and_says_what_it_last_said(temporary: Path, words: tuple[str, ...]) -> None:
    with demo(temporary, *words) as process:
        read_until(process, "The mains fails")
        (daemon,) = [
            int(entry.parent.name)
            for entry in Path("/proc").glob("[0-9]*/cmdline")
            if b"run\0--config" in _read(entry) and str(temporary).encode() in _read(entry)
        ]
        os.kill(daemon, signal.SIGKILL)
        rest = process.communicate(timeout=40)[0]
        assert process.returncode == 1
        assert "the daemon has ended with exit code -9" in rest
        assert "Traceback" not in rest
        assert_nothing_is_left(temporary)


def _read(entry: Path) -> bytes:
    try:
        return entry.read_bytes()
    except OSError:
        return b""


def test_when_the_demo_itself_is_killed_nothing_of_it_goes_on(temporary: Path) -> None:
    require(find_program("setpriv"), "setpriv is not installed (apt-get install util-linux)")
    with demo(temporary, "--fast", "--check") as process:
        read_until(process, "A quiet floor")
        assert running_in(temporary)
        process.kill()
        process.wait(5)
        eventually(
            lambda: not running_in(temporary), within_s=20, every_s=0.1, what="the daemon and the broker end too"
        )


@pytest.mark.parametrize("no_colour", [False, True])
def test_on_a_terminal_it_draws_the_panel_and_ctrl_c_ends_it(temporary: Path, no_colour: bool) -> None:
    ours, theirs = pty.openpty()
    more = {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"} | ({"NO_COLOR": "1"} if no_colour else {})
    process = subprocess.Popen(
        [*COMMAND, "--fast"], cwd=PROJECT, env=environment(temporary, **more), stdin=theirs, stdout=theirs,
        stderr=theirs, start_new_session=True, preexec_fn=_take_terminal,
    )  # fmt: skip
    os.close(theirs)
    shown = bytearray()
    try:
        for words in (b"LAMPS", b"CONSERVATION", b"PAUSED"):
            _read_terminal(ours, shown, words)
        os.write(ours, b"\x03")  # Ctrl-C as it comes from a keyboard
        _read_terminal(ours, shown, b"ended")
        assert process.wait(40) == 0
        assert b"Traceback" not in shown
        coloured = any(
            code in shown for code in (b"\x1b[32m", b"\x1b[1;32m", b"\x1b[33m", b"\x1b[1;33m", b"\x1b[1;31m")
        )
        assert coloured is not no_colour
        assert_nothing_is_left(temporary)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(5)
        os.close(ours)


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read_terminal(ours: int, shown: bytearray, words: bytes, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    place = len(shown)
    while words not in shown[max(0, place - 200) :]:
        left_s = deadline - time.monotonic()
        assert left_s > 0, f"never showed {words!r}: {shown[-3000:]!r}"
        if select.select([ours], [], [], left_s)[0]:
            try:
                shown += os.read(ours, 65_536)
            except OSError:
                assert words in shown, f"ended without {words!r}"
                return
