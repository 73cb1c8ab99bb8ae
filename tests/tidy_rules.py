"""The house rules that no tool has, each as a function from one file's text to its offences.

Knows nothing of pytest: `test_tidy.py` runs the rules over the project and over planted offences.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath

PRODUCT = ("firmware_py", "drivers", "monitors", "mqtt_bridge", "config")
PURE = ("firmware_py/core/", "monitors/")

LINES_PER_FILE = 350
LINES_PER_FUNCTION = 50
DOCSTRING_LINES = range(2, 7)
WORDS_PER_TEST_NAME = 3

BANNED_WORDS = {"manager", "managers", "helper", "helpers", "util", "utils", "utility", "utilities", "base", "bases"}
BANNED_BEGINNING = "handle_"

# The end of a number's name says its unit. Energy, power and resistance are here because the monitors reckon with them.
UNITS = {
    *(
        "ms",
        "s",
        "min",
        "h",
        "days",
        "pct",
        "ppm",
        "c",
        "k",
        "v",
        "mv",
        "a",
        "ma",
        "w",
        "kw",
        "va",
        "wh",
        "mwh",
        "kwh",
        "ah",
    ),
    "pm",  # a thousandth, of charge or of load
    *("hz", "pa", "hpa", "lx", "db", "bytes", "lines", "bar"),
}
# Numbers that count or name something and have no unit.
UNITLESS = {
    *("seq", "generation", "priority", "number", "stage", "level", "tier", "version", "index", "rank", "order", "boot"),
    *("count", "limit", "capacity", "stages", "value", "low", "high", "min", "max", "step", "deadband", "minimum"),
    *("depth", "factor", "relapses", "repeats", "returned"),
    *("activations", "confirm", "confirmed", "reports", "year", "up", "below", "above", "release"),
}

# Poller, sink and supervisor may meet any fault of a peer and must outlive it; nobody else may catch everything.
MAY_CATCH_ALL = re.compile(r"(^|/)(cycle|poller|prompt|supervisor|sink\w*|publisher|telling)\.py$")

# Written in parts, so that this file keeps its own rules.
MACHINE_PATHS = re.compile(
    "|".join(("/ro" + "ot/", "/ho" + r"me/\w+", "/wo" + "rk/", "/Us" + r"ers/\w+", "/opt/" + "(pypi|wheels)"))
)
INDEX_HOSTS = re.compile(
    "|".join(("pypi" + r"\.(org|io)", "python" + "hosted", "pi" + "wheels", "npm" + r"js\.", "crates" + r"\.io")), re.I
)
SILENCERS = re.compile(
    r"#\s*(noqa\b(?::\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*)?"
    r"|type:\s*ignore(?:\[[\w\-, ]*\])?"
    r"|pragma:\s*no\s+(?:cover|branch))(.*)"
)

# What a build or a run leaves behind, for a folder that git cannot list.
LEFTOVER = re.compile(r"\.(?!ci$|gitignore$).*|__pycache__|.*\.egg-info|build|dist|htmlcov|var")

Rule = Callable[[str, str], Iterator[str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_product(path: str) -> bool:
    return path.endswith(".py") and path.split("/")[0] in PRODUCT


def is_pure(path: str) -> bool:
    return path.startswith(PURE)


def find_functions(text: str) -> Iterator[Function]:
    for node in _nodes(text):
        if isinstance(node, Function):
            yield node


def find_comments(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def split_words(name: str) -> list[str]:
    """`SnmpPollerBase` and `snmp_poller_base` are the same three words."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


