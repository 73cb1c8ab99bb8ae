"""Where an exchange's manager listens, and who we are there: a value that a configuration can be made of.

Apart from the connection, so that `floorguard check` need not load what opens sockets. It must not open one.
"""

from dataclasses import field
from typing import TYPE_CHECKING

from config.valued import dataclass
from drivers.ami import plain

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where the manager listens and who we are. Plain text over loopback only; `tls` for anything else."""

    host: str
    port: int = 5038
    user: str
    secret: str = field(repr=False)
    tls: "ssl.SSLContext | None" = None
    answer_ms: int = 1500  # for one answer; a hung exchange is known after two of them

    def __post_init__(self) -> None:
        assert all(plain(part) for part in (self.host, self.user, self.secret)), "a line break in the account"
        assert 0 < self.port < 65536 and self.answer_ms > 0, (self.port, self.answer_ms)
