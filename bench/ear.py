"""A subscriber to everything, with the monotonic time of each message: hand-encoded, in a thread of the benchmark's.

It must not be a library of ours: it is what the outside world sees.
"""

from __future__ import annotations

import socket
import struct
import threading
import time


class Ear:
    """`heard`: (when in ns, topic, payload), appended as it comes."""

    def __init__(self, port: int, topic: str = "#") -> None:
        self.heard: list[tuple[int, str, bytes]] = []
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self._socket.sendall(b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x00\x00\x03ear")
        self._take(4)
        body = b"\x00\x01" + struct.pack(">H", len(topic)) + topic.encode() + b"\x00"
        self._socket.sendall(bytes((0x82, len(body))) + body)
        threading.Thread(target=self._listen, daemon=True).start()

    def _take(self, count: int) -> bytes:
        while len(self._rest) < count:
            more = self._socket.recv(65_536)
            if not more:
                raise EOFError
            self._rest += more
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def _listen(self) -> None:
        try:
            while True:
                kind = self._take(1)[0]
                at_ns = time.monotonic_ns()
                length = shift = 0
                while (digit := self._take(1)[0]) & 0x80:
                    length, shift = length | (digit & 0x7F) << shift, shift + 7
                packet = self._take(length | digit << shift)
                if kind >> 4 == 3 and not kind & 1:  # QoS 0, as subscribed; not what was retained of somebody before
                    size = int.from_bytes(packet[:2], "big")
                    self.heard.append((at_ns, packet[2 : 2 + size].decode(), packet[2 + size :]))
        except (EOFError, OSError):
            return

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
