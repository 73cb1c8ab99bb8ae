"""The demo as a whole: opens the floor, plays the day, shows or tells it, and ends everything, whatever ends it.

With a terminal it draws; without one it tells the story line by line; to check, it also says what it saw of each
expectation. It must not know how a floor is made.
"""

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import Enum

from config.valued import dataclass
from firmware_py.demo.broker import BrokerFailed
from firmware_py.demo.day import DAY
from firmware_py.demo.floor import Floor, FloorFailed, open_floor
from firmware_py.demo.play import Play, Result
from firmware_py.demo.script import Scene
from firmware_py.demo.words import day_time, event_text

FRAME_S = 0.1
GOODBYE_LOOKS = 50
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for. `drawn`: there is a terminal to draw on."""

    fast: bool
    check: bool
    drawn: bool


class Ending(Enum):
    """How it ended. BROKEN: the floor could not be opened, or the controller or a far end of it died."""

    WELL = "well"
    MISSED = "missed"
    BROKEN = "broken"


async def show(wish: Wish, say: Say) -> Ending:
    """All of it; MISSED when something that the script expects did not happen, or was not waited for.

    SIGINT, SIGTERM and SIGHUP end it in order.
    """
    task = asyncio.current_task()
    assert task is not None
    ending = asyncio.Event()

    def end() -> None:
        if not ending.is_set():  # a second Ctrl-C must not break off the clearing up
            ending.set()
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end)
    try:
        return Ending.WELL if await _perform(wish, say) else Ending.MISSED
    except (FloorFailed, BrokerFailed) as error:
        say(f"floorguard demo: {error}")
        return Ending.BROKEN
    except asyncio.CancelledError:
        if not ending.is_set():
            raise
        say("ended" + (" before the day was over" if wish.check else ""))
        return Ending.MISSED if wish.check else Ending.WELL


async def _perform(wish: Wish, say: Say) -> bool:
    say("starting broker, UPS agent, Modbus units, exchange and the controller ...")
    async with open_floor(fast=wish.fast) as floor:
        teller = _Teller(floor, say, events=not wish.check)
        play = Play(floor, DAY, fast=wish.fast, told=(lambda _: None) if wish.drawn else teller.tell)
        teller.play = play
        if wish.drawn:
            await _draw(floor, play, say)
        elif wish.check:
            await play.run()
            await _close(floor, play, teller)
        else:
            following = asyncio.create_task(teller.follow())
            try:
                await _play_on(floor, play, say)
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
        return _sum_up(play, say)


async def _play_on(floor: Floor, play: Play, say: Say) -> None:
    await play.run()
    _sum_up(play, say)
    say("the day is over; the floor goes on quietly until Ctrl-C")
    while True:
        floor.check_alive()
        await asyncio.sleep(1)


async def _draw(floor: Floor, play: Play, say: Say) -> None:
    from rich.console import Console
    from rich.live import Live

    from firmware_py.demo.screen import View, draw, flash_ms

    console = Console()
    playing = asyncio.create_task(play.run())
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                floor.check_alive()
                if playing.done():
                    playing.result()
                view = View(
                    site=floor.site, world=floor.world, picture=floor.picture, events=list(floor.events)[-60:],
                    play=play, broker=floor.broker, over=playing.done(),
                )  # fmt: skip
                live.update(draw(view, console, flash_ms()), refresh=True)
                await asyncio.sleep(FRAME_S)
    finally:
        playing.cancel()
        with suppress(asyncio.CancelledError, FloorFailed):
            await playing
        _sum_up(play, say)


async def _close(floor: Floor, play: Play, teller: "_Teller") -> None:
    """What holds for the whole day, and the end of it: a clean stop that the broker is told of."""
    began_s = asyncio.get_running_loop().time()

    def note(what: str, met: bool, instead: str) -> None:
        took_ms = round((asyncio.get_running_loop().time() - began_s) * 1000) if met else None
        result = Result(scene="the end", what=what, took_ms=took_ms, instead="" if met else instead)
        play.results.append(result)
        teller.tell(result)

    code = await floor.stop_daemon()
    note("the controller stops cleanly", code == 0, f"exit code {code}: {floor.last_words()}")
    for _ in range(GOODBYE_LOOKS):
        if floor.said_goodbye:
            break
        await asyncio.sleep(FRAME_S)
    note("the broker has its goodbye", floor.said_goodbye, str(floor.listener.messages.get("status")))
    heard, faults = floor.listener.heard, floor.listener.faults
    if floor.listener.validates:
        note(f"all of {heard} messages keep to the schemas", not faults, "; ".join(faults))


class _Teller:
    """Says things line by line as they come."""

    def __init__(self, floor: Floor, say: Say, *, events: bool) -> None:
        self._floor, self._say, self._events = floor, say, events
        self.play: Play | None = None

    def tell(self, what: Scene | Result) -> None:
        """A scene that begins, or what became of an expectation."""
        if isinstance(what, Scene):
            now_ms = self.play.now_ms if self.play is not None else 0
            self._say(f"{day_time(now_ms):>5}  {what.title}")
        elif what.took_ms is None:
            self._say(f"       MISSED          {what.what}\n{'':23}saw: {what.instead}")
        else:
            self._say(f"       ok {what.took_ms / 1000:>6.1f} s     {what.what}")

    async def follow(self) -> None:
        """The events too, for ever."""
        after = self._floor.count
        while self._events:
            for event in self._floor.sight(after).events:
                self._say(f"{'':12}{event_text(event)}")
            after = self._floor.count
            await asyncio.sleep(FRAME_S)


def _sum_up(play: Play, say: Say) -> bool:
    expected = sum(len(scene.expects) for scene in play.day)
    met = len(play.results) - len(play.missed)
    say(f"{met} of {max(expected, len(play.results))} expectations came true in {day_time(play.now_ms)}")
    for result in play.missed:
        say(f"MISSED in '{result.scene}': {result.what}; saw: {result.instead}")
    return not play.missed and len(play.results) >= expected


def has_terminal() -> bool:
    """Whether there is one that can be drawn on."""
    import os

    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
