"""A site file as the verbs about configurations see it: checked, as texts, and beside what is in force.

A running controller judges it, which has the schema loaded; else this process does. Prints faults for people. It must
not change anything.
"""

import sys
import textwrap
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from config.faults import ConfigError, Fault
from config.valued import dataclass
from firmware_py.cli.wire import ask_quietly
from firmware_py.runtime.generations import SITE_FILE
from firmware_py.wiring.drafts import gather
from firmware_py.wiring.release import stamp

_WIDTH = 79


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a draft would change: keys with the value that was and the one that is to be, and what that does. `counts`:
    of points, alarms and the like in it."""

    changes: tuple[tuple[str, str | None, str | None], ...] = ()
    consequences: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


def read_draft(path: Path, socket: str = "") -> dict[str, str] | None:
    """The texts of a site file that is sound in every respect; None after its faults were printed."""
    try:
        draft = gather(path)
        judge(socket, path, draft)
    except ConfigError as error:
        show_faults(error)
        return None
    return draft


def show_faults(error: ConfigError) -> None:
    """All of them, and that nothing has happened."""
    print(error, file=sys.stderr)
    count = len(error.faults)
    print(f"{count} fault{'s' * (count != 1)}; nothing was changed", file=sys.stderr)


def judge(
    socket: str, path: Path, draft: Mapping[str, str], number: int = 0, before: Mapping[str, str] | None = None
) -> Judged:
    """The draft at `path` against generation `number` (0: what runs), whose texts are `before`. ConfigError: all its
    faults, or that this release refuses what ran before."""
    answer: Any = socket and ask_quietly(socket, "judge", files=draft, number=number, release=stamp())
    if not isinstance(answer, dict):
        from firmware_py.wiring import judging

        try:
            was = None if before is None else judging.load_texts(before)
        except ConfigError as error:
            message = f"this release refuses it ({error.faults[0]}); compare with another one: --generation N"
            place = f"generation {number}" if number else "what is in force"
            raise ConfigError([Fault(file=place, line=1, col=1, key="", message=message)]) from error
        answer = judging.judge(draft, was)
    if answer["faults"]:
        raise ConfigError(_fault(one, path) for one in answer["faults"])
    return Judged(
        changes=tuple((one["key"], one["was"], one["now"]) for one in answer["changes"]),
        consequences=tuple(answer["consequences"]),
        counts=answer["counts"],
    )


def _fault(told: Mapping[str, Any], path: Path) -> Fault:
    name = str(told["file"])
    mine = name == SITE_FILE or name.startswith("profiles/")
    place = path if name == SITE_FILE else path.parent / name
    return Fault(
        file=str(place) if mine else name, line=told["line"], col=told["col"], key=told["key"],
        message=told["message"], got=told["got"],
    )  # fmt: skip


def differences(judged: Judged) -> list[str]:
    """Keys and consequences, a line each, for a terminal of 80 columns."""
    lines: list[str] = []
    for key, old, new in judged.changes:
        text = f"{old} -> {new}" if old is not None and new is not None else f"{new}" if old is None else f"{old}"
        mark = "~" if old is not None and new is not None else "+" if old is None else "-"
        lines.append(f"  {mark} {key}: {text}"[:_WIDTH])
    if not lines:
        return []
    told = [
        line
        for text in judged.consequences
        for line in textwrap.wrap(text, _WIDTH, initial_indent="  * ", subsequent_indent="    ")
    ]
    return [*lines, "", "What that does:", *told]


def profile_differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Profiles of the site's own that are not the same."""
    names = sorted(before.keys() | after.keys() - {SITE_FILE})
    return [f"  ~ {name}" for name in names if name != SITE_FILE and before.get(name) != after.get(name)]
