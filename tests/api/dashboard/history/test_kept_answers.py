"""What everybody gets alike is made at most once in a while."""

from __future__ import annotations

import asyncio

import pytest

from esteio.api.dashboard.kept_answers import FRESH_S, KeptAnswers
from esteio.sim.clock.virtual_loop import run_virtual


def test_many_who_ask_are_one_making_until_it_is_old_or_forgotten() -> None:
    async def story() -> None:
        kept = KeptAnswers()
        made: list[int] = []

        async def make() -> int:
            await asyncio.sleep(1)
            made.append(len(made))
            return made[-1]

        assert await asyncio.gather(*(kept.get("a", make) for _ in range(50))) == [0] * 50
        await asyncio.sleep(FRESH_S - 0.5)
        assert await kept.get("a", make) == 0
        assert await kept.get("b", make) == 1
        await asyncio.sleep(0.5)
        assert await kept.get("a", make) == 2
        kept.forget()
        assert await kept.get("a", make) == 3

    run_virtual(story)


def test_what_could_not_be_made_is_tried_again() -> None:
    async def story() -> None:
        kept = KeptAnswers()

        async def fail() -> int:
            raise OSError("full")

        async def make() -> int:
            return 7

        with pytest.raises(OSError, match="full"):
            await kept.get("a", fail)
        assert await kept.get("a", make) == 7

    run_virtual(story)


def test_what_is_forgotten_while_it_is_made_is_made_anew() -> None:
    async def story() -> None:
        kept = KeptAnswers()

        async def make() -> str:
            await asyncio.sleep(0.2)
            return "of before"

        async def anew() -> str:
            return "of after"

        first = asyncio.create_task(kept.get("a", make))
        await asyncio.sleep(0.1)
        kept.forget()
        assert await first == "of before"
        assert await kept.get("a", anew) == "of after"

    run_virtual(story)
