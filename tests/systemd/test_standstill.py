"""One part of a whole daemon stands still: the dog is petted no more, and is started anew. A poller is no such part."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from firmware_py.runtime.watchdog import LIMITS_MS
from tests.conftest import eventually_async, run
from tests.systemd.standstill import AFTER_S
from tests.systemd.test_life import FAULT_PINS, guarded

pytestmark = [pytest.mark.wire, pytest.mark.proof]


@pytest.mark.parametrize("part", sorted(LIMITS_MS))
def test_a_part_that_stands_still_is_ended_by_the_watchdog_and_started_anew(part: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with guarded(tmp_path, module=("tests.systemd.standstill", part)) as place:
            await place.until_ready()
            await eventually_async(lambda: place.init.said("post"), within_s=60, what=f"{part} stood still")
            assert place.init.said("end")[0].said.startswith("watchdog ")
            assert place.pins() == FAULT_PINS
            if part != "loop":
                assert f"standing still: {part} for " in place.init.log
            await place.until_ready(2)

    run(scenario(), within_s=150)


def test_a_poller_that_hangs_is_started_anew_and_the_daemon_is_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with guarded(tmp_path, module=("tests.systemd.standstill", "poller")) as place:
            await place.until_sound()
            said = "the driver ignores its end, it is abandoned"
            await eventually_async(lambda: said in place.init.log, within_s=30, what="the poller hangs")
            at_s = time.monotonic()
            await asyncio.sleep(2.5 * 30 / place.init.haste + AFTER_S)  # nothing is to happen for so long
            assert not place.init.said("end")
            assert place.init.said("pet", at_s)

            async def reads_again() -> bool:
                return bool((await place.status())["points"]["ups1.output_source"]["quality"] == "good")

            await eventually_async(reads_again, within_s=30, what="a fresh driver reads")

    run(scenario(), within_s=150)
