"""The key scanner agrees with tomllib on every key, and points at the key in the text."""

import json
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.faults import Path
from config.positions import scan
from config.strict import parse

KEYS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
INLINE = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
TABLES = st.recursive(
    st.dictionaries(KEYS, INLINE, max_size=3),
    lambda inner: st.dictionaries(KEYS, inner | st.lists(inner, min_size=1, max_size=3), max_size=3),
    max_leaves=8,
)


def quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


class Writer:
    """Writes a document as TOML and remembers where each key went."""

    def __init__(self, draw: st.DataObject) -> None:
        self.lines = [""]
        self.placed: dict[Path, tuple[int, int]] = {}
        self.draw = draw

    def put(self, text: str) -> None:
        self.lines[-1] += text

    def end(self) -> None:
        self.put(self.draw.draw(st.sampled_from(["", "  ", " # [note] = 'x' { \"y"])))
        self.lines.append("")

    def blank(self) -> None:
        self.put(self.draw.draw(st.sampled_from(["", " ", "\t", "   "])))

    def key(self, name: str, path: Path) -> None:
        self.blank()
        self.placed[path] = (len(self.lines), len(self.lines[-1]) + 1)
        bare = name.isascii() and name and all(letter.isalnum() or letter in "_-" for letter in name)
        self.put(name if bare and self.draw.draw(st.booleans()) else quote(name))
        self.blank()

    def value(self, path: Path, value: object) -> None:
        match value:
            case dict():
                self.put("{")
                for index, (name, inner) in enumerate(value.items()):
                    self.put("," if index else "")
                    self.pair((*path, name), inner)
                self.put("}")
            case list():
                self.put("[")
                for index, inner in enumerate(value):
                    if self.draw.draw(st.booleans()):
                        self.end()
                    self.blank()
                    self.placed[(*path, index)] = (len(self.lines), len(self.lines[-1]) + 1)
                    self.value((*path, index), inner)
                    self.put(",")
                self.put("]")
            case str():
                self.text(value)
            case _:
                self.put(str(value).lower())

    def text(self, value: str) -> None:
        if "'" not in value and value.isprintable() and self.draw.draw(st.booleans()):
            self.put(f"'{value}'")
        elif value.isprintable() and "\\" not in value and '"' not in value and self.draw.draw(st.booleans()):
            self.put(f'"""{value}""')
            self.put('"')
        else:
            self.put(quote(value))

    def pair(self, path: Path, value: object) -> None:
        self.key(str(path[-1]), path)
        self.put("=")
        self.blank()
        self.value(path, value)
        self.blank()

    def header(self, names: tuple[str, ...], path: Path, brackets: int) -> None:
        self.put("[" * brackets)
        for name in names[:-1]:
            self.put(f" {quote(name)} .")
        self.key(names[-1], path)
        self.put("]" * brackets)
        self.end()

    def table(self, names: tuple[str, ...], path: Path, table: dict[str, object]) -> None:
        inner = {}
        for name, value in table.items():
            if is_tables(value) or (isinstance(value, dict) and self.draw.draw(st.booleans())):
                inner[name] = value
            else:
                self.pair((*path, name), value)
                self.end()
        for name, value in inner.items():
            if isinstance(value, dict):
                self.header((*names, name), (*path, name), 1)
                self.table((*names, name), (*path, name), value)
                continue
            for index, one in enumerate(value):
                self.header((*names, name), (*path, name, index), 2)
                self.table((*names, name), (*path, name, index), one)


def is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


@given(TABLES, st.data())
@settings(max_examples=60, deadline=None)
def test_every_key_is_found_where_it_was_written(tree: dict[str, object], data: st.DataObject) -> None:
    writer = Writer(data)
    writer.table((), (), tree)
    text = "\n".join(writer.lines)
    assert tomllib.loads(text) == tree, text
    found = scan(text)
    for path, place in writer.placed.items():
        assert found[path] == place, (path, text)


@given(TABLES, st.data())
@settings(max_examples=60, deadline=None)
def test_every_key_that_tomllib_has_has_a_position(tree: dict[str, object], data: st.DataObject) -> None:
    writer = Writer(data)
    writer.table((), (), tree)
    text = "\n".join(writer.lines)
    found = scan(text)

    def walk(path: Path, node: object) -> None:
        assert not path or path in found, (path, text)
        match node:
            case dict():
                for name, inner in node.items():
                    walk((*path, name), inner)
            case list():
                for index, inner in enumerate(node):
                    walk((*path, index), inner)

    walk((), tree)


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        ("a = 1", ("a",), (1, 1)),
        ("\n  a = 1", ("a",), (2, 3)),
        ("a.b.c = 1", ("a", "b", "c"), (1, 5)),
        ("a.b.c = 1", ("a", "b"), (1, 3)),
        ("[a.b]\nc = 1", ("a", "b", "c"), (2, 1)),
        ("[a.b]\n[a]\nx = 1", ("a",), (2, 2)),
        ("[[a]]\n[[a]]\nb = 1", ("a", 1, "b"), (3, 1)),
        ("[[a]]\n[[a]]\nb = 1", ("a", 1), (2, 3)),
        ("[[a]]\n[[a]]\nb = 1", ("a",), (1, 3)),
        ("[[a]]\n[[a.b]]\n[[a]]\n[[a.b]]\n[[a.b]]\nc = 1", ("a", 1, "b", 1, "c"), (6, 1)),
        ("[[a]]\n[a.b]\n[[a]]\n[a.b]\nc = 1", ("a", 1, "b", "c"), (5, 1)),
        ("a = {b = 1, c = {d = 2}}", ("a", "c", "d"), (1, 18)),
        ("a = [1, # x]\n  2, 3]\nb = 1", ("a", 1), (2, 3)),
        ("a = [{b = 1}, {b = 2}]", ("a", 1, "b"), (1, 16)),
        ('a = """x\n[b]\nc = 1\n"""\nb = 2', ("b",), (5, 1)),
        ('a = """x"""""\nb = 2', ("b",), (2, 1)),
        ('a = """\\""""\nb = 2', ("b",), (2, 1)),
        ("a = '''x'''''\nb = 2", ("b",), (2, 1)),
        ('a = ""\nb = 2', ("b",), (2, 1)),
        ('"a.b" = 1', ("a.b",), (1, 1)),
        ('"\\u0061\\U00000062\\t" = 1', ("ab\t",), (1, 1)),
        ("'a' . 'b' = 1", ("a", "b"), (1, 7)),
        ("d = 1979-05-27 07:32:00 # x\nb = 1", ("b",), (2, 1)),
        ('"Raum" = 1\n"\u540d" = {b = 1}', ("\u540d", "b"), (2, 8)),
    ],
)
def test_a_key_is_found_in_this_spelling(text: str, path: Path, place: tuple[int, int]) -> None:
    assert scan(text)[path] == place


def test_a_line_break_of_windows_counts_once() -> None:
    assert parse("a = 1\r\n\r\nb = 2\r\n", "x").where(("b",)) == (3, 1)
