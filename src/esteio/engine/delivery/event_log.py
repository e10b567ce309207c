"""The stream of events as subscribers of `/v1/events` read it: by place, each at their own pace, rendered once for all.

Nobody has a queue: a reader asks for what comes after a place, from the tail that is kept in memory or from the log.
So a slow reader costs nothing and delays nobody, and a place stays good across restarts. Never lives here: HTTP.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import msgspec

from esteio.core.views.catalogue import Catalogue
from esteio.core.webhooks.event_formats import standard, worded
from esteio.engine.media.links import MediaLinks
from esteio.store.base import EventRow
from esteio.store.ports import delivery

TAIL = 2000
AT_ONCE = 500
_encode = msgspec.json.Encoder().encode


class StreamedEvent(msgspec.Struct, frozen=True):
    """One event of the stream; `body` is its JSON."""

    seq: int
    type: str
    session: str | None
    body: bytes
    row: EventRow | None = None
    """Of an event that names a media: its address is signed anew for each reader."""


class EventLog:
    """The log of events, read by many."""

    def __init__(self, events: delivery.EventLog, texts: Catalogue, links: MediaLinks) -> None:
        self._events, self._texts, self._links = events, texts, links
        self._tail: deque[StreamedEvent] = deque()
        self._since = -1
        """The tail is complete after this place; -1: it has not begun."""
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return f"EventLog(tail={len(self._tail)})"

    async def last(self) -> int:
        """The sequence number of the newest event; 0 in an empty log."""
        return await self._events.last_seq()

    async def after(self, seq: int) -> Sequence[StreamedEvent]:
        """The next events, oldest first, at most `AT_ONCE`; none when there are none."""
        if self._since < 0:
            self._since = await self.last()
        if seq < self._since:
            return [self._told(row) for row in await self._events.page(seq, AT_ONCE)]
        async with self._lock:
            if self._end() <= seq:
                await self._refill()
        found = [told for told in self._tail if told.seq > seq][:AT_ONCE]
        return [told if told.row is None else self._told(told.row) for told in found]

    def _end(self) -> int:
        return self._tail[-1].seq if self._tail else self._since

    async def _refill(self) -> None:
        self._tail.extend([self._told(row) for row in await self._events.page(self._end(), AT_ONCE)])
        while len(self._tail) > TAIL:
            self._since = self._tail.popleft().seq

    def _told(self, row: EventRow) -> StreamedEvent:
        document = self._links.into(row.data)
        body = _encode(standard(row.type, row.at, worded(document, row.session, self._texts)))
        return StreamedEvent(row.seq, row.type, row.session, body, None if document is row.data else row)
