"""The loop that brings events to their endpoints: deal, claim by lane, deliver, settle.

Each endpoint has its own bulkhead (`CALLS_AT_ONCE` in the air), so one that hangs holds up nobody else; what an answer
means for the schedule is `core.webhooks.delivery_policy`'s, applied by the store in the transaction that settles. A
crash leaves leases, which the next start frees: an event under way then is delivered again (at least once).
Never lives here: a body, a signature (`client`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final
from urllib.parse import urlsplit

import msgspec

from esteio.clock import Clock
from esteio.core.nodes.chores import UPKEEP, of_endpoint
from esteio.engine.delivery.client import TIMEOUT_S, WebhookClient
from esteio.engine.runtime.leases import ALONE, Leases
from esteio.engine.runtime.worker import AFTER_FAILURE_S, AT_ONCE, Worker
from esteio.log import in_trace, logger
from esteio.store.base import StoreFull
from esteio.store.delivery import DeliveryClaim, DeliverySettled, DeliverySettlement
from esteio.store.ports.delivery import DeliveryQueue
from esteio.tracing import names
from esteio.tracing.tracer import NOT_TRACED, Span, Tracer

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

log = logger("delivery")


class DeliveryDispatch(Worker):
    """The loop of outgoing webhooks."""

    nap_s = 5.0
    """No bell rings for the events of chores (a message that expired)."""
    claims = True

    def __init__(
        self,
        delivery: DeliveryQueue,
        clock: Clock,
        webhook_client: WebhookClient,
        *,
        tracer: Tracer = NOT_TRACED,
        leases: Leases = ALONE,
    ) -> None:
        super().__init__(clock)
        self._tracer, self._leases = tracer, leases
        leases.on_ended(self._break_off)
        self._delivery, self._webhook_client = delivery, webhook_client
        self._flying: Counter[str] = Counter()
        self._done: list[DeliverySettlement] = []

    def __repr__(self) -> str:
        return f"DeliveryDispatch(flying={self._flying.total()}, done={len(self._done)})"

    async def expire(self) -> None:
        """Give up what is overdue, for ever."""
        while True:
            try:
                buried = await self._delivery.expire(self._clock.now(), BURY_AT_ONCE, mine=self._is_mine)
            except StoreFull:
                log.warning("store.full")
                buried = 0
            if buried:
                log.warning("delivery.given_up", count=buried)
            await asyncio.sleep(0 if buried else BURY_EVERY_S)

    async def purge(self) -> None:
        """Forget old events and deliveries, for ever."""
        gone = 0
        while True:
            # A pause also between rounds that find much: the writer belongs to those who wait for it.
            await asyncio.sleep(AFTER_FAILURE_S if gone else PURGE_EVERY_S)
            now = self._clock.now()
            if not self._leases.does(UPKEEP):
                continue
            try:
                gone = await self._delivery.purge(now - KEEP_EVENTS_S, now - KEEP_DEAD_S)
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
        return await self._delivery.next_due(self._clock.now(), self._flying, CALLS_AT_ONCE, mine=self._is_mine)

    async def _run_once(self) -> float | None:
        """Deal, write what is done, claim.

        The three are handed in together and in this order: the writer makes one commit of them, and an event leaves one
        commit after its own.
        """
        now = self._clock.now()
        batch, self._done = self._done, []
        dealt, settled, claimed = await asyncio.gather(
            self._delivery.deal(now, DEAL_AT_ONCE, mine=self._is_mine),
            self._settle(batch),
            self._delivery.claim(now, self._flying, CALLS_AT_ONCE, LEASE_S, mine=self._is_mine),
            return_exceptions=True,
        )
        for claim in [] if isinstance(claimed, BaseException) else claimed:
            self._flying[claim.endpoint.id] += 1
            self._start(self._deliver(claim))
        for outcome in (dealt, settled, claimed):
            if isinstance(outcome, BaseException):
                raise outcome
        return AT_ONCE

    async def _settle(self, batch: list[DeliverySettlement]) -> None:
        if not batch:
            return
        try:
            kept = await asyncio.shield(self._delivery.settle(batch))
        except StoreFull:
            self._done[:0] = batch
            raise
        for settlement, settled in zip(batch, kept, strict=True):
            in_trace(settlement.claim.trace_context)
            _log_attempt(settlement, settled)
            in_trace(None)

    def _is_mine(self, endpoint_id: str) -> bool:
        return self._leases.does(of_endpoint(endpoint_id))

    def _break_off(self) -> None:
        """The lease is over: whoever takes over delivers again what was under way."""
        self.break_off()
        self._flying.clear()
        self._done.clear()

    def _land(self, endpoint_id: str) -> None:
        self._flying[endpoint_id] -= 1
        if self._flying[endpoint_id] <= 0:
            del self._flying[endpoint_id]

    async def _deliver(self, claim: DeliveryClaim) -> None:
        span = self._begin(claim)
        claim = msgspec.structs.replace(claim, trace_context=span.context)
        in_trace(span.context)
        try:
            settlement = await self._webhook_client.deliver(claim)
        except Exception:
            # A defect of ours (a document that cannot be rendered): this event waits like any that failed.
            log.exception("delivery.crashed", **_who(claim))
            now = self._clock.now()
            settlement = DeliverySettlement(claim, "failed", now, now, None, "internal error", reason="internal-error")
        _end(span, settlement)
        self._done.append(settlement)
        self._land(claim.endpoint.id)
        self.wake()

    def _begin(self, claim: DeliveryClaim) -> Span:
        name, now = f"deliver {claim.type}", self._clock.now()
        about = _attributes(claim) if self._tracer.on else {}
        return self._tracer.start(name, "client", now, parent=claim.trace_context, attributes=about)


def _attributes(claim: DeliveryClaim) -> dict[str, str | int]:
    url = urlsplit(claim.endpoint.url)
    return {
        names.HTTP_METHOD: "POST",
        names.SERVER_ADDRESS: url.hostname or "",
        names.SERVER_PORT: url.port or (443 if url.scheme == "https" else 80),
        names.MESSAGING_DESTINATION: claim.session,
        names.ENDPOINT: claim.endpoint.id,
        names.EVENT_SEQ: claim.seq,
        names.EVENT_TYPE: claim.type,
        names.ATTEMPT: claim.attempt,
    }


def _end(span: Span, settlement: DeliverySettlement) -> None:
    """What was not tried is no span."""
    if settlement.outcome in ("skipped", "waits"):
        return
    status = {} if settlement.status is None else {names.HTTP_STATUS: settlement.status}
    span.end(settlement.at, {names.OUTCOME: settlement.outcome, **status}, error=settlement.reason)


def _who(claim: DeliveryClaim) -> dict[str, object]:
    """What a line of the log says of an attempt, whatever it comes to."""
    return {
        "endpoint": claim.endpoint.id,
        "session": claim.session or None,
        "event_seq": claim.seq,
        "event_type": claim.type,
        "attempt": claim.attempt,
    }


def _log_attempt(settlement: DeliverySettlement, settled: DeliverySettled | None) -> None:
    """One line for each attempt at a delivery. What the subscriber answered may quote the event: it stands in the
    endpoint's log of deliveries, not here."""
    claim = settlement.claim
    keys = _who(claim) | {
        "duration_ms": (settlement.at - settlement.began_at) * 1000,
        "age_ms": (settlement.at - claim.at) * 1000,
    }
    if settled is None:
        log.warning("delivery.fence_lost", **keys, status=settlement.status, reason=settlement.reason)
    elif settlement.outcome == "delivered":
        log.debug("delivery.succeeded", **keys, status=settlement.status)
    elif settlement.outcome == "skipped":
        log.debug("delivery.skipped", **keys)
    elif settlement.outcome == "waits":
        log.debug("delivery.deferred", **keys, reason=settlement.reason, next_at=settled.next_at)
    else:
        outcome = "dead" if settlement.outcome == "failed" and settled.next_at is None else settlement.outcome
        again = {"outcome": outcome, "status": settlement.status, "reason": settlement.reason}
        log.warning("delivery.failed", **keys, **again, next_at=settled.next_at)
        if settlement.outcome == "gone":
            log.warning("endpoint.disabled", endpoint=claim.endpoint.id, reason="gone")
