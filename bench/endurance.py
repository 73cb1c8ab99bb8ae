"""Simulated outages over battery laws: minutes lost against the endurance target, and the forecast's error.

Peukert 1.0 to 1.5, sound batteries and worn ones that fall off at 90 %, never watched and watched before.
`python -m bench.endurance [all]`; `all` takes every load and battery of the proof (432 outages).
"""

import itertools
import sys
import tempfile
from pathlib import Path

from tests.sim.tally import ALL, EXPONENTS, HISTORIES, series

SHARES, RATIOS = (0.6, 0.95, 1.1, 3.0), (2.0,)
SOME = tuple(itertools.product(EXPONENTS, SHARES, RATIOS))


def main(*, whole: bool) -> None:
    """The table."""
    with tempfile.TemporaryDirectory() as folder:
        tally = series(Path(folder), ALL if whole else SOME, HISTORIES if whole else ("new", "watched"))
    print(tally.table())
    for missed in tally.missed:
        print(f"MISSED {missed}")


if __name__ == "__main__":
    main(whole="all" in sys.argv[1:])
