"""sd_notify against sockets of the kernel, and against systemd-notify's own reader where there is one."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from firmware_py.runtime.clock import monotonic_us
from firmware_py.runtime.notify import Notifier


def test_messages_arrive_as_the_manual_says(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")}, os.getpid())
        notifier.ready("conservation because ups1.on_battery")
        notifier.status("one\nline\tonly " + "x" * 1_000)
        notifier.pet()
        notifier.reloading(monotonic_us())
        notifier.stopping("bye")
        notifier.close()
        notifier.pet()  # after the end: nobody hears it, nobody minds
        heard = [manager.recv(4096).decode() for _ in range(5)]
    assert heard[0] == "READY=1\nSTATUS=conservation because ups1.on_battery"
    assert heard[1].startswith("STATUS=one line only xxx")
    assert len(heard[1]) <= 207
    assert heard[2] == "WATCHDOG=1"
    assert heard[3].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert heard[4] == "STOPPING=1\nSTATUS=bye"


def test_an_abstract_socket_is_reached_too() -> None:
    name = f"floorguard-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        notifier = Notifier({"NOTIFY_SOCKET": "@" + name}, os.getpid())
        notifier.pet()
        assert manager.recv(100) == b"WATCHDOG=1"
        notifier.close()


def test_without_a_service_manager_nothing_happens() -> None:
    notifier = Notifier({}, os.getpid())
    notifier.ready("normal")
    notifier.close()


def test_a_manager_that_is_gone_or_full_is_said_once_and_never_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}, os.getpid())
    for _ in range(10):
        notifier.pet()
    assert len(caplog.records) == 1
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "nobody"))
        for _ in range(10_000):  # nobody reads
            notifier.pet()
    notifier.close()


@pytest.mark.parametrize(
    ("environ", "expected_ms"),
    [
        ({}, 0),
        ({"WATCHDOG_USEC": "30000000"}, 30_000),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "41"}, 30_000),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "42"}, 0),
        ({"WATCHDOG_USEC": "soon"}, 0),
        ({"WATCHDOG_USEC": "9" * 30}, 0),
    ],
)
def test_the_watchdog_time_is_ours_only_if_it_was_meant_for_us(environ: dict[str, str], expected_ms: int) -> None:
    assert Notifier(environ, 41).watchdog_ms == expected_ms
