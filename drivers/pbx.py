"""An Asterisk exchange as a bus and as outputs: trunks, calls in progress, and gates that the dialplan asks.

Gates are custom device states: closing one refuses new calls only, and nothing here can end a call. All it needs is
an account with the classes call, agent and reporting. It must not know why a gate is wanted, nor what follows from a
trunk's state.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from drivers import pbx_ask as ask
from drivers.ami import Packet
from drivers.ami_link import AmiLink, Hear, Phase
from drivers.pbx_config import PbxConfig, declare_points
from drivers.pbx_gates import Gates
from drivers.pbx_trunks import Contact, Seen, Trunk, judge
from drivers.pbx_watch import CallWatch
from firmware_py.core.reading import Reason, Sample, bad
from firmware_py.ports import DeviceError, PollGroup

OPEN_MS = 3000
BOOT_LIMIT_S = 30.0  # a connection that sees no FullyBooted for this long is dialled anew
RETRY_S = (1.0, 2.0, 4.0)  # the exchange must have its gate back within 5 s of its boot: no longer pauses than these
REFUSED_S = 60.0  # a wrong secret fills the far end's log and may get us banned
REQUALIFY_S = 60.0  # contacts are known to stick at Unreachable until somebody asks again
TELLING = frozenset({"ContactStatus", "Registry", "FullyBooted", "Shutdown", "EmergencyCall"})


class PbxBus:
    """Bus and RemotePort of one exchange.

    Two groups: `NAME.link` on the device `NAME.link` always answers (what we know of the exchange itself); `NAME.fast`
    on the device NAME raises DeviceError while the exchange cannot be asked: no trunk is ever called down by silence.
    """

    def __init__(self, config: PbxConfig, hear: Hear | None = None) -> None:
        self._config, self._hear = config, hear
        self._link: AmiLink | None = None
        self._linked_at_s = 0.0
        self._not_before_s = 0.0
        self._failures = 0
        self._refused = False
        self._why = "not asked yet"
        self._hint: Callable[[str], None] | None = None
        self._hinted = False
        self._qualified_at_s: dict[str, float] = {}
        self._gates = Gates(config)
        self._watch = CallWatch(config)
        points = [point.id for point in declare_points(config)]
        link = f"{config.name}.link"
        self._link_group = PollGroup(
            id=link, device=link, points=(link,), period_ms=config.period_ms, deadline_ms=config.deadline_ms
        )
        others = tuple(point for point in points if point != link)
        self._fast_group = replace(self._link_group, id=f"{config.name}.fast", device=config.name, points=others)

    @property
    def name(self) -> str:
        """The exchange's name in the configuration."""
        return self._config.name

    @property
    def groups(self) -> tuple[PollGroup, ...]:
        """The link first: it makes the connection that the other one uses."""
        return (self._link_group, self._fast_group)

    @property
    def outputs(self) -> frozenset[str]:
        """`outbound_paused`, `trunk_backup`, `surge_announcement`, `members_paused`, as far as configured."""
        return self._gates.outputs

    def listen(self, hint: Callable[[str], None]) -> None:
        """The hint is given once between two reads: a contact or registration changed, the connection came or went."""
        self._hint = hint

    async def read(self, group: PollGroup) -> Mapping[str, Sample]:
        """One snapshot; raises DeviceError, for the group `NAME.link` never."""
        if group.id == self._link_group.id:
            return {group.points[0]: await self._judge_link()}
        self._hinted = False
        async with _Deadline(group.deadline_ms, self._give_up):
            link = await self._connect()
            await self._gates.keep(link)
            return await self._snapshot(link)

    async def write(self, output: str, on: bool) -> None:
        """Set one gate and see it set. One that a person has closed at the exchange stays closed; `read_back` tells so.

        Raises DeviceError; the newest wish counts from now on, also if this failed.
        """
        self._gates.want(output, on)
        async with _Deadline(self._config.deadline_ms, self._give_up):
            await self._gates.write(await self._connect(), output)

    async def read_back(self, output: str) -> bool | None:
        """The gate as the dialplan sees it. Raises DeviceError."""
        async with _Deadline(self._config.deadline_ms, self._give_up):
            return await self._gates.level(await self._connect(), output)

    def look_again(self) -> None:
        """Ask with the next reading what is asked once an hour: rights, dialplan."""
        self._watch.look_again()

    async def close(self) -> None:
        """Leave; gates stay as they are."""
        self._hint = None
        if self._link is not None:
            self._link.close()
            self._link = None

    # ------------------------------------------------------------------------------------------------ the connection

    async def _connect(self) -> AmiLink:
        link, now_s = self._link, _now_s()
        if link is not None and link.phase is Phase.BOOTING and now_s - self._linked_at_s > BOOT_LIMIT_S:
            link.close("no FullyBooted: has the account the read class system?")
        if link is not None and link.phase is Phase.CLOSED:
            self._why, self._link, link = link.why_closed, None, None
        if link is None:
            link = await self._dial(now_s)
        if link.phase is Phase.BOOTING:
            raise DeviceError(f"{self.name}: logged in, but the exchange has not booted yet", because=Reason.NOT_YET)
        return link

    async def _dial(self, now_s: float) -> AmiLink:
        if now_s < self._not_before_s:
            raise DeviceError(f"{self.name}: {self._why}")
        link = AmiLink(self._config.account, self._wake, self._take, self._hear)
        try:
            await link.open(OPEN_MS)
        except DeviceError as fault:
            self._refused, self._why = link.refused, str(fault)
            pause_s = REFUSED_S if link.refused else RETRY_S[min(self._failures, len(RETRY_S) - 1)]
            self._failures += 1
            self._not_before_s = _now_s() + pause_s
            raise
        self._link, self._linked_at_s = link, _now_s()
        self._failures, self._refused, self._why = 0, False, ""
        self._gates.restart()
        self._qualified_at_s = {}
        self._watch.restart()
        return link

    def _take(self, event: Packet) -> None:
        if self._watch.take(event, _now_ms()):
            self._wake("EmergencyCall")

    def _give_up(self) -> None:
        if self._link is not None:
            self._link.close("too slow to be of use")

    def _wake(self, event: str) -> None:
        if self._link is None or self._hint is None or self._hinted or (event and event not in TELLING):
            return
        self._hinted = True
        if event in ("", "Shutdown"):
            self._hint(self._link_group.device)
        self._hint(self.name)

    async def _judge_link(self) -> Sample:
        before = self._link
        try:
            async with _Deadline(self._link_group.deadline_ms, self._give_up):
                link = await self._connect()
                await link.ask("Ping")
        except DeviceError as fault:
            if self._refused:
                return Sample(value="refused", detail=str(fault))
            booting = self._link is not None and self._link.phase is Phase.BOOTING
            return Sample(value="booting" if booting else "down", detail=str(fault))
        if link is not before:
            self._wake("FullyBooted")  # the poller may be holding the other group back
        return Sample(value="up")

    # --------------------------------------------------------------------------------------------------- the snapshot

    async def _look(self, link: AmiLink) -> tuple[Mapping[str, int | None], list[Seen], dict[str, Sample]]:
        """(calls by group, what was found of each trunk, gates as they stand), all asked at once."""
        trunks, groups = self._config.trunks, self._config.counted
        (numbers, gates), (found, listed) = await ask.both(
            lambda: ask.both(
                lambda: ask.together(ask.count(link, group) for group in groups), lambda: self._gates.samples(link)
            ),
            lambda: ask.both(
                lambda: ask.together(_trunk_now(link, trunk) for trunk in trunks),
                lambda: ask.registrations(link, wanted=any(trunk.registration for trunk in trunks)),
            ),
        )
        counts = dict(zip(groups, numbers, strict=True))
        seen = [
            Seen(
                device=device,
                contacts=contacts,
                calls=_total(counts, trunk.groups),
                registration=listed.get(trunk.registration),
                outcomes=self._watch.outcomes.judge(trunk.endpoint, _now_ms()),
            )
            for trunk, (device, contacts) in zip(trunks, found, strict=True)
        ]
        return counts, seen, dict(gates)

    async def _snapshot(self, link: AmiLink) -> Mapping[str, Sample]:
        counts, seen, samples = await self._look(link)
        for point, groups in (("calls", tuple(counts)), ("outbound_calls", self._config.outbound_groups)):
            total = _total(counts, groups)
            samples[f"{self.name}.{point}"] = (
                bad(Reason.BAD_REPLY, "no number") if total is None else Sample(value=total)
            )
        booted_s = _now_s() - (_now_s() if link.booted_at_s is None else link.booted_at_s)
        for trunk, found in zip(self._config.trunks, seen, strict=True):
            samples |= judge(trunk, found, settled=booted_s * 1000 >= self._config.settle_ms)
            await self._qualify(link, trunk, missed=any(c.status == "Unreachable" for c in found.contacts))
        return {**samples, **await self._watch.look(link, counts.get(self._config.emergency_group))}

    async def _qualify(self, link: AmiLink, trunk: Trunk, *, missed: bool) -> None:
        """One OPTIONS out of turn at the first miss, then one a minute: the next reading knows a second sooner."""
        if not missed:
            self._qualified_at_s.pop(trunk.name, None)
        elif _now_s() - self._qualified_at_s.get(trunk.name, -REQUALIFY_S) >= REQUALIFY_S:
            self._qualified_at_s[trunk.name] = _now_s()
            await link.ask("PJSIPQualify", {"Endpoint": trunk.endpoint})  # refused or not: the reading has its answer


def _total(counts: Mapping[str, int | None], groups: tuple[str, ...]) -> int | None:
    known = [count for count in (counts[group] for group in groups) if count is not None]
    return sum(known) if len(known) == len(groups) else None


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _now_ms() -> int:
    return int(_now_s() * 1000)


class _Deadline:
    """An asyncio.timeout whose end is the far end's fault: `give_up` drops the connection that took so long."""

    def __init__(self, deadline_ms: int, give_up: Callable[[], None]) -> None:
        self._deadline_ms, self._give_up = deadline_ms, give_up
        self._timeout = asyncio.timeout(deadline_ms / 1000)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: object) -> None:
        try:
            await self._timeout.__aexit__(kind, fault, None)
        except TimeoutError as late:
            self._give_up()
            raise DeviceError(f"not done within {self._deadline_ms} ms") from late


async def _trunk_now(link: AmiLink, trunk: Trunk) -> tuple[str, tuple[Contact, ...]]:
    """What the exchange says of one trunk's endpoint, and of its contacts."""
    return await ask.both(
        lambda: ask.getvar(link, f"DEVICE_STATE(PJSIP/{trunk.endpoint})"), lambda: ask.contacts(link, trunk)
    )
