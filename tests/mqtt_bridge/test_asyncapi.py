"""The AsyncAPI document: alike to the shipped one, complete, and sound for the official parser."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mqtt_bridge.asyncapi import document
from mqtt_bridge.schema import NAMES, read_schema
from tests.conftest import PROJECT, require, require_program

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
SHIPPED = PROJECT / "docs" / "asyncapi.json"
PARSE = """
import { Parser } from '@asyncapi/parser';
import { readFileSync } from 'fs';
const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[1], 'utf8'));
const faults = diagnostics.filter(one => one.severity === 0);
console.log(JSON.stringify({ faults, channels: document ? document.channels().all().map(one => one.id()) : [] }));
"""


def parse(file: Path) -> dict[str, Any]:
    """What the parser that `.ci/peers-asyncapi` has brought says of a document."""
    folder = CACHE / "floorguard-tests" / "asyncapi-3.6.3"
    require((folder / "complete").exists(), "the official AsyncAPI parser is not there (.ci/peers-asyncapi)")
    program = [require_program("node", "nodejs"), "--input-type=module", "--eval", PARSE, str(file)]
    done = subprocess.run(program, cwd=folder, capture_output=True, timeout=120, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def make() -> dict[str, Any]:
    return document({name: read_schema(name) for name in NAMES}, release="1.0.0")


def test_the_shipped_document_is_what_the_models_make() -> None:
    """Write it anew with: python -m tests.mqtt_bridge.test_asyncapi"""
    assert json.loads(SHIPPED.read_text()) == make()


def test_every_message_of_the_contract_has_a_channel_and_every_reference_a_target() -> None:
    made = make()
    assert set(made["channels"]) == set(NAMES)
    text = json.dumps(made)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/')[1:]}:
        node: Any = made
        for key in reference.split("/"):
            node = node[key]
        assert node


@pytest.mark.wire
def test_the_official_parser_finds_no_fault() -> None:
    said = parse(SHIPPED)
    assert said["faults"] == []
    assert set(said["channels"]) == set(NAMES)


@pytest.mark.wire
def test_the_official_parser_would_have_found_one(tmp_path: Path) -> None:
    wrong = make()
    del wrong["operations"]["send_status"]["channel"]
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    assert parse(tmp_path / "wrong.json")["faults"]


if __name__ == "__main__":
    SHIPPED.write_text(json.dumps(make(), indent=1) + "\n")
