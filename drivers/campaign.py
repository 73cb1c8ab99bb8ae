"""A dialler's campaign as an output, by requests that the site configures: paused, resumed, looked at.

Only what we have paused do we resume: the mark of that is written before the pause and outlives us. It must not know
why a campaign is paused.
"""

import re
import ssl
from collections.abc import Sequence
from dataclasses import field
from typing import Protocol

from config.redact import redact
from config.valued import dataclass
from drivers.http import Request, Response, fetch, where
from firmware_py.core.reading import Reason
from firmware_py.ports import DeviceError


class Marks(Protocol):
    """A short list of words that outlives the process."""

    def recall(self) -> list[str]:
        """What was kept last."""

    async def remember(self, words: Sequence[str]) -> None:
        """Returns when it is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """`pause` and `resume` succeed with a status of `accepts` and an answer in which `done` is found (`SUCCESS`; ''
    for any). `look`, where there is one, tells by `paused` (a regular expression) whether the campaign is paused."""

    output: str
    pause: Request
    resume: Request
    look: Request | None = None
    paused: str = ""
    done: str = ""
    accepts: frozenset[int] = frozenset({200, 201, 202, 204})
    secret: str = field(default="", repr=False)
    tls: "ssl.SSLContext | None" = None
    answer_ms: int = 3_000


class CampaignPort:
    """RemotePort of one campaign."""

    def __init__(self, campaign: Campaign, marks: Marks) -> None:
        self._campaign, self._marks = campaign, marks
        self._ours = campaign.output in marks.recall()
        self._wanted = False
        self._paused = re.compile(campaign.paused)

    @property
    def name(self) -> str:
        """The output's own name."""
        return self._campaign.output

    @property
    def outputs(self) -> frozenset[str]:
        """The one output."""
        return frozenset({self._campaign.output})

    async def write(self, output: str, on: bool) -> None:
        """Pause or resume, and see it so. What a person has paused stays paused. Raises DeviceError."""
        self._wanted = on
        standing = await self._standing()
        if on:
            if standing is not True:
                await self._mark(True)  # first: if we die between the two, a mark without a pause is harmless
                await self._ask(self._campaign.pause)
        elif self._ours:
            if standing is not False:
                await self._ask(self._campaign.resume)
            await self._confirm(False)
            await self._mark(False)
            return
        await self._confirm(on)

    async def read_back(self, output: str) -> bool | None:
        """Whether it is paused as we want it; a person's pause is as good while we want one, and none of ours while we
        do not. None where nobody can look. Raises DeviceError."""
        standing = await self._standing()
        return None if standing is None else standing and (self._ours or self._wanted)

    async def _confirm(self, on: bool) -> None:
        if on and await self._standing() is False:
            raise DeviceError(f"{self.name}: the pause was accepted and is not there", because=Reason.BAD_REPLY)
        if not on and self._ours and await self._standing() is True:
            raise DeviceError(f"{self.name}: it was resumed and is still paused", because=Reason.BAD_REPLY)

    async def _standing(self) -> bool | None:
        look = self._campaign.look
        if look is None:
            return None
        return self._paused.search((await self._ask(look, done="")).text) is not None

    async def _ask(self, request: Request, done: str | None = None) -> Response:
        campaign = self._campaign
        answer = await fetch(request, campaign.secret, campaign.answer_ms, campaign.tls)
        if answer.status not in campaign.accepts:
            raise DeviceError(f"{where(request.url)} answers {answer.status}", because=Reason.BAD_REPLY)
        if (campaign.done if done is None else done) not in answer.text:
            raise DeviceError(
                f"{where(request.url)} says {redact(answer.text.strip())[:60]!r}", because=Reason.BAD_REPLY
            )
        return answer

    async def _mark(self, ours: bool) -> None:
        if ours is not self._ours:
            self._ours = ours
            await self._marks.remember((self.name,) if ours else ())
