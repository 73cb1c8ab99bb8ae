"""`floorguard export` and `floorguard restore`: a site on a new card: site file, profiles and state; secrets apart.

Restoring checks the whole archive first and wants a stopped controller; what was there is kept beside it. An archive is
hostile until checked: names, kinds and sizes.
"""

import argparse
import asyncio
import io
import json
import os
import sys
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from config.faults import ConfigError
from config.floor import state_directory
from config.shape import tree_of
from config.site import Site, load_site
from firmware_py.cli.apply import is_free
from firmware_py.cli.codes import Code
from firmware_py.cli.facts import refs_of
from firmware_py.core.command import CommandRefused
from firmware_py.runtime.clock import SystemClock, utc_text
from firmware_py.runtime.control_wire import ControlClient

MANIFEST = "manifest.json"
_MOST_BYTES, _MOST_FILES = 512 * 1024 * 1024, 5_000
_LEFT_OUT = ("lock", "inputs", "control.sock")  # inputs explain, they do not restore
_PARTS = ("site.toml", "profiles", "state", "credentials")


def run(args: argparse.Namespace) -> int:
    """Either verb."""
    try:
        return restore(args) if args.restore else export(args)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return Code.CHECK
    except (OSError, tarfile.TarError) as error:
        print(f"floorguard: {error}", file=sys.stderr)
        return Code.FAILED


# ------------------------------------------------------------------------------------------------------------ to export
def export(args: argparse.Namespace) -> int:
    """Write the archive, and the one with the secrets if asked for; tell the controller."""
    config = Path(args.config)
    site = load_site(config)
    state = state_directory(site, os.environ)
    target, secrets = Path(args.archive), Path(args.secrets) if args.secrets else None
    refs = sorted(set(refs_of(tree_of(site))))
    manifest = {"v": 1, "site": site.site.id, "utc": utc_text(SystemClock().utc_ms()), "secrets": refs}
    files = [
        (config, "site.toml"),
        *((path, f"profiles/{path.name}") for path in config.parent.glob("profiles/*.toml")),
    ]
    files += [(path, f"state/{path.relative_to(state)}") for path in _below(state)]
    count = _write(target, manifest, files)
    print(f"{target}: {count} files of {site.site.id}, no secret among them")
    if secrets is not None:
        found = [(_secret_path(ref, Path(args.credentials)), ref) for ref in refs]
        kept = [(path, f"credentials/{number}") for number, (path, _) in enumerate(found) if path.is_file()]
        _write(secrets, manifest | {"kind": "secrets"}, kept)
        print(f"{secrets}: {len(kept)} of {len(refs)} secrets. KEEP IT APART, and away from everybody")
    elif refs:
        print(f"Not in it: {', '.join(refs)} (--secrets FILE writes them to an archive of their own)")
    if Path(args.socket).exists():
        asyncio.run(_tell(Path(args.socket)))
    return Code.OK


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not path.is_symlink() and inside.parts[0] not in _LEFT_OUT and path.suffix != ".tmp":
            yield path


