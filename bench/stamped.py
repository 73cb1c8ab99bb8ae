"""The daemon as users run it, with two stamps: when each pin was driven, and how long each callback held the loop.

`python -m bench.stamped OUT run --config FILE` writes lines to OUT: `pin OUTPUT LEVEL NS`, and for each callback that
was long `held CPU_NS WHAT`. CLOCK_MONOTONIC, and the thread's own CPU, so that waiting for a core is no lag.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

from drivers import gpio
from firmware_py.cli import main

_NOTED_NS = 200_000  # shorter ones are of no interest


def stamp(path: str) -> None:
    """Put the stamps in."""
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    drive = gpio.GpioPort.set_level

    def set_level(self: gpio.GpioPort, output: str, on: bool) -> None:
        drive(self, output, on)
        os.write(out, f"pin {output} {on:d} {time.monotonic_ns()}\n".encode())

    run = asyncio.Handle._run

    def timed(self: asyncio.Handle) -> None:
        began_ns = time.thread_time_ns()
        run(self)
        held_ns = time.thread_time_ns() - began_ns
        if held_ns > _NOTED_NS:
            callback = self._callback if self._callback is not None else None
            owner = getattr(callback, "__self__", None)
            what = (
                owner.get_coro().__qualname__
                if isinstance(owner, asyncio.Task)
                else getattr(callback, "__qualname__", repr(callback))
            )
            os.write(out, f"held {held_ns} {what}\n".encode())

    gpio.GpioPort.set_level = set_level  # type: ignore[method-assign]  # measured, not mocked
    asyncio.Handle._run = timed  # type: ignore[method-assign]  # the same


if __name__ == "__main__":
    stamp(sys.argv[1])
    sys.exit(main(sys.argv[2:]))
