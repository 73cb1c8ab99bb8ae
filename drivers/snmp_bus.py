"""One UPS behind SNMP as the Bus that the poller reads: which session, which groups, what a loss means.

It fetches what `snmp_choice` asks and hands back Samples; it must not know the SNMP library, nor what a value means.
"""

import asyncio
from collections.abc import Callable, Mapping

from config.faults import ConfigError, Fault
from drivers.snmp_access import Access, Community, User, version_of, wrong_access
from drivers.snmp_beside import Beside
from drivers.snmp_choice import Choice
from drivers.snmp_decode import Raw
from drivers.snmp_fetch import Fetch
from drivers.snmp_guard import V1
from drivers.snmp_heard import Hear, HeardSession
from drivers.snmp_link import Session, connect
from drivers.snmp_outlets import OutletPort
from drivers.snmp_plain import Talk
from drivers.snmp_profile import Profile
from drivers.snmp_prompt import PromptGet, PromptSession, Told
from drivers.snmp_signals import Group
from drivers.snmp_traps import Sender, TrapPort
from firmware_py.core.reading import News, Sample
from firmware_py.ports import DeviceError, PollGroup

PATIENCE = 0.4  # of the deadline, then the question is asked once more
FORGET_AFTER = 2  # lost reads, then the agent counts as away and all sources are tried again
REBUILD_AFTER = 3  # lost reads, then a new engine and socket; doubles each time up to REBUILD_MOST
REBUILD_MOST = 60


