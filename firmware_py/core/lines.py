"""Trunk states that no exchange tells: a contact that senses the line, or what a person says of it.

A person may also take any trunk into maintenance, which then stands over whatever its source reads. This module must
not know wires, nor what follows from a state.
"""

from collections.abc import Iterator, Mapping

from config.valued import dataclass
from firmware_py.core.image import InputImage
from firmware_py.core.reading import Quality, Reading, Reason

MAINTENANCE = "maintenance"
SAID = ("up", "degraded", "down", MAINTENANCE)  # what a person may say of a trunk that nobody else tells of
AUTO = "auto"  # takes back what was said


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One trunk. `sensed`: the flag of its contact, which is `alive` while the line lives; '' where a driver reads its
    state. `told`: only people know its state."""

    name: str
    sensed: str = ""
    alive: bool = True
    told: bool = False

    @property
    def point(self) -> str:
        """The point of its state."""
        return f"trunks.{self.name}.state"

    @property
    def words(self) -> tuple[str, ...]:
        """What a person may say of it."""
        return SAID if self.told else (MAINTENANCE,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person has said of a trunk; it stands until somebody says otherwise."""

    word: str
    by: str


def derive(lines: Mapping[str, Line], said: Mapping[str, Said], image: InputImage) -> dict[str, Reading]:
    """The states to join to the image; what a driver reads, and nobody has said anything of, is not among them."""
    return dict(_states(lines, said, image))


def _states(lines: Mapping[str, Line], said: Mapping[str, Said], image: InputImage) -> Iterator[tuple[str, Reading]]:
    for name, line in lines.items():
        hand = said.get(name)
        if hand is not None:
            at_ms, detail = image.now_ms, f"said by {hand.by}"
            yield line.point, Reading(value=hand.word, quality=Quality.GOOD, at_ms=at_ms, detail=detail)
        elif line.told:
            yield line.point, Reading(value=None, quality=Quality.BAD, at_ms=0, because=Reason.NOT_YET)
        elif line.sensed:
            yield line.point, _sensed(line, image[line.sensed])


def _sensed(line: Line, contact: Reading) -> Reading:
    known = isinstance(contact.value, bool)
    return Reading(
        value=("up" if contact.value is line.alive else "down") if known else None,
        quality=contact.quality, at_ms=contact.at_ms, because=contact.because, detail=line.sensed,
    )  # fmt: skip
