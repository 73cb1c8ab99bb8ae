"""The gist of a configuration, kept beside its generation: asked for by the command line when no controller runs.

Written by the controller that compiled it, believed only for the same texts and by the same program, and plain data:
who reads it runs nothing of it. It must not compile anything itself.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from config.legend_parts import Legend
from config.stages import PlannedStage
from config.valued import dataclass
from firmware_py.core.codec import decode, encode
from firmware_py.core.shedplan import Battery
from firmware_py.runtime.disk import Disk, write_atomic
from firmware_py.runtime.generations import Generations
from firmware_py.wiring.release import stamp

FILE = "gist.json"
_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Gist:
    """What a site says on its panel, and what it sheds when."""

    legend: Legend
    batteries: tuple[Battery, ...]
    stages: tuple[PlannedStage, ...]


def seal(files: Mapping[str, str]) -> str:
    """Of these texts as this program understands them."""
    return sha256(json.dumps([stamp(), sorted(files.items())]).encode()).hexdigest()


def keep(store: Generations, number: int, gist: Gist) -> None:
    """Beside the generation, unless it is there. OSError where it cannot be; then it is missing, which costs time."""
    disk, path, sealed = Disk(), store.path(number).parent / FILE, seal(store.files(number))
    if _open(disk, path, sealed) is None:
        write_atomic(disk, path, f"{sealed}\n{json.dumps(encode(gist), ensure_ascii=False)}".encode())


def find(store: Generations, files: Mapping[str, str]) -> Gist | None:
    """That of a generation with the same texts, which this program has compiled; None where there is none."""
    for one in reversed(store.book.confirmed):
        try:
            if store.files(one.number) != files:
                continue
            told = _open(Disk(), store.path(one.number).parent / FILE, seal(files))
            return None if told is None else decode(Gist, json.loads(told))
        except (OSError, ValueError, RecursionError):
            return None
    return None


def _open(disk: Disk, path: Path, sealed: str) -> str | None:
    try:
        head, _, told = disk.read(path, _MAX_BYTES).decode().partition("\n")
    except (OSError, ValueError):
        return None
    # Without control characters, escaped or not: what another user wrote must not steer the terminal of who reads it.
    return told if head == sealed and told.isprintable() and "\\u" not in told else None
