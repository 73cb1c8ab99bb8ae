"""Where each message of the contract goes: topic strings, and nothing else.

Pure. It must not know payloads, brokers or what an alarm means; `docs/mqtt.md` lists the topics for people.
"""

import re

from config.valued import dataclass

VERSION = "v1"  # a level of its own, not configurable: new meaning goes to v2 beside it
SITE_PATTERN = r"[a-z0-9-]{1,40}"
ROOT_PATTERN = r"[A-Za-z0-9_-]{1,40}"
_ALARM_PATTERN = r"[a-z0-9_]+(\.[a-z0-9_]+)*"


def is_alarm_topic(topic: str) -> bool:
    """True for what `Topics.alarm` could have made, also under another root or site: safe to be emptied."""
    return re.fullmatch(rf"{ROOT_PATTERN}/{VERSION}/{SITE_PATTERN}/alarm/[a-z0-9_]+/[a-z0-9_]+", topic) is not None


def is_own_topic(topic: str) -> bool:
    """True for any retained topic that a controller writes, also under another root or site."""
    own = rf"{ROOT_PATTERN}/{VERSION}/{SITE_PATTERN}/(status|info|state)|homeassistant/device/{SITE_PATTERN}/config"
    return is_alarm_topic(topic) or re.fullmatch(own, topic) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """All topics of one site. `root` is the configurable first level, `site` is never renamed."""

    site: str
    root: str = "floor"

    def __post_init__(self) -> None:
        assert re.fullmatch(SITE_PATTERN, self.site), f"not a site: {self.site!r}"
        assert re.fullmatch(ROOT_PATTERN, self.root), f"not a topic level: {self.root!r}"

    def __str__(self) -> str:
        return f"{self.root}/{VERSION}/{self.site}"

    @property
    def status(self) -> str:
        """Birth, last will and clean stop; retained."""
        return f"{self}/status"

    @property
    def info(self) -> str:
        """What this controller is and which points it has; retained."""
        return f"{self}/info"

    @property
    def state(self) -> str:
        """The whole floor; retained."""
        return f"{self}/state"

    @property
    def event(self) -> str:
        """Numbered events."""
        return f"{self}/event"

    @property
    def cursor(self) -> str:
        """Written by the central server: processed up to here; retained."""
        return f"{self}/cursor"

    @property
    def tele(self) -> str:
        """Fast values, QoS 0, never queued."""
        return f"{self}/tele"

    @property
    def commands(self) -> str:
        """What others order, one level below; a filter."""
        return f"{self}/cmd/+"

    @property
    def reply(self) -> str:
        """Answers to commands."""
        return f"{self}/reply"

    @property
    def discovery(self) -> str:
        """Home Assistant's device; retained. Its prefix is the one that Home Assistant has unless told otherwise."""
        return f"homeassistant/device/{self.site}/config"

    def alarm(self, alarm: str) -> str:
        """The alarm's own retained topic: `trunks.main.down` is `.../alarm/trunks/main_down`."""
        assert re.fullmatch(_ALARM_PATTERN, alarm), f"not an alarm id: {alarm!r}"
        instance, _, rest = alarm.partition(".")
        return f"{self}/alarm/{instance}/{(rest or instance).replace('.', '_')}"
