"""The road for answers that are handed on while they come: the driver's, with connections and limits of its own.

So that nothing here can take a place from a send or a look, it is another object than the one they use. As there,
nothing is tried a second time and no redirect is followed. Never lives here: whose answer it is, what it proves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from esteio.clock import stopwatch
from esteio.providers.base import HttpRequest, TransportFailed
from esteio.providers.classify import TOO_LARGE
from esteio.providers.driver import MARK, AiohttpTransport, Mark, translated

CONNECT_S = 10.0
IDLE_S = 70.0
"""Nothing came for so long. Evolution itself waits up to 60 s for WhatsApp."""
MOST_BYTES = 1 << 30
"""Of one answer, unpacked."""
UNPACKED = frozenset({"", "identity", "gzip", "deflate"})
"""Encodings that are read here; an answer that was not asked for in another could hide what has to be blanked."""


class OpenAnswer:
    """An answer whose head is there. Header names are lower case; what came twice is joined by commas."""

    def __init__(self, answer: aiohttp.ClientResponse, mark: Mark, timeout_s: float) -> None:
        self._answer, self._mark, self._timeout_s = answer, mark, timeout_s
        self._came = 0
        self.status = answer.status
        self.headers: Mapping[str, str] = {
            name.lower(): ", ".join(answer.headers.getall(name)) for name in answer.headers
        }

    async def next(self) -> bytes:
        """What came next of the body, unpacked; empty at its end. Raises `TransportFailed`."""
        try:
            piece = await self._answer.content.readany()
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
        MARK.set(mark)
        session, url = self._pool(request.url)
        try:
            answer = await session.request(
                request.method,
                URL(url, encoded=True),
                headers={**request.headers, "accept-encoding": "identity"},
                data=request.body or None,
                skip_auto_headers=("Content-Type",),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=request.timeout_s, sock_connect=CONNECT_S, sock_read=IDLE_S),
            )
        except Exception as error:
            raise translated(error, mark, _within(error, request.timeout_s)) from error
        try:
            packed = answer.headers.get("content-encoding", "").strip().lower()
            if packed not in UNPACKED:  # guard: unreadable-answer-not-passed
                raise TransportFailed("the answer is packed in a way that was not asked for", sent="maybe")
            yield OpenAnswer(answer, mark, request.timeout_s)
        finally:
            answer.release()


def _within(error: Exception, whole_s: float) -> float:
    """Which of the times was over."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return CONNECT_S
    return IDLE_S if isinstance(error, aiohttp.SocketTimeoutError) else whole_s
