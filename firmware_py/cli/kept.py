"""What was kept of a site file when it was put in force, for verbs that are asked while no controller runs.

Only of a file that is, to the letter, a generation that this release has compiled. It must not compile one.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from config.faults import ConfigError
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.generations import Generations
from firmware_py.wiring.drafts import find_directory, gather

if TYPE_CHECKING:
    from firmware_py.wiring.gist import Gist


def find_gist(file: Path) -> "Gist | None":
    """None where it has to be compiled."""
    try:
        draft = gather(file)
    except ConfigError:
        return None
    store = Generations(find_directory(file, os.environ), Disk())
    store.load()
    if not store.book.confirmed:
        return None
    from firmware_py.wiring.gist import find

    return find(store, draft)
