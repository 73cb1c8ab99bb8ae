"""The control socket: what technicians at this machine may see and order. A Unix socket, no TCP.

Requests are hostile until checked: capped, time-boxed, and ordered in the name of the peer that the kernel names, never
of one that is claimed. It must not decide what the floor allows.
"""

import asyncio
import logging
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from pathlib import Path
from typing import TypeAlias

from config.faults import ConfigError, Fault
from config.redact import redact
from firmware_py.core.command import Command, CommandKind, CommandRefused
from firmware_py.core.output import OutputValue, Pattern
from firmware_py.runtime.board import Board, Json
from firmware_py.runtime.clock import Clock
from firmware_py.runtime.control_wire import LONGEST_PATH_BYTES, MAX_REQUEST_BYTES, decode, encode
from firmware_py.runtime.desk import Desk
from firmware_py.runtime.rights import GROUP_MODE, Peer

log = logging.getLogger(__name__)

_SO_PEERGROUPS = 59  # asm-generic/socket.h, since Linux 4.13
_MAX_GROUPS = 256  # what Python lets the kernel answer; who has more is known by its own group alone
_MAX_PEERS = 16
_IDLE_S = 60
_WRITE_S = 5
_WATCH_GAP_MS = 100
_LONGEST_TTL_MS = 7 * 24 * 3_600_000
Verb: TypeAlias = Callable[[str, Mapping[str, object]], Awaitable[Json]]  # (who asks, request) -> data
_FIELDS = {"target": 128, "why": 200}


def allow_all(peer: Peer, verb: str) -> str:
    """Whoever the socket's mode lets in may do everything."""
    return ""


async def no_records(request: Mapping[str, object]) -> Json:
    """Of a controller that keeps no book."""
    raise CommandRefused("this controller keeps no book; read its files: --book FOLDER")


