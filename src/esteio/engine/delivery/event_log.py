"""The stream of events as subscribers of `/v1/events` read it: by place, each at their own pace, rendered once for all.

Nobody has a queue: a reader asks for what comes after a place, from the tail that is kept in memory or from the log.
So a slow reader costs nothing and delays nobody, and a place stays good across restarts. Most commits write no event:
one task looks after each for all who wait, so that many readers cost no more than one. Never lives here: HTTP.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import takewhile
from typing import Protocol

import msgspec

from esteio.core.views.catalogue import Catalogue
from esteio.core.webhooks.event_formats import standard, worded
from esteio.engine.media.links import MediaLinks
from esteio.store.base import EventRow, StoreFull
from esteio.store.ports import delivery

TAIL = 2000
AT_ONCE = 500
LOOK_EVERY_S = 1.0
"""Another node's commits wake nobody here."""
_encode = msgspec.json.Encoder().encode


class StreamedEvent(msgspec.Struct, frozen=True):
    """One event of the stream; `body` is its JSON."""

    seq: int
    type: str
    session: str | None
    body: bytes
    tenant: str | None = None
    """Whose it is; None: of a server that all share."""
    row: EventRow | None = None
    """Of an event that names a media: its address is signed anew for each reader."""


class Commits(Protocol):
    """Tells of commits (`engine.runtime.waiters`)."""

    @property
    def closing(self) -> bool:
        """Whether the process is stopping."""
        ...

    async def wait_event(self, timeout_s: float) -> None:
        """Until there may be an event, or the time is over."""
        ...


class EventLog:
    """The log of events, read by many."""

    def __init__(self, events: delivery.EventLog, texts: Catalogue, links: MediaLinks, commits: Commits) -> None:
        self._events, self._texts, self._links = events, texts, links
        self._tail: deque[StreamedEvent] = deque()
        self._since = -1
        """The tail is complete after this place; -1: it has not begun."""
        self._lock = asyncio.Lock()
        self._commits = commits
        self._waiting: set[asyncio.Future[None]] = set()
        self._look: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"EventLog(tail={len(self._tail)})"

    async def last(self) -> int:
        """The sequence number of the newest event; 0 in an empty log."""
        return await self._events.last_seq()

    @property
    def reached(self) -> int:
        """The place up to which everything was looked at, when `after` has just given none: whoever wants one tenant's
        goes on from there."""
        return self._end()

    async def after(self, seq: int, *, tenant: str | None = None) -> Sequence[StreamedEvent]:
        """The next events, oldest first, at most `AT_ONCE`; none when there are none. `tenant`: whose a reader wants
        that lags behind the tail; from the tail come those of all."""
        if self._since < 0:
            self._since = await self.last()
        if seq < self._since:
            if rows := await self._events.page(seq, AT_ONCE, tenant=tenant):
                return [self._told(row) for row in rows]
            seq = self._since
        if self._end() <= seq:
            await self._refill()
        found = [*takewhile(lambda told: told.seq > seq, reversed(self._tail))][: -AT_ONCE - 1 : -1]
        return [told if told.row is None else self._told(told.row) for told in found]

    async def wait(self, seq: int, timeout_s: float) -> None:
        """Until there is an event after a place that `after` has read to its end, the time is over, or the process is
        stopping."""
        if self._end() > seq or self._commits.closing:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._look_for_all())
        try:
            await asyncio.wait({future}, timeout=timeout_s)
        finally:
            self._waiting.discard(future)

    async def _look_for_all(self) -> None:
        """Looks, then waits for a commit; it ends with the last who waits. A disk that fails is said by `after`."""
        while self._waiting:
            before = self._end()
            with suppress(StoreFull):
                await self._refill()
            if self._end() > before or self._commits.closing:
                self._wake()
            else:
                await self._commits.wait_event(LOOK_EVERY_S)

    def _wake(self) -> None:
        while self._waiting:
            future = self._waiting.pop()
            if not future.done():
                future.set_result(None)

    def _end(self) -> int:
        return self._tail[-1].seq if self._tail else self._since

    async def _refill(self) -> None:
        async with self._lock:
            self._tail.extend([self._told(row) for row in await self._events.page(self._end(), AT_ONCE)])
            while len(self._tail) > TAIL:
                self._since = self._tail.popleft().seq

    def _told(self, row: EventRow) -> StreamedEvent:
        document = self._links.into(row.data)
        body = _encode(standard(row.type, row.at, worded(document, row.session, self._texts)))
        kept = None if document is row.data else row
        return StreamedEvent(row.seq, row.type, row.session, body, row.tenant, kept)
