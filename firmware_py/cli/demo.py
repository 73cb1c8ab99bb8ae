"""`floorguard demo`: the controller guards a simulated floor on this machine, on real protocols, for a scripted day.

Exit 1 with `--check` when anything that the script expects did not happen. Knows only how to start it.
"""

import argparse
import asyncio
import logging

from firmware_py.cli.codes import Code


def run(args: argparse.Namespace) -> int:
    """Show it, or check it."""
    from firmware_py.demo.show import Wish, has_terminal, show

    # What our own peers have to say is of no interest on a terminal that is drawn on.
    logging.basicConfig(level=logging.CRITICAL)
    wish = Wish(fast=args.fast, check=args.check, drawn=not args.check and has_terminal())
    well = asyncio.run(show(wish, lambda line: print(line, flush=True)))
    return Code.OK if well or not args.check else Code.FAILED
