"""Libraries that are made known without running them: the parts that are asked for work, and so does the whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT

PACKAGE = {
    "__init__.py": "from big.heavy import weigh\nfrom big.light import shine\nLOADED = 'whole'\n",
    "heavy.py": "print('heavy is loaded')\ndef weigh(kg, *, of='us'): return (kg, of)\n",
    "light.py": "from . import names\ndef shine(): return names.WORD\n",
    "names.py": "WORD = 'light'\n",
}


def run(folder: Path, program: str) -> str:
    (folder / "big").mkdir(exist_ok=True)
    for name, text in PACKAGE.items():
        (folder / "big" / name).write_text(text)
    head = "import sys; sys.path[:0] = [{!r}, {!r}]\nfrom config.partly import load_partly\n"
    words = [sys.executable, "-c", head.format(str(PROJECT), str(folder)) + program]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("load_partly('big'); from big.light import shine; print(shine())", "light\n"),
        ("load_partly('big'); import big; print(big.LOADED, big.weigh(3))", "heavy is loaded\nwhole (3, 'us')\n"),
        ("load_partly('big'); from big import shine; print(shine())", "heavy is loaded\nlight\n"),
        ("load_partly('big'); import big.light; print(big.light.shine(), big.light is sys.modules['big.light'])",
         "light True\n"),
        ("import big; load_partly('big'); print(big.LOADED)", "heavy is loaded\nwhole\n"),
        ("load_partly('big'); load_partly('big.heavy', 'weigh'); from big.heavy import weigh; print('first');"
         " print(weigh(1, of='them'), weigh(2))", "first\nheavy is loaded\n(1, 'them') (2, 'us')\n"),
        ("load_partly('big'); load_partly('big.heavy', 'weigh'); import big.heavy; big.heavy.weigh(1);"
         " print(big.heavy.weigh(2))", "heavy is loaded\n(2, 'us')\n"),
        ("load_partly('nothing.of.the.kind') if False else load_partly('nothing_of_the_kind')\n"
         "try:\n    import nothing_of_the_kind\nexcept ImportError: print('none')", "none\n"),
        ("load_partly('big'); import big\ntry:\n    big.no_such\nexcept AttributeError: print(big.LOADED)",
         "heavy is loaded\nwhole\n"),
    ],
)  # fmt: skip
def test_a_library_is_loaded_as_far_as_it_is_asked(tmp_path: Path, program: str, said: str) -> None:
    assert run(tmp_path, program) == said


def test_the_libraries_that_we_load_so_still_give_all_that_they_have() -> None:
    program = (
        "from drivers import gpio\nchip = gpio.open_chip('mock')\nimport mqtt_bridge.client\n"
        "from gpiozero import LED, LEDBoard\nfrom gpiozero.output_devices import LED as Same\nassert LED is Same\n"
        "led = LED(17, pin_factory=chip.factory); led.on(); assert led.is_lit; led.close()\n"
        "import importlib.metadata, statistics, urllib.request\n"
        "assert importlib.metadata.version('gpiozero') and statistics.median([1, 2, 9]) == 2\n"
        "assert statistics.stdev([1, 3]) > 1 and urllib.request.Request('http://a/b').selector == '/b'\n"
        "assert importlib.metadata.entry_points(group='gpiozero_pin_factories')\nprint('all')"
    )
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "all\n", done.stderr