class SnmpBus:
    """One agent as a `ports.Bus`: groups `fast` (one GET each second) and `slow`. Credentials are given as values.

    ConfigError at construction when the credentials cannot work here (`wrong_access` says why beforehand).
    """

    def __init__(
        self,
        *,
        name: str,
        device: str,
        host: str,
        port: int = 161,
        access: Access,
        profile: Profile,
        fast_period_ms: int = 1000,
        slow_period_ms: int = 10_000,
        fast_deadline_ms: int = 900,
        slow_deadline_ms: int = 2000,
        traps: TrapPort | None = None,
        outlets: OutletPort | None = None,
        hear: Hear | None = None,
    ) -> None:
        self._hear = hear
        wrong = wrong_access(access)
        if wrong is not None:
            raise ConfigError([Fault(file=name, line=1, col=1, key="access", message=wrong)])
        self._name, self._device, self._host, self._port, self._access = name, device, host, port, access
        self._periods_ms = {Group.FAST: fast_period_ms, Group.SLOW: slow_period_ms}
        deadlines_ms = {Group.FAST: fast_deadline_ms, Group.SLOW: slow_deadline_ms}
        self._choice = Choice(profile)
        self._groups = {f"{device}.{group}": (group, self._poll_group(group, deadlines_ms[group])) for group in Group}
        self._prompted = {
            group.id: (which, int(PATIENCE * group.deadline_ms)) for which, group in self._groups.values()
        }
        self._told = Told({sig: f"{device}.{sig}" for group in Group for sig in self._choice.signals(group)})
        self._beside = Beside(self._periods_ms, fast_deadline_ms)
        self._prompt = PromptGet(self._choice, self._beside, self._told)
        self._fetch = Fetch(bulk=version_of(access) != V1)
        self._session: Session | None = None
        self._plain: PromptSession | None = None  # the same, where it can be asked without waiting
        self._opening: asyncio.Task[Session] | None = None
        self._losses = 0
        self._rebuild_at = REBUILD_AFTER
        self._hint: Callable[[str], None] | None = None
        self._traps, self._outlets, self._peer = traps, outlets, host
        self._sender = Sender(
            device=device,
            address=lambda: self._peer,
            prefixes=profile.traps,
            hint=self._tell,
            user=access if isinstance(access, User) and access.auth is not None else None,
        )

    def _poll_group(self, group: Group, deadline_ms: int) -> PollGroup:
        return PollGroup(
            id=f"{self._device}.{group}",
            device=self._device,
            points=tuple(f"{self._device}.{signal}" for signal in self._choice.signals(group)),
            period_ms=self._periods_ms[group],
            deadline_ms=deadline_ms,
        )

    @property
    def name(self) -> str:
        """The endpoint's name in the configuration."""
        return self._name

    @property
    def groups(self) -> tuple[PollGroup, ...]:
        """`<device>.fast` and `<device>.slow`."""
        return tuple(group for _, group in self._groups.values())

    @property
    def sources(self) -> Mapping[str, str]:
        """Point id to the MIB that its last good value came from."""
        return {f"{self._device}.{signal}": mib for signal, mib in self._choice.sources.items()}

    def listen(self, hint: Callable[[str], None]) -> None:
        """Keep `hint` for traps; nothing calls it unless the site has a trap port."""
        self._hint = hint

    def _tell(self) -> None:
        if self._hint is not None:
            self._hint(self._device)

    async def read(self, group: PollGroup) -> Mapping[str, Sample]:
        """Read one group within its deadline. Raises DeviceError, which says what to look at."""
        which, _ = self._groups[group.id]
        begun_s = self._prompt.take_over()
        if begun_s is None:
            self._start()
        began_s = asyncio.get_running_loop().time() if begun_s is None else begun_s
        try:
            async with asyncio.timeout_at(began_s + group.deadline_ms / 1000):
                session = await self._open()
                samples = await self._read(session, which, group.deadline_ms, begun_s)
        except TimeoutError:
            if self._session is None:  # ours, not the agent's: no loss of it
                raise DeviceError(f"{self._host}: the SNMP engine is still being built") from None
            dropped = self._session.dropped
            where, secret = f"{self._host}:{self._port}", "community" if isinstance(self._access, Community) else "user"
            raise self._lost(self._fetch.silence(where, secret, group.deadline_ms, dropped)) from None
        except DeviceError as error:
            raise self._lost(error) from error
        self._losses, self._rebuild_at = 0, REBUILD_AFTER
        return self._told.answer(which, samples)

    def begin(self, group: PollGroup, done: Callable[[News | None], None]) -> News | int:
        """One group without a task; see `ports.PromptBus`. After a read that was whole, where the session has a way."""
        session = self._plain
        if session is None or self._losses or self._fetch.is_learning:
            return 0
        now_s, (which, patience_ms) = asyncio.get_running_loop().time(), self._prompted[group.id]
        if which is Group.SLOW:
            return self._prompt.held(now_s) or 0
        self._start()
        return patience_ms if self._prompt.begin(session, done, now_s) else 0

    def look_again(self) -> None:
        """Somebody begins to record, who did not hear what is held: it is asked for once more."""
        self._beside.drop()

    def hear(self) -> None:
        """What has come for it is taken in now."""
        if self._plain is not None:
            self._plain.hear()

    def give_up(self) -> None:
        """Nobody waits for what was begun."""
        if self._prompt.take_over() is not None and self._plain is not None:
            self._plain.give_up()

    def _start(self) -> None:
        if self._traps is not None:
            self._traps.join(self._sender)
        self._fetch.start(self._session.dropped if self._session is not None else 0)

    async def _read(
        self, session: Session, which: Group, deadline_ms: int, begun_s: float | None
    ) -> Mapping[str, Sample]:
        """`begun_s`: when the question was put that this goes on with; None where none was."""
        now_ms = _now_ms(begun_s)
        patience_s = PATIENCE * deadline_ms / 1000
        roots = self._choice.roots(which, now_ms)
        if roots:
            self._choice.note_roots(await self._fetch.roots(session, roots, patience_s))
        raws = await self._values(session, which, patience_s, _now_ms(begun_s))
        tables = self._choice.alarm_tables(which, raws)
        rows = await self._fetch.alarms(session, tables, now_ms, patience_s)
        return self._choice.take(which, raws, rows, now_ms)

    async def _values(self, session: Session, which: Group, patience_s: float, now_ms: int) -> dict[str, Raw]:
        """What the group's objects hold; with the fast group the slow one may be asked for as well."""
        asked, beside = self._choice.ask(which, now_ms), self._beside
        if (held := beside.take(which, asked, now_ms)) is not None:
            return held
        more = self._choice.settled(Group.SLOW, now_ms)
        if not beside.wanted(which, asked, more, now_ms):
            if which is Group.FAST:
                return await self._fetch.values(session, asked, patience_s)
            more = ()
        beside.begin()
        names = tuple(dict.fromkeys((*asked, *more)))
        raws = await self._fetch.values(session, names, patience_s)
        beside.end(_now_ms() - now_ms)
        if more:
            beside.hold(more, names, tuple([(oid, raws[oid]) for oid in names]), _now_ms())
        return {oid: raws[oid] for oid in asked}

    async def _open(self) -> Session:
        """The session; while one is being built, a deadline may pass without building being started anew."""
        if self._session is None:
            if self._opening is None:
                self._opening = asyncio.create_task(connect(self._access, self._host, self._port))
            opening = self._opening
            await asyncio.wait({opening})  # unlike awaiting it, this does not cancel the task with us
            self._opening = None
            session = opening.result()
            self._session = session if self._hear is None else HeardSession(session, self._hear)
            self._peer = self._session.peer
            self._plain = session if isinstance(session, Talk) else None
        return self._session

    def _lost(self, error: DeviceError) -> DeviceError:
        """Count the loss; forget what was learnt of an agent that is away, and give up its engine now and then."""
        if self._fetch.answers:
            return error  # slow, not away: what it refused so far is kept, so that the next read gets further
        self._losses += 1
        if self._losses == FORGET_AFTER:
            self._choice.forget()
            self._fetch.forget()
        if self._losses >= self._rebuild_at and self._session is not None:
            self._session.close()
            self._session = self._plain = None
            self._rebuild_at = self._losses + min(self._losses, REBUILD_MOST)
        return error

    async def close(self) -> None:
        """Close the socket; never raises."""
        if self._traps is not None:
            await self._traps.leave(self._device)
        if self._outlets is not None:
            await self._outlets.close()
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
            await asyncio.wait({opening}, timeout=0.5)
            if opening.done() and not opening.cancelled() and opening.exception() is None:
                self._session = opening.result()
        if self._session is not None:
            self._session.close()
            self._session = self._plain = None


def _now_ms(begun_s: float | None = None) -> int:
    return int((asyncio.get_running_loop().time() if begun_s is None else begun_s) * 1000)
