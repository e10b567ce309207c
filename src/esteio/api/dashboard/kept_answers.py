"""Answers that everybody gets alike, made at most once in a while however many ask: strangers cost no more than one.

Never lives here: what is answered, to whom.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
FRESH_S = 10.0
"""So long an answer is given again."""


class KeptAnswers:
    """Whoever asks while one is made waits for it. What is asked for must be bounded by the caller."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, Any]] = {}
        self._turn = asyncio.Lock()

    async def get(self, what: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """The answer, as `make` gave it at most `FRESH_S` ago; raises what `make` raises."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            made_at, answer = self._kept.get(what, (-FRESH_S, None))
            if loop.time() - made_at < FRESH_S:
                return answer  # type: ignore[no-any-return]
            kept = self._kept
            made: T = await make()
            kept[what] = (loop.time(), made)  # what was forgotten while it was made is not kept
            return made

    def forget(self) -> None:
        """Everything is made anew when it is asked for next."""
        self._kept = {}
