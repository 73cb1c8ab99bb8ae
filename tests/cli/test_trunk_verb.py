"""`floorguard trunk NAME WORD`: one order for the daemon, with the name and the word in its target."""

import argparse
from collections.abc import Mapping

import pytest

from firmware_py.cli import order
from firmware_py.cli.verbs import build_parser
from firmware_py.core.lines import AUTO, SAID


@pytest.mark.parametrize("word", [*SAID, AUTO])
def test_what_is_said_of_a_trunk_reaches_the_daemon_as_one_target(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Mapping[str, object]] = []

    def ask(socket: str, verb: str, **fields: object) -> tuple[object, int]:
        asked.append(fields)
        return {"done": True}, 0

    monkeypatch.setattr(order, "ask", ask)
    args: argparse.Namespace = build_parser().parse_args(["trunk", "co2", word])
    assert order.run(args) == 0
    assert asked == [{"kind": "trunk", "target": f"co2={word}", "value": None, "ttl_ms": 0, "why": ""}]


def test_another_word_is_refused_before_anybody_is_asked() -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["trunk", "co2", "broken"])
