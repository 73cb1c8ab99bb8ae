"""The arguments of the verbs about configurations and their generations.

Knows no daemon and does not load what the verbs do.
"""

import argparse
from collections.abc import Callable

from firmware_py.cli.arguments import Group, Verbs, add_site, add_socket, add_verb, duration_ms

_WINDOW_MS = 300_000


def _add(verbs: Verbs) -> None:
    diff = add_verb(verbs, "diff", "what the site file would change in what is in force, and what that would do")
    add_site(diff)
    diff.add_argument("--generation", type=int, default=0, metavar="N", help="against this one (default: in force)")
    _add_json(diff)
    add_socket(diff)
    apply = add_verb(verbs, "apply", "put the site file in force; it reverts by itself unless confirmed in time")
    add_site(apply)
    _add_window(apply)
    add_socket(apply)
    confirm = add_verb(verbs, "confirm", "keep the configuration that is on probation", module="generation")
    confirm.set_defaults(confirm=True)
    confirm.add_argument("--anyway", action="store_true", help="although a device that answered before is silent now")
    add_socket(confirm)
    _add_rollback(verbs)
    edit = add_verb(verbs, "edit", "change the site file in $EDITOR, check it, offer to apply it")
    add_site(edit)
    _add_window(edit)
    add_socket(edit)


def _add_rollback(verbs: Verbs) -> None:
    back = add_verb(
        verbs, "rollback", "end the probation now, or go back to an earlier generation", module="generation"
    )
    back.set_defaults(confirm=False)
    back.add_argument("generation", nargs="?", type=int, default=0, metavar="N", help="default: the one before")
    back.add_argument("--list", action="store_true", help="only list what is kept (ten of them)")
    back.add_argument("--show", action="store_true", help="only print the site file of N (default: in force)")
    _add_json(back)
    _add_window(back)
    add_socket(back)


def _add_window(verb: argparse.ArgumentParser) -> None:
    parse: Callable[[str], int] = duration_ms
    verb.add_argument(
        "--confirm", dest="window_ms", type=parse, default=_WINDOW_MS, metavar="TIME",
        help='how long it waits for `floorguard confirm` (default "5 min", from "1 s" to "24 h")',
    )  # fmt: skip


def _add_json(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--json", action="store_true", help="as JSON, version 1")


GROUPS: tuple[Group, ...] = ((("diff", "apply", "confirm", "rollback", "edit"), _add),)
