"""`floorguard run`: the daemon itself, as systemd starts it.

A configuration that cannot be used ends it with every fault said; nothing has been driven by then.
"""

import asyncio
import logging
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from config.faults import ConfigError
from config.redact import redact
from firmware_py.app import guard
from firmware_py.cli.codes import Code

if TYPE_CHECKING:
    import argparse

log = logging.getLogger(__name__)

# The priority prefixes of sd-daemon(3), by which journald tells what matters.
_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}


SWITCH_S = 0.0005  # of the interpreter's lock; by default a thread keeps it for 5 ms each time that another asks


class _Prefixed(logging.Formatter):
    """Lines as journald wants them: its own prefix, no time, which it adds itself."""

    def format(self, record: logging.LogRecord) -> str:
        """One record; the lines of a traceback each carry the prefix."""
        prefix = f"<{_PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in redact(super().format(record)).splitlines())


class _Plain(logging.Formatter):
    """Lines for a terminal or a file."""

    def format(self, record: logging.LogRecord) -> str:
        """One record, its traceback too."""
        return redact(super().format(record))


def run(args: "argparse.Namespace") -> int:
    """Guard until told to stop."""
    return guard_site(args.config)


def guard_site(path: str) -> int:
    """Guard the floor of a site file until told to stop."""
    stream = logging.StreamHandler(sys.stderr)
    under_systemd = "JOURNAL_STREAM" in os.environ
    stream.setFormatter(_Prefixed("%(message)s") if under_systemd else _Plain("%(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[stream])
    logging.captureWarnings(True)
    # A traceback that Python prints by itself would go through no sieve.
    threading.excepthook = lambda ended: log.critical("a thread has died", exc_info=ended.exc_value)
    sys.excepthook = lambda _, fault, __: log.critical("ended by a fault of its own", exc_info=fault)
    # The storage thread is busy with a new state just when the reading comes that confirms it.
    sys.setswitchinterval(SWITCH_S)
    try:
        asyncio.run(guard(Path(path).absolute(), os.environ))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return Code.CHECK
    return Code.OK
