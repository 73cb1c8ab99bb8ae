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


MEANINGS = {
    Code.OK: "Done, or nothing is wrong.",
    Code.FAILED: "Refused or failed; diff: something differs; doctor: something is bad; replay: a difference.",
    Code.USAGE: "The words were wrong.",
    Code.CHECK: "The configuration has faults.",
    Code.UNREACHABLE: "No controller answers at the control socket.",
    Code.PROBE: "A device did not answer, or told nothing that can be used.",
    Code.ROLLED_BACK: "apply: the change was reverted while we waited.",
    Code.UNACKED: "status --exit-code: an alarm is not acknowledged.",
}
