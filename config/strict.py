"""Strict TOML: read or parse a document, check it against a model, report every fault with file:line:col.

The lowest layer: profiles, sites and texts are all read through it. It must not know what any key means, and it never
echoes a value that could be a secret.
"""

import re
from collections.abc import Mapping
from dataclasses import field
from functools import cache, lru_cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, TypeVar

from config import units
from config.explain import known_keys, known_of, nearest, sentence
from config.faults import MAX_BYTES, ConfigError, Fault, Path, at, read_text
from config.redact import redact
from config.shape import BeforeValidator, Field, Model
from config.valued import dataclass

if TYPE_CHECKING:
    from config.positions import Positions

MAX_DEPTH = 16  # a site needs 4; the limit keeps hostile nesting away from every recursion
MAX_LINE = 4000  # characters; keeps absurd dotted keys and numbers away from tomllib
MAX_FAULTS = 200
_SHOWN = 60  # characters of a wrong value that are echoed
# Texts: a controller reads what is checked already, and compiles none of them.
_SHY = "(?i:pass|secret|communit|token|credential|psk|private|auth|priv)"
_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_LONG_KEY = r"""[ \t\[]*(?:(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)[ \t]*\.[ \t]*){16}"""  # MAX_DEPTH
_AT = r" \(at (?:line (\d+), column (\d+)|end of document)\)$"

__all__ = [
    "Fault", "ConfigError", "Document", "Model", "read", "parse", "check", "known_of", "nearest", "spell", "fits",
    "DurationMs", "Percent", "CelsiusC", "CelsiusPerMinute", "Watts", "Bytes",
    "Port", "Host", "Name", "PointId", "Text",
]  # fmt: skip

M = TypeVar("M", bound=Model)


@lru_cache(maxsize=8)  # a file with a fault mostly has several
def _places(text: str) -> "Positions":
    from config.positions import scan

    return scan(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A TOML file that is well formed: its values, and its text, in which a key is looked up only for a fault."""

    file: str
    tree: Mapping[str, object]
    text: str = field(default="", repr=False)

    @property
    def positions(self) -> "Positions":
        """Where each key stands."""
        return _places(self.text)

    def where(self, path: Path) -> tuple[int, int]:
        """Line and column of the key at `path`, else of the nearest table around it, else of the file's start."""
        positions = self.positions
        for length in range(len(path), 0, -1):
            if path[:length] in positions:
                return positions[path[:length]]
        return 1, 1

    def value(self, path: Path) -> object | None:
        """The value at `path`, None where there is none."""
        node: object = self.tree
        for part in path:
            match node:
                case dict() if part in node:
                    node = node[part]
                case list() if isinstance(part, int) and 0 <= part < len(node):
                    node = node[part]
                case _:
                    return None
        return node

    def fault(self, path: Path, message: str, got: object | None = None) -> Fault:
        """A fault at `path`. `got` is shortened, and hidden where the key's name says that it may be a secret."""
        line, col = self.where(path)
        hide = any(isinstance(part, str) and re.search(_SHY, part) for part in path)
        return Fault(
            file=self.file, line=line, col=col, key=spell(path), message=message, got=_show(got, hide=hide), path=path
        )


def read(path: FilePath) -> Document:
    """Read a TOML file of at most 256 KiB in UTF-8. ConfigError when it cannot be read or is not well formed."""
    return parse(read_text(path), str(path))


def parse(text: str, file: str) -> Document:
    """Parse TOML text that came from `file` (a name for messages only). ConfigError with the position of the fault."""
    text = text.replace("\r\n", "\n")
    if len(text) > MAX_BYTES:
        raise ConfigError([at(file, 1, 1, f"is larger than {MAX_BYTES} bytes; a site file is text of some 40 kB")])
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_LINE:
            raise ConfigError(
                [at(file, number, MAX_LINE, f"the line is longer than {MAX_LINE} characters; break it into several")]
            )
        if re.match(_LONG_KEY, line):  # tomllib's time grows with the cube of such a key
            raise ConfigError(
                [at(file, number, 1, f"the key has more than {MAX_DEPTH} parts; write a [table] instead")]
            )
        if "\0" in line:
            raise ConfigError(
                [at(file, number, line.index("\0") + 1, "holds a NUL character, so the file is damaged; write it anew")]
            )
    import tomllib

    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax(text, file, str(error))]) from error
    except (ValueError, RecursionError) as error:
        # Only absurd numbers and nesting get here; neither carries a position.
        raise ConfigError(
            [at(file, 1, 1, "holds a number or a nesting that is too large; no key needs either")]
        ) from error
    if _depth(tree) > MAX_DEPTH:
        raise ConfigError([at(file, 1, 1, f"is nested deeper than {MAX_DEPTH} levels; no key needs that")])
    return Document(file=file, tree=tree, text=text)


