"""The bridge's one task and its face: connects, says who it is, lets announcer and courier talk, and starts again.

Nothing here ever makes the control loop wait, and nothing grows while the broker is away: the newest snapshot is one,
and events stay in the journal. It must not know files or devices.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from firmware_py.core.alarm import Alarm
from firmware_py.ports import DeviceError
from mqtt_bridge import payload
from mqtt_bridge.announcer import Announcer
from mqtt_bridge.backoff import STABLE_S, Backoff
from mqtt_bridge.clerk import Clerk
from mqtt_bridge.client import Session
from mqtt_bridge.commands import ANNOUNCE, Rules
from mqtt_bridge.courier import Courier
from mqtt_bridge.dialler import Dialler
from mqtt_bridge.herald import Herald
from mqtt_bridge.messages import Message
from mqtt_bridge.ports import Health, Memory, Orders, Outbox, Snapshot, WallClock
from mqtt_bridge.settings import Bridge
from mqtt_bridge.topics import Topics

_REFUSALS = 16  # topics of which a refusal is remembered
_log = logging.getLogger(__name__)
T = TypeVar("T")


class Publisher:
    """Call everything from the loop that runs `run`. `boot` names this run, `text` gives an alarm's words for people,
    `report` is called with each change of health; `chance` draws evenly between two numbers."""

    def __init__(
        self,
        settings: Bridge,
        *,
        boot: str,
        about: payload.About,
        alarms: Mapping[str, Alarm],
        text: Callable[[Alarm], str],
        clock: WallClock,
        outbox: Outbox,
        memory: Memory,
        report: Callable[[Health], None],
        orders: Orders | None = None,
        chance: Callable[[float, float], float] = random.uniform,
    ) -> None:
        about = replace(about, capabilities=(*about.capabilities, *_extras(settings)))
        self._settings, self._about, self._clock, self._outbox = settings, about, clock, outbox
        self._report = report
        self._topics = Topics(site=settings.site, root=settings.root)
        self._dialler = Dialler(settings.broker, settings.site, clock)
        self._backoff = Backoff(chance)
        self._announcer = Announcer(
            settings,
            boot=boot,
            points=about.points,
            alarms=alarms,
            text=text,
            clock=clock,
            outbox=outbox,
            memory=memory,
            refused=self._note_answer,
        )
        self._courier = Courier(
            settings, outbox, boot=boot, clock=clock, refused=self._note_answer, ahead=self._note_cursor
        )
        self._herald = Herald(
            settings, about, self._announcer, boot=boot, clock=clock, chance=chance, publish=self._publish,
            birth=self._birth, refused=self._note_answer,
        )  # fmt: skip
        self._clerk = None if orders is None or not settings.senders else Clerk(
            self._topics, Rules(boot=boot, senders=settings.senders), clock=clock, outbox=outbox, orders=orders,
            announce=self._herald.repeat, refused=self._note_answer,
        )  # fmt: skip
        self._n = 0
        self._refusals: dict[str, str] = {}
        self._ahead = False
        self._why = ""
        self._stopping, self._return, self._ended, self._idle = (asyncio.Event() for _ in range(4))
        self._idle.set()
        self.health = Health()

    # ------------------------------------------------------------------------------------------------------- the face
    def offer(self, seen: Snapshot) -> None:
        """The newest picture of the floor; never blocks, an older one that was not yet sent is forgotten."""
        self._announcer.offer(seen)

    def notify(self) -> None:
        """New events are on the medium."""
        self._courier.notify()

    async def stop(self, why: str) -> None:
        """Say goodbye (`why`: update, reboot, ...) and end `run`; bounded by `stop_within_ms` and a second."""
        self._why = why
        self._ended.set()
        self._stopping.set()
        self._return.set()
        try:
            async with asyncio.timeout(self._settings.stop_within_ms / 1000 + 1.0):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("mqtt: no clean stop within %d ms", self._settings.stop_within_ms)

    def retire(self, why: str) -> None:
        """Say goodbye while there is power to do so, and stay away until `resume`: a will would tell less."""
        if not self._stopping.is_set():
            self._why = why
            self._return.clear()
            self._stopping.set()

    def resume(self) -> None:
        """Come back after `retire`; without one nothing changes."""
        self._return.set()

    async def run(self) -> None:
        """Until `stop`. A fault of the broker or the line only costs time; anything else is a bug and escapes."""
        self._idle.clear()
        try:
            while not self._ended.is_set():
                pause_s = await self._connect_once()
                if not self._stopping.is_set():
                    await self._unless_stopped(asyncio.sleep(pause_s))
                elif not self._ended.is_set():
                    await self._return.wait()
                    if not self._ended.is_set():
                        self._stopping.clear()
        finally:
            self._update(connected=False)
            self._idle.set()

    # -------------------------------------------------------------------------------------------------- one connection
    async def _connect_once(self) -> float:
        """Connect, talk until it ends, and say how many seconds to wait."""
        self._n += 1
        will = payload.will(self._announcer.identity, n=self._n)
        try:
            session = await self._unless_stopped(self._dialler.connect(self._status(will)))
        except DeviceError as error:
            if str(error) != self.health.error:
                _log.warning("%s", error)
            self._update(connected=False, error=str(error))
            return self._backoff.fail()
        if session is None:
            return 0.0
        settled = asyncio.get_running_loop().call_later(STABLE_S, self._settle)
        try:
            await self._unless_stopped(self._talk(session), session.ended)
            if self._stopping.is_set():
                await self._say_farewell(session)
        finally:
            settled.cancel()
            session.abandon("given up")
        loss = session.ended.result()
        pause_s = self._backoff.drop(asyncio.get_running_loop().time(), taken_over=loss.taken_over)
        if not self._stopping.is_set():
            _log.warning("mqtt: %s; next try in %.0f s", loss.why, pause_s)
        self._update(connected=False, error=loss.why)
        return pause_s

    async def _talk(self, session: Session) -> None:
        """Everything that is said in one session, in the order of the contract. Ends with the session."""
        try:
            await self._publish(session, self._birth())
            self._refusals = {topic: why for topic, why in self._refusals.items() if topic == self._topics.status}
            self._update(connected=True, error="")
            _log.info("mqtt: connected to %s:%d", self._settings.broker.host, self._settings.broker.port)
            await self._herald.begin(session)
            await self._announcer.announce(session)
            await self._courier.begin(session)
            if self._clerk is not None:
                await self._clerk.begin(session)
            async with asyncio.TaskGroup() as talks:
                talks.create_task(self._announcer.run(session))
                talks.create_task(self._courier.run(session))
                talks.create_task(self._herald.run(session))
                talks.create_task(self._herald.run_tele(session))
                if self._clerk is not None:
                    talks.create_task(self._clerk.run(session))
        except* DeviceError as lost:
            session.abandon(str(lost.exceptions[0]))

    async def _say_farewell(self, session: Session) -> None:
        farewell = payload.farewell(self._announcer.identity, n=self._n, why=self._why)
        try:
            async with asyncio.timeout(self._settings.stop_within_ms / 1000):
                await session.publish(self._status(farewell))
                await session.close()
        except TimeoutError:
            _log.warning("mqtt: stopped without a goodbye: the broker does not answer")
        except DeviceError as error:
            _log.warning("mqtt: stopped without a goodbye: %s", error)

    async def _publish(self, session: Session, message: Message) -> None:
        self._note_answer(message.topic, await session.publish(message))

    def _birth(self) -> Message:
        stamp = payload.Stamp(ts=self._clock.utc(self._clock.now_ms()), clk=self._clock.clk)
        return self._status(payload.birth(self._announcer.identity, n=self._n, stamp=stamp, acked=self._outbox.ack))

    def _status(self, message: payload.Json) -> Message:
        return Message(topic=self._topics.status, payload=payload.encode(message), retain=True)

    async def _unless_stopped(self, work: Coroutine[Any, Any, T], *ends: "asyncio.Future[Any]") -> T | None:
        """Do the work; None when `stop` or one of `ends` came first, and the work was called off."""
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({task, stop, *ends}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            task.cancel()
            stop.cancel()
            await asyncio.wait({task, stop})
        return None if task.cancelled() else task.result()

    # ---------------------------------------------------------------------------------------------------------- health
    def _settle(self) -> None:
        self._backoff.settle()
        self._update(connected=True)

    def _note_answer(self, topic: str, reason: str) -> None:
        """A refusal (PUBACK or SUBACK >= 0x80) is a fault that lasts until the same is taken."""
        if reason == self._refusals.get(topic, ""):
            return
        if not reason:
            del self._refusals[topic]
        elif topic in self._refusals or len(self._refusals) < _REFUSALS:
            _log.error("mqtt: the broker refuses %s: %s", topic, reason)
            self._refusals[topic] = reason
        self._update(connected=self.health.connected)

    def _note_cursor(self, ahead: bool) -> None:
        if ahead != self._ahead:
            self._ahead = ahead
            self._update(connected=self.health.connected)

    def _update(self, *, connected: bool, error: str | None = None) -> None:
        health = Health(
            connected=connected,
            error=self.health.error if error is None else error,
            refused=tuple(f"{topic}: {why}" for topic, why in sorted(self._refusals.items())),
            duplicate_id=self._backoff.duplicate,
            cursor_ahead=self._ahead,
            certificate_ends_ms=None if self._dialler.certificate is None else self._dialler.certificate.ends_ms,
        )
        if health != self.health:
            self.health = health
            self._report(health)


def _extras(settings: Bridge) -> Iterator[str]:
    """What not every site offers."""
    if settings.tele_ms or any(ANNOUNCE in may for may in settings.senders.values()):
        yield "tele"
    if settings.senders:
        yield "cmd"
    if settings.discovery:
        yield "discovery"
