"""Exit codes of the command, stable for scripts.

Knows no verb.
"""

from enum import IntEnum


class Code(IntEnum):
    """What a verb ends with."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CHECK = 3  # the configuration has faults
    UNREACHABLE = 4  # no daemon answers at the control socket
    PROBE = 5
    ROLLED_BACK = 6
    UNACKED = 7
