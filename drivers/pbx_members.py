"""People of an exchange's queues as switches: paused as a courtesy, or lent to an inbound queue in a surge.

Only what bears our mark is undone; whom somebody else has paused or added stays so. It must not know why.
"""

import re
from collections.abc import Iterable

from config.valued import dataclass
from drivers import pbx_ask as ask
from drivers.ami import Packet
from drivers.ami_link import AmiLink
from firmware_py.core.reading import Reason
from firmware_py.ports import DeviceError

REASON = "floorguard"  # why a queue member is paused: only those with this reason do we let go
LENT = "floorguard:"  # stands before the name of a member that we have added
INTERFACE = re.compile(r"[A-Za-z0-9_.:@/+-]{1,120}")
NAME_CHARACTERS = re.compile(r"[^A-Za-z0-9_. /@+-]")
MEMBERS_LIMIT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMembers:
    """All members of these queues, paused with our reason. Static members forget it at a restart: it is a courtesy
    beside the gate, not a gate."""

    queues: tuple[str, ...]

    async def level(self, link: AmiLink, wanted: bool | None) -> bool | None:
        listed = await members(link, self.queues)
        if not listed:
            return wanted  # an empty queue is as paused as it can be
        ours = any(_ours(member) for member in listed)
        working = any(member.get("Paused") != "1" for member in listed)
        return (not working) if wanted else ours

    async def set(self, link: AmiLink, on: bool) -> None:
        for member in await members(link, self.queues):
            if (member.get("Paused") != "1") if on else _ours(member):
                await self._pause(link, member, on)
        if await self.level(link, on) is not on:
            raise DeviceError(f"members of {', '.join(self.queues)} did not follow", because=Reason.BAD_REPLY)

    async def _pause(self, link: AmiLink, member: Packet, on: bool) -> None:
        who = {"Interface": member.get("Location"), "Queue": member.get("Queue")}
        wish = {"Paused": "true" if on else "false", "Reason": REASON if on else ""}
        ask.insist(await link.ask("QueuePause", who | wish), f"QueuePause {who['Interface']}")


def _ours(member: Packet) -> bool:
    return member.get("Paused") == "1" and member.get("PausedReason") == REASON


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsMoved:
    """The members of the outbound queues, added to the inbound one. They are dynamic members there, which outlive a
    restart of the exchange, and their name says that it was us who added them."""

    queues: tuple[str, ...]
    inbound: str
    penalty: int

    async def level(self, link: AmiLink, wanted: bool | None) -> bool | None:
        there = await members(link, (self.inbound,))
        lent = any(_lent(member) for member in there)
        if not wanted:
            return lent
        missing = _interfaces(await members(link, self.queues)) - _interfaces(there)
        return not missing  # where everybody is there already, there is nobody to be moved

    async def set(self, link: AmiLink, on: bool) -> None:
        there = await members(link, (self.inbound,))
        if on:
            present = _interfaces(there)
            for member in await members(link, self.queues):
                if member.get("Location") not in present:
                    present |= {member.get("Location")}
                    await self._add(link, member)
        else:
            for member in there:
                if _lent(member):
                    who = {"Queue": self.inbound, "Interface": member.get("Location")}
                    ask.insist(await link.ask("QueueRemove", who), f"QueueRemove {who['Interface']}")
        if await self.level(link, on) is not on:
            raise DeviceError(f"members of {self.inbound} did not follow", because=Reason.BAD_REPLY)

    async def _add(self, link: AmiLink, member: Packet) -> None:
        name = LENT + NAME_CHARACTERS.sub("_", member.get("Name"))[:60]
        who = {"Queue": self.inbound, "Interface": member.get("Location"), "MemberName": name}
        wish = {"Penalty": str(self.penalty), "Paused": "false"}
        if INTERFACE.fullmatch(member.get("StateInterface")):
            wish["StateInterface"] = member.get("StateInterface")
        ask.insist(await link.ask("QueueAdd", who | wish), f"QueueAdd {who['Interface']}")


async def members(link: AmiLink, queues: Iterable[str]) -> list[Packet]:
    """The members of these queues, as far as their names may stand in an action. Raises DeviceError."""
    found: list[Packet] = []
    for queue in queues:
        answer = ask.insist(await link.ask("QueueStatus", {"Queue": queue}), f"QueueStatus {queue}")
        found += [item for item in answer.items if item.event == "QueueMember" and item.get("Queue") == queue]
    return [item for item in found if INTERFACE.fullmatch(item.get("Location"))][:MEMBERS_LIMIT]


def _interfaces(listed: Iterable[Packet]) -> frozenset[str]:
    return frozenset(member.get("Location") for member in listed)


def _lent(member: Packet) -> bool:
    return member.get("Name").startswith(LENT)
