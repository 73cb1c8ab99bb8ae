"""`floorguard demo`: the controller guards a simulated floor on this machine, on real protocols, for a scripted day.

Exit 1 when the controller or its floor died, with `--check` also when anything that the script expects did not happen.
Knows only how to start it.
"""

import argparse
import asyncio
import logging
import signal
from pathlib import Path

from firmware_py.cli.codes import Code


def run(args: argparse.Namespace) -> int:
    """Show it, or check it; or only its devices."""
    if args.devices:
        folder = Path(args.devices).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return asyncio.run(_devices(folder, args.site))
    from firmware_py.demo.show import Ending, Wish, has_terminal, show

    # What our own peers have to say is of no interest on a terminal that is drawn on.
    logging.basicConfig(level=logging.CRITICAL)
    wish = Wish(fast=args.fast, check=args.check, drawn=not args.check and has_terminal())
    ending = asyncio.run(show(wish, lambda line: print(line, flush=True)))
    # Without --check a missed expectation is told and no more: a machine may be slow. A dead controller is a failure.
    return Code.FAILED if ending is Ending.BROKEN or (args.check and ending is Ending.MISSED) else Code.OK


async def _devices(folder: Path, site: str) -> int:
    """Stand-ins for all devices of a site until Ctrl-C, and a site file in the folder that leads to them."""
    import config
    from config.faults import ConfigError
    from config.site import load_site
    from firmware_py.demo.stand_ins import StandIns

    try:
        known = load_site(Path(site) if site else Path(config.__file__).parent / "sites" / "demo.toml")
    except ConfigError as error:
        print(error)
        return Code.CHECK
    devices = StandIns(site=known, folder=folder)
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await devices.start()
        for name, address in devices.addresses.items():
            print(f"{name:<14} {address}", flush=True)
        print(f"site file      {devices.site_file}\nCtrl-C ends them", flush=True)
        await devices.run()
    except asyncio.CancelledError:
        pass
    finally:
        await devices.close()
    return Code.OK
