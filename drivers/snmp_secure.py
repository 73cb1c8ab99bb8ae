"""One agent spoken to in SNMP version 3 without the library: finds the engine, keeps its clock, asks (decision 0081).

Passwords become keys in a thread. It must not know what a message looks like (`snmp_usm`), nor what a value means.
"""

import asyncio
import secrets

from drivers.snmp_access import ADVICE, User
from drivers.snmp_fetch import Answer
from drivers.snmp_keys import Masters, masters_of
from drivers.snmp_plain import Heard, Key, Talk
from drivers.snmp_socket import Port, open_port
from drivers.snmp_told import Pair
from drivers.snmp_usm import Report, Speaker
from drivers.snmp_wire import Question
from firmware_py.core.reading import Reason
from firmware_py.ports import DeviceError

# Who are you, what time is it there, the question; and the same again for an agent that was exchanged meanwhile.
_MOST_ROUNDS = 6


class SecureSession(Talk[Question]):
    """One user at one agent."""

    def __init__(self, user: User, masters: Masters, port: Port) -> None:
        super().__init__(port)
        self._speaker = Speaker(user, masters, secrets.randbits(64))
        self._time = asyncio.get_running_loop().time

    def begin(self, oids: tuple[str, ...], heard: Heard, now_s: float) -> bool:
        """As of Talk; False where it is to be found out first who is there."""
        return self._speaker.knows_engine and super().begin(oids, heard, now_s)

    async def _ask(self, key: Key, value: int | None, patience_s: float | None) -> Answer:
        believed = self._speaker.knows_engine
        for _ in range(_MOST_ROUNDS):
            said = await self._ask_once(key, value, patience_s)
            if isinstance(said, Answer):
                return said
            # A clock is believed only when signed, so that one who cannot sign gets us no further than to give up.
            if said in (Report.UNKNOWN_ENGINE, Report.NOT_IN_TIME):
                continue
            if not believed:
                raise _reported(said)
            believed = False
            self._speaker.forget()  # another agent may answer there now, with an engine of its own
        raise _reported(Report.NOT_IN_TIME)

    def _made(self, key: Key, value: int | None) -> Question:
        pdu, rows, names = key
        return Question(pdu, names, rows=rows, value=value)

    def _written(self, question: Question, number: int, now_s: float) -> bytes:
        return self._speaker.write(question, number, now_s)

    def _alike(self, datagram: bytes, question: Question, number: bytes) -> tuple[Pair, ...] | None:
        return self._speaker.alike(datagram, question, number, self._time())

    def _read(self, datagram: bytes, question: Question, number: int) -> Answer | Report:
        return self._speaker.read(datagram, question, number, self._time())


def _reported(report: str) -> DeviceError:
    return DeviceError(ADVICE.get(report, f"the agent reports: {report}"), because=Reason.BAD_REPLY)


async def connect(user: User, host: str, port: int) -> SecureSession:
    """Resolve, open the socket, make the keys. Raises DeviceError when the name cannot be found."""
    wire = await open_port(host, port)
    try:
        return SecureSession(user, await asyncio.to_thread(masters_of, user), wire)
    except BaseException:
        wire.close()
        raise
