"""A draft judged: every fault of it, or what it would change in what is in force and what that would do.

A running controller, which has the schema loaded already, does it for whoever asks (`told`); the command line does it
for itself where none runs. It must not put anything in force.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from config.changes import changes, consequences
from config.faults import ConfigError, Fault
from config.site import Site, load_site
from firmware_py.runtime.generations import SITE_FILE
from firmware_py.wiring.building import build_floor

if TYPE_CHECKING:
    from firmware_py.runtime.board import Json

COUNTED = ("points", "alarms", "stages", "outputs", "rules")


def judge(files: Mapping[str, str], before: Site | Mapping[str, str] | None) -> "dict[str, Json]":
    """`faults`, or none of them, `counts`, and `changes` and `consequences` against `before`, a site or its texts.
    OSError without a temporary file; ConfigError when those texts are refused."""
    if before is not None and not isinstance(before, Site):
        before = load_texts(before)
    with tempfile.TemporaryDirectory(prefix="floorguard-") as folder:
        try:
            floor, _ = build_floor(_lay_out(files, Path(folder)))
        except ConfigError as error:
            faults = [_tell(one, folder) for one in error.faults]
            return {"faults": faults, "counts": {}, "changes": [], "consequences": []}
    after = floor.site
    found = () if before is None else changes(before, after)
    return {
        "faults": [],
        "counts": {name: len(getattr(floor.plan, name)) for name in COUNTED},
        "changes": [{"key": one.key, "was": one.was, "now": one.now} for one in found],
        "consequences": list(consequences(before, after)) if before is not None and found else [],
    }


def load_texts(files: Mapping[str, str]) -> Site:
    """The site of texts. ConfigError as for any file."""
    with tempfile.TemporaryDirectory(prefix="floorguard-") as folder:
        return load_site(_lay_out(files, Path(folder)))


def _lay_out(files: Mapping[str, str], folder: Path) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / SITE_FILE


def _tell(fault: Fault, folder: str) -> "Json":
    def plain(text: str) -> str:
        return text.replace(f"{folder}/", "")

    return {
        "file": plain(fault.file), "line": fault.line, "col": fault.col, "key": fault.key,
        "message": plain(fault.message), "got": None if fault.got is None else str(fault.got),
    }  # fmt: skip
