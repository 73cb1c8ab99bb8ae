"""The central server's ear in the demo: subscribes at the broker and keeps the last message of every topic.

MQTT 3.1.1 at QoS 0 in a hundred lines of its own, so that the demo is not proved by the library that the bridge uses;
every message is held against the shipped schemas where jsonschema is installed. It must not know the daemon.
"""

import asyncio
import importlib
import json
from collections.abc import Callable, Sequence
from typing import cast

from firmware_py.demo.script import Json
from mqtt_bridge.schema import NAMES, read_schema

HOST = "127.0.0.1"
MOST_BYTES = 256 * 1024
MOST_FAULTS = 20
_CONNECT, _CONNACK, _PUBLISH, _SUBSCRIBE, _PINGREQ = 0x10, 0x20, 0x30, 0x82, 0xC0
_KEEP_ALIVE_S = 20
_ANSWER_S = 5.0
Judge = Callable[[str, Json], list[str]]


class ListenerLost(RuntimeError):
    """The broker ended the conversation or does not speak MQTT 3.1.1."""


class Listener:
    """Hears `root/#`. `messages`: the last one by topic below the root, None after an empty payload."""

    def __init__(self, port: int, root: str) -> None:
        self._port, self._root = port, root
        self.messages: dict[str, Json] = {}
        self.heard = 0
        self.faults: list[str] = []
        judge = find_judge()
        self.validates = judge is not None
        self._judge: Judge = judge or (lambda _, __: [])

    async def run(self, ready: asyncio.Event) -> None:
        """Listen until cancelled. Raises ListenerLost or OSError."""
        reader, writer = await asyncio.open_connection(HOST, self._port)
        try:
            async with asyncio.timeout(_ANSWER_S):
                writer.write(
                    _packet(_CONNECT, _text("MQTT") + b"\x04\x02" + _number(_KEEP_ALIVE_S) + _text("demo-ear"))
                )
                kind, body = await _receive(reader)
                if kind & 0xF0 != _CONNACK or body[1:2] != b"\x00":
                    raise ListenerLost("the broker refuses the demo's listener")
                writer.write(_packet(_SUBSCRIBE, _number(1) + _text(f"{self._root}/#") + b"\x00"))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_ping(writer))
                tasks.create_task(self._listen(reader, ready))
        finally:
            writer.close()

    async def _listen(self, reader: asyncio.StreamReader, ready: asyncio.Event) -> None:
        try:
            while True:
                kind, body = await _receive(reader)
                if kind & 0xF0 == _PUBLISH:
                    size = int.from_bytes(body[:2], "big")
                    self._hear(body[2 : 2 + size].decode(errors="replace"), body[2 + size :])
                else:
                    ready.set()  # the answer to the subscription, later those to pings
        except asyncio.IncompleteReadError as error:
            raise ListenerLost("the broker has hung up on the demo's listener") from error

    def _hear(self, topic: str, payload: bytes) -> None:
        name = topic.removeprefix(f"{self._root}/")
        self.heard += 1
        if not payload:
            self.messages[name] = None
            return
        try:
            message = cast(Json, json.loads(payload))
        except ValueError as error:
            self._note([f"{name}: {error}"])
            return
        self.messages[name] = message
        self._note(self._judge(name, message))

    def _note(self, faults: Sequence[str]) -> None:
        self.faults += faults[: MOST_FAULTS - len(self.faults)]


def find_judge() -> Judge | None:
    """What holds a message against the schema of its topic; None where jsonschema is not installed."""
    try:
        jsonschema = importlib.import_module("jsonschema")  # comes with the tests, not with the demo
    except ImportError:
        return None
    known = {name: jsonschema.Draft202012Validator(read_schema(name)) for name in NAMES}

    def judge(topic: str, message: Json) -> list[str]:
        validator = known.get(topic.split("/")[0])
        if validator is None:
            return [f"{topic}: no schema for such a topic"]
        return [f"{topic}: {fault.json_path}: {fault.message}"[:300] for fault in validator.iter_errors(message)]

    return judge


# ---------------------------------------------------------------------------------------------- MQTT 3.1.1, chapter 2
async def _receive(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind = (await reader.readexactly(1))[0]
    size = shift = 0
    while True:
        octet = (await reader.readexactly(1))[0]
        size |= (octet & 0x7F) << shift
        shift += 7
        if not octet & 0x80:
            break
        if shift > 21:
            raise ListenerLost("the broker sends what is not MQTT")
    if size > MOST_BYTES:
        raise ListenerLost(f"the broker sends a packet of {size} bytes")
    return kind, await reader.readexactly(size)


async def _ping(writer: asyncio.StreamWriter) -> None:
    while True:
        await asyncio.sleep(_KEEP_ALIVE_S / 2)
        writer.write(_packet(_PINGREQ, b""))


def _packet(kind: int, body: bytes) -> bytes:
    size, left = b"", len(body)
    while True:
        left, octet = divmod(left, 128)
        size += bytes((octet | (0x80 if left else 0),))
        if not left:
            return bytes((kind,)) + size + body


def _number(number: int) -> bytes:
    return number.to_bytes(2, "big")


def _text(text: str) -> bytes:
    raw = text.encode()
    return _number(len(raw)) + raw
