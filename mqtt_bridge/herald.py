"""Says who we are: `info`, Home Assistant's discovery, everything once more when somebody asks, and `tele`.

What asks: the command `announce`, and Home Assistant's own birth (answered after a random moment, for a whole fleet
hears it at once). It must not know events or alarms.
"""

import asyncio
from collections.abc import Awaitable, Callable

from mqtt_bridge import payload
from mqtt_bridge.announcer import Announcer
from mqtt_bridge.client import Session
from mqtt_bridge.discovery import BIRTH_TOPIC, describe
from mqtt_bridge.messages import Heard, Message
from mqtt_bridge.ports import WallClock
from mqtt_bridge.settings import Bridge
from mqtt_bridge.topics import Topics

_JITTER_S = (0.0, 5.0)
_TELE_S = 1.0  # between two `tele` that were asked for where the site wants none by itself


class Herald:
    """`publish` sends and notes the broker's answer, `birth` makes the message of our status as it is now."""

    def __init__(
        self,
        settings: Bridge,
        about: payload.About,
        announcer: Announcer,
        *,
        boot: str,
        clock: WallClock,
        chance: Callable[[float, float], float],
        publish: Callable[[Session, Message], Awaitable[None]],
        birth: Callable[[], Message],
        refused: Callable[[str, str], None],
    ) -> None:
        self._settings, self._about, self._announcer, self._boot = settings, about, announcer, boot
        self._clock, self._chance, self._publish, self._birth = clock, chance, publish, birth
        self._refused = refused
        self._topics = Topics(site=settings.site, root=settings.root)
        self._asked = asyncio.Event()
        self._pause_s = 0.0
        self._wanted = asyncio.Event()
        self._tele_until_s = 0.0

    def repeat(self, tele_s: int = 0) -> None:
        """Say everything again, soon, and fast values for so many seconds from now."""
        self._pause_s = 0.0
        self._asked.set()
        if tele_s:
            self._tele_until_s = asyncio.get_running_loop().time() + tele_s
            self._wanted.set()

    async def begin(self, session: Session) -> None:
        """For a session that has just begun; `status` was said already. Raises DeviceError."""
        self._asked.clear()
        await self._tell(session)
        if self._settings.discovery:
            self._refused(BIRTH_TOPIC, await session.subscribe(BIRTH_TOPIC, self._hear_home))

    async def run(self, session: Session) -> None:
        """Repeat when asked, until the session ends (DeviceError)."""
        while True:
            await self._asked.wait()
            await asyncio.sleep(self._pause_s)
            self._asked.clear()
            await self._publish(session, self._birth())
            await self._tell(session)
            self._announcer.repeat()

    async def run_tele(self, session: Session) -> None:
        """Fast values, as the site wants them or while somebody has asked for them; one that the line does not take at
        once is dropped."""
        loop = asyncio.get_running_loop()
        while not session.ended.done():
            if not self._settings.tele_ms and loop.time() >= self._tele_until_s:
                self._wanted.clear()
                await self._wanted.wait()
            if (seen := self._announcer.newest) is not None:
                stamp = payload.Stamp(ts=self._clock.utc(seen.image.now_ms), clk=self._clock.clk)
                message = payload.tele(
                    self._announcer.identity, stamp=stamp, image=seen.image, points=self._about.points
                )
                session.tell(self._topics.tele, payload.encode(message))
            await asyncio.sleep(self._settings.tele_ms / 1000 or _TELE_S)

    async def _tell(self, session: Session) -> None:
        who = self._announcer.identity
        info = payload.info(who, self._about)
        await self._publish(session, Message(topic=self._topics.info, payload=info, retain=True))
        if self._settings.discovery:
            device = describe(self._topics, self._about, boot=self._boot, senders=self._settings.senders)
            raw = payload.encode(device)
            await self._publish(session, Message(topic=self._topics.discovery, payload=raw, retain=True))

    def _hear_home(self, heard: Heard) -> None:
        if heard.payload == b"online" and not heard.retain and not self._asked.is_set():
            self._pause_s = self._chance(*_JITTER_S)
            self._asked.set()
