"""Everything an exchange tells about calls, joined: outcomes, emergency calls, queues, the account, the way out.

Fed by the connection's events and by the questions of each snapshot. It must not know gates, wishes or how a connection
is made.
"""

import asyncio
from collections.abc import Mapping

from drivers import pbx_ask as ask
from drivers.ami import Packet
from drivers.ami_link import AmiLink
from drivers.pbx_calls import EmergencyCalls, QueueCounts, emergency_samples, queue_samples
from drivers.pbx_config import PbxConfig
from drivers.pbx_outcomes import Outcomes
from firmware_py.core.reading import Reason, Sample, bad
from firmware_py.ports import DeviceError

AGAIN_OK_S = 3_600.0  # asking dials nothing and takes milliseconds; a change of the dialplan shows within the hour
AGAIN_S = 300.0  # after a question that was not answered


class CallWatch:
    """One exchange's calls. What it has counted outlives a connection; what it was told of the account does not."""

    def __init__(self, config: PbxConfig) -> None:
        self.outcomes = Outcomes(trunk.endpoint for trunk in config.trunks)
        self._config = config
        self._emergency = EmergencyCalls()
        self._queues = QueueCounts(config.queues)
        self._due_s = 0.0
        self._asked: dict[str, Sample] = {}

    def restart(self) -> None:
        """A new connection: calls under way are not known one by one, and the dialplan may have changed."""
        self.outcomes.forget()
        self._queues.forget()
        self._due_s = 0.0

    def look_again(self) -> None:
        """The account and the dialplan are asked with the next snapshot."""
        self._due_s = 0.0

    def take(self, event: Packet, now_ms: int) -> bool:
        """One event, as it comes. True for a new emergency call: somebody should look at once."""
        self.outcomes.take(event, now_ms)
        self._queues.take(event, now_ms)
        match event.event:
            case "Hangup":
                self._emergency.end(event.get("Uniqueid"))
            case "Reload":
                self._due_s = 0.0
            case "UserEvent" if event.get("UserEvent") == "EmergencyCall":
                self._emergency.begin(event.get("Number"), event.get("From"), event.get("Uniqueid"), now_ms)
                return True
            case _:
                pass
        return False

    async def look(self, link: AmiLink, counted: int | None) -> Mapping[str, Sample]:
        """This snapshot's part. `counted`: emergency calls that the dialplan counts. Raises DeviceError."""
        now_s = asyncio.get_running_loop().time()
        now_ms = int(now_s * 1000)
        if now_s >= self._due_s:
            self._due_s = now_s + AGAIN_OK_S
            account, path = await self._ask_account(link), await self._ask_path(link, now_s)
            self._asked = {**account, **path, **await self._ask_way(link, now_s)}
        summaries = await ask.queue_summaries(link, self._config.queues)
        self._emergency.compare(counted, now_ms)
        queues = queue_samples(self._config.name, self._queues, summaries, now_ms) if self._config.queues else ()
        return {**emergency_samples(self._config.name, self._emergency, now_ms), **dict(queues), **self._asked}

    async def _ask_account(self, link: AmiLink) -> Mapping[str, Sample]:
        prefix = f"{self._config.name}.account"
        try:
            excess = (await ask.rights(link)).excess
        except DeviceError as fault:
            if fault.because is not Reason.BAD_REPLY:
                raise
            refused = bad(Reason.NOT_SUPPORTED, str(fault))
            return {f"{prefix}.too_wide": refused, f"{prefix}.excess": refused}
        return {
            f"{prefix}.too_wide": Sample(value=bool(excess)),
            f"{prefix}.excess": Sample(value="; ".join(excess)[:250]),
        }

    async def _ask_path(self, link: AmiLink, now_s: float) -> Mapping[str, Sample]:
        config = self._config
        if not config.emergency_numbers:
            return {}
        point = f"{config.name}.emergency.path"
        gates = (config.gate, config.failover, config.surge)
        try:
            found = await ask.emergency_path(link, config.emergency_numbers, config.desk_context, gates)
        except DeviceError as fault:
            if fault.because is not Reason.BAD_REPLY:
                raise
            self._due_s = now_s + AGAIN_S
            return {point: bad(Reason.NOT_SUPPORTED, str(fault))}
        return {point: Sample(value=found.path.value, detail=found.detail)}

    async def _ask_way(self, link: AmiLink, now_s: float) -> Mapping[str, Sample]:
        config = self._config
        if not config.dial_test:
            return {}
        point = f"{config.name}.failover.dialplan"
        try:
            found = await ask.failover_way(link, config.dial_test, config.desk_context, config.timer_b_ms)
        except DeviceError as fault:
            if fault.because is not Reason.BAD_REPLY:
                raise
            self._due_s = now_s + AGAIN_S
            return {point: bad(Reason.NOT_SUPPORTED, str(fault))}
        return {point: Sample(value=found.chance.value, detail=found.detail)}
