"""What an incident tells people, handed to the site's own program as one line of JSON each.

A sink of the cycle. It must not know how the program carries it on.
"""

import json
from collections.abc import Collection

from config.model_people import LocalCommand
from config.model_site import Site
from firmware_py.core.decision import Decision
from firmware_py.core.event import Event
from firmware_py.core.image import InputImage
from firmware_py.runtime.clock import Clock, utc_text
from firmware_py.runtime.hook import Hook, Program

VERSION = 1


class Notices:
    """Shows each cycle's notices to the hook."""

    def __init__(self, hook: Hook, clock: Clock, site: str, kinds: Collection[str]) -> None:
        self._hook, self._clock, self._site = hook, clock, site
        self._types = frozenset(f"incident.{kind}" for kind in kinds)

    def show(self, image: InputImage, decision: Decision) -> None:
        """The notices among the events."""
        for event in decision.events:
            if event.type in self._types:
                self._hook.offer(self._line(event))

    def _line(self, event: Event) -> bytes:
        told = {
            "v": VERSION, "site": self._site, "ts": utc_text(self._clock.utc_ms()), "type": event.type,
            "severity": event.severity.value, "incident": event.incident, "drill": event.drill, "data": event.data,
        }  # fmt: skip
        return json.dumps(told, ensure_ascii=False).encode() + b"\n"


def make_notices(site: Site, clock: Clock) -> tuple[Hook, Notices] | None:
    """The hook and its sink, None where the site has no program."""
    asked = site.escalation.command
    if asked is None:
        return None
    hook = Hook(program_of(asked))
    return hook, Notices(hook, clock, site.site.id, [kind.value for kind in asked.on])


def program_of(asked: LocalCommand) -> Program:
    """As the hook wants it."""
    return Program(path=asked.program, arguments=asked.arguments, timeout_ms=asked.timeout_ms)