class Control:
    """`may(peer, verb)` says why not, or "". `more`: verbs that others answer. `run` serves until it is
    cancelled; every connection is one task."""

    def __init__(
        self, path: Path, *, run: str, clock: Clock, board: Board, desk: Desk,
        may: Callable[[Peer, str], str] = allow_all, mode: int = GROUP_MODE,
        records: Callable[[Mapping[str, object]], Awaitable[Json]] = no_records,
        more: Mapping[str, Verb] | None = None,
    ) -> None:  # fmt: skip
        self._records, self._more = records, more or {}
        self._path, self._run, self._clock, self._board, self._desk, self._may = path, run, clock, board, desk, may
        self._mode = mode
        self._numbers = count(1)
        self._peers: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Claim the socket and serve. ConfigError when its path cannot be used or another controller is there."""
        listener = claim(self._path, self._mode)
        mark = os.stat(self._path).st_ino
        server = await asyncio.start_unix_server(self._serve, sock=listener, limit=MAX_REQUEST_BYTES)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()
            for peer in self._peers:
                peer.cancel()
            if self._path.exists() and os.stat(self._path).st_ino == mark:
                self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._peers.add(task)
        try:
            if len(self._peers) > _MAX_PEERS:
                await _send(writer, {"ok": False, "error": f"{_MAX_PEERS} connections are open already"})
                return
            peer = _peer_of(writer)
            while line := await _read_line(reader):
                await self._answer(line, peer, writer)
        except (OSError, TimeoutError):
            pass  # the peer went away or does not read: its own affair
        except asyncio.CancelledError:
            # Ended by us; swallowed, for asyncio's stream callback reports a cancelled task as an error.
            pass
        finally:
            self._peers.discard(task)
            writer.close()

    async def _answer(self, line: bytes, peer: Peer, writer: asyncio.StreamWriter) -> None:
        try:
            request = decode(line)
            verb = request.get("verb")
            if refused := self._may(peer, str(verb)[:40]):
                raise CommandRefused(refused)
            match verb:
                case "status":
                    await _send(writer, {"ok": True, "data": self._board.snapshot()})
                case "watch":
                    await self._stream(writer)
                case "events":
                    await _send(writer, {"ok": True, "data": self._events(request)})
                case "records":
                    await _send(writer, {"ok": True, "data": await self._records(request)})
                case "command":
                    await _send(writer, {"ok": True, "data": await self._order(request, peer)})
                case str() if verb in self._more:
                    await _send(writer, {"ok": True, "data": await self._more[verb](peer.by, request)})
                case _:
                    raise CommandRefused(f"no such verb: {verb!r:.40}; use the floorguard of the same release")
        except CommandRefused as error:
            await _send(writer, {"ok": False, "error": redact(str(error))})

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        waker = self._board.watch()
        try:
            while True:
                await _send(writer, {"ok": True, "data": self._board.snapshot()})
                await asyncio.sleep(_WATCH_GAP_MS / 1000)
                await waker.wait(None)
        finally:
            self._board.unwatch(waker)

    def _events(self, request: dict[str, object]) -> list[Json]:
        return self._board.events(_number(request, "after", 2**53), _number(request, "last", 500) or 50)

    async def _order(self, request: dict[str, object], peer: Peer) -> Json:
        command = Command(
            id=f"{self._run}-{next(self._numbers)}",
            kind=_kind(request),
            by=peer.by,
            target=_text(request, "target"),
            why=_text(request, "why"),
            value=_value(request),
            ttl_ms=_number(request, "ttl_ms", _LONGEST_TTL_MS),
        )
        log.info("%s orders %s %s", command.by, command.kind.value, command.target)
        reply = await self._desk.ask(command)
        return {"id": command.id, "done": reply.done, "error": reply.error}


def claim(path: Path, mode: int = GROUP_MODE) -> socket.socket:
    """A listening socket at `path` with this mode. A file left behind by a dead controller is replaced."""
    if len(os.fsencode(path)) > LONGEST_PATH_BYTES:
        raise _fault(path, f"longer than the {LONGEST_PATH_BYTES} bytes that a socket's path may have")
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        # Before bind: Linux gives the file this mode less the umask, so that it is never wider than wanted.
        os.fchmod(listener.fileno(), mode)
        listener.bind(os.fsencode(path))
        os.chmod(path, mode)
        listener.listen(_MAX_PEERS)
    except OSError as error:
        listener.close()
        raise _fault(path, f"cannot be used: {error.strerror}") from error
    return listener


def _clear(path: Path) -> None:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return  # nothing there, or bind will say what is wrong
    if not stat.S_ISSOCK(mode):
        raise _fault(path, "there is a file that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fsencode(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise _fault(path, f"cannot be asked whether a controller listens: {error}") from error
    raise _fault(path, "another controller listens there")


def _fault(path: Path, message: str) -> ConfigError:
    return ConfigError([Fault(file=str(path), line=1, col=1, key="control socket", message=message)])


def _peer_of(writer: asyncio.StreamWriter) -> Peer:
    size = struct.calcsize("3i")
    raw = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    pid, uid, gid = struct.unpack("3i", raw)
    return Peer(pid=pid, uid=uid, gid=gid, groups=_groups_of(writer.get_extra_info("socket"), gid))


def _groups_of(peer: socket.socket, gid: int) -> frozenset[int]:
    """The peer's groups as they were when it connected; only its own where the kernel is too old to say."""
    size = struct.calcsize("i")
    try:
        raw = peer.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MAX_GROUPS * size)
    except OSError:
        return frozenset({gid})
    return frozenset(struct.unpack(f"{len(raw) // size}i", raw)) | {gid}


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    """One request; empty at the end, for an idle peer, or for one that sends too much (it is not worth an answer)."""
    try:
        async with asyncio.timeout(_IDLE_S):
            line = await reader.readline()
    except ValueError:
        return b""
    return line if line.endswith(b"\n") else b""


async def _send(writer: asyncio.StreamWriter, message: dict[str, object]) -> None:
    writer.write(encode(message))
    async with asyncio.timeout(_WRITE_S):
        await writer.drain()


def _kind(request: dict[str, object]) -> CommandKind:
    try:
        return CommandKind(str(request.get("kind")))
    except ValueError as error:
        raise CommandRefused(
            f"no such command: {request.get('kind')!r:.40}; use the floorguard command of the same release"
        ) from error


def _text(request: dict[str, object], key: str) -> str:
    text = request.get(key, "")
    if not isinstance(text, str) or len(text) > _FIELDS[key] or not text.isprintable():
        raise CommandRefused(f"{key} must be a text of at most {_FIELDS[key]} printable characters")
    return text


def _number(request: dict[str, object], key: str, highest: int) -> int:
    number = request.get(key, 0)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= highest:
        raise CommandRefused(f"{key} must be a whole number from 0 to {highest}")
    return number


def _value(request: dict[str, object]) -> OutputValue | None:
    value = request.get("value")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value in set(Pattern):
        return Pattern(value)
    raise CommandRefused(f"value must be true, false or one of {', '.join(Pattern)}")
