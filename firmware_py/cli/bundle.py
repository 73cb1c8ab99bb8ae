"""`floorguard bundle`: an archive for whoever helps: configuration, picture, events, doctor; no secret and no person.

Every text goes through one sieve: the content of every secret file that can be read, and what the site says of people.
"""

import argparse
import io
import json
import os
import platform
import re
import sys
import tarfile
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from config.faults import ConfigError
from config.redact import redact
from config.secrets import locate
from config.shape import tree_of
from config.site import Site, effective, load_site
from firmware_py.cli.codes import Code
from firmware_py.cli.examine import Ground, examine
from firmware_py.cli.facts import facts_of, refs_of
from firmware_py.cli.wire import ask

_PERSONAL = re.compile(r'^(\s*(?:name|phone|mail|role)\s*=\s*)".*?"', re.MULTILINE)


def run(args: argparse.Namespace) -> int:
    """Write it."""
    config = Path(args.config)
    site: Site | None = None
    parts: dict[str, str] = {"versions.txt": _versions()}
    fault = ""
    try:
        site = load_site(config)
        parts["effective.toml"] = effective(site)
    except ConfigError as error:
        fault = parts["faults.txt"] = str(error)
    with_text = config.read_text(errors="replace") if config.exists() else ""
    parts["site.toml"] = with_text
    picture: object = {}
    if Path(args.socket).exists():
        for verb, fields in (("status", {}), ("events", {"last": 500}), ("generations", {})):
            answer, _ = ask(args.socket, verb, **fields)
            parts[f"{verb}.json"] = json.dumps(answer, indent=1, ensure_ascii=False)
            picture = answer if verb == "status" else picture
    ground = Ground(
        root=Path("/"), site=None if site is None else facts_of(tomllib.loads(with_text)), site_fault=fault,
        environ=os.environ,
        picture=picture if isinstance(picture, dict) else {},
    )  # fmt: skip
    parts["doctor.txt"] = "\n".join(f"{one.state.value:<8} {one.what:<18} {one.found}" for one in examine(ground))
    hidden = secrets_of(site)
    target = Path(args.archive)
    try:
        _write(target, {name: sieve(text, hidden) for name, text in parts.items()})
    except OSError as error:
        print(f"floorguard: {target}: {error.strerror}; name a file where you may write", file=sys.stderr)
        return Code.FAILED
    print(f"{target}: {len(parts)} files; look into it before you send it")
    return Code.OK


def secrets_of(site: Site | None) -> list[str]:
    """The content of every secret that we can read, so that it can be struck out wherever it stands."""
    found: list[str] = []
    for ref in refs_of(tree_of(site)) if site is not None else ():
        try:
            found.append(locate(ref, os.environ).read_text(errors="replace").strip())
        except (OSError, ConfigError):
            continue
    return found


def sieve(text: str, hidden: Iterable[str]) -> str:
    """A text without secrets, and without the people of the site."""
    return _PERSONAL.sub(r'\1"(left out)"', redact(text, hidden))


def _versions() -> str:
    lines = [f"python {platform.python_version()} on {platform.machine()}, {platform.platform()}"]
    for name in ("floorguard", "pysnmp", "pymodbus", "paho-mqtt", "gpiozero", "lgpio", "pydantic", "tinydb"):
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name} is not installed")
    return "\n".join(lines)


def _write(target: Path, parts: dict[str, str]) -> None:
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as stream, tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in parts.items():
            raw = text.encode()
            info = tarfile.TarInfo(f"floorguard-bundle/{name}")
            info.size, info.mode = len(raw), 0o600
            archive.addfile(info, io.BytesIO(raw))