def _write(target: Path, manifest: dict[str, object], files: list[tuple[Path, str]]) -> int:
    """Whole or not at all, readable by its owner only."""
    fresh = target.with_name(f".{target.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream, tarfile.open(fileobj=stream, mode="w:gz") as archive:
            raw = json.dumps(manifest, indent=1).encode()
            _add(archive, MANIFEST, raw)
            count = 0
            for path, name in files:
                with suppress(FileNotFoundError):  # the controller may clear a file away while we look
                    _add(archive, name, path.read_bytes())
                    count += 1
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return count


def _add(archive: tarfile.TarFile, name: str, raw: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(raw), 0o600
    archive.addfile(info, io.BytesIO(raw))


def _secret_path(ref: str, credentials: Path) -> Path:
    return credentials / ref.removeprefix("credential:") if ref.startswith("credential:") else Path(ref)


async def _tell(socket: Path) -> None:
    try:
        async with ControlClient(socket) as client:
            await client.ask("exported")
    except CommandRefused as error:
        print(f"(the controller could not be told of this export: {error}; its age goes on counting)", file=sys.stderr)


# ----------------------------------------------------------------------------------------------------------- to restore
def restore(args: argparse.Namespace) -> int:
    """Put an archive in place. Everything is checked before anything is written."""
    config = Path(args.config)
    files, manifest = _read(Path(args.archive))
    site = _check(files, config)
    state = state_directory(site, os.environ)
    if not is_free(state):
        print("the controller is running; first: systemctl stop floorguard", file=sys.stderr)
        return Code.FAILED
    secrets: dict[str, bytes] = {}
    if args.secrets:
        packed, told = _read(Path(args.secrets))
        refs = told.get("secrets")
        named = {f"credentials/{n}": str(ref) for n, ref in enumerate(refs if isinstance(refs, list) else ())}
        secrets = {ref: packed[name] for name, ref in named.items() if name in packed}
    if state.exists() and any(state.iterdir()) and not args.force:
        print(f"{state} is not empty; --force keeps it as {state.name}.before", file=sys.stderr)
        return Code.FAILED
    _place(files, config, state)
    for ref, raw in secrets.items():
        path = _secret_path(ref, Path(args.credentials))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(raw)
    print(f"{manifest.get('site')} as of {manifest.get('utc')} is in place: {config} and {state}")
    missing = [ref for ref in refs_of(tree_of(site)) if not _secret_path(ref, Path(args.credentials)).exists()]
    if missing:
        print(f"Still missing: {', '.join(sorted(set(missing)))}")
    print("Next: floorguard check, floorguard doctor, systemctl start floorguard")
    return Code.OK


def _read(path: Path) -> tuple[dict[str, bytes], dict[str, object]]:
    """Files by name, and the manifest. TarError for anything that an archive of ours would not hold."""
    files: dict[str, bytes] = {}
    total = 0
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            name, total = PurePosixPath(member.name), total + member.size
            if not member.isreg() or name.is_absolute() or ".." in name.parts or len(files) > _MOST_FILES:
                raise tarfile.TarError(f"{path}: {member.name!r:.60} has no place in an export")
            if name.parts[0] not in (*_PARTS, MANIFEST) or total > _MOST_BYTES:
                raise tarfile.TarError(f"{path}: {member.name!r:.60} has no place in an export, or is too large")
            stream = archive.extractfile(member)
            files[str(name)] = b"" if stream is None else stream.read()
    try:
        manifest: object = json.loads(files.pop(MANIFEST))
    except (KeyError, ValueError) as error:
        raise tarfile.TarError(f"{path} is no export of floorguard") from error
    if not isinstance(manifest, dict) or manifest.get("v") != 1:
        raise tarfile.TarError(f"{path} was written by another version")
    return files, manifest


def _check(files: dict[str, bytes], config: Path) -> Site:
    """The archive's site file, checked as it would lie in its place."""
    import tempfile

    if "site.toml" not in files:
        raise tarfile.TarError("there is no site file in it")
    with tempfile.TemporaryDirectory(prefix="floorguard-") as folder:
        for name in (one for one in files if one == "site.toml" or one.startswith("profiles/")):
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(files[name])
        return load_site(Path(folder) / "site.toml")


def _place(files: dict[str, bytes], config: Path, state: Path) -> None:
    owner = next((path.stat() for path in (state, state.parent) if path.exists()), None)
    if state.exists() and any(state.iterdir()):
        state.rename(state.with_name(f"{state.name}.before"))
    for name, raw in files.items():
        inside = PurePosixPath(name)
        path = state / inside.relative_to("state") if inside.parts[0] == "state" else config.parent / inside
        if name == "site.toml":
            path = config
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        path.write_bytes(raw)
    if owner is not None and os.geteuid() == 0:
        for path in (state, *state.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
