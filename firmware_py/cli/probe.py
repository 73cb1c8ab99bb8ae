"""`floorguard probe snmp://COMMUNITY@HOST:PORT`: what a device says, decoded, beside what it sent, without a site file.

Reads once and changes nothing. Must not know how any protocol works.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from config.strict import ConfigError
from firmware_py.cli.codes import Code
from firmware_py.cli.spell import age
from firmware_py.cli.wire import ask
from firmware_py.core.reading import Quality, Sample, Value
from firmware_py.wiring.probe import Options, Report, parse_address, probe


def run(args: argparse.Namespace) -> int:
    """Read the device once and print what it says; one that the controller reads is asked of the controller."""
    if "://" not in args.address:
        return _show_running(args)
    try:
        address = parse_address(args.address)
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
            folder=Path(),
            environ=os.environ,
        )
        report = asyncio.run(probe(address, options))
    except ConfigError as error:
        print(f"floorguard: {error}", file=sys.stderr)
        return Code.USAGE
    if args.json:
        print(json.dumps(_as_json(report), ensure_ascii=False))
    else:
        for line in _lines(report):
            print(line.rstrip())
    if report.error:
        print(f"floorguard: {report.error}", file=sys.stderr)
    elif not report.known:
        print("floorguard: it answers, but nothing that the profile knows; try another --profile", file=sys.stderr)
    return Code.OK if report.known and not report.error else Code.PROBE


def _show_running(args: argparse.Namespace) -> int:
    """No second connection: a card or a serial line may not bear one."""
    answer, code = ask(args.socket, "status")
    if not isinstance(answer, dict):
        return code
    name = args.address
    points = {key: one for key, one in answer.get("points", {}).items() if key.split(".")[0] == name}
    device = answer.get("devices", {}).get(name)
    if not points and device is None:
        known = ", ".join(answer.get("devices", {}))
        print(f"floorguard: no device is called {name}; there are {known}", file=sys.stderr)
        return Code.USAGE
    if args.json:
        print(json.dumps({"v": 1, "device": device, "points": points}, ensure_ascii=False))
    else:
        print(f"{name} as the running controller reads it" + (f", {device['latency_ms']} ms" if device else ""))
        for key, one in points.items():
            quality = one["quality"] if one["quality"] == "good" else f"{one['quality']} {one['reason']}"
            shown = f"{_value(one['value'])} {one['unit']}".strip()
            print(f"{key:<32} {shown:>12} {age(one['age_ms']):>6}  {quality}  {one['detail']}"[:120].rstrip())
    sound = any(one["quality"] == "good" for one in points.values())
    return Code.OK if sound else Code.PROBE


def _as_json(report: Report) -> dict[str, object]:
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


def _lines(report: Report) -> Iterator[str]:
    for group, took_ms in report.latency_ms.items():
        yield f"{group}: {took_ms} ms"
    said = {name: sample for name, sample in report.samples.items() if sample.detail or sample.value is not None}
    told = {name: sample for name, sample in said.items() if _tells(sample)}
    if told:
        yield ""
        yield f"{'POINT':<28} {'VALUE':>14}  {'QUALITY':<24} {'SOURCE':<12} RAW"
    for name, sample in told.items():
        quality = sample.quality.value if sample.because is None else f"{sample.quality.value} {sample.because.value}"
        shown = f"{_value(sample.value)} {report.units.get(name, '')}".strip()
        yield f"{name:<28} {shown:>14}  {quality:<24} {report.sources.get(name, '-'):<12} {sample.detail}"
    absent = [name for name in report.samples if name not in told]
    if absent:
        yield ""
        yield f"not told by this device: {', '.join(absent)}"


def _tells(sample: Sample) -> bool:
    return sample.quality is not Quality.BAD or sample.because is None or sample.because.value != "not_supported"


def _value(value: Value | None) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case _:
            return str(value)
