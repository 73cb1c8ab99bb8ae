"""The outputs inside an exchange, reconciled: what is wanted is compared with what stands, only differences are set.

Nothing is queued or replayed. A gate that a person has closed at the exchange stays closed: only what we closed do we
open; the mark of that is kept in the exchange and outlives both sides. It must not know why anything is wanted.
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Protocol

from config.valued import dataclass
from drivers import pbx_ask as ask
from drivers.ami_link import AmiLink
from drivers.pbx_config import MARK, Action, PbxConfig
from drivers.pbx_members import AgentsMoved, QueueMembers
from drivers.pbx_trunks import level
from firmware_py.core.reading import Reason, Sample, bad
from firmware_py.ports import DeviceError


class Switch(Protocol):
    """One thing that can be on or off. All of it raises DeviceError."""

    async def level(self, link: AmiLink, wanted: bool | None) -> bool | None:
        """What stands now; `wanted` tells how something half done counts (as not done)."""

    async def set(self, link: AmiLink, on: bool) -> None:
        """Bring it about and see it so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """A custom device state that the dialplan asks. `mark`: another one, on while it was us who set this one; '' where
    nobody else is expected to."""

    state: str
    mark: str = ""

    async def level(self, link: AmiLink, wanted: bool | None) -> bool | None:
        return level(await ask.getvar(link, f"DEVICE_STATE({self.state})"))

    async def set(self, link: AmiLink, on: bool) -> None:
        if not self.mark:
            await self._put(link, self.state, on)
        elif on:
            # The mark first: if we die between the two, a mark without a gate is harmless.
            if await self.level(link, on) is not True:
                await self._put(link, self.mark, on)
            await self._put(link, self.state, on)
        elif not await self.by_hand(link):
            await self._put(link, self.state, on)
            await self._put(link, self.mark, on)

    async def by_hand(self, link: AmiLink) -> bool:
        """True while somebody else has set it, and we have not."""
        if not self.mark or await self.level(link, None) is not True:
            return False
        return level(await ask.getvar(link, f"DEVICE_STATE({self.mark})")) is not True

    async def _put(self, link: AmiLink, state: str, on: bool) -> None:
        variable, value = f"DEVICE_STATE({state})", "INUSE" if on else "NOT_INUSE"
        ask.insist(await link.ask("Setvar", {"Variable": variable, "Value": value}), f"Setvar {variable}")
        if level(await ask.getvar(link, variable)) is not on:  # a success answer is no proof
            raise DeviceError(f"{variable} was accepted as {value} and reads otherwise", because=Reason.BAD_REPLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """A configured action. `mark`: a device state that is on while it was us who did it; what a person has paused
    counts as on while we want it so, and is not ours to undo."""

    action: Action
    mark: str

    async def level(self, link: AmiLink, wanted: bool | None) -> bool | None:
        standing = await ask.getvar(link, self.action.look) == self.action.on_value
        return standing and (bool(wanted) or await self._marked(link))

    async def set(self, link: AmiLink, on: bool) -> None:
        if on and await ask.getvar(link, self.action.look) != self.action.on_value:
            await self._put_mark(link, on)
            await self._do(link, self.action.on)
        elif not on and await self._marked(link):
            await self._do(link, self.action.off)
            await self._put_mark(link, on)
        if await self.level(link, on) is not on:
            raise DeviceError(f"{self.action.output} was accepted and does not follow", because=Reason.BAD_REPLY)

    async def _marked(self, link: AmiLink) -> bool:
        return level(await ask.getvar(link, f"DEVICE_STATE({self.mark})")) is True

    async def _put_mark(self, link: AmiLink, on: bool) -> None:
        mark = {"Variable": f"DEVICE_STATE({self.mark})", "Value": "INUSE" if on else "NOT_INUSE"}
        ask.insist(await link.ask("Setvar", mark), f"Setvar {self.mark}")

    async def _do(self, link: AmiLink, headers: Mapping[str, str]) -> None:
        rest = {name: value for name, value in headers.items() if name != "Action"}
        ask.insist(await link.ask(headers["Action"], rest), f"{headers['Action']} for {self.action.output}")


class Gates:
    """All outputs of one exchange, and what was last wanted of each."""

    def __init__(self, config: PbxConfig) -> None:
        self._config = config
        self._switches: Mapping[str, Switch] = dict(_switches(config))
        self._wanted: dict[str, bool] = {}  # compared, never replayed
        self._repeat_at_s: dict[str, float] = {}
        self._restore: set[str] = set()

    @property
    def outputs(self) -> frozenset[str]:
        """Ids of the outputs."""
        return frozenset(self._switches)

    def restart(self) -> None:
        """A new connection: a restart of the exchange may have lost a write. Only the careful direction is restored
        here; the other one is for whoever writes next."""
        self._repeat_at_s = {}
        self._restore = {output for output, on in self._wanted.items() if on}

    def want(self, output: str, on: bool) -> None:
        """The newest wish counts from now on, whatever becomes of its write."""
        self._wanted[output] = on

    async def write(self, link: AmiLink, output: str) -> None:
        """Bring about what is wanted, if it does not stand already."""
        on = self._wanted[output]
        if await self._switches[output].level(link, on) is on:
            return  # only a difference is written; one that is to be written once more stays on the list
        await self._switches[output].set(link, on)
        self._repeat_at_s[output] = _now_s() + self._config.durable_ms / 1000

    async def level(self, link: AmiLink, output: str) -> bool | None:
        """How it stands."""
        return await self._switches[output].level(link, self._wanted.get(output))

    async def keep(self, link: AmiLink) -> None:
        """What is due: the second write, and gates that a restart of the exchange has lost."""
        now_s = _now_s()
        for output in [name for name, at_s in self._repeat_at_s.items() if now_s >= at_s]:
            # Only a level that still stands is written again: what somebody changed since is the writer's to judge.
            if await self.level(link, output) is self._wanted[output]:
                await self._switches[output].set(link, self._wanted[output])
            del self._repeat_at_s[output]
        for output in sorted(self._restore):
            if self._wanted[output] and await self.level(link, output) is False:
                await self._switches[output].set(link, True)
                self._repeat_at_s[output] = now_s + self._config.durable_ms / 1000
            self._restore.discard(output)

    async def samples(self, link: AmiLink) -> Mapping[str, Sample]:
        """Every output as it stands, and whether a person holds the gate."""
        held = {
            f"{self._config.name}.held_by_hand": switch.by_hand(link)
            for switch in self._switches.values()
            if isinstance(switch, DeviceState) and switch.mark
        }
        asked = {f"{self._config.name}.{output}": self.level(link, output) for output in self._switches} | held
        levels = await ask.together(asked.values())
        unknown = bad(Reason.NOT_SUPPORTED, "no device state: is func_devstate loaded?")
        return {
            point: unknown if standing is None else Sample(value=standing)
            for point, standing in zip(asked, levels, strict=True)
        }


def _switches(config: PbxConfig) -> Iterator[tuple[str, Switch]]:
    for output, state in config.switches.items():
        yield output, DeviceState(state=state, mark=f"{MARK}{state[7:]}" if state == config.gate else "")
    for action in config.actions:
        yield action.output, Acted(action=action, mark=f"{MARK}{action.output}")
    if config.pause_queues:
        yield config.names.get("members_paused", "members_paused"), QueueMembers(queues=config.pause_queues)
    if config.agents_from:
        moved = AgentsMoved(queues=config.agents_from, inbound=config.agents_to, penalty=config.agents_penalty)
        yield config.names.get("agents_moved", "agents_moved"), moved


def _now_s() -> float:
    return asyncio.get_running_loop().time()
