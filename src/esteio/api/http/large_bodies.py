"""Room for large bodies: a few are taken in at a time, the others wait before they are read.

Reading, blanking and storing one takes memory of several times its size, and turns of the loop that all others wait
for. Never lives here: how large a body may be at all (`Route.carries_media`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from esteio.api.http.request import ClientGone
from esteio.engine.errors import CommandError

LARGE_BYTES = 1 << 20
PLACES = 2
WAITS_S = 20.0
TAKES_S = 120.0
"""One that comes more slowly gives its place up."""


class LargeBodies:
    """The places of one application."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(PLACES)

    def place(self, headers: Mapping[str, str]) -> AbstractAsyncContextManager[None]:
        """Around the reading of a body; a small one needs no place. Raises `CommandError("busy")`, `ClientGone`."""
        return self._held() if _is_large(headers.get("content-length", "")) else nullcontext()

    @asynccontextmanager
    async def _held(self) -> AsyncIterator[None]:
        await self._wait()
        try:
            async with asyncio.timeout(TAKES_S):
                yield
        except TimeoutError as error:
            raise ClientGone from error
        finally:
            self._places.release()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(WAITS_S):
                await self._places.acquire()
        except TimeoutError as error:
            raise CommandError("busy") from error


def _is_large(announced: str) -> bool:
    """One that does not say its length may be of any."""
    return not announced.isdecimal() or len(announced) > 18 or int(announced) > LARGE_BYTES
