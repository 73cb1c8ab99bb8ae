"""The scripted day of the demo: its two halves as one. The times of config/sites/demo.toml stand behind its limits.

Data only. It must not know how any of it is done or seen.
"""

from typing import Final

from firmware_py.demo.day_floor import COOLING, EVENING, FIRE, LINES
from firmware_py.demo.day_power import POWER_CUT, QUIET
from firmware_py.demo.day_words import s
from firmware_py.demo.script import Scene

DAY: Final[tuple[Scene, ...]] = QUIET + POWER_CUT + LINES + COOLING + FIRE + EVENING
END_MS: Final = s(124)
