"""Small memories of which two are often alike in part: for comparing ways to find what differs."""

from __future__ import annotations

from hypothesis import strategies as st

from firmware_py.core.alarm import AlarmState
from firmware_py.core.mode import CauseState
from firmware_py.core.state import State

STATES = st.builds(
    State, stepped_ms=st.none() | st.integers(0, 2), lamp_test_ms=st.integers(0, 2),
    paused_by=st.just("") | st.just("a"),
    alarms=st.dictionaries(st.sampled_from("abc"), st.from_type(AlarmState), max_size=3),
    causes=st.dictionaries(st.sampled_from("ab"), st.from_type(CauseState), max_size=2), cut_number=st.integers(0, 1),
)  # fmt: skip
