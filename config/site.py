"""The site file, loaded whole or refused with every fault at its line: schema, cross checks and profiles in one run.

Also prints the configuration in force. The only door to the site model for the rest; it knows no driver and no task.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from config import check_values, check_wiring
from config.effective import effective
from config.explain import nearest
from config.finding import Finding
from config.model_site import Site
from config.prune import Rest, prune
from config.strict import ConfigError, Document, Fault, check, read

__all__ = ["Site", "load_site", "build_site", "effective", "find_profile", "state_directory", "control_socket"]

PACKAGED = Path(__file__).parent / "profiles"


def load_site(path: Path) -> Site:
    """The site that the file describes. ConfigError with all its faults.

    Profiles are looked for in `profiles/` beside the file, then among those of the package.
    """
    return build_site(read(path), (path.parent / "profiles", PACKAGED))


def build_site(document: Document, folders: tuple[Path, ...] = (PACKAGED,)) -> Site:
    """The site of a parsed document. `folders`: where profiles are, the first find counts. ConfigError: all faults."""
    try:
        site = check(document, Site)
    except ConfigError as error:
        rest = prune(document, error, Site)
        more = () if rest is None else _faults_of_rest(document, *rest, folders)
        raise ConfigError((*error.faults, *more)) from None
    faults = [document.fault(found.path, found.message, found.got) for found in _findings(site, folders)]
    if faults:
        raise ConfigError(faults)
    return site


def _findings(site: Site, folders: tuple[Path, ...]) -> Iterator[Finding]:
    for one in (*check_wiring.CHECKS, *check_values.CHECKS):
        yield from one(site)
    yield from _check_profiles(site, folders)


def _faults_of_rest(document: Document, site: Site, rest: Rest, folders: tuple[Path, ...]) -> Iterator[Fault]:
    """Cross faults of the sound part; what rests on the absence of something that was cut out is not said."""
    for found in _findings(site, folders):
        path = rest.original(found.path)
        if not found.absence and not rest.touches(path):
            yield document.fault(path, found.message, found.got)


def find_profile(name: str, folders: Iterable[Path]) -> Path | None:
    """The file of a profile, None where there is none."""
    for folder in folders:
        if (folder / f"{name}.toml").is_file():
            return folder / f"{name}.toml"
    return None


def _check_profiles(site: Site, folders: tuple[Path, ...]) -> Iterator[Finding]:
    """Every profile exists, and a Modbus unit is what its profile says that it is."""
    known = sorted({file.stem for folder in folders for file in folder.glob("*.toml")})
    for index, ups in enumerate(site.ups):
        if ups.profile not in known:
            message = f"there is no such profile{nearest(ups.profile, known)}"
            yield Finding(path=("ups", index, "profile"), message=message, got=ups.profile)
    for index, endpoint in enumerate(site.modbus):
        for place, unit in enumerate(endpoint.units):
            file = find_profile(unit.profile, folders)
            where = ("modbus", index, "unit", place)
            if file is None:
                message = f"there is no such profile{nearest(unit.profile, known)}"
                yield Finding(path=(*where, "profile"), message=message, got=unit.profile)
                continue
            try:
                kind = read(file).tree.get("class")
            except ConfigError as error:
                yield Finding(path=(*where, "profile"), message=f"the profile is faulty: {error.faults[0]}")
                continue
            if kind != unit.kind:
                message = f"the profile {unit.profile} is for class {kind}" if kind else "is no profile for Modbus"
                yield Finding(path=(*where, "class" if kind else "profile"), message=message, got=str(unit.kind))


def state_directory(site: Site, environ: Mapping[str, str]) -> Path:
    """Where state is kept: as configured, else as systemd says, else /var/lib/floorguard."""
    if site.storage.directory is not None:
        return Path(site.storage.directory)
    return Path(environ.get("STATE_DIRECTORY", "").split(":")[0] or "/var/lib/floorguard")


def control_socket(site: Site, environ: Mapping[str, str]) -> Path:
    """The control socket: as configured, else in the directory that systemd made, else in /run/floorguard."""
    if site.control.socket is not None:
        return Path(site.control.socket)
    return Path(environ.get("RUNTIME_DIRECTORY", "").split(":")[0] or "/run/floorguard") / "control.sock"
