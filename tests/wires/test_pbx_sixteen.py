"""The same against Asterisk 16, where it can be had: login, snapshot, gate, pause, lost providers, hang, kill and boot.

What these tests ask is written where they are at home; here they only get the older exchange.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.wires import test_pbx as trunks
from tests.wires import test_pbx_calls as calls
from tests.wires import test_pbx_desk as desk
from tests.wires import test_pbx_faults as faults
from tests.wires.asterisk import OLD, Asterisk, serve
from tests.wires.test_pbx_calls import refusing_fixture as refusing_fixture

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]


@pytest.fixture(scope="module", name="asterisk")
def sixteen() -> Iterator[Asterisk]:
    yield from serve(OLD)


test_it_logs_in_and_reads = trunks.test_both_trunks_are_seen_up_by_the_least_user
test_its_gate_refuses_new_calls_only = (
    trunks.test_a_closed_gate_refuses_new_calls_and_neither_emergencies_nor_calls_in_progress
)
test_its_lost_registration_is_degraded = trunks.test_a_registration_that_is_lost_makes_a_reachable_trunk_degraded
test_its_lost_providers_are_down = trunks.test_a_provider_that_is_lost_is_one_trunk_down_within_seconds
test_its_refusing_provider_is_degraded = calls.test_a_provider_that_answers_options_and_refuses_calls_is_degraded
test_its_queue_members_are_paused = calls.test_queue_members_are_paused_as_a_courtesy_and_a_persons_pause_stays
test_its_emergency_calls_pass_the_gate = desk.test_emergency_calls_connect_with_the_gate_closed_and_no_other_does
test_its_gate_is_closed_again_after_a_kill = faults.test_a_gate_closed_just_before_a_kill_is_closed_again_after_the_boot
test_its_hang_is_no_trunk_down = faults.test_a_hung_exchange_is_unreachable_within_six_seconds_and_no_trunk_is_down
