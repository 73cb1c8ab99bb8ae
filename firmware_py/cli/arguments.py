"""What the arguments of many verbs have in common: the site file, the socket, durations.

Knows no verb.
"""

import argparse
from collections.abc import Callable
from typing import TypeAlias

from firmware_py.cli.places import DEFAULT_SITE

DEFAULT_SOCKET = "/run/floorguard/control.sock"
Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Group: TypeAlias = "tuple[tuple[str, ...], Callable[[Verbs], None]]"  # verbs, and what adds their words
_CLI = "firmware_py.cli"


def add_verb(verbs: Verbs, name: str, text: str, *, module: str = "") -> argparse.ArgumentParser:
    """A verb that the module of its name (or another) carries out."""
    verb = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    verb.set_defaults(module=f"{_CLI}.{module or name.replace('-', '_')}")
    return verb


def add_site(verb: argparse.ArgumentParser) -> None:
    """The site file, as the only word."""
    verb.add_argument("file", nargs="?", default=DEFAULT_SITE, help="site file (default %(default)s)")


def add_socket(verb: argparse.ArgumentParser) -> None:
    """The daemon's control socket."""
    verb.add_argument(
        "--socket", metavar="PATH", default=DEFAULT_SOCKET, help="control socket of the daemon (default %(default)s)"
    )


def watts_w(text: str) -> float:
    """Watts as people write them."""
    from config.units import WATTS

    try:
        return WATTS.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def duration_ms(text: str) -> int:
    """A duration as people write it."""
    from config.units import DURATION

    try:
        return int(DURATION.parse(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
