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
from tests.conftest import PROJECT, find_program

SHIPPED = PROJECT / "docs" / "asyncapi.json"
PARSE = """
import { Parser } from '@asyncapi/parser';
import { readFileSync } from 'fs';
const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], 'utf8'));
const faults = diagnostics.filter(one => one.severity === 0);
console.log(JSON.stringify({ faults, channels: document ? document.channels().all().map(one => one.id()) : [] }));
"""


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


@pytest.fixture(scope="session")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The official parser in a folder of its own; a machine without npm or without the net has none."""
    if find_program("npm") is None or find_program("node") is None:
        pytest.skip("npm is not installed: the official AsyncAPI parser cannot be had")
    folder = tmp_path_factory.mktemp("asyncapi")
    command = ["npm", "install", "@asyncapi/parser@3", "--no-audit", "--no-fund", "--ignore-scripts"]
    environ = {**os.environ, "npm_config_cache": str(folder / "cache")}
    try:
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, timeout=180)
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not fetch the official AsyncAPI parser in three minutes")
    if done.returncode:
        pytest.skip(f"npm could not fetch the official AsyncAPI parser: {done.stderr.decode()[-200:]}")
    (folder / "parse.mjs").write_text(PARSE)
    return folder


@pytest.mark.wire
def test_the_official_parser_finds_no_fault(parser: Path) -> None:
    done = subprocess.run(["node", "parse.mjs", str(SHIPPED)], cwd=parser, capture_output=True, timeout=60, check=True)
    said = json.loads(done.stdout)
    assert said["faults"] == []
    assert set(said["channels"]) == set(NAMES)


if __name__ == "__main__":
    SHIPPED.write_text(json.dumps(make(), indent=1) + "\n")
