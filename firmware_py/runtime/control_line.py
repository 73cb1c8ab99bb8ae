"""The control socket's language, one JSON object a line, version 1, and one question asked without an event loop.

Request {"v":1,"verb":...,...}; answer {"v":1,"ok":true,"data":...} or {"v":1,"ok":false,"error":"..."}. Light on
purpose: most verbs of the command line ask once and are over. It must not know what a verb does.
"""

import json
import select
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from firmware_py.core.command import CommandRefused

VERSION: Final = 1
MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
_CHECKING: Final = {"apply": 120, "rollback": 120, "judge": 60}  # seconds: a process of its own checks what is asked
_CHUNK_BYTES: Final = 65_536
_PAUSES_S: Final = (0.05, 0.1)
RESTART = "`systemctl restart floorguard` if it goes on"


def encode(message: Mapping[str, object]) -> bytes:
    """One line. The values are ours, so NaN and other surprises are bugs."""
    return json.dumps({"v": VERSION, **message}, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode(line: bytes) -> dict[str, object]:
    """One message. CommandRefused for what is no JSON object of this version."""
    try:
        message: object = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise CommandRefused("not a line of JSON; send one object a line") from error
    if not isinstance(message, dict):
        raise CommandRefused("not a JSON object; send one object a line")
    if message.get("v") != VERSION:
        raise CommandRefused(
            f"version {message.get('v')!r:.20} of the control protocol, this is version {VERSION}; use the"
            " floorguard command of the same release as the controller"
        )
    return cast(dict[str, object], message)


def unwrap(line: bytes) -> object:
    """The data of an answer, a line of it whole. CommandRefused with the controller's reason, or ours."""
    if not line.endswith(b"\n"):
        raise CommandRefused("the controller has closed the connection; try again, `journalctl -u floorguard` says why")
    answer = decode(line)
    if answer.get("ok") is not True:
        raise CommandRefused(str(answer.get("error", "refused without a reason; try again")))
    return answer.get("data")


def explain(path: Path, error: Exception) -> CommandRefused:
    """Why the socket at `path` cannot be used, for people."""
    match error:
        case TimeoutError():
            return CommandRefused(f"the controller at {path} does not answer; {RESTART}")
        case PermissionError():
            return CommandRefused(f"no permission for {path}: you are not in its group; `floorguard doctor` says which")
        case _:
            return CommandRefused(f"no controller is running at {path} ({error}); start it: systemctl start floorguard")


def patience_s(verb: str, usual_s: float) -> float:
    """How long an answer may take: where a configuration is checked, longer than usual on a small board."""
    return max(usual_s, _CHECKING.get(verb, 0))


class Line:
    """`with Line(path) as line: line.ask(...)`. Everything raises CommandRefused with a sentence for people."""

    def __init__(self, path: Path, silence_ms: int = 10_000) -> None:
        self._path, self._silence_s = path, silence_ms / 1000
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def __enter__(self) -> "Line":
        self._socket.settimeout(self._silence_s)
        try:
            self._connect()
        except (OSError, ValueError) as error:
            self._socket.close()
            raise explain(self._path, error) from error
        return self

    def _connect(self) -> None:
        """A controller that has just been started has its socket's name a moment before it listens."""
        for pause_s in (*_PAUSES_S, 0.0):
            try:
                return self._socket.connect(str(self._path))
            except ConnectionRefusedError:
                if not pause_s:
                    raise
                select.select((), (), (), pause_s)

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, verb: str, **fields: object) -> object:
        """One question, one answer: its `data`."""
        limit_s = patience_s(verb, self._silence_s)
        try:
            self._socket.settimeout(limit_s)
            self._socket.sendall(encode({"verb": verb, **fields}))
            return unwrap(self._read())
        except TimeoutError as error:
            raise CommandRefused(f"no answer within {limit_s:.0f} s; {RESTART}") from error
        except OSError as error:
            raise CommandRefused(f"the controller has closed the connection; {RESTART}") from error

    def _read(self) -> bytes:
        """One line, or what came before the end of the connection."""
        found = bytearray()
        while not found.endswith(b"\n") and (piece := self._socket.recv(_CHUNK_BYTES)):
            found += piece
            if len(found) > MAX_ANSWER_BYTES:
                raise CommandRefused(f"the answer is longer than {MAX_ANSWER_BYTES} bytes; {RESTART}")
        return bytes(found)
