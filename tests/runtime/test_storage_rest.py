"""When the storage thread is woken: for what must be on the medium at once, and for nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from firmware_py.core.state import State
from firmware_py.runtime.storage import QUIET_S, SOON_S
from tests.runtime.test_storage import STAMP, Floor, event, running


def test_a_state_in_which_only_timers_ran_leaves_the_thread_asleep_and_any_other_wakes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken = list[float]()
    floor = Floor(tmp_path)
    monkeypatch.setattr(floor.storage._thread, "wake", lambda: woken.append(0))
    monkeypatch.setattr(floor.storage._thread, "wake_within", woken.append)
    for told, state, events in (
        (1, State(stepped_ms=1), ()),
        (1, State(stepped_ms=2), ()),
        (2, State(stepped_ms=3, incident_number=1), ()),
        (2, State(stepped_ms=4, incident_number=1), ()),
        (3, State(stepped_ms=5, incident_number=1), (event(0),)),
    ):
        floor.storage.keep(state, 1, events, STAMP)
        assert len(woken) == told
    assert woken == [0, SOON_S, 0]


def test_states_without_an_event_are_written_together_and_soon(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as floor:
            floor.storage.keep(State(stepped_ms=1), 1, (), STAMP)
            await floor.until(lambda: (tmp_path / "state" / "state-a").exists())
            for number in (1, 2, 3):
                floor.storage.keep(State(stepped_ms=2, incident_number=number), 2, (), STAMP)
            await floor.until(lambda: (tmp_path / "state" / "state-b").exists())
        found = Floor(tmp_path).storage.restore()
        assert found is not None
        assert (found.state.incident_number, found.generation) == (3, 2)

    asyncio.run(scenario())


def test_what_was_delivered_is_in_the_status_long_before_a_quiet_round(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as floor:
            floor.storage.record([event(0)], STAMP)
            await floor.until(lambda: floor.storage.status.last == 1)
            floor.storage.acknowledged(1, cursor=False)
            await floor.until(lambda: floor.storage.status.ack == 1, QUIET_S / 2)

    asyncio.run(scenario())
