"""The man page, written from the command line itself: `python -m firmware_py.cli.manual` prints floorguard.1.

Pure but for its last two lines. It must not say what the parser does not know.
"""

import argparse
import sys
from collections.abc import Iterator

from firmware_py.cli.codes import MEANINGS
from firmware_py.cli.verbs import build_parser

_FILES = (
    ("/etc/floorguard/site.toml", "The site file: a draft. What is in force is the generation confirmed last."),
    ("/etc/floorguard/credentials/", "One secret a file; credential:NAME in the site file."),
    ("/var/lib/floorguard/", "Generations, journal, state, incidents, recorded inputs. The only writable place."),
    ("/run/floorguard/control.sock", "The control socket, for the group floorguard."),
)
_ENVIRONMENT = (
    ("NO_COLOR", "No colour. There is none either where the output is no terminal."),
    ("VISUAL, EDITOR", "For edit."),
)


def manual() -> str:
    """The page in troff's man macros."""
    return "\n".join(_lines(build_parser())) + "\n"


def _lines(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield '.TH FLOORGUARD 1 "" floorguard "Floorguard"'
    yield ".SH NAME"
    yield "floorguard \\- controller of a call floor"
    yield ".SH SYNOPSIS"
    yield ".B floorguard"
    yield ".I VERB"
    yield "[options]"
    yield ".SH DESCRIPTION"
    yield _quote(parser.description or "")
    yield ".SH VERBS"
    for verb, sub in verbs_of(parser).items():
        yield f".SS {verb}"
        yield _quote(sub.description or "")
        yield ".PP"
        yield ".nf"
        yield from (_quote(line) for line in sub.format_usage().removeprefix("usage: ").splitlines())
        yield ".fi"
        for action in sub._actions:
            if isinstance(action, argparse._HelpAction) or not action.help:
                continue
            yield ".TP"
            name = ", ".join(action.option_strings) or str(action.metavar or action.dest).upper()
            yield f".B {_quote(name)}"
            yield _quote(sub._get_formatter()._expand_help(action))
    yield ".SH EXIT STATUS"
    for code, text in MEANINGS.items():
        yield ".TP"
        yield f".B {int(code)}"
        yield _quote(text)
    for title, entries in (("FILES", _FILES), ("ENVIRONMENT", _ENVIRONMENT)):
        yield f".SH {title}"
        for name, text in entries:
            yield ".TP"
            yield f".I {_quote(name)}"
            yield _quote(text)


def verbs_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Every verb with its own parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _quote(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("/", "/\\:")  # long addresses may be broken there
    return f"\\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    sys.stdout.write(manual())
