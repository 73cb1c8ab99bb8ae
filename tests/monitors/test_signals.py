"""No sounder pattern of ours can be taken for an evacuation signal, and those that could are named."""

import pytest

from firmware_py.core.output import PATTERN_STEPS, Pattern
from monitors.signals import resembles

T3 = (500, 500, 500, 500, 500, 1500)
T4 = (100, 100, 100, 100, 100, 100, 100, 5000)


@pytest.mark.parametrize(
    ("steps", "signal"),
    [
        (T3, "Temporal-3"),
        (T3 * 2, "Temporal-3"),
        ((450, 550, 550, 450, 500, 1650), "Temporal-3"),
        (T4, "Temporal-4"),
        ((500, 500), "March"),
        ((500, 500) * 4, "March"),
        ((600, 400), "March"),
        ((10_000, 5_000), "continuous"),
        ((1_000, 50), "continuous"),
    ],
)
def test_evacuation_signals_are_known_as_panels_play_them(steps: tuple[int, ...], signal: str) -> None:
    assert signal in resembles(steps)


@pytest.mark.parametrize(
    "steps",
    [
        *(PATTERN_STEPS[sound] for sound in Pattern if sound.value.startswith("sound_")),
        (500, 500, 500, 1500),  # two pulses are none of them
        (500, 500, 500, 500, 500, 500, 500, 1500),
        (100, 100, 100, 100, 100, 5000),
        (500, 2500),  # the alert tone of some panels is for people in the room, not for leaving it
    ],
)
def test_other_patterns_are_free(steps: tuple[int, ...]) -> None:
    assert resembles(steps) == ""
