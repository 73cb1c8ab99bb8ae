"""Every error that people can be shown says what to do: all of their texts are read out of the source, none left out.

An error has two parts, what is wrong and what to do, or it says what has to be: `must`, `needs`, `only`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.explain import _LIMITS, _TYPES
from tests.conftest import PROJECT

# Who raises what people see. ValueError only in the configuration, where it becomes a fault.
MADE = {"CommandRefused", "Fault", "Finding", "ConfigError", "_refuse", "at", "fault"}
FILES = (
    *(PROJECT / "config").glob("*.py"),
    *(PROJECT / "firmware_py").rglob("*.py"),
    *(PROJECT / "drivers").glob("*_profile.py"),
    *(PROJECT / "drivers").glob("*_schema.py"),
    PROJECT / "drivers" / "line_status.py",
    PROJECT / "drivers" / "modbus_write.py",
)
ADVICE = re.compile(
    r"; |\bmust\b|\bneeds?\b|\bonly\b|did you mean|come together|floorguard|systemctl|apt-get|\btry\b|\buse\b|"
    r"\bfirst: |\bAdd --|not TOML|\{(known_of|there|hint)|allowed on the wire"
)
# What is no error (all is well, or a step is told), or the second half of one whose first half is elsewhere.
ELSEWHERE = re.compile(
    r"^(\{|floorguard: \{(error|args|target)|refused: |not a usable path$|not read within a minute|no output is known)|"
    r"^(nothing|no checklist is open|no drill is running|'.*' (is in service|was ticked)|nobody has said)|"
    r"^say |one can say: |, but: \{|^the profile is faulty: \{|"
    r"^  because |^waiting for |is written; |^prctl |^safe-outputs: "
)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every error that a file can show."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Assign(targets=[ast.Name(id="message")], value=value):
                yield from spelled(value, node.lineno)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords):
                to_people = name == "print" and any(
                    one.arg == "file" and ast.unparse(one.value) == "sys.stderr" for one in keywords
                )
                if name in MADE or to_people or (name == "ValueError" and "config" in path.parts[-2]):
                    for given in (*args, *(one.value for one in keywords if one.arg == "message")):
                        yield from spelled(given, node.lineno)


def spelled(node: ast.expr, line: int) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Constant(value=str(text)) if " " in text:
            yield line, text
        case ast.JoinedStr(values=parts):
            yield (
                line,
                "".join(
                    "{" + ast.unparse(part.value) + "}"
                    if isinstance(part, ast.FormattedValue)
                    else ast.literal_eval(part)
                    for part in parts
                ),
            )
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            both = [text for side in (left, right) for _, text in spelled(side, line)]
            if both:
                yield line, "".join(both)
        case ast.IfExp(body=body, orelse=orelse):
            yield from spelled(body, line)
            yield from spelled(orelse, line)


FOUND = [(path.relative_to(PROJECT), line, text) for path in FILES for line, text in texts(path)]


def test_all_of_them_are_found() -> None:
    assert len(FOUND) > 300 and {str(path).split("/")[0] for path, *_ in FOUND} == {"config", "drivers", "firmware_py"}


@pytest.mark.parametrize("folder", ["config", "drivers", "firmware_py"])
def test_every_error_says_what_to_do(folder: str) -> None:
    without = [
        f"{path}:{line}: {text}"
        for path, line, text in FOUND
        if str(path).startswith(folder) and " " in text and not ADVICE.search(text) and not ELSEWHERE.search(text)
    ]
    assert without == []


def test_what_the_schema_says_is_what_has_to_be() -> None:
    for text in (*_TYPES.values(), *_LIMITS.values()):
        assert "must" in text or ";" in text, text


def test_an_error_without_advice_is_caught(tmp_path: Path) -> None:
    path = tmp_path / "config" / "one.py"
    path.parent.mkdir()
    path.write_text(
        'message = f"is {wrong} here"\nraise ValueError("is bad too")\nyield_(Finding(message="is odd now"))\n'
    )
    found = [text for _, text in texts(path)]
    assert found == ["is {wrong} here", "is bad too", "is odd now"] and not any(map(ADVICE.search, found))
