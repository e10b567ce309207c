"""The road for answers that are handed on while they come: the driver's, with connections and limits of its own.

So that nothing here can take a place from a send or a look, it is another object than the one they use. As there,
nothing is tried a second time and no redirect is followed. Never lives here: whose answer it is, what it proves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from esteio.clock import stopwatch
from esteio.providers.base import HttpRequest, TransportFailed
from esteio.providers.classify import TOO_LARGE
from esteio.providers.driver import AiohttpTransport, Asked, Mark, translated

CONNECT_S = 10.0
IDLE_S = 70.0
"""Nothing came for so long. Evolution itself waits up to 60 s for WhatsApp."""
MOST_BYTES = 1 << 30
"""Of one answer, unpacked."""
UNPACKED = frozenset({"", "identity", "gzip", "deflate"})
"""Encodings that are read here; an answer that was not asked for in another could hide what has to be blanked."""


class OpenAnswer:
    """An answer whose head is there. Header names are lower case; what came twice is joined by commas."""

    def __init__(self, asked: Asked, mark: Mark, timeout_s: float, until: float) -> None:
        """`until`: the loop's time by which all of it must have come."""
        self._payload, self._mark, self._timeout_s, self._until = asked.payload, mark, timeout_s, until
        self._came = 0
        self.status = asked.head.code
        told = asked.head.headers
        self.headers: Mapping[str, str] = {name.lower(): ", ".join(told.getall(name)) for name in told}

    async def next(self) -> bytes:
        """What came next of the body, unpacked; empty at its end. Raises `TransportFailed`."""
        try:
            async with asyncio.timeout_at(self._until):
                piece = await self._payload.readany()
        except Exception as error:
            raise translated(error, self._mark, _within(error, self._timeout_s)) from error
        self._came += len(piece)
        if self._came > MOST_BYTES:
            raise TransportFailed(f"{TOO_LARGE}: more than {MOST_BYTES} bytes", sent="maybe")
        return piece


class Forward(AiohttpTransport):
    """The driver's transport, which can also open an answer and let it come."""

    @asynccontextmanager
    async def open(self, request: HttpRequest) -> AsyncIterator[OpenAnswer]:
        """One exchange; its connection is closed when the block is left before the answer's end. The encoding of the
        answer is asked for here. Raises `TransportFailed`."""
        began, status, failed = stopwatch(), None, ""
        place = await self._place(request.url)
        try:
            async with self._opened(request) as answer:
                status = answer.status
                yield answer
        except TransportFailed as error:
            failed = error.reason
            raise
        finally:
            place.release()
            self._traced(request, status, (stopwatch() - began) * 1000, failed)

    @asynccontextmanager
    async def _opened(self, request: HttpRequest) -> AsyncIterator[OpenAnswer]:
        mark = Mark(stopwatch() + request.timeout_s)
        until = asyncio.get_running_loop().time() + request.timeout_s
        headers = {**request.headers, "accept-encoding": "identity"}
        try:
            async with asyncio.timeout_at(until):
                asked = await self._ask(request, headers, mark, as_written=True, connect_s=CONNECT_S, idle_s=IDLE_S)
        except TransportFailed:
            raise
        except Exception as error:
            raise translated(error, mark, _within(error, request.timeout_s)) from error
        try:
            packed = asked.head.headers.get("content-encoding", "").strip().lower()
            if packed not in UNPACKED:  # guard: unreadable-answer-not-passed
                raise TransportFailed("the answer is packed in a way that was not asked for", sent="maybe")
            yield OpenAnswer(asked, mark, request.timeout_s, until)
        finally:
            asked.connection.release()


def _within(error: Exception, whole_s: float) -> float:
    """Which of the times was over."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return CONNECT_S
    return IDLE_S if isinstance(error, aiohttp.SocketTimeoutError) else whole_s
