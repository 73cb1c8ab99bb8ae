"""`floorguard probe`: what a device says, decoded, beside what it sent: by its address, or by its id in the site file.

What a running controller reads is asked of the controller, never of the device a second time. Reads once and changes
nothing. Must not know how any protocol works.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from firmware_py.cli.beside import Held, held, on_line
from firmware_py.cli.codes import Code
from firmware_py.cli.probe_running import record_running, show_running
from firmware_py.cli.spell import columns, plain
from firmware_py.core.reading import Quality, Sample
from firmware_py.report.fold import fold

if TYPE_CHECKING:
    from firmware_py.wiring.capture import Capture
    from firmware_py.wiring.probe import Address, Report


def run(args: argparse.Namespace) -> int:
    """Read the device once and print what it says; one that the controller reads is asked of the controller."""
    devices = [] if args.directly else held(args.socket)
    if same := [one for one in devices if one.id == args.address]:
        return _beside(args, same[0])
    from config.faults import ConfigError  # what asks the controller loads no schema
    from firmware_py.wiring.capture import Capture
    from firmware_py.wiring.probe import parse_address

    capture = Capture() if args.record else None
    try:
        address = parse_address(args.address) if "://" in args.address else None
        if address is not None and (line := on_line(devices, address.scheme, address.host, address.port)):
            same = [one for one in line if one.unit == address.unit]
            return _beside(args, same[0]) if same else _refuse_line(line)
        report = asyncio.run(_read(args, address, capture))
    except ConfigError as error:
        print(f"floorguard: {error}", file=sys.stderr)
        return Code.USAGE
    if args.json:
        print(json.dumps(_as_json(report), ensure_ascii=False))
    else:
        for line_ in _lines(report):
            print("\n".join(fold(line_.rstrip(), columns(), after=" " * 8)))
    if report.error:
        print(f"floorguard: {report.error}; docs/troubleshooting.md goes by symptom", file=sys.stderr)
    elif not report.known:
        print("floorguard: it answers, but nothing that the profile knows; try another --profile", file=sys.stderr)
    if capture is not None and not _record(Path(args.record), capture, report):
        return Code.FAILED
    return Code.OK if report.known and not report.error else Code.PROBE


async def _read(args: argparse.Namespace, address: "Address | None", capture: "Capture | None") -> "Report":
    from firmware_py.wiring.named import open_named
    from firmware_py.wiring.probe import Options, probe, read_once

    if address is None:
        return await read_once(open_named(args.address, Path(args.config), os.environ, capture), args.timeout_ms)
    options = Options(
        profile=args.profile,
        version=args.version,
        auth=args.auth,
        auth_file=args.auth_file,
        privacy=args.privacy,
        privacy_file=args.privacy_file,
        community_file=args.community_file,
        secret_file=args.secret_file,
        timeout_ms=args.timeout_ms,
        folder=Path(args.config).parent,
        environ=os.environ,
        capture=capture,
    )
    return await probe(address, options)


def _beside(args: argparse.Namespace, device: Held) -> int:
    if args.record and (code := record_running(args.socket, device, Path(args.record))) is not Code.OK:
        return code
    return show_running(args.socket, device, as_json=args.json)


def _refuse_line(line: list[Held]) -> int:
    names = ", ".join(one.id for one in line)
    print(
        f"floorguard: the running controller holds this line for {names}; many bear one connection only. Put the new "
        "unit into the site file and `floorguard apply` it on probation, or add --directly",
        file=sys.stderr,
    )
    return Code.USAGE


def _record(path: Path, capture: "Capture", report: "Report") -> bool:
    from firmware_py.runtime.clock import SystemClock, utc_text

    if capture.empty:
        print(
            f"floorguard: nothing was answered, {path} is not written; look at cable, address and credential",
            file=sys.stderr,
        )
        return False
    taken = utc_text(SystemClock().utc_ms())[:19] + "Z"
    try:
        path.write_text(capture.text(about=report.about, taken=taken, samples=report.samples), encoding="utf-8")
    except OSError as error:
        print(f"floorguard: {path}: {error.strerror}; name a file where you may write", file=sys.stderr)
        return False
    print(f"{path} is written; in tests/data/captures it is a test", file=sys.stderr)
    return True


def _as_json(report: "Report") -> dict[str, object]:
    points = {
        name: {
            "v": sample.value,
            "q": sample.quality.value,
            "because": None if sample.because is None else sample.because.value,
            "source": report.sources.get(name),
            "unit": report.units.get(name, ""),
            "raw": sample.detail,
        }
        for name, sample in report.samples.items()
    }
    seen: dict[str, object] = {"v": 1, "points": points, "latency_ms": dict(report.latency_ms)}
    return {**seen, "error": report.error} if report.error else seen


def _lines(report: "Report") -> Iterator[str]:
    for group, took_ms in report.latency_ms.items():
        yield f"{group}: {took_ms} ms"
    said = {name: sample for name, sample in report.samples.items() if sample.detail or sample.value is not None}
    told = {name: sample for name, sample in said.items() if _tells(sample)}
    if told:
        yield ""
        yield f"{'POINT':<28} {'VALUE':>14}  {'QUALITY':<24} {'SOURCE':<12} RAW"
    for name, sample in told.items():
        quality = sample.quality.value if sample.because is None else f"{sample.quality.value} {sample.because.value}"
        shown = f"{plain(sample.value)} {report.units.get(name, '')}".strip()
        yield f"{name:<28} {shown:>14}  {quality:<24} {report.sources.get(name, '-'):<12} {sample.detail}"
    absent = [name for name in report.samples if name not in told]
    if absent:
        yield ""
        yield f"not told by this device: {', '.join(absent)}"


def _tells(sample: Sample) -> bool:
    return sample.quality is not Quality.BAD or sample.because is None or sample.because.value != "not_supported"
