"""The questions that a driver asks an exchange, each with a checked answer, over one connection.

Needs the write classes call, agent and reporting. It must not know gates, wishes or what an answer means.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from config.valued import dataclass
from drivers.ami import Answer, Packet
from drivers.ami_account import Account
from drivers.ami_link import AmiLink
from drivers.pbx_dialplan import Finding, Path, Question, Row, follow, rows, worst
from drivers.pbx_failover import Chance, Way, look_ahead
from drivers.pbx_rights import excess, lacking
from drivers.pbx_trunks import CONTACT, CONTACT_LIMIT, Contact, Trunk
from firmware_py.core.reading import Reason
from firmware_py.ports import DeviceError

T = TypeVar("T")
U = TypeVar("U")

QUESTIONS_LIMIT = 24  # contexts that are listed for one emergency number
OPEN_MS = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What an account may do too much, and what it lacks; one line of text each."""

    excess: tuple[str, ...]
    lacking: tuple[str, ...]


async def together(questions: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Ask all of these at once; the answers come in the order of the questions. The exchange takes them one by one from
    the same line, so a snapshot costs a few round trips, not one a question. Raises the first DeviceError; nobody waits
    for the others then."""
    tasks = [asyncio.ensure_future(question) for question in questions]
    await _all(tasks)
    return [task.result() for task in tasks]


async def both(
    one: Callable[[], Coroutine[Any, Any, T]], other: Callable[[], Coroutine[Any, Any, U]]
) -> tuple[T, U]:  # fmt: skip
    """As `together`, for two of different kinds. They are made only when they are asked: who is cancelled before it has
    begun would leave them behind unasked."""
    first, second = asyncio.ensure_future(one()), asyncio.ensure_future(other())
    await _all((first, second))
    return first.result(), second.result()


async def _all(tasks: Iterable[asyncio.Future[Any]]) -> None:
    asked = tuple(tasks)
    try:
        await asyncio.gather(*asked)
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def getvar(link: AmiLink, variable: str) -> str:
    """One variable or function, '' when it has no value. Raises DeviceError."""
    answer = insist(await link.ask("Getvar", {"Variable": variable}), f"Getvar {variable}").response
    if answer.get("Variable") != variable:
        asked = f"asked {variable}, answered {answer.get('Variable')[:60]!r}"
        raise DeviceError(asked, because=Reason.BAD_REPLY)
    return answer.get("Value")


async def count(link: AmiLink, group: str) -> int | None:
    """Calls in a group of the dialplan; None when the answer is no number. Raises DeviceError."""
    text = await getvar(link, f"GROUP_COUNT({group})")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


async def contacts(link: AmiLink, trunk: Trunk) -> tuple[Contact, ...]:
    """A trunk's contacts with their status, CONTACT_LIMIT at most. Raises DeviceError."""
    listed = await getvar(link, f"PJSIP_AOR({trunk.aor or trunk.endpoint},contact)")
    parts = [part for part in listed.split(",") if part][:CONTACT_LIMIT]
    return tuple(await together(_contact(link, part) for part in parts))


async def _contact(link: AmiLink, contact: str) -> Contact:
    if not CONTACT.fullmatch(contact):  # it comes from the wire and would go back into a question
        return Contact(status=f"not asked: {contact[:40]!r}", rtt_us="")
    asked = (getvar(link, f"PJSIP_CONTACT({contact},{what})") for what in ("status", "rtt"))
    status, rtt_us = await together(asked)
    return Contact(status=status, rtt_us=rtt_us)


async def registrations(link: AmiLink, *, wanted: bool = True) -> Mapping[str, str]:
    """Status of every outbound registration by its name; nothing is asked where none is wanted. Raises DeviceError."""
    if not wanted:
        return {}
    answer = insist(await link.ask("PJSIPShowRegistrationsOutbound"), "PJSIPShowRegistrationsOutbound")
    return {item.get("ObjectName"): item.get("Status") for item in answer.items}


async def queue_summaries(link: AmiLink, queues: Iterable[str]) -> list[Packet]:
    """One QueueSummary item for each queue that exists. Raises DeviceError."""
    named = tuple(queues)
    answers = await together(link.ask("QueueSummary", {"Queue": queue}) for queue in named)
    return [
        item
        for queue, answer in zip(named, answers, strict=True)
        for item in answer.items
        if answer.ok and item.get("Queue") == queue
    ]


async def emergency_path(link: AmiLink, numbers: Iterable[str], context: str, gates: tuple[str, ...]) -> Finding:
    """Follow the dialplan for each number without dialling. Raises DeviceError, also when it may not be asked."""
    found = []
    for number in numbers:
        listed: dict[tuple[str, str], tuple[Row, ...]] = {}
        step = follow(number, context, listed, gates)
        while isinstance(step, Question) and len(listed) < QUESTIONS_LIMIT:
            listed[(step.context, step.exten)] = await _show(link, step)
            step = follow(number, context, listed, gates)
        found.append(_unended(number) if isinstance(step, Question) else step)
    return worst(found)


def _unended(number: str) -> Finding:
    return Finding(path=Path.UNPROVEN, detail=f"{number}: passes through more than {QUESTIONS_LIMIT} contexts")


async def failover_way(link: AmiLink, number: str, context: str, timer_b_ms: int) -> Way:
    """Whether the dialplan would go on to the backup, without dialling. Raises DeviceError."""
    listed: dict[tuple[str, str], tuple[Row, ...]] = {}
    step = look_ahead(number, context, listed, timer_b_ms)
    while isinstance(step, Question) and len(listed) < QUESTIONS_LIMIT:
        listed[(step.context, step.exten)] = await _show(link, step)
        step = look_ahead(number, context, listed, timer_b_ms)
    if isinstance(step, Question):
        return Way(chance=Chance.UNPROVEN, detail=_unended(number).detail)
    return step


async def _show(link: AmiLink, question: Question) -> tuple[Row, ...]:
    answer = await link.ask("ShowDialPlan", {"Context": question.context, "Extension": question.exten})
    if not answer.ok and "Did not find" in answer.message:
        return ()
    return rows(insist(answer, "ShowDialPlan").items)


async def rights(link: AmiLink) -> Rights:
    """What the account of this connection may do. Raises DeviceError."""
    answer = insist(await link.ask("ListCommands"), "ListCommands").response
    return Rights(excess=excess(answer), lacking=lacking(answer))


async def examine_account(account: Account) -> Rights:
    """For `doctor`: log in, ask what this account may do, leave. Raises DeviceError."""
    link = AmiLink(account, _ignore)
    try:
        await link.open(OPEN_MS)
        return await rights(link)
    finally:
        link.close()


def insist(answer: Answer, what: str) -> Answer:
    """The answer, when the exchange agreed. Raises DeviceError."""
    if not answer.ok:
        said = answer.message[:100]
        raise DeviceError(f"{what}: {said!r} (rights needed: call,agent,reporting)", because=Reason.BAD_REPLY)
    return answer


def _ignore(event: str) -> None:
    """Nobody waits for events here."""
