"""The shipped JSON Schemas (draft 2020-12), one per message, and the hash by which both sides know that they agree.

Reads package data only; it must not know who validates.
"""

import hashlib
import json
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).with_name("schemas")
NAMES = ("status", "info", "state", "alarm", "event", "cursor", "tele", "cmd", "reply")


def read_schema(name: str) -> dict[str, object]:
    """One schema as a dictionary; `name` is one of NAMES."""
    found = json.loads(_raw(name))
    assert isinstance(found, dict), name
    return found


def digest() -> str:
    """Over all schemas: `sha256:` and 16 hex digits, goes out with `info`."""
    total = hashlib.sha256()
    for name in NAMES:
        total.update(_raw(name))
    return f"sha256:{total.hexdigest()[:16]}"


def _raw(name: str) -> bytes:
    return (_FOLDER / f"{name}.json").read_bytes()
