"""`floorguard init`: a few questions (or flags), a look at the devices at the given addresses, and a first site file.

Asks only the addresses that it was told, and writes only a file that passes `check`. It never overwrites one.
"""

import argparse
import sys
from pathlib import Path

from config.site import build_site
from config.strict import ConfigError, parse
from firmware_py.cli.codes import Code
from firmware_py.cli.discover import look_at
from firmware_py.cli.draft_text import Answers, write


def run(args: argparse.Namespace) -> int:
    """Ask, look, write."""
    path = Path(args.file)
    if path.exists() and not args.force:
        print(f"{path} is there already; `floorguard edit` changes it, --force keeps it as {path.name}.old",
              file=sys.stderr)  # fmt: skip
        return Code.FAILED
    asks = sys.stdin.isatty() and not args.no_questions
    addresses = list(args.address)
    if asks and not addresses:
        print("Addresses of the devices, one a line, an empty one ends:")
        print("  snmp://COMMUNITY@HOST  modbus+tcp://HOST:502/1-4  ami://USER@HOST:5038")
        while line := input("  > ").strip():
            addresses.append(line)
    answers = Answers(
        id=args.id or question("Short name of the floor, for topics", "floor-1", asks),
        name=args.name or question("Its name for people", "Call floor", asks),
        country=args.country or question("Country (for emergency numbers)", "CN", asks),
        broker=args.broker or question("MQTT broker, HOST or HOST:PORT (empty: none)", "", asks),
        trunks=tuple(args.trunk), pins=not args.no_pins, state=args.state, socket=args.control_socket,
        secrets=args.secrets,
    )  # fmt: skip
    try:
        found = look_at(addresses, timeout_ms=args.timeout_ms)
        for one in found:
            print(f"{one.address:<40} {one.said}"[:79])
        text = write([one for one in found if one.suits], answers)
        build_site(parse(text, str(path)))
    except ConfigError as error:
        print(error, file=sys.stderr)
        print("nothing was written; mend the answer that this names and try again", file=sys.stderr)
        return Code.CHECK
    if path.exists():
        path.replace(path.with_name(path.name + ".old"))
    path.write_text(text, encoding="utf-8")
    silent = [one.address for one in found if not one.suits]
    print(f"{path} is written, and passes `floorguard check`.")
    if silent:
        print(f"Left out, since they did not answer: {', '.join(silent)}")
    print("Next: put the secrets that it names in their files; floorguard check; systemctl start floorguard")
    return Code.OK if not silent else Code.PROBE


def question(text: str, default: str, asks: bool) -> str:
    """An answer, or the default where nobody can be asked."""
    if not asks:
        return default
    return input(f"{text} [{default}]: ").strip() or default