def check(document: Document, model: type[M]) -> M:
    """The document as `model`. ConfigError with every fault at its key, and the nearest name for what is unknown."""
    from config.checking import Wrong, validated  # loads the schema's library, which a running controller never needs

    try:
        return validated(document.tree, model)
    except Wrong as error:
        faults = []
        for detail in error.details[:MAX_FAULTS]:
            path = _path_of(document, detail["loc"])
            if detail["type"] == "union_tag_invalid":
                path = (*path, detail["ctx"]["discriminator"].strip("'"))
            unknown = detail["type"] == "extra_forbidden"
            names = known_keys(model, detail["loc"][:-1]) if unknown else ()
            got = None if detail["type"] == "missing" else document.value(path)
            if unknown and not isinstance(got, bool | int | float):
                got = None  # under a mistyped key there may be a password
            faults.append(document.fault(path, sentence(detail, names, got) + _secret_hint(path, unknown), got))
        raise ConfigError(faults) from None


def spell(path: Path) -> str:
    """The path as people write it: `ups.0.address`."""
    return ".".join(_clean(str(part)) for part in path)


def _clean(text: str) -> str:
    """Without anything that could move a terminal's cursor, and not endless."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[: _SHOWN + 1])
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


def _show(got: object | None, *, hide: bool) -> str | None:
    match got:
        case None:
            return None
        case dict():
            return "a table"
        case list():
            return f"a list of {len(got)}"
        case _ if hide:
            return "a value that is not shown"
        case str():
            return f"'{_clean(redact(got))}'"
        case bool():
            return str(got).lower()
        case _:
            return _clean(str(got))


def _syntax(text: str, file: str, message: str) -> Fault:
    """tomllib's message and position; for a key given twice that is behind the value, so the line's start counts."""
    lines = text.split("\n")
    match = re.search(_AT, message)
    line, col = (int(match[1]), int(match[2])) if match and match[1] else (len(lines), len(lines[-1]) + 1)
    what = message[: match.start()] if match else message
    if what.startswith(("Cannot overwrite", "Cannot mutate", "Cannot declare")):
        what = f"this key or table is already there ({what})"
        col = len(lines[line - 1]) - len(lines[line - 1].lstrip()) + 1
    return at(file, line, col, f"not TOML: {what[0].lower()}{what[1:]}")


def _depth(tree: Mapping[str, object]) -> int:
    """Levels of nesting, counted without recursion and no further than is needed to refuse."""
    level: list[object] = [tree]
    for depth in range(MAX_DEPTH + 1):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
            if isinstance(child, dict | list)
        ]
        if not level:
            return depth + 1
    return MAX_DEPTH + 1


def _secret_hint(path: Path, unknown: bool) -> str:
    if unknown and path and isinstance(path[-1], str) and re.search(_SHY, path[-1]):
        return "; a secret never stands in this file, only the name of the file that holds it"
    return ""


def _path_of(document: Document, loc: tuple[int | str, ...]) -> Path:
    """pydantic's location as a path of the document: union tags, which the text does not have, are left out."""
    path: Path = ()
    for index, part in enumerate(loc):
        if document.value((*path, part)) is not None or index == len(loc) - 1:
            path = (*path, part)
    return path


def fits(pattern: str, message: str) -> BeforeValidator:
    """For a text field: refuse with `message` what does not match `pattern` wholly."""
    compiled = cache(lambda: re.compile(pattern))  # when something is checked

    def judge(given: object) -> object:
        if isinstance(given, str) and not compiled().fullmatch(given):
            raise ValueError(message)
        return given

    return BeforeValidator(judge)


def _host(given: object) -> object:
    if isinstance(given, str) and not _is_host(given):
        raise ValueError("must be a host name or an IP address, without port or scheme")
    return given


def _is_host(text: str) -> bool:
    from ipaddress import ip_address

    try:
        ip_address(text)
    except ValueError:
        labels = text.split(".")
        # All digits would be a mistyped IPv4 address; the last label of a name never is a number.
        return len(text) <= 253 and not labels[-1].isdigit() and all(re.fullmatch(_LABEL, label) for label in labels)
    return True


DurationMs = Annotated[int, BeforeValidator(units.DURATION.parse), units.DURATION]  # "5 s" -> 5000
Percent = Annotated[float, BeforeValidator(units.PERCENT.parse), units.PERCENT]  # "80 %" -> 80.0
CelsiusC = Annotated[float, BeforeValidator(units.CELSIUS.parse), units.CELSIUS]  # "27 C" -> 27.0
CelsiusPerMinute = Annotated[float, BeforeValidator(units.CELSIUS_PER_MINUTE.parse), units.CELSIUS_PER_MINUTE]
Watts = Annotated[float, BeforeValidator(units.WATTS.parse), units.WATTS]  # "1.2 kW" -> 1200.0
Bytes = Annotated[int, BeforeValidator(units.BYTES.parse), units.BYTES]  # "16 MB" -> 16000000
Port = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[str, BeforeValidator(_host)]
Name = Annotated[
    str,
    fits(r"[a-z][a-z0-9_]{0,31}", "must be a name of small letters, digits and _, at most 32, starting with a letter"),
]
PointId = Annotated[
    str,
    fits(
        r"(?=.{1,96}\Z)[a-z][a-z0-9_]*(\.[a-z0-9_]+)*",
        "must be an id like ups1.battery.charge_pct: small letters, digits and _, parts joined by dots, at most 96",
    ),
]
Text = Annotated[
    str,
    fits(
        r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}",
        "must be one line of text, 1 to 200 characters, no control characters",
    ),
]
