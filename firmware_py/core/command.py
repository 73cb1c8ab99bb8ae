"""An operator's wish and the answer to it.

Who may send what over which way is the shell's to check; the core checks whether the floor allows it now.
This module must not know sockets, topics or users' rights.
"""

from enum import StrEnum

from config.valued import dataclass
from firmware_py.core.output import OutputValue


class CommandKind(StrEnum):
    """What can be asked for."""

    ACK = "ack"  # target: alarm or incident id, or empty for all
    SILENCE = "silence"  # sounder only, until any new alarm
    SHELVE = "shelve"  # target: alarm id, ttl, why
    UNSHELVE = "unshelve"
    OUT_OF_SERVICE = "out-of-service"  # target: alarm id, why; until brought back
    IN_SERVICE = "in-service"
    RESET = "reset"  # a latched alarm whose condition has ended, and who was first
    OVERRIDE = "override"  # target: output id, value, ttl
    RELEASE_OVERRIDE = "release-override"
    CONSERVE = "conserve"  # conservation by hand
    RELEASE = "release"  # end conservation by hand; refused while nothing by hand is in force
    PAUSE_OUTBOUND = "pause-outbound"
    RESUME_OUTBOUND = "resume-outbound"  # ends only the sender's own kind of pause: the one by hand
    FIRE_CONFIRM = "fire-confirm"  # local only
    LAMP_TEST = "lamp-test"
    DRILL = "drill"  # target: which, ttl
    END_DRILL = "end-drill"
    TRUNK = "trunk"  # target: NAME=WORD, what a person says of a trunk; `auto` takes it back
    OUTAGE_ADD = "outage-add"  # a planned power cut: target START/END, why its note
    OUTAGE_CANCEL = "outage-cancel"  # target: its id
    TICK = "tick"  # target: item of an open checklist (`power.recovery.forms`)
    HANDOVER = "handover"  # the shift that leaves names all open matters
    TAKE_OVER = "take-over"  # target: a matter of it; `why` is the name of who takes over, where accounts are shared


class CommandRefused(Exception):
    """The operator asked for what the floor does not allow now; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`by` is the authenticated sender, never a claim. `ttl_ms` bounds an override (0: until released), a
    silence (0: until a new alarm), and a shelf, which must have an end. `why` is kept with what is shelved."""

    id: str
    kind: CommandKind
    by: str
    target: str = ""
    value: OutputValue | None = None
    ttl_ms: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to one command: done, or refused with the reason."""

    command: str
    done: bool
    error: str = ""
