"""When the storage thread is woken: for what must be on the medium at once, and for nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware_py.core.state import State
from tests.runtime.test_storage import STAMP, Floor, event


def test_a_state_in_which_only_timers_ran_leaves_the_thread_asleep_and_any_other_wakes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken = list[int]()
    floor = Floor(tmp_path)
    monkeypatch.setattr(floor.storage._thread, "wake", lambda: woken.append(1))
    for told, state, events in (
        (1, State(stepped_ms=1), ()),
        (1, State(stepped_ms=2), ()),
        (2, State(stepped_ms=3, incident_number=1), ()),
        (2, State(stepped_ms=4, incident_number=1), ()),
        (3, State(stepped_ms=5, incident_number=1), (event(0),)),
    ):
        floor.storage.keep(state, 1, events, STAMP)
        assert len(woken) == told
