"""`floorguard demo`: the controller guards a simulated floor on this machine, on real protocols, for a scripted day.

Exit 1 when the controller or its floor died, with `--check` also when anything that the script expects did not happen.
Knows only how to start it.
"""

import argparse
import asyncio
import logging

from firmware_py.cli.codes import Code


def run(args: argparse.Namespace) -> int:
    """Show it, or check it."""
    from firmware_py.demo.show import Ending, Wish, has_terminal, show

    # What our own peers have to say is of no interest on a terminal that is drawn on.
    logging.basicConfig(level=logging.CRITICAL)
    wish = Wish(fast=args.fast, check=args.check, drawn=not args.check and has_terminal())
    ending = asyncio.run(show(wish, lambda line: print(line, flush=True)))
    # Without --check a missed expectation is told and no more: a machine may be slow. A dead controller is a failure.
    return Code.FAILED if ending is Ending.BROKEN or (args.check and ending is Ending.MISSED) else Code.OK
