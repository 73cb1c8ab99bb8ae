"""What the JSON Schemas say of a message, and an ear on all that any bridge in this process says, in any test.

`tests/conftest.py` judges after each test what the ear has heard; a daemon in a process of its own is heard at its
broker (`mqtt_collector.py`, the rig, chaos).
"""

from __future__ import annotations

import json
import re
import weakref
from collections.abc import Iterator

import jsonschema

from mqtt_bridge.client import Session
from mqtt_bridge.messages import Message
from mqtt_bridge.payload import Json
from mqtt_bridge.publisher import Publisher
from mqtt_bridge.schema import NAMES, read_schema
from mqtt_bridge.topics import is_own_topic

_NOTES = 200  # are kept until they are judged: tests look for growth
_VALIDATORS = {name: jsonschema.Draft202012Validator(read_schema(name)) for name in NAMES}


def find_fault(topic: str, raw: bytes) -> str:
    """Why a message breaks the contract; empty if it does not."""
    if topic.startswith("homeassistant/"):
        return "" if is_own_topic(topic) else f"{topic}: not a topic of ours"  # judged by its own schemas elsewhere
    kind = topic.split("/")[3]
    if not raw:
        return "" if kind in ("alarm", "cursor", "cmd") else f"{topic}: empty"
    try:
        data = json.loads(raw)
    except ValueError as error:
        return f"{topic}: not JSON: {error}"
    if kind == "cmd":
        return ""  # what others say to us may be anything
    if kind not in _VALIDATORS:
        return f"{topic}: no schema for {kind}"
    faults = [f"{topic}: {error.json_path}: {error.message}" for error in _VALIDATORS[kind].iter_errors(data)]
    strange = [f"{topic}: the key {key!r}" for key in keys_of(data) if not re.fullmatch("[a-z0-9_]+", key)]
    return "; ".join(faults + (strange if kind != "cursor" else []))  # a cursor is not ours


def keys_of(data: object) -> Iterator[str]:
    """Every key, however deep: the contract has rules for them that a schema says in pieces only."""
    if isinstance(data, dict):
        yield from data
    if isinstance(data, dict | list):
        for part in data.values() if isinstance(data, dict) else data:
            yield from keys_of(part)


class Ear:
    """Notes what publishers say: each message of their sessions, and each status, of which the will is one."""

    def __init__(self) -> None:
        self._noted: dict[tuple[str, bytes], None] = {}
        self._faults: list[str] = []
        self._sessions: weakref.WeakSet[Session] = weakref.WeakSet()

    def listen(self) -> None:
        """From now on, for good. Nothing of what is said changes."""
        talk, status, send, tell = Publisher._talk, Publisher._status, Session.send, Session.tell

        async def noted_talk(publisher: Publisher, session: Session) -> None:
            self._sessions.add(session)
            await talk(publisher, session)

        def noted_status(publisher: Publisher, content: Json) -> Message:
            made = status(publisher, content)
            self._note(made.topic, made.payload)
            return made

        async def noted_send(session: Session, message: Message) -> object:
            if session in self._sessions:
                self._note(message.topic, message.payload)
            return await send(session, message)

        def noted_tell(session: Session, topic: str, payload: bytes) -> bool:
            if session in self._sessions:
                self._note(topic, payload)
            return tell(session, topic, payload)

        Publisher._talk, Publisher._status = noted_talk, noted_status  # type: ignore[method-assign]  # it only looks on
        Session.send, Session.tell = noted_send, noted_tell  # type: ignore[method-assign,assignment]  # it only looks on

    def take_faults(self) -> list[str]:
        """What the schemas do not allow, of all that was noted since the last time."""
        self._judge()
        faults, self._faults = self._faults, []
        return faults

    def _note(self, topic: str, raw: bytes) -> None:
        self._noted[topic, raw] = None
        if len(self._noted) >= _NOTES:
            self._judge()

    def _judge(self) -> None:
        noted, self._noted = self._noted, {}
        self._faults += [fault for topic, raw in noted if (fault := find_fault(topic, raw))]


EAR = Ear()
EAR.listen()
