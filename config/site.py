"""The site file, loaded whole or refused with every fault at its line: schema, cross checks and profiles in one run.

Also prints the configuration in force. The only door to the site model for the rest; it knows no driver and no task.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from config import check_cooling, check_endurance, check_phones, check_power, check_values, check_wiring, emergency
from config.effective import effective
from config.explain import known_of
from config.faults import Path as KeyPath
from config.finding import Finding
from config.model_devices import ModbusUnit, UnitClass
from config.model_outputs import ModbusOutput
from config.model_site import Site
from config.prune import Rest, prune
from config.strict import MAX_FAULTS, ConfigError, Document, Fault, check, read

__all__ = [
    "Site",
    "load_site",
    "load_document",
    "build_site",
    "effective",
    "find_profile",
]

PACKAGED = Path(__file__).parent / "profiles"
Reader = Callable[[Path], Document]  # `read`, or one that remembers what it has read


def load_site(path: Path) -> Site:
    """The site that the file describes. ConfigError with all its faults.

    Profiles are looked for in `profiles/` beside the file, then among those of the package.
    """
    return load_document(path)[1]


def load_document(path: Path, reader: Reader = read) -> tuple[Document, Site]:
    """The same with the document, whose `fault()` gives later checks (profiles against monitors) their positions."""
    document = read(path)
    return document, build_site(document, (path.parent / "profiles", PACKAGED), reader)


def build_site(document: Document, folders: tuple[Path, ...] = (PACKAGED,), reader: Reader = read) -> Site:
    """The site of a parsed document. `folders`: where profiles are, the first find counts. ConfigError: all faults."""
    try:
        site = check(document, Site)
    except ConfigError as error:
        rest = prune(document, error, Site)
        more = () if rest is None else _faults_of_rest(document, *rest, folders, reader)
        raise ConfigError((*error.faults, *islice(more, MAX_FAULTS))) from None
    found = islice(_findings(site, folders, reader), MAX_FAULTS)
    faults = [document.fault(one.path, one.message, one.got) for one in found]
    if faults:
        raise ConfigError(faults)
    return site


def _findings(site: Site, folders: tuple[Path, ...], reader: Reader) -> Iterator[Finding]:
    for one in (
        *check_wiring.CHECKS,
        *check_values.CHECKS,
        *check_cooling.CHECKS,
        *check_phones.CHECKS,
        *check_power.CHECKS,
        *check_endurance.CHECKS,
        *emergency.CHECKS,
    ):
        yield from one(site)
    yield from _check_profiles(site, folders, reader)


def _faults_of_rest(
    document: Document, site: Site, rest: Rest, folders: tuple[Path, ...], reader: Reader
) -> Iterator[Fault]:
    """Cross faults of the sound part; what rests on the absence of something that was cut out is not said."""
    named = _names(document.tree) | {value for path in rest.removed if isinstance(value := document.value(path), str)}
    for found in _findings(site, folders, reader):
        path = rest.original(found.path)
        said = found.wanted not in named if found.wanted is not None else not found.absence
        if said and not rest.touches(path):
            yield document.fault(path, found.message, found.got)


def _names(node: object) -> set[str]:
    """Every id or name that the document gives, faulty tables included."""
    if isinstance(node, list):
        return set().union(*map(_names, node))
    if not isinstance(node, dict):
        return set()
    own = {node[key] for key in ("id", "name") if isinstance(node.get(key), str)}
    return own.union(*map(_names, node.values()))


def find_profile(name: str, folders: Iterable[Path]) -> Path | None:
    """The file of a profile, None where there is none."""
    for folder in folders:
        if (folder / f"{name}.toml").is_file():
            return folder / f"{name}.toml"
    return None


def _check_profiles(site: Site, folders: tuple[Path, ...], reader: Reader) -> Iterator[Finding]:
    """Every profile exists and is of the right kind, and a Modbus unit is what its profile says that it is."""
    for index, ups in enumerate(site.ups):
        tree = yield from _profile(ups.profile, folders, ("ups", index, "profile"), reader)
        if tree is not None and "class" in tree:
            message = f"is a Modbus profile, of class {tree['class']}; a UPS needs one named ups_..."
            yield Finding(path=("ups", index, "profile"), message=message, got=ups.profile)
    for index, endpoint in enumerate(site.modbus):
        for place, unit in enumerate(endpoint.units):
            where: KeyPath = ("modbus", index, "unit", place)
            tree = yield from _profile(unit.profile, folders, (*where, "profile"), reader)
            if tree is None:
                continue
            if "class" not in tree:
                yield Finding(
                    path=(*where, "profile"),
                    message="is no profile for Modbus; a unit needs one of its class",
                    got=unit.profile,
                )
            elif tree["class"] != unit.kind:
                message = f"the profile {unit.profile} is for class {tree['class']}; change one of the two"
                yield Finding(path=(*where, "class"), message=message, got=str(unit.kind))
            yield from _check_parameters(unit, tree.get("parameters"), where)
            yield from _check_coils(site, unit, tree)


def _check_coils(site: Site, unit: ModbusUnit, tree: Mapping[str, object]) -> Iterator[Finding]:
    """An output goes to a coil that the unit's profile allows to be written."""
    spans = tuple(_writable_coils(tree))
    for index, output in enumerate(site.output):
        if isinstance(output, ModbusOutput) and output.unit == unit.id and unit.kind is not UnitClass.FIRE:
            if any(output.coil in span for span in spans):
                continue
            allowed = ", ".join(f"{span.start} to {span.stop - 1}" for span in spans) or "none"
            message = (
                f"the profile {unit.profile} does not allow this coil to be written; allowed on the wire: {allowed}"
            )
            yield Finding(path=("output", index, "coil"), message=message, got=output.coil)


def _writable_coils(tree: Mapping[str, object]) -> Iterator[range]:
    """Wire addresses; the profile says how its own numbers count. What is not well formed is its driver's to tell."""
    first = 0 if tree.get("numbers") == "from_0" else 1
    entries = tree.get("writable", ())
    for entry in entries if isinstance(entries, list) else ():
        match entry:
            case {"table": "coil", "address": int(address), "count": int(count)}:
                yield range(address - first, address - first + count)
            case _:
                pass


def _profile(
    name: str, folders: tuple[Path, ...], where: KeyPath, reader: Reader
) -> Generator[Finding, None, Mapping[str, object] | None]:
    """The content of a profile; a finding and None where it cannot be had."""
    file = find_profile(name, folders)
    if file is None:
        known = sorted({file.stem for folder in folders for file in folder.glob("*.toml")})
        yield Finding(path=where, message=f"there is no such profile{known_of(name, known)}", got=name)
        return None
    try:
        return reader(file).tree
    except ConfigError as error:
        yield Finding(path=where, message=f"the profile is faulty: {error.faults[0]}", got=name)
        return None


def _check_parameters(unit: ModbusUnit, declared: object, where: KeyPath) -> Iterator[Finding]:
    known = declared if isinstance(declared, dict) else {}
    for name, number in unit.parameters.items():
        path = (*where, "parameters", name)
        if name not in known:
            there = known_of(name, known)
            yield Finding(path=path, message=f"the profile {unit.profile} has no such parameter{there}", got=number)
            continue
        least, most = (known[name].get(key, other) for key, other in (("least", 0), ("most", 65_535)))
        if not least <= number <= most:
            yield Finding(path=path, message=f"must be between {least} and {most}", got=number)
