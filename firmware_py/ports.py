"""What the shell calls: the shapes that drivers, stores and sinks have, and the error a device may raise.

Nothing here knows a protocol, a pin or a file. Whose fault it is decides the reaction: a DeviceError belongs to the
far end (quality BAD, said once, back-off), everything else that escapes a driver is our bug.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from config.redact import redact
from config.valued import dataclass
from firmware_py.core.reading import News, Reason, Sample


class DeviceError(Exception):
    """The far end did not answer, or answered what cannot be used. `unit_only`: its neighbours are not to blame.
    `unproven`: what it said before cannot be trusted either."""

    def __init__(
        self, message: str, *, because: Reason = Reason.NO_COMMUNICATION, unit_only: bool = True, unproven: bool = False
    ) -> None:
        super().__init__(redact(message))  # some far ends repeat in their complaint what they were told
        self.because = because
        self.unit_only = unit_only
        self.unproven = unproven


@dataclass(frozen=True, slots=True, kw_only=True)
class PollGroup:
    """Points of one device that are read together.

    `deadline_ms` bounds one whole read of the group, retries included. `device` is what back-off and blame attach to:
    on a bus with several units one dead device costs the others at most one deadline per probe. `answer_ms`: what one
    question of it takes at most, where the deadline holds many; 0: the deadline. `local`: what the driver knows without
    the wire; a fault of the wire is none of its, and it proves nothing about the wire.
    """

    id: str
    device: str
    points: tuple[str, ...]
    period_ms: int
    deadline_ms: int
    answer_ms: int = 0
    local: bool = False


class Bus(Protocol):
    """One endpoint (a UPS agent, a Modbus line, an exchange). Called from one task only, never twice at once."""

    @property
    def name(self) -> str:
        """The endpoint's name in the configuration; used in logs and in reasons."""

    @property
    def groups(self) -> tuple[PollGroup, ...]:
        """What can be read; constant for the life of the bus."""

    async def read(self, group: PollGroup) -> Mapping[str, Sample]:
        """Read one group; a point that is missing from the answer counts as not supported. Raises DeviceError."""

    async def close(self) -> None:
        """Give the connection back; never raises, returns within a second."""

    def listen(self, hint: Callable[[str], None]) -> None:
        """Take a function that the bus may call with a device name: poll this device now, something happened there."""


Begin: TypeAlias = Callable[[PollGroup, Callable[[News | None], None]], News | int]


class PromptBus(Bus, Protocol):
    """A Bus that can put a simple question without a task. While that is on its way it is called for nothing but the
    `read` of the same group, which goes on with it as if it had put the question itself, or `give_up`."""

    def begin(self, group: PollGroup, done: Callable[[News | None], None]) -> News | int:
        """Put the question of `group` and return at once. An answer that is here already is returned.

        Else: for how many milliseconds `done` may be waited for, 0 where nothing was begun since it is not simple
        today: then `read`. `done` is called at most once and later, with a sound answer, or with None where `read` has
        to say what has become of it. Nobody who records hears of it. Raises nothing but bugs.
        """

    def hear(self) -> None:
        """If the answer to what was begun has come by now, `done` may be called at once."""

    def give_up(self) -> None:
        """Nobody waits for what was begun any more; `done` is not called for it. Nothing to do where nothing was."""


class RemotePort(Protocol):
    """Outputs behind a wire (relay board, exchange). Writes are wanted values, not commands: the newest wins.

    A driver that reads and writes is one object that is both Bus and RemotePort; the endpoint's one task calls it,
    writes before reads, never two calls at once.
    """

    @property
    def name(self) -> str:
        """The endpoint's name."""

    @property
    def outputs(self) -> frozenset[str]:
        """Ids of the outputs behind this port."""

    async def write(self, output: str, on: bool) -> None:
        """Bring one output to a level; idempotent. Raises DeviceError."""

    async def read_back(self, output: str) -> bool | None:
        """The level that the far end really has, None when it cannot tell. Raises DeviceError."""


class LocalPort(Protocol):
    """Outputs on this board (GPIO): immediate, never waits."""

    @property
    def name(self) -> str:
        """The port's name."""

    @property
    def outputs(self) -> frozenset[str]:
        """Ids of the outputs on this port."""

    def set_level(self, output: str, on: bool) -> None:
        """Drive one output; microseconds. Raises DeviceError when the pin is gone."""

    def close(self) -> None:
        """Give the pins back without changing any level."""
