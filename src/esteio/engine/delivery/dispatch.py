"""The loop that brings events to their endpoints: deal, claim by lane, deliver, settle.

Each endpoint has its own bulkhead (`CALLS_AT_ONCE` in the air), so one that hangs holds up nobody else; what an answer
means for the schedule is `core.webhooks.delivery_policy`'s, applied by the store in the transaction that settles. A
crash leaves leases,
which the next start frees: an event under way then is delivered again (at least once). Never lives here: a body, a
signature (`courier`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from esteio.clock import Clock
from esteio.engine.delivery.client import TIMEOUT_S, Courier
from esteio.engine.runtime.worker import AFTER_FAILURE_S, AT_ONCE, Rounds
from esteio.log import logger
from esteio.store.base import Store, StoreFull
from esteio.store.relay_base import RelayClaim, RelaySettlement

CALLS_AT_ONCE = 32
"""Calls in the air per endpoint."""
DEAL_AT_ONCE = 500
BURY_AT_ONCE = 500
BURY_EVERY_S = 60.0
PURGE_EVERY_S = 600.0
LEASE_S: Final = TIMEOUT_S + 30.0
KEEP_EVENTS_S = 7 * 86_400.0
"""How long the log of events and deliveries is kept: so far back a stream can resume and a replay can reach."""
KEEP_DEAD_S = 30 * 86_400.0

log = logger("relay")


class RelayDispatch(Rounds):
    """The loop of outgoing webhooks."""

    nap_s = 5.0
    """No bell rings for the events of chores (a message that expired)."""

    def __init__(self, store: Store, clock: Clock, courier: Courier) -> None:
        super().__init__(clock)
        self._store, self._courier = store, courier
        self._flying: Counter[str] = Counter()
        self._done: list[RelaySettlement] = []

    def __repr__(self) -> str:
        return f"RelayDispatch(flying={self._flying.total()}, done={len(self._done)})"

    async def bury(self) -> None:
        """Give up what is overdue, for ever."""
        while True:
            try:
                buried = await self._store.bury_events(self._clock.now(), BURY_AT_ONCE)
            except StoreFull:
                log.warning("store.full")
                buried = 0
            if buried:
                log.warning("relay.dead", events=buried)
            await asyncio.sleep(0 if buried else BURY_EVERY_S)

    async def purge(self) -> None:
        """Forget old events and deliveries, for ever."""
        gone = 0
        while True:
            # A pause also between rounds that find much: the writer belongs to those who wait for it.
            await asyncio.sleep(AFTER_FAILURE_S if gone else PURGE_EVERY_S)
            now = self._clock.now()
            try:
                gone = await self._store.purge_events(now - KEEP_EVENTS_S, now - KEEP_DEAD_S)
            except StoreFull:
                log.warning("store.full")
                gone = 0

    async def aclose(self, patience_s: float) -> None:
        """Wait a little for calls under way and write what they came to; the rest is delivered again."""
        await super().aclose(patience_s)
        try:
            await self._settle(self._done)
        except StoreFull:
            log.warning("store.full")

    async def _due(self) -> float | None:
        if self._done:
            return AT_ONCE
        return await self._store.next_relay(self._clock.now(), self._flying, CALLS_AT_ONCE)

    async def _round(self) -> float | None:
        """Deal, write what is done, claim.

        The three are handed in together and in this order: the writer makes one commit of them, and an event leaves one
        commit after its own.
        """
        now = self._clock.now()
        batch, self._done = self._done, []
        dealt, settled, claimed = await asyncio.gather(
            self._store.deal_events(now, DEAL_AT_ONCE),
            self._settle(batch),
            self._store.claim_relays(now, self._flying, CALLS_AT_ONCE, LEASE_S),
            return_exceptions=True,
        )
        for claim in [] if isinstance(claimed, BaseException) else claimed:
            self._flying[claim.endpoint.id] += 1
            self._start(self._deliver(claim))
        for outcome in (dealt, settled, claimed):
            if isinstance(outcome, BaseException):
                raise outcome
        return AT_ONCE

    async def _settle(self, batch: list[RelaySettlement]) -> None:
        if not batch:
            return
        try:
            kept = await asyncio.shield(self._store.settle_relays(batch))
        except StoreFull:
            self._done[:0] = batch
            raise
        for settlement, written in zip(batch, kept, strict=True):
            _tell(settlement, written=written)

    def _land(self, endpoint_id: str) -> None:
        self._flying[endpoint_id] -= 1
        if self._flying[endpoint_id] <= 0:
            del self._flying[endpoint_id]

    async def _deliver(self, claim: RelayClaim) -> None:
        try:
            settlement = await self._courier.deliver(claim)
        except Exception:
            # A defect of ours (a document that cannot be rendered): this event waits like any that failed.
            log.exception("relay.failed", endpoint=claim.endpoint.id, event_seq=claim.seq)
            now = self._clock.now()
            settlement = RelaySettlement(claim, "failed", now, now, None, "internal error")
        self._done.append(settlement)
        self._land(claim.endpoint.id)
        self._bell.set()


def _tell(settlement: RelaySettlement, *, written: bool) -> None:
    claim = settlement.claim
    words = {"endpoint": claim.endpoint.id, "event_seq": claim.seq, "attempt": claim.attempt}
    if not written:
        log.debug("relay.failed", **words, detail="lease lost")
    elif settlement.outcome == "delivered":
        log.debug("relay.delivered", **words, status=settlement.status)
    elif settlement.outcome != "skipped":
        log.warning("relay.failed", **words, status=settlement.status, detail=settlement.detail)
