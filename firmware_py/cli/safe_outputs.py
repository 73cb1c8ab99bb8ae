"""`floorguard safe-outputs`: every output to what it is left at after a stop or a fault, whoever drove it last.

systemd runs it after any end of the daemon. Pins first and without the network's libraries; what is behind a wire gets
a few seconds. A faulty site file costs only its faulty parts. It must not decide anything about the floor.
"""

import argparse
import asyncio
import fcntl
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import gettempdir

from config.floor import control_socket, state_directory
from config.model_outputs import Fallback, GpioOutput
from config.prune import prune
from config.site import Site
from config.strict import ConfigError, check, read
from drivers.gpio import Chip, GpioPort, OutputPin, open_chip
from firmware_py.cli.codes import Code
from firmware_py.core.command import CommandRefused
from firmware_py.ports import DeviceError
from firmware_py.runtime.control_wire import ControlClient
from firmware_py.wiring.drafts import in_force

_ANSWER_MS = 1_000


def run(args: argparse.Namespace) -> int:
    """Drive all, say what was done, and end with 1 if any output could not be driven."""
    fault = is_fault(args.cause, os.environ)
    args.config = str(in_force(Path(args.config), os.environ))  # what drove the outputs, not a draft
    site = read_site(Path(args.config))
    if site is None:
        print("safe-outputs: no output is known, nothing was driven; name the site file with --config", file=sys.stderr)
        return Code.FAILED
    lock = take_lock(state_directory(site, os.environ))
    if lock is None:
        if asyncio.run(_answers(control_socket(site, os.environ))):
            print("safe-outputs: refused, the controller is running; first: systemctl stop floorguard", file=sys.stderr)
            return Code.FAILED
        print("safe-outputs: a controller is there and does not answer; its pins may be out of reach", file=sys.stderr)
    levels = wanted_levels(site, fault=fault)
    print(f"safe-outputs: {len(levels)} of {len(site.output)} outputs to on_{'fault' if fault else 'stop'}", flush=True)
    left: list[str] = []
    with ExitStack() as each:  # last in, first out; all are tried, whatever happens with one of them
        each.callback(lambda: left.extend(_drive_remote(args.config, site, levels)))
        each.callback(lambda: left.extend(drive_pins(site, levels)))
    if lock is not None:
        os.close(lock)
    return Code.FAILED if left else Code.OK


def is_fault(cause: str, environ: Mapping[str, str]) -> bool:
    """Whether `on_fault` counts: told by hand, else by systemd. What nobody knows is a fault."""
    return cause == "fault" if cause else environ.get("SERVICE_RESULT") != "success"


def read_site(path: Path) -> Site | None:
    """The site, without what is wrong in it: a slip in one table must not leave all other outputs as they are."""
    try:
        document = read(path)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return None
    try:
        return check(document, Site)
    except ConfigError as error:
        print(error, file=sys.stderr)
        rest = prune(document, error, Site)
        return None if rest is None else rest[0]


def take_lock(directory: Path) -> int | None:
    """The daemon's lock, so that none starts meanwhile; None while one holds it. Never made here: it would be ours."""
    try:
        handle = os.open(directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def wanted_levels(site: Site, *, fault: bool) -> dict[str, bool]:
    """On or off by output; one to be held is not in it, and is not touched."""
    chosen = ((output.id, output.on_fault if fault else output.on_stop) for output in site.output)
    return {name: stop is Fallback.ON for name, stop in chosen if stop is not Fallback.HOLD}


def drive_pins(site: Site, levels: Mapping[str, bool]) -> list[str]:
    """Claim every pin at its level, each by itself; those that could not be driven. The kernel keeps the levels."""
    outputs = [output for output in site.output if isinstance(output, GpioOutput) and output.id in levels]
    if site.gpio is None or not outputs:
        return [tell_failure(output.id, "the site has no [gpio]") for output in outputs]
    os.environ.setdefault("LG_WD", gettempdir())  # lgpio leaves its fifos in the working directory otherwise
    try:
        chip = open_chip(site.gpio.factory)
    except DeviceError as error:
        return [tell_failure(output.id, str(error)) for output in outputs]
    left: list[str] = []
    ports: list[GpioPort] = []  # held, else the pins are given back one by one
    with ExitStack() as each:
        each.callback(chip.factory.close)
        for output in outputs:
            each.callback(partial(_drive_pin, output, chip, levels[output.id], ports, left))
    return left


def _drive_pin(output: GpioOutput, chip: Chip, on: bool, ports: list[GpioPort], left: list[str]) -> None:
    pin = OutputPin(output=output.id, pin=output.pin, active_low=output.polarity.value == "active_low")
    try:
        ports.append(GpioPort([pin], chip, {output.id: on}))
    except DeviceError as error:
        left.append(tell_failure(output.id, str(error)))
    else:
        tell(output.id, on)


def _drive_remote(config: str, site: Site, levels: Mapping[str, bool]) -> list[str]:
    # Loads every wire's library, which takes seconds on a Pi: the pins do not wait for that.
    from firmware_py.cli.safe_remote import drive_remote

    return asyncio.run(drive_remote(Path(config).parent, site, levels))


async def _answers(socket: Path) -> bool:
    try:
        async with ControlClient(socket, _ANSWER_MS) as client:
            await client.ask("status")
    except CommandRefused:
        return False
    return True


def tell(name: str, on: bool) -> None:
    """One line for an output that was driven."""
    print(f"safe-outputs: {name} {'on' if on else 'off'}", flush=True)


def tell_failure(name: str, why: str) -> str:
    """One line for one that was not; its name."""
    print(f"safe-outputs: {name} could not be driven: {why}; look at it by hand", file=sys.stderr)
    return name