# ------------------------------------------------------------------------------------------- rules on Python files
@cache
def _tree(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def _nodes(text: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(_tree(text)))


def check_file_length(path: str, text: str) -> Iterator[str]:
    if (lines := len(text.splitlines())) > LINES_PER_FILE:
        yield f"{path}: {lines} lines, at most {LINES_PER_FILE}"


def check_function_length(path: str, text: str) -> Iterator[str]:
    for node in find_functions(text):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > LINES_PER_FUNCTION:
            yield f"{path}:{node.lineno}: {node.name} has {lines} lines, at most {LINES_PER_FUNCTION}"


def check_docstring(path: str, text: str) -> Iterator[str]:
    """Every module says what it is (2 to 6 lines); a test module may do so in one."""
    lines = len((ast.get_docstring(_tree(text)) or "").strip().splitlines())
    if lines not in (DOCSTRING_LINES if is_product(path) else range(1, DOCSTRING_LINES.stop)):
        yield f"{path}:1: module docstring of {lines} lines, wanted 2 to 6"


def check_names(path: str, text: str) -> Iterator[str]:
    named = [(1, PurePosixPath(path).stem)]
    for node in _nodes(text):
        if isinstance(node, Function | ast.ClassDef):
            named.append((node.lineno, node.name))
    for line, name in named:
        if name.startswith("test_"):  # a sentence may use any word
            continue
        if bad := BANNED_WORDS.intersection(split_words(name)):
            yield f"{path}:{line}: {name}: the word {bad.pop()!r} says nothing"
        if name.lstrip("_").startswith(BANNED_BEGINNING):
            yield f"{path}:{line}: {name}: say what it does, not that it handles"


def check_test_names(path: str, text: str) -> Iterator[str]:
    if not path.startswith("tests/"):
        return
    for node in find_functions(text):
        words = node.name.removeprefix("test_").split("_")
        if node.name.startswith("test_") and len(words) < WORDS_PER_TEST_NAME:
            yield f"{path}:{node.lineno}: {node.name} is not a sentence"


def check_silencers(path: str, text: str) -> Iterator[str]:
    """A silenced warning has its codes and, beside them, its reason in words."""
    for line, comment in find_comments(text):
        if (found := SILENCERS.search(comment)) is None:
            continue
        marker, rest = found.groups()
        if ":" not in marker if marker.startswith("noqa") else marker.startswith("type") and "[" not in marker:
            yield f"{path}:{line}: {marker}: name the rule that is silenced"
        if len(re.findall(r"[A-Za-z]{2,}", rest)) < 2:
            yield f"{path}:{line}: {marker}: write the reason beside it"


def check_catch_all(path: str, text: str) -> Iterator[str]:
    if not is_product(path):
        return
    for node in _nodes(text):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        names = {"everything" if kind is None else ast.unparse(kind).split(".")[-1] for kind in caught}
        broad = names & {"everything", "Exception", "BaseException"}
        passes_on = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
        if broad and not passes_on and not (broad == {"Exception"} and MAY_CATCH_ALL.search(path)):
            yield f"{path}:{node.lineno}: catches {broad.pop()} outside poller, sinks and supervisor"


def fits_everything(pattern: ast.pattern | None) -> bool:
    """True for `_`, for a bare name and for `_ as name`."""
    return pattern is None or (isinstance(pattern, ast.MatchAs) and fits_everything(pattern.pattern))


def check_match_is_closed(path: str, text: str) -> Iterator[str]:
    """Each match ends with a case that always fits: assert_never, or a default that is meant."""
    if not is_product(path):
        return
    for node in _nodes(text):
        if isinstance(node, ast.Match):
            last = node.cases[-1]
            if last.guard is not None or not fits_everything(last.pattern):
                yield f"{path}:{node.lineno}: match without a closing case (assert_never)"


def find_dataclasses(text: str) -> Iterator[tuple[ast.ClassDef, set[str]]]:
    for node in _nodes(text):
        if not isinstance(node, ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            call = decorator.func if isinstance(decorator, ast.Call) else decorator
            if ast.unparse(call).split(".")[-1] != "dataclass":
                continue
            keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
            yield (
                node,
                {k.arg for k in keywords if k.arg and isinstance(k.value, ast.Constant) and k.value.value is True},
            )


def check_dataclasses(path: str, text: str) -> Iterator[str]:
    if not is_pure(path):
        return
    for node, options in find_dataclasses(text):
        if missing := {"frozen", "slots", "kw_only"} - options:
            yield f"{path}:{node.lineno}: dataclass {node.name} lacks {', '.join(sorted(missing))}"


def check_own_dataclass(path: str, text: str) -> Iterator[str]:
    """The standard decorator costs each start a millisecond a class (decision 0086); `config.valued` has ours."""
    if not is_product(path) or path == "config/valued.py":
        return
    for node in _nodes(text):
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "dataclasses"
            and any(name.name == "dataclass" for name in node.names)
        ):
            yield f"{path}:{node.lineno}: take `dataclass` from config.valued"


def check_units(path: str, text: str) -> Iterator[str]:
    """A number in a value of the core ends with its unit, or is on the short list of numbers that have none."""
    if not is_pure(path):
        return
    for node, _ in find_dataclasses(text):
        for field in node.body:
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
                continue
            kinds = {kind.strip() for kind in ast.unparse(field.annotation).split("|")}
            last = field.target.id.split("_")[-1]
            if kinds <= {"int", "float", "None"} and kinds != {"None"} and last not in UNITS | UNITLESS:
                yield f"{path}:{field.lineno}: {node.name}.{field.target.id}: a number without its unit at the end"


# ----------------------------------------------------------------------------------------- rules on all text files
def check_machine_paths(path: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if found := MACHINE_PATHS.search(line):
            yield f"{path}:{number}: a path of one machine: {found.group()}"


def check_index_hosts(path: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if found := INDEX_HOSTS.search(line):
            yield f"{path}:{number}: names a package index: {found.group()}"


PYTHON_RULES: tuple[Rule, ...] = (
    check_file_length,
    check_function_length,
    check_docstring,
    check_names,
    check_test_names,
    check_silencers,
    check_catch_all,
    check_match_is_closed,
    check_dataclasses,
    check_own_dataclass,
    check_units,
)
TEXT_RULES: tuple[Rule, ...] = (check_machine_paths, check_index_hosts)


# ----------------------------------------------------------------------------------------------------- the project
def list_files(project: Path) -> list[str]:
    """Files that are or will be committed; without git, all that are no build leftovers."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listing = subprocess.run(command, cwd=project, capture_output=True, check=True).stdout.decode()
        paths = [path for path in listing.split("\0") if path]
    except (OSError, subprocess.CalledProcessError):
        found = (path.relative_to(project) for path in project.rglob("*"))
        paths = [path.as_posix() for path in found if not any(LEFTOVER.fullmatch(part) for part in path.parts)]
    return sorted(path for path in paths if (project / path).is_file())


def read_text(file: Path) -> str | None:
    """None for what is not text."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def check_project(project: Path, rule: Rule) -> list[str]:
    offences: list[str] = []
    for path in list_files(project):
        if rule in PYTHON_RULES and not path.endswith(".py"):
            continue
        if (text := read_text(project / path)) is not None:
            offences += rule(path, text)
    return offences


def count_lines(project: Path) -> tuple[int, int]:
    """Non-blank lines of Python: (code, tests)."""
    totals = {True: 0, False: 0}
    for path in list_files(project):
        if path.endswith(".py") and (is_product(path) or path.startswith("tests/")):
            totals[is_product(path)] += sum(1 for line in (project / path).read_text().splitlines() if line.strip())
    return totals[True], totals[False]
