"""`floorguard discover`: what answers at the given addresses, and which profiles suit it best.

Asks what it was told and nothing else; it has no way to scan a network.
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from config.faults import ConfigError, Fault
from firmware_py.cli.codes import Code
from firmware_py.wiring.discover import Found, discover
from firmware_py.wiring.probe import Address, Options, parse_address


def run(args: argparse.Namespace) -> int:
    """Print what was found; exit 5 when nothing answers."""
    try:
        found = look_at(args.address, timeout_ms=args.timeout_ms, community_file=args.community_file)
    except ConfigError as error:
        print(f"floorguard: {error}", file=sys.stderr)
        return Code.USAGE
    if args.json:
        print(json.dumps({"v": 1, "found": [_as_json(one) for one in found]}, ensure_ascii=False))
    else:
        for one in found:
            print(f"{one.address:<40} {one.said}"[:79])
            for suit in one.suits[:3]:
                if suit.profile:
                    print(f"    {suit.kind:<8} {suit.profile:<28} {suit.good} of {suit.asked} values sound")
    return Code.OK if any(one.suits for one in found) else Code.PROBE


def look_at(addresses: list[str], *, timeout_ms: int, community_file: str = "") -> list[Found]:
    """Ask every address. ConfigError for one that is none."""
    options = Options(timeout_ms=timeout_ms, community_file=community_file, folder=Path(), environ=os.environ)
    parsed = [parse(text) for text in addresses]

    async def ask_all() -> list[Found]:
        return [found for one in parsed for found in await discover(one, options)]

    return asyncio.run(ask_all())


def parse(text: str) -> Address:
    """Like `probe`, and exchanges as well."""
    parts = urlsplit(text)
    if parts.scheme != "ami":
        return parse_address(text)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if not parts.hostname or port == -1:
        message = "names no host; like ami://floorguard@192.0.2.5:5038"
        raise ConfigError([Fault(file="the address", line=1, col=1, key="", message=message)])
    return Address(scheme="ami", user=unquote(parts.username or ""), host=parts.hostname, port=port)


def _as_json(one: Found) -> dict[str, object]:
    suits = [{"profile": s.profile, "class": s.kind, "good": s.good, "asked": s.asked} for s in one.suits]
    return {"address": one.address, "said": one.said, "suits": suits}
