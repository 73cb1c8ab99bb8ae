"""Several questions on one line at once: answers in order, the first fault ends them all, nobody is left waiting."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Coroutine
from typing import Any

import pytest

from drivers.pbx_ask import both, together
from firmware_py.ports import DeviceError
from tests.conftest import run


async def answer(word: str, after_s: float = 0.0) -> str:
    await asyncio.sleep(after_s)
    return word


async def fail() -> str:
    await asyncio.sleep(0)
    raise DeviceError("no such variable")


def test_answers_come_in_the_order_of_the_questions_whatever_comes_first() -> None:
    async def scenario() -> None:
        assert await together([answer("late", 0.02), answer("soon")]) == ["late", "soon"]
        assert await together([]) == []
        assert await both(lambda: answer("text"), lambda: together([answer("list")])) == ("text", ["list"])

    run(scenario())


def test_the_first_fault_is_told_and_the_other_questions_are_given_up() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        with pytest.raises(DeviceError, match="no such variable"):
            await together([answer("never", 60), fail(), answer("neither", 60)])
        with pytest.raises(DeviceError, match="no such variable"):
            await both(lambda: together([answer("never", 60), fail()]), lambda: answer("neither", 60))
        assert loop.time() - began_s < 20, "nobody waited for the rest"

    run(scenario())  # and leaves no task behind


def test_a_deadline_over_many_questions_ends_every_one_of_them() -> None:
    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await both(lambda: together([answer("never", 60)]), lambda: answer("neither", 60))

    run(scenario())


@pytest.mark.parametrize("turns", range(6))
def test_whenever_they_are_given_up_no_question_is_left_behind_unasked(turns: int) -> None:
    def pair() -> Coroutine[Any, Any, tuple[list[str], str]]:
        return both(lambda: together(answer(word, 60) for word in "ab"), lambda: answer("c", 60))

    async def scenario() -> None:
        task = asyncio.ensure_future(both(pair, pair))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        run(scenario())
        gc.collect()
    assert [str(one.message) for one in seen] == []
