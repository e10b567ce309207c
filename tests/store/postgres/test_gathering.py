"""What waits at one moment goes together, and nobody hears another one's error."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from esteio.store.base import StoreFull
from esteio.store.postgres.gathering import AT_ONCE, Gathering


class Asked:
    """Doubles numbers; of a negative one it says an error, of a zero the whole question fails."""

    def __init__(self) -> None:
        self.questions: list[list[int]] = []
        self.full = False

    async def answer(self, _kind: str, numbers: Sequence[int]) -> Sequence[int | Exception]:
        self.questions.append(list(numbers))
        await asyncio.sleep(0)
        if self.full:
            raise StoreFull("full")
        if 0 in numbers:
            raise ZeroDivisionError
        return [number * 2 if number > 0 else ValueError(str(number)) for number in numbers]


async def _all(asked: Asked, numbers: Sequence[int]) -> list[int | BaseException]:
    gathering: Gathering[str, int, int] = Gathering(asked.answer)
    return list(await asyncio.gather(*(gathering.add("kind", one) for one in numbers), return_exceptions=True))


async def test_what_comes_while_a_question_is_under_way_waits_for_the_next() -> None:
    asked = Asked()
    gathering: Gathering[str, int, int] = Gathering(asked.answer)
    first = asyncio.create_task(gathering.add("kind", 1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await asyncio.gather(first, *(gathering.add("kind", number) for number in (2, 3))) == [2, 4, 6]
    assert asked.questions == [[1], [2, 3]]


async def test_kinds_do_not_wait_for_each_other() -> None:
    asked = Asked()
    gathering: Gathering[str, int, int] = Gathering(asked.answer)
    assert list(await asyncio.gather(gathering.add("one", 1), gathering.add("other", 2))) == [2, 4]
    assert asked.questions == [[1], [2]]


async def test_each_hears_its_own_error() -> None:
    answers = await _all(Asked(), [1, -2, 3])
    assert [answer if isinstance(answer, int) else str(answer) for answer in answers] == [2, "-2", 6]


async def test_a_question_that_fails_is_asked_for_each_alone() -> None:
    asked = Asked()
    answers = await _all(asked, [1, 0, 3])
    assert [answer if isinstance(answer, int) else type(answer) for answer in answers] == [2, ZeroDivisionError, 6]
    assert asked.questions == [[1, 0, 3], [1], [0], [3]]


async def test_a_database_that_does_not_answer_is_not_asked_again_for_each() -> None:
    asked = Asked()
    asked.full = True
    assert [type(answer) for answer in await _all(asked, [1, 2])] == [StoreFull, StoreFull]
    assert asked.questions == [[1, 2]]


async def test_a_waiter_that_went_away_takes_nobody_with_it() -> None:
    asked = Asked()
    gathering: Gathering[str, int, int] = Gathering(asked.answer)
    waiting = [asyncio.create_task(gathering.add("kind", number)) for number in (1, 2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    assert await waiting[1] == 4
    assert await gathering.add("kind", 5) == 10


async def test_a_question_is_not_endless() -> None:
    asked = Asked()
    await _all(asked, range(1, AT_ONCE + 3))
    assert [len(one) for one in asked.questions] == [AT_ONCE, 2]
