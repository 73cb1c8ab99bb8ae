"""What a running controller tells of its own configuration: its legend, its batteries, and what a draft would change.

So that who asks need not load the schema, and sees what is in force instead of a draft. It must not decide.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from config.faults import ConfigError
from config.floor import Floor
from config.legend import arrange
from config.model_site import Site
from config.stages import planned_stages
from config.texts import LANGUAGES, load_texts
from firmware_py.core.codec import encode
from firmware_py.core.command import CommandRefused
from firmware_py.runtime.board import Json
from firmware_py.runtime.clock import Clock
from firmware_py.wiring.drafts import checked_files
from firmware_py.wiring.gist import Gist
from firmware_py.wiring.release import stamp

Fields = Mapping[str, object]
Ask = Callable[[Mapping[str, str], Site | Mapping[str, str]], dict[str, Json]]
_REST = 4  # so many times as long as the last judgement took, nobody else is judged for


def verbs(floor: Callable[[], Floor]) -> Mapping[str, Callable[[str, Fields], Awaitable[Json]]]:
    """For the control socket. `floor` gives what runs at the moment."""

    async def legend(by: str, fields: Fields) -> Json:
        language = fields.get("language") or floor().site.site.language
        if language not in LANGUAGES:
            raise CommandRefused(f"there are texts in {' and '.join(LANGUAGES)} only; ask for one of them")
        return encode(arrange(floor(), load_texts(str(language)), str(language)))

    async def batteries(by: str, fields: Fields) -> Json:
        gist = gist_of(floor())
        return {"batteries": encode(gist.batteries), "stages": encode(gist.stages)}

    return {"legend": legend, "batteries": batteries}


def gist_of(floor: Floor) -> Gist:
    """What is asked of a configuration when nobody compiles it."""
    language = floor.site.site.language
    return Gist(
        legend=arrange(floor, load_texts(language), language),
        batteries=tuple(floor.plan.batteries.values()),
        stages=tuple(planned_stages(floor.site.stage)),
    )


class Judge:
    """For the control socket: one judgement at a time, none for long after one that took long; the last one is kept."""

    def __init__(
        self, clock: Clock, floor: Callable[[], Floor], texts: Callable[[int], Mapping[str, str]], ask: Ask
    ) -> None:
        """`floor`: what runs. `texts`: those of a kept generation; OSError or ValueError where they cannot be read.
        `ask`: judges, elsewhere; these errors too where it cannot."""
        self._clock, self._floor, self._texts, self._ask = clock, floor, texts, ask
        self._free_at_ms, self._busy = 0, False
        self._last: tuple[object, Floor, dict[str, Json]] | None = None
        self._release = stamp()  # as it is now: an upgrade must not be judged by what ran before
        self.verbs: Mapping[str, Callable[[str, Fields], Awaitable[Json]]] = {"judge": self.answer}

    async def answer(self, by: str, fields: Fields) -> Json:
        """`files` judged against the generation `number`, 0 for what runs. CommandRefused while it has no time."""
        files, number = checked_files(fields.get("files")), fields.get("number", 0)
        if not isinstance(number, int):
            raise CommandRefused("the number of a generation is a whole number; `floorguard rollback --list` has them")
        if fields.get("release") != self._release:
            raise CommandRefused("the controller is of another release; restart it, or `floorguard check` by itself")
        asked, floor = (tuple(sorted(files.items())), number), self._floor()
        if self._last is not None and self._last[0] == asked and self._last[1] is floor:
            return self._last[2]  # `check`, then `diff`, then `doctor`: the same draft
        if self._busy or self._clock.now_ms() < self._free_at_ms:
            raise CommandRefused("another draft is judged; try again in a few seconds")
        began_ms, self._busy = self._clock.now_ms(), True
        try:
            answer = await asyncio.to_thread(self._judge, files, number, floor)
        except (OSError, ValueError, ConfigError) as error:
            raise CommandRefused(f"it cannot be judged here ({error}); `floorguard check` judges by itself") from error
        finally:
            self._busy = False
            self._free_at_ms = self._clock.now_ms() + _REST * (self._clock.now_ms() - began_ms)
        self._last = asked, floor, answer
        return answer

    def _judge(self, files: Mapping[str, str], number: int, floor: Floor) -> dict[str, Json]:
        return self._ask(files, self._texts(number) if number else floor.site)
