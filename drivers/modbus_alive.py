"""TCP keep-alive: lets the kernel find a peer that vanished without a word.

Sets options of a socket that somebody else owns. It must not know Modbus, nor close anything.
"""

import socket


def keep_alive(connection: object) -> None:
    """Let the kernel find a peer that vanished without a word: three probes of 5 s after 10 s of silence."""
    sock = connection if hasattr(connection, "setsockopt") else None
    if sock is None:
        return  # a serial line
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
