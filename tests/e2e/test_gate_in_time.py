"""Power is lost, and telephones keep dialling: when the first new outbound call is refused by a real Asterisk.

Judged against the UPS's first answer with the new state and the on-delay; of several tries the median counts. No call
is refused before, emergency calls pass all the time, and calls connect again by themselves when power is back.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from tests.conftest import eventually_async, run
from tests.e2e.rig import Rig, is_sound, tell
from tests.e2e.site import Exchange, Times
from tests.e2e.test_conservation_in_time import POWER, conserves, fail
from tests.wires.asterisk import Asterisk
from tests.wires.sip_desk import Call, Desk, dialling

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
SLACK_S = 0.5
ON_DELAY_S = 1.0
TRIES = 3
A_SECOND = 12  # calls; each is up for a moment only, so that never all twelve lines are taken
STEADY = 6  # calls in a row that connect


def answered(desk: Desk, since_s: float = 0.0) -> list[Call]:
    """Calls placed since then whose answer is known."""
    return [call for call in desk.calls() if call.placed_s >= since_s and call.status]


async def until_calls_connect(desk: Desk) -> float:
    """Wait until the newest calls have all connected; when the last of them was placed."""

    def steady() -> list[Call]:
        newest = answered(desk, time.monotonic() - 5)[-STEADY:]
        return newest if len(newest) == STEADY and all(call.connected for call in newest) else []

    return (await eventually_async(steady, within_s=20, every_s=0.1, what="calls connect"))[-1].placed_s


async def lose_power(rig: Rig, exchange: Asterisk, desk: Desk) -> float:
    """One outage: seconds from the UPS's first answer with it plus the on-delay to the first refused call."""
    sound_s = await until_calls_connect(desk)
    told_s = await fail(rig, POWER)
    refused = await eventually_async(
        lambda: next((call for call in answered(desk, sound_s) if not call.connected), None),
        within_s=20, every_s=0.1, what="a call is refused",
    )  # fmt: skip
    assert refused is not None and refused.answered_s >= told_s + ON_DELAY_S, "nothing is refused before its time"
    await rig.until(conserves(POWER), what="conservation")
    with dialling(exchange, "112") as emergency:
        (call,) = await asyncio.to_thread(emergency.finish)
        assert call.connected, "an emergency call passes the closed gate"
    assert not [call for call in answered(desk, refused.placed_s) if call.connected], "none is let through afterwards"
    rig.world.mains = True
    await rig.until(is_sound, within_s=20, what="normal again")
    return refused.answered_s - told_s - ON_DELAY_S


def test_new_outbound_calls_are_refused_half_a_second_after_the_answer_and_the_delay(
    tmp_path: Path, healthy: Asterisk
) -> None:
    async def scenario() -> None:
        async with Rig.open(tmp_path, times=Times(on_delay=f"{ON_DELAY_S} s")) as rig:
            assert rig.ports is not None
            rig.covered = False
            rig.ports = replace(rig.ports, exchange=healthy.port)
            account, trunks = healthy.account(), (("main", "trunk-main"), ("backup", "trunk-backup"))
            rig.exchange = Exchange(user=account.user, secret=account.secret, trunks=trunks, minimum_up=1)
            rig.write_site(Times(on_delay=f"{ON_DELAY_S} s"))
            await rig.start()
            await rig.until(is_sound, within_s=30, what="everything is read")
            with dialling(healthy, "5558000", count=100_000, rate=A_SECOND, talk_ms=1) as desk:
                took_s = [await lose_power(rig, healthy, desk) for _ in range(TRIES)]
                await until_calls_connect(desk)
            tell(f"refused after answer and on-delay: {[f'{1000 * one:.0f} ms' for one in took_s]}")
            assert median(took_s) <= SLACK_S, took_s
            assert await rig.stop() == 0

    run(scenario(), within_s=120)
