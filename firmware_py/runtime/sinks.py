"""Who is told after the outputs: the journal first, then everybody else. A fault of theirs never stops the cycle.

Sinks must not block: they put what they get into a bounded queue of their own. Knows no file and no broker.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from firmware_py.core.command import Command
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage

log = logging.getLogger(__name__)


class Recorder(Protocol):
    """Storage's side of the cycle: events to the journal, state to its file, inputs to the recorder."""

    def record(self, image: InputImage, commands: tuple[Command, ...], decision: Decision) -> None:
        """Queue one cycle for the storage thread; never waits, never raises for want of room."""


class Sink(Protocol):
    """Whoever wants to see each decision: the publisher, the control socket."""

    def show(self, image: InputImage, decision: Decision) -> None:
        """Take note of one cycle; never waits."""


class Audience:
    """Recorder and sinks in the order of the law; a fault is logged when it begins and when it has passed."""

    def __init__(self, recorder: Recorder, sinks: Sequence[Sink]) -> None:
        self._recorder = recorder
        self._sinks = tuple((f"{type(sink).__name__}[{number}]", sink) for number, sink in enumerate(sinks))
        self._faulty: set[str] = set()

    def record(self, image: InputImage, commands: tuple[Command, ...], decision: Decision) -> None:
        """To the journal."""
        self._try("journal", self._recorder.record, image, commands, decision)

    def show(self, image: InputImage, decision: Decision) -> None:
        """To everybody else, each for itself."""
        for name, sink in self._sinks:
            self._try(name, sink.show, image, decision)

    def _try(self, name: str, tell: Callable[..., None], *what: object) -> None:
        try:
            tell(*what)
        except Exception:  # the floor is worth more than any record of it
            if name not in self._faulty:
                log.exception("%s failed; the cycle goes on without it", name)
            self._faulty.add(name)
        else:
            if name in self._faulty:
                log.warning("%s works again", name)
                self._faulty.discard(name)
