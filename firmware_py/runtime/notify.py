"""Messages to the service manager over its datagram socket (sd_notify(3)); silent where there is none.

It never waits and never fails: the floor does not depend on it. It must not decide when to send what.
"""

import logging
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)
_LONGEST_STATUS = 200


class Notifier:
    """`environ` as the service manager gave it: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID."""

    def __init__(self, environ: Mapping[str, str], pid: int) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # "@" stands for the zero byte of an abstract socket.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        if self._socket is not None:
            self._socket.setblocking(False)
        self._failing = False
        self.watchdog_ms = _watchdog_ms(environ, pid)

    def ready(self, status: str) -> None:
        """READY=1: outputs are claimed and the cycle ticked."""
        self._send("READY=1", _status(status))

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(_status(text))

    def pet(self) -> None:
        """WATCHDOG=1."""
        self._send("WATCHDOG=1")

    def reloading(self, monotonic_us: int) -> None:
        """RELOADING=1 with its time stamp, without which systemd 253 and later waits until it gives up."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={monotonic_us}")

    def stopping(self, status: str) -> None:
        """STOPPING=1."""
        self._send("STOPPING=1", _status(status))

    def close(self) -> None:
        """Give the socket back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, *lines: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            if not self._failing:
                log.warning("the service manager cannot be told: %s", error)
            self._failing = True
        else:
            self._failing = False


def _status(text: str) -> str:
    return "STATUS=" + " ".join(text.split())[:_LONGEST_STATUS]


def _watchdog_ms(environ: Mapping[str, str], pid: int) -> int:
    """The time within which a pet is due; 0 for no watchdog."""
    wanted, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not wanted.isascii() or not wanted.isdigit() or len(wanted) > 18 or whose not in ("", str(pid)):
        return 0
    return int(wanted) // 1000
