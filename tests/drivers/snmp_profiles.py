"""The shipped UPS profiles for tests: compiled once."""

from functools import cache
from pathlib import Path

from config import strict
from drivers.snmp_decode import Decoded, Raw, decode
from drivers.snmp_profile import Profile, Source, compile_profile
from drivers.snmp_signals import SIGNALS

PROFILES = Path(__file__).parents[2] / "config" / "profiles"
UPS = "1.3.6.1.2.1.33.1"


def find(name: str) -> strict.Document:
    return strict.read(PROFILES / f"{name}.toml")


@cache
def profile(name: str) -> Profile:
    return compile_profile(find(name), find)


def source(signal: str, mib: str = "rfc1628", place: int = 0) -> Source:
    return profile(f"ups_{mib}").sources[signal][place]


def decoded(signal: str, raws: dict[str, Raw], mib: str = "rfc1628", factor: float | None = None) -> Decoded:
    """RFC 1628 objects are named by what follows its root."""
    full = {f"{UPS}.{oid}" if mib == "rfc1628" else oid: raw for oid, raw in raws.items()}
    return decode(source(signal, mib), SIGNALS[signal], full, {}, factor)
