"""What reading verbs print with --json, held against the schemas that are shipped for it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema

from firmware_py.cli.schema import FOLDER

NAMES = sorted(file.stem for file in FOLDER.glob("*.json"))


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def held_against(name: str, text: str) -> Any:
    """The document, which the verb's schema allows."""
    document = json.loads(text)
    faults = [f"{fault.json_path}: {fault.message:.200}" for fault in validator(name).iter_errors(document)]
    assert faults == [], faults
    return document
