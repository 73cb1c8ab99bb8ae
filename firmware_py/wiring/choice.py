"""Which configuration a start takes: the one confirmed last; a trial that was cut short and a crash loop lead back.

The site file itself is a draft that counts only where nothing was ever put in force. It must not start anything.
"""

import logging
from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from config.faults import ConfigError
from config.floor import Devices, Floor
from config.valued import dataclass
from firmware_py.core.event import Event, Severity
from firmware_py.runtime.generations import Generation, Generations
from firmware_py.wiring.drafts import differs, gather, open_store

log = logging.getLogger(__name__)
Build = Callable[[Path], tuple[Floor, Devices]]
STARTS = 3  # failed starts of one configuration in one boot; the next one falls back
LASTING_MS = 60_000


@dataclass(slots=True, kw_only=True)
class Choice:
    """What was built, from which generation (0: none is stored), and what has to be told about it."""

    floor: Floor
    devices: Devices
    number: int
    store: Generations
    events: list[Event] = field(default_factory=list)


def choose(path: Path, build: Build, directory: Path, boot: str) -> Choice:
    """The configuration to start with. ConfigError only when not one of all can be used. Call it with the directory's
    lock held: it ends a trial that another controller might be having."""
    store = open_store(directory)
    events: list[Event] = []
    try:
        _go_back(store, boot, events)
    except OSError as error:
        log.error("the generations cannot be written: %s", error)
    fault: ConfigError | None = None
    for number in [*dict.fromkeys(_candidates(store)), 0]:
        try:
            floor, devices = build(store.path(number) if number else path)
        except ConfigError as error:
            fault = fault or error
            if number:
                log.error("generation %d is refused by this release:\n%s", number, error)
                events.append(_event("config.refused", generation=number, why=str(error.faults[0])[:200]))
            continue
        choice = Choice(floor=floor, devices=devices, number=number, store=store, events=events)
        _note(choice, path, boot)
        return choice
    assert fault is not None
    raise fault


def _candidates(store: Generations) -> list[int]:
    good = [one.number for one in reversed(store.book.confirmed) if not one.bad]
    return good + [one.number for one in reversed(store.book.confirmed) if one.bad]


def _go_back(store: Generations, boot: str, events: list[Event]) -> None:
    trial = store.book.trial
    if trial is not None:
        store.revert()
        back = store.book.running
        log.warning("generation %d was on probation when the controller ended: back to %d", trial.number, back)
        events.append(_event("config.reverted", generation=trial.number, back_to=back, why="the controller ended"))
        return
    number, book = store.newest_good(), store.book
    others = any(not one.bad and one.number != number for one in book.confirmed)
    if book.boot == boot and book.running == number and book.starts >= STARTS and others:
        store.give_up(number)
        back = store.newest_good()
        log.critical("generation %d did not last %d times: back to %d", number, book.starts, back)
        events.append(_event("config.fallback", generation=number, back_to=back, why=f"{book.starts} failed starts"))


def _note(choice: Choice, path: Path, boot: str) -> None:
    store = choice.store
    try:
        if choice.number == 0:
            files = gather(path)
            kept = store.add(files, Generation(number=0, by="start", why="first start"), trial=False)
            choice.number = kept.number
        store.note_start(choice.number, boot)
    except (OSError, ConfigError) as error:
        log.error("this configuration cannot be kept as a generation: %s", error)
        return
    if differs(store, choice.number, path):
        log.warning(
            "%s differs from generation %d, which is in force: `floorguard diff`, then `floorguard apply`",
            path, choice.number,
        )  # fmt: skip


def _event(kind: str, **data: "int | str") -> Event:
    return Event(type=kind, severity=Severity.WARNING, at_ms=0, data=dict(data))
