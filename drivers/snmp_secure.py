"""One agent spoken to in SNMP version 3 without the library: finds the engine, keeps its clock, asks (decision 0081).

Passwords become keys in a thread. It must not know what a message looks like (`snmp_usm`), nor what a value means.
"""

import asyncio
import secrets
from functools import partial

from drivers.snmp_access import ADVICE, User
from drivers.snmp_fetch import Answer
from drivers.snmp_plain import Talk
from drivers.snmp_socket import Port, open_port
from drivers.snmp_usm import Masters, Report, Speaker, masters_of
from drivers.snmp_wire import Pdu, Question
from firmware_py.core.reading import Reason
from firmware_py.ports import DeviceError

_MOST_KEPT = 256
# Who are you, what time is it there, the question; and the same again for an agent that was exchanged meanwhile.
_MOST_ROUNDS = 6


class SecureSession(Talk):
    """One user at one agent."""

    def __init__(self, user: User, masters: Masters, port: Port) -> None:
        super().__init__(port)
        self._speaker = Speaker(user, masters, secrets.randbits(64))
        self._kept: dict[tuple[Pdu, int, tuple[str, ...]], Question] = {}

    async def _ask(self, key: tuple[Pdu, int, tuple[str, ...]], value: int | None, patience_s: float | None) -> Answer:
        question, believed = self._question(key, value), self._speaker.knows_engine
        for _ in range(_MOST_ROUNDS):
            told = await self._ask_once(question, patience_s)
            if isinstance(told, Answer):
                return told
            # A clock is believed only when signed, so that one who cannot sign gets us no further than to give up.
            if told in (Report.UNKNOWN_ENGINE, Report.NOT_IN_TIME):
                continue
            if not believed:
                raise _reported(told)
            believed = False
            self._speaker.forget()  # another agent may answer there now, with an engine of its own
        raise _reported(Report.NOT_IN_TIME)

    async def _ask_once(self, question: Question, patience_s: float | None) -> Answer | Report:
        loop, number = asyncio.get_running_loop(), self._next_number()
        future: asyncio.Future[Answer | Report] = loop.create_future()

        def take(datagram: bytes) -> None:
            told = self._speaker.read(datagram, question, number, loop.time())
            if not future.done():
                future.set_result(told)

        self._port.expect(take, partial(_fail, future))
        again: asyncio.TimerHandle | None = None
        try:
            self._send(question, number)
            if patience_s is not None:
                again = loop.call_later(patience_s, self._send, question, number)
            return await future
        finally:
            if again is not None:
                again.cancel()
            self._port.expect(None)

    def _send(self, question: Question, number: int) -> None:
        self._port.send(self._speaker.write(question, number, asyncio.get_running_loop().time()))

    def _question(self, key: tuple[Pdu, int, tuple[str, ...]], value: int | None) -> Question:
        pdu, rows, names = key
        if value is not None:
            return Question(pdu, names, value=value)
        known = self._kept.get(key)
        if known is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()  # a walk asks for each name once
            known = self._kept[key] = Question(pdu, names, rows=rows)
        return known


def _fail(future: "asyncio.Future[Answer | Report]", error: DeviceError) -> None:
    if not future.done():
        future.set_exception(error)


def _reported(report: Report) -> DeviceError:
    return DeviceError(ADVICE.get(report.value, f"the agent reports: {report.value}"), because=Reason.BAD_REPLY)


async def connect(user: User, host: str, port: int) -> SecureSession:
    """Resolve, open the socket, make the keys. Raises DeviceError when the name cannot be found."""
    wire = await open_port(host, port)
    try:
        return SecureSession(user, await asyncio.to_thread(masters_of, user), wire)
    except BaseException:
        wire.close()
        raise
