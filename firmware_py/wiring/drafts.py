"""Where generations are kept, what the site file and its profiles hold as text, and which site file is in force.

Light on purpose: what runs after a crash reads this and must not load a wire's library. It changes nothing.
"""

import logging
import re
from collections.abc import Mapping
from pathlib import Path

from config.faults import ConfigError, Fault, read_text
from firmware_py.core.command import CommandRefused
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.generations import MAX_BYTES, SITE_FILE, Generations

log = logging.getLogger(__name__)
_MOST_FILES = 64
# Its place as nearly everybody writes it; for all else there is tomllib, which costs a start 7 ms.
_NAMED = r'(?m)^\[storage\][ \t]*\n(?:(?:[a-z_]+ = [^\n\[\]{}]*|#[^\n]*|)\n)*?directory = "(/[^"\\\n]*)"[ \t]*$'


def find_directory(path: Path, environ: Mapping[str, str]) -> Path:
    """Where state is kept, asked of a site file that may be faulty: its [storage], else systemd's word, else ours."""
    try:
        named = _named(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        named = ""
    if isinstance(named, str) and named.startswith("/"):
        return Path(named)
    return Path(environ.get("STATE_DIRECTORY", "").split(":")[0] or "/var/lib/floorguard")


def _named(text: str) -> object:
    """What the text names as directory, of a file that may be faulty elsewhere. KeyError and others for nothing."""
    many_lines = "'''" in text or '"""' in text  # in such a text could stand whatever looks like a table
    if not many_lines and (found := re.search(_NAMED, text)) is not None:
        return found[1]
    if "directory" not in text and "\\" not in text:
        return ""
    import tomllib

    return tomllib.loads(text)["storage"]["directory"]


def gather(path: Path) -> dict[str, str]:
    """A site file and the profiles beside it, as texts. ConfigError where one cannot be read, or all are too long."""
    files: dict[str, str] = {}
    for name in (path, *sorted((path.parent / "profiles").glob("*.toml"))):
        files[SITE_FILE if name == path else f"profiles/{name.name}"] = read_text(name)
    if sum(len(text.encode()) for text in files.values()) > MAX_BYTES:
        message = (
            f"the site file and its profiles are longer than {MAX_BYTES} bytes; take out profiles that no device names"
        )
        raise ConfigError([Fault(file=str(path), line=1, col=1, key="", message=message)])
    return files


def open_store(directory: Path) -> Generations:
    """The store of a state directory, read."""
    store = Generations(directory, Disk())
    store.load()
    if store.damage:
        log.error("the book of generations %s", store.damage)
    return store


def in_force(path: Path, environ: Mapping[str, str]) -> Path:
    """The site file that a controller runs, or ran last: of a generation, else `path` itself. Changes nothing."""
    store = open_store(find_directory(path, environ))
    running = store.path(store.book.running)
    return running if store.book.running and running.is_file() else path


def differs(store: Generations, number: int, path: Path) -> bool:
    """True when the draft is not what is in force; a draft that cannot be read is no difference."""
    try:
        return gather(path) != store.files(number)
    except (OSError, ValueError, ConfigError):
        return False


def checked_files(given: object) -> dict[str, str]:
    """Texts that came over a wire, as a generation can hold them. CommandRefused for anything else."""
    if not isinstance(given, dict) or SITE_FILE not in given or len(given) > _MOST_FILES:
        raise CommandRefused(f"files must hold {SITE_FILE}, and at most {_MOST_FILES} in all")
    for name, text in given.items():
        place = Path(str(name))
        profile = place.parent == Path("profiles") and place.suffix == ".toml" and place.name.isprintable()
        if not isinstance(text, str) or not (name == SITE_FILE or profile):
            raise CommandRefused(f"files must hold {SITE_FILE} and profiles/NAME.toml as texts, not {name!r:.40}")
    if sum(len(text.encode(errors="replace")) for text in given.values()) > MAX_BYTES:
        raise CommandRefused(f"the files are longer than {MAX_BYTES} bytes; take out profiles that no device names")
    return dict(given)
