"""The kernel asked at what the running daemon listens: its control socket, and nothing that a network reaches."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import eventually_async, run
from tests.e2e.rig import Rig

pytestmark = pytest.mark.wire
LISTEN = 0x0A  # include/net/tcp_states.h
TABLES = ("tcp", "tcp6", "udp", "udp6")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of /proc/net/tcp and its like."""

    table: str
    local: tuple[str, int]
    far_port: int
    state: int
    inode: int


def entries_of(pid: int) -> list[Entry]:
    """The process's own Internet sockets."""
    links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    own = {int(name.removeprefix("socket:[").rstrip("]")) for name in links if name.startswith("socket:[")}
    found = []
    for table in TABLES:
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            entry = Entry(
                table=table, local=_address(words[1]), far_port=int(words[2].rpartition(":")[2], 16),
                state=int(words[3], 16), inode=int(words[9]),
            )  # fmt: skip
            found += [entry] * (entry.inode in own)
    return found


def _address(text: str) -> tuple[str, int]:
    raw, _, port = text.partition(":")
    if len(raw) == 8:
        return socket.inet_ntoa(struct.pack("=I", int(raw, 16))), int(port, 16)
    return raw, int(port, 16)


def test_the_daemon_listens_at_no_port_of_its_own_choice(tmp_path: Path) -> None:
    async def scenario() -> list[Entry]:
        async with Rig.open(tmp_path) as rig:
            text = rig.site_file.read_text()
            if "emergency_numbers" not in text:
                rig.site_file.write_text(
                    text.replace('id = "pbx1"\nhost', 'id = "pbx1"\nemergency_numbers = ["112"]\nhost')
                )
            await rig.start()
            await rig.until(lambda picture: picture["points"]["pbx1.link"]["quality"] == "good", within_s=20)
            await rig.until(lambda picture: picture["points"]["ups1.output_source"]["quality"] == "good", within_s=20)
            assert rig.process is not None
            pid = rig.process.pid
            return await eventually_async(lambda: entries_of(pid), within_s=5)

    entries = run(scenario(), within_s=60)
    assert {entry.table for entry in entries} >= {"tcp", "udp"}, "it talks to its devices"
    assert [entry for entry in entries if entry.table.startswith("tcp") and entry.state == LISTEN] == []
    # The agents' client socket is unconnected (drivers/snmp.py drops what another address sends); its number is chance.
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert [entry for entry in entries if entry.far_port == 0 and not low <= entry.local[1] <= high] == []


def test_the_look_at_the_kernel_finds_a_port_that_listens(tmp_path: Path) -> None:

    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        found = {(entry.table, entry.local) for entry in entries_of(os.getpid()) if entry.far_port == 0}
        assert {("tcp", server.getsockname()), ("udp", ear.getsockname())} <= found
