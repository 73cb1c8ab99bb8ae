"""Cutting faulty parts out of a document: what is left keeps its original paths."""

import copy
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from config.faults import Path
from config.prune import Rest, prune
from config.strict import ConfigError, Model, check, parse

KEYS = st.sampled_from(["a", "b", "c"])
TREES = st.recursive(
    st.just(0),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=20,
)


def number_leaves(node: object, counter: Iterator[int]) -> object:
    """The same tree with a number of its own on every leaf."""
    match node:
        case dict():
            return {key: number_leaves(inner, counter) for key, inner in node.items()}
        case list():
            return [number_leaves(inner, counter) for inner in node]
        case _:
            return next(counter)


def walk(node: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    if path:
        yield path, node
    match node:
        case dict():
            for key, inner in node.items():
                yield from walk(inner, (*path, key))
        case list():
            for index, inner in enumerate(node):
                yield from walk(inner, (*path, index))


@given(st.dictionaries(KEYS, TREES, min_size=1, max_size=3), st.data())
def test_what_is_left_is_found_at_its_original_path(shape: dict[str, object], data: st.DataObject) -> None:
    whole = number_leaves(shape, iter(range(1, 1000)))
    assert isinstance(whole, dict)
    places = {node: path for path, node in walk(whole) if isinstance(node, int)}
    rest = Rest(copy.deepcopy(whole))
    for _ in range(data.draw(st.integers(0, 5))):
        paths = [path for path, _ in walk(rest.tree)]
        if not paths:
            break
        gone = data.draw(st.sampled_from(paths))
        original = rest.original(gone)
        assert rest.remove(gone)
        assert rest.touches(original)
        assert rest.touches((*original, "inside"))
    for path, node in walk(rest.tree):
        if isinstance(node, int):
            assert rest.original(path) == places[node]
    left = {node for _, node in walk(rest.tree) if isinstance(node, int)}
    for node, path in places.items():
        assert node in left or rest.touches(path)


class Inner(Model):
    id: str
    size: int = 1


class Outer(Model):
    name: str
    inner: tuple[Inner, ...] = ()


class Root(Model):
    outer: tuple[Outer, ...] = ()
    must: int


def cut(text: str) -> tuple[Root, Rest] | None:
    document = parse(text, "t")
    try:
        return check(document, Root), Rest(dict(document.tree))
    except ConfigError as error:
        return prune(document, error, Root)


def test_only_the_faulty_key_is_cut_where_the_rest_can_stand() -> None:
    left = cut('must = 1\n[[outer]]\nname = "a"\n[[outer.inner]]\nid = "b"\nsize = "x"\nmore = 1\n')
    assert left is not None
    assert left[0].outer[0].inner[0].size == 1
    assert left[1].removed == {("outer", 0, "inner", 0, "size"), ("outer", 0, "inner", 0, "more")}


def test_a_table_goes_whole_where_a_key_is_missing_and_its_neighbours_stay() -> None:
    text = 'must = 1\n[[outer]]\nname = "a"\n[[outer.inner]]\nidd = 1\n[[outer.inner]]\nid = "c"\n'
    left = cut(text + '[[outer]]\n[[outer]]\nname = "d"\n[[outer.inner]]\n[[outer.inner]]\nid = "e"\nsize = "x"')
    assert left is not None
    root, rest = left
    assert [(outer.name, [inner.id for inner in outer.inner]) for outer in root.outer] == [("a", ["c"]), ("d", ["e"])]
    assert rest.original(("outer", 1, "inner", 0, "id")) == ("outer", 2, "inner", 1, "id")
    assert rest.touches(("outer", 2, "inner", 1, "size"))
    assert not rest.touches(("outer", 2, "inner", 1, "id"))


def test_nothing_is_left_where_the_top_itself_is_faulty() -> None:
    assert cut('[[outer]]\nname = "a"\n') is None
    assert cut("must = []") is None
