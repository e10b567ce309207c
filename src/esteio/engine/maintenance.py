"""What must be done now and then: messages that expire, gaps whose reading is due, old rows that go.

Each chore has its own period and its own patience with failure; none decides anything. Never lives here: leases of
other nodes (the dialects rescue at their start), the sweep of sessions (`engine.supervision.scheduler`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

from esteio.clock import Clock
from esteio.config import Retention
from esteio.core.messages import media_fetch
from esteio.core.nodes.chores import UPKEEP
from esteio.engine.inbox.backfill import Backfill
from esteio.engine.runtime.leases import ALONE, Leases
from esteio.engine.supervision.ack_watch import AckWatch
from esteio.engine.supervision.silence_watch import SilenceWatch
from esteio.log import logger
from esteio.store.base import Health, StoreFull
from esteio.store.media import MediaStore
from esteio.store.ports import maintenance
from esteio.store.ports.inbox import Media
from esteio.store.ports.messages import Outbox

EXPIRE_EVERY_S = 5.0
PURGE_EVERY_S = 600.0
PURGE_AGAIN_S = 1.0
PIECE_PAUSE_S = 0.1
"""Between two pieces of a table that is walked: the writer belongs to others."""
GAPS_EVERY_S = 5.0
ACKS_EVERY_S = 15.0
EARS_EVERY_S = 30.0
SWEEP_EVERY_S = 3600.0
UNNAMED_AFTER_S = 3600.0
"""A file is put before its row is written; what is unnamed for so long will never be named."""
NAMES_AT_ONCE = 200
BEAT_EVERY_S = 20.0
"""How often the store is told that we live: a restart reads back from the last time."""

log = logger("maintenance")


class Maintenance:
    """The chores as eternal tasks."""

    def __init__(
        self,
        clock: Clock,
        *,
        health: Health,
        outbox: Outbox,
        maintenance: maintenance.Maintenance,
        media: Media,
        gaps: Backfill,
        acks: AckWatch,
        silence_watch: SilenceWatch,
        media_store: MediaStore,
        keep: Retention,
        leases: Leases = ALONE,
    ) -> None:
        self._leases = leases
        self._health, self._outbox, self._maintenance = health, outbox, maintenance
        self._media = media
        self._clock = clock
        self._gaps, self._acks, self._silence_watch = gaps, acks, silence_watch
        self._media_store, self._keep = media_store, keep

    async def expire(self) -> None:
        """Messages whose time is over, for ever."""
        await _every(EXPIRE_EVERY_S, self._expire, self._is_ours)

    async def backfill(self) -> None:
        """Gaps whose reading is due, for ever."""
        await _every(GAPS_EVERY_S, self._gaps.look)

    async def acks(self) -> None:
        """Messages that nobody acknowledges, for ever."""
        await _every(ACKS_EVERY_S, self._acks.look)

    async def silence(self) -> None:
        """Lines that have gone silent, for ever."""
        await _every(EARS_EVERY_S, self._silence_watch.look)

    async def beat(self) -> None:
        """A sign of life in the store, for ever."""
        await _every(BEAT_EVERY_S, self._beat)

    async def purge(self) -> None:
        """Rows that nobody needs any more, for ever."""
        await _every(PURGE_EVERY_S, self._purge, self._is_ours)

    async def sweep(self) -> None:
        """Files that nobody names, for ever."""
        await _every(SWEEP_EVERY_S, self._sweep_media, self._is_ours)

    def _is_ours(self) -> bool:
        """What is done for the whole database is done by one node."""
        return self._leases.does(UPKEEP)

    async def _expire(self) -> int:
        gone = await self._outbox.expire(self._clock.now(), 500)
        if gone:
            log.warning("message.expired", count=gone)
        return gone

    async def _beat(self) -> int:
        await self._health.ping(self._clock.now())
        return 1

    async def _purge(self) -> int:
        """Round after round while one table had more than goes at once; between two the writer belongs to others."""
        total = gone = await self._purge_round()
        while gone >= maintenance.PURGED_AT_ONCE:
            await asyncio.sleep(PURGE_AGAIN_S)
            gone = await self._purge_round()
            total += gone
        total += await self._walk("journal", self._keep.timeline_s) + await self._walk(
            "attempts", self._keep.timeline_s
        )
        total += await self._walk("messages", self._keep.messages_s)
        if total:
            log.info("store.purged", count=total)
        return total

    async def _walk(self, table: maintenance.WalkedTable, kept_s: float) -> int:
        """Piece after piece of a table from its beginning, to what is younger than that; 0: it is kept for good."""
        gone, after = 0, 0 if kept_s else None
        while after is not None and self._is_ours():
            now = self._clock.now()
            piece = await self._maintenance.purge_piece(table, now - kept_s, after, now)
            gone, after = gone + piece.gone, piece.through
            if after is not None:
                await asyncio.sleep(PIECE_PAUSE_S)
        return gone

    async def _purge_round(self) -> int:
        now = self._clock.now()
        keep = self._keep
        gone = await self._maintenance.purge(
            now,
            raw_before=now - keep.webhooks_s,
            idem_before=now,
            unreadable_before=now - keep.unreadable_s if keep.unreadable_s else None,
            history_before=now - keep.history_s,
            dedupe_before=now - keep.dedupe_s,
        )
        if keep.bodies_s:
            gone += await self._maintenance.strip_bodies(now - keep.bodies_s)
        if keep.media_s:
            gone += await self._expire_media(now - keep.media_s)
        return gone

    async def _expire_media(self, before: float) -> int:
        """First the messages say so, then the files go: a crash between leaves files that nobody names."""
        needed = await self._media.in_use()
        gone = 0
        for names in _parts([name for name in await self._media_store.older(before) if name not in needed]):
            await self._media.forget(names, media_fetch.EXPIRED)
            gone += await self._media_store.drop(names, before)
        return gone

    async def _sweep_media(self) -> int:
        """Files that no message names: a crash fell between the file and its row, or its message went meanwhile."""
        before = self._clock.now() - UNNAMED_AFTER_S
        gone = 0
        for names in _parts(await self._media_store.older(before)):
            gone += await self._media_store.drop(await self._media.unused(names), before)
        if gone:
            log.info("media.swept", count=gone)
        return gone


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), NAMES_AT_ONCE):
        yield names[start : start + NAMES_AT_ONCE]


async def _every(period_s: float, chore: Callable[[], Awaitable[int]], ours: Callable[[], bool] = lambda: True) -> None:
    while True:
        try:
            if ours():
                await chore()
        except StoreFull:
            log.warning("store.full")
        await asyncio.sleep(period_s)
