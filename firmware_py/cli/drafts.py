"""A site file as the verbs about configurations see it: checked, as texts, and beside what is in force.

Prints faults for people. It must not change anything.
"""

import sys
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path

from config.changes import changes, consequences
from config.site import Site, load_site
from config.strict import ConfigError
from firmware_py.runtime.generations import SITE_FILE
from firmware_py.wiring.drafts import gather

_WIDTH = 79


def read_draft(path: Path) -> dict[str, str] | None:
    """The texts of a site file that is sound in every respect; None after its faults were printed."""
    from firmware_py.wiring.building import build_floor

    try:
        build_floor(path)
        return gather(path)
    except ConfigError as error:
        print(error, file=sys.stderr)
        count = len(error.faults)
        print(f"{count} fault{'s' * (count != 1)}; nothing was changed", file=sys.stderr)
        return None


def load_texts(files: Mapping[str, str]) -> Site:
    """The site of texts. ConfigError as for any file."""
    with tempfile.TemporaryDirectory(prefix="floorguard-") as folder:
        for name, text in files.items():
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return load_site(Path(folder) / SITE_FILE)


def differences(before: Site, after: Site) -> list[str]:
    """Keys and consequences, a line each, for a terminal of 80 columns."""
    lines: list[str] = []
    for one in changes(before, after):
        old, new = one.was, one.now
        text = f"{old} -> {new}" if old is not None and new is not None else f"{new}" if old is None else f"{old}"
        mark = "~" if old is not None and new is not None else "+" if old is None else "-"
        lines.append(f"  {mark} {one.key}: {text}"[:_WIDTH])
    if not lines:
        return []
    told = [
        line
        for text in consequences(before, after)
        for line in textwrap.wrap(text, _WIDTH, initial_indent="  * ", subsequent_indent="    ")
    ]
    return [*lines, "", "What that does:", *told]


def profile_differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Profiles of the site's own that are not the same."""
    names = sorted(before.keys() | after.keys() - {SITE_FILE})
    return [f"  ~ {name}" for name in names if name != SITE_FILE and before.get(name) != after.get(name)]
