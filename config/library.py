"""Profiles by name: beside the site file first, so that a site can bring its own, then those of the package.

Reads files and nothing else; what a profile means is its driver's. Must not open a connection.
"""

from collections.abc import Callable
from pathlib import Path

from config.strict import ConfigError, Document, Fault, nearest, read
from drivers import line_status, modbus_profile, snmp_profile

_SHIPPED = Path(__file__).resolve().parent / "profiles"


class Library:
    """The profiles that a site file in `folder` may name (`folder/profiles/NAME.toml`, else the package's)."""

    def __init__(self, folder: Path, reader: Callable[[Path], Document] = read) -> None:
        self._read = reader
        self._folders = (folder / "profiles", _SHIPPED)
        self._modbus: dict[str, modbus_profile.Profile] = {}
        self._snmp: dict[str, snmp_profile.Profile] = {}

    def modbus(self, name: str) -> modbus_profile.Profile:
        """A checked Modbus profile. ConfigError names the file and line, or says that there is none."""
        if name not in self._modbus:
            self._modbus[name] = modbus_profile.load(self._path(name), self._read)
        return self._modbus[name]

    def snmp(self, name: str) -> snmp_profile.Profile:
        """A checked UPS profile, with all that it includes."""
        if name not in self._snmp:
            self._snmp[name] = snmp_profile.compile_profile(self._document(name), self._document)
        return self._snmp[name]

    def line(self, name: str) -> line_status.LineProfile:
        """A checked profile of a line card."""
        return line_status.compile_profile(self._document(name))

    def _document(self, name: str) -> Document:
        return self._read(self._path(name))

    def _path(self, name: str) -> Path:
        for folder in self._folders:
            path = folder / f"{name}.toml"
            if path.is_file():
                return path
        known = sorted({path.stem for folder in self._folders for path in folder.glob("*.toml")})
        message = f"there is no profile '{name}'{nearest(name, known)}; shipped are: {', '.join(known)}"
        raise ConfigError([Fault(file=str(self._folders[0]), line=1, col=1, key="profile", message=message)])
