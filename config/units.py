"""Human units to numbers and back: "5 s" is 5000 ms, "80 %" is 80.0, "27 C" is 27.0, "1.2 kW" is 1200.0 W.

Each quantity is converted once, when the configuration is read. This module must not know keys, files or models.
"""

import re
from collections.abc import Mapping

from config.valued import dataclass

_QUANTITY = r"([+-]?[0-9]{1,15}(?:\.[0-9]{1,6})?) *([^0-9\s.][^\s]{0,7})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # by identity: annotations must be hashable
class Unit:
    """One physical quantity: the spellings with their factor to the stored unit, its plausible range, and examples.

    `whole`: stored as an int, and what does not come out whole is refused. `low` and `high` are in the stored unit.
    `shown`: spellings used for printing, the largest first.
    """

    name: str
    factors: Mapping[str, int]
    low: int
    high: int
    examples: str
    whole: bool = False
    shown: tuple[str, ...]

    def parse(self, given: object) -> float:
        """The number in the stored unit. ValueError with a sentence for the technician when it is not this quantity."""
        if not isinstance(given, str):
            raise ValueError(f"must be {self.name} with its unit in quotes, like {self.examples}")
        match = re.fullmatch(_QUANTITY, given.strip())
        if match is None or match[2] not in self.factors:
            raise ValueError(f"must be {self.name} with its unit, like {self.examples}")
        from decimal import Decimal  # only where a configuration is read or shown

        number = Decimal(match[1]) * self.factors[match[2]]
        if not self.low <= number <= self.high:
            raise ValueError(f"must be between {self.show(float(self.low))} and {self.show(float(self.high))}")
        if not self.whole:
            return float(number)
        if number != number.to_integral_value():
            raise ValueError(f"is finer than {self.shown[-1]}; write a coarser value, like {self.examples}")
        return int(number)

    def show(self, number: float) -> str:
        """The text that `parse` turns into `number` again, in the largest unit that keeps it whole."""
        from decimal import Decimal

        exact = Decimal(repr(number))
        for spelling in self.shown:
            scaled = exact / self.factors[spelling]
            if scaled == scaled.to_integral_value() and (scaled != 0 or spelling == self.shown[-1]):
                return f"{int(scaled)} {spelling}"
        rest = exact / self.factors[self.shown[-1]]
        return f"{rest:f} {self.shown[-1]}"


_DAY_MS = 86_400_000

DURATION = Unit(
    name="a duration",
    factors={"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": _DAY_MS},
    low=0,
    high=400 * _DAY_MS,
    examples='"250 ms", "5 s", "10 min", "4 h" or "7 d"',
    whole=True,
    shown=("d", "h", "min", "s", "ms"),
)
PERCENT = Unit(
    name="a percentage",
    factors={"%": 1},
    low=0,
    high=100,
    examples='"80 %"',
    shown=("%",),
)
CELSIUS = Unit(
    name="a temperature",
    factors={"C": 1, "°C": 1},
    low=-60,
    high=150,
    examples='"27 C"',
    shown=("C",),
)
CELSIUS_PER_MINUTE = Unit(
    name="a rate of temperature rise",
    factors={"C/min": 1, "°C/min": 1},
    low=0,
    high=60,
    examples='"1.5 C/min"',
    shown=("C/min",),
)
WATTS = Unit(
    name="a power",
    factors={"W": 1, "kW": 1000},
    low=0,
    high=1_000_000,
    examples='"120 W" or "1.5 kW"',
    shown=("kW", "W"),
)
BYTES = Unit(
    name="a size",
    factors={"B": 1, "KiB": 1024, "kB": 1000, "MiB": 1024**2, "MB": 10**6},
    low=0,
    high=2**40,
    examples='"64 kB" or "16 MB"',
    whole=True,
    shown=("MiB", "MB", "KiB", "kB", "B"),
)
