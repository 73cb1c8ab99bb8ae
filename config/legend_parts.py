"""What a legend is made of: panels with their lamps, rhythms, buttons, notes and the long list of alarms.

Plain values, so that who gets them over the control socket loads no schema. It must not know how one is arranged.
"""

from config.valued import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp:
    """One lamp of a panel, in its row."""

    row: str
    label: str
    speaks: str
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """One pattern: milliseconds on, off, on, off ..., and what it says."""

    steps: tuple[int, ...]
    means: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One alarm for the long list: what it says, what follows if nobody acts, what to do."""

    id: str
    row: str
    priority: str
    text: str
    follows: str
    todo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """The whole page. `panels`: name and scope of each, with its lamps from top to bottom. `words`: the headings."""

    site: str
    language: str
    words: dict[str, str]
    panels: tuple[tuple[str, str, tuple[Lamp, ...]], ...]
    lamp_rhythms: tuple[Rhythm, ...]
    sound_rhythms: tuple[Rhythm, ...]
    buttons: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    alarms: tuple[Listed, ...]
