"""A report before anybody knows whether it becomes text, Markdown or HTML: headings, facts, tables, a picture.

Knows no format and no language; its words come in finished.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import TypeAlias

from config.valued import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Names and values, one a line."""

    heading: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`none` is said where there is no row. `box`: each row gets a box to tick on paper."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    none: str
    box: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A drawing for HTML; `words` says the same where nothing can be drawn."""

    heading: str
    svg: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Lines for people to sign on paper."""

    roles: tuple[str, ...]


Block: TypeAlias = Facts | Table | Picture | Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One report. `data` is what it was made from, for those who want JSON; `made` says when, of what, for the foot."""

    title: str
    subtitle: str
    language: str
    made: str
    blocks: tuple[Block, ...]
    data: Mapping[str, object] = field(default_factory=dict)
