"""Pages that many look at, drawn once for all who may see the same, with rests between: time is left for others.

An event makes every open page ask for itself anew, all at once. Who asks while a drawing waits its turn shares it, if
it began after they asked: then it holds what they were told of. So what a mass fall costs does not grow with the number
of open pages. Who opens a page is not made to wait. Never lives here: what is drawn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import NamedTuple

KEPT = 64
"""How many drawings are remembered, the last that were used."""
FRESH_S = 2.0
"""So long is a drawing good when nothing has happened since: only ages have grown."""
REST = 3.0
"""After a drawing nothing is redrawn for so many times as long as it took …"""
LONGEST_REST_S = 1.0
"""… but at most so long."""


class _Drawing(NamedTuple):
    began: float
    place: int
    text: str


class Drawings:
    """The drawings of one gateway. `place`: the number of its newest event; `mark` stands where each who is shown a
    drawing gets a word of their own, and nobody can guess it."""

    def __init__(self, place: Callable[[], Awaitable[int]], mark: str) -> None:
        self._place, self.mark = place, mark
        self._kept: dict[Hashable, _Drawing] = {}
        self._turn = asyncio.Lock()
        self._rested_at = 0.0

    def __repr__(self) -> str:
        return f"Drawings({len(self._kept)})"

    async def redrawn(self, what: Hashable, draw: Callable[[], Awaitable[str]]) -> str:
        """What `draw` gives, or somebody else's of the same thing that is as good."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        if (found := self._kept.get(what)) and await self._nothing_since(found, asked):
            return found.text
        async with self._turn:
            found = self._kept.get(what)
            if found is None or found.began <= asked:
                await asyncio.sleep(max(0.0, self._rested_at - loop.time()))
                found = await self._drawn(what, draw)
                took = loop.time() - found.began
                self._rested_at = loop.time() + min(REST * took, LONGEST_REST_S)
            return found.text

    async def opened(self, what: Hashable, draw: Callable[[], Awaitable[str]]) -> str:
        """What `draw` gives, at once."""
        return (await self._drawn(what, draw)).text

    async def _nothing_since(self, found: _Drawing, asked: float) -> bool:
        return asked - found.began < FRESH_S and found.place == await self._place()

    async def _drawn(self, what: Hashable, draw: Callable[[], Awaitable[str]]) -> _Drawing:
        began, place = asyncio.get_running_loop().time(), await self._place()
        found = _Drawing(began, place, await draw())
        self._kept.pop(what, None)
        self._kept[what] = found
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return found
