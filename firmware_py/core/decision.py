"""The outcome of one cycle: the new memory, what every output is to do, what is worth recording, when to look again.

This module must not know how any of it is carried out.
"""

from collections.abc import Mapping
from dataclasses import field

from config.valued import dataclass
from firmware_py.core.command import Reply
from firmware_py.core.event import Event
from firmware_py.core.looked import Looked
from firmware_py.core.mode import Mode
from firmware_py.core.output import OutputImage
from firmware_py.core.reading import Reading
from firmware_py.core.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`because`: ids of the conditions and commands behind `mode`. `stage`: number of stages shed over all causes.
    `flags`: words beside the mode (`manual_records`, `drill`, ...). `wake_at_ms`: the earliest time at which the answer
    could change with unchanged inputs, None if it cannot; always later than the step's own time. `derived`: readings
    that were worked out in this step, which belong to the picture that people are shown. `looked` makes the next step
    cheap and says nothing."""

    state: State
    outputs: OutputImage
    mode: Mode
    flags: frozenset[str]
    because: tuple[str, ...]
    stage: int
    events: tuple[Event, ...] = ()
    replies: tuple[Reply, ...] = ()
    wake_at_ms: int | None = None
    derived: Mapping[str, Reading] = field(default_factory=dict)
    looked: Looked | None = field(default=None, compare=False, repr=False)
