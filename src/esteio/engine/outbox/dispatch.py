"""Claim by lane, perform, settle: the one place from which messages and other work leave.

Two loops, one for messages and one for the rest. Each round writes what was finished and claims what is next, in that
order, so that a lane whose head has just been settled goes on in the same round. The outcome is written shielded from
cancellation; a write-back whose fencing token is stale writes nothing, and is logged. A crash between claim and settle
leaves a row that says so: messages become in doubt, acts are looked after (`Store.start`), and nothing is done twice
blindly.

Never lives here: what an outcome means (`core.messages.outbox`), what is done (`performers`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from esteio.clock import Clock
from esteio.core.messages.outbox import SendSettlement
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import MessageId, ServerName, SessionId
from esteio.engine.outbox.held import NotHeld
from esteio.engine.outbox.performers import Performers
from esteio.engine.outbox.rate_limit import RateLimiter
from esteio.engine.outbox.spans import MessageSpans
from esteio.engine.runtime.leases import ALONE, Leases
from esteio.engine.runtime.worker import AFTER_FAILURE_S, AT_ONCE, Worker
from esteio.log import in_trace, logger
from esteio.store.base import SendClaim, StoreFull, Work, WorkSettlement
from esteio.store.ports.messages import Outbox
from esteio.store.ports.work import WorkQueue

SENDS_AT_ONCE = 1024
CLAIM_AT_ONCE = 256
"""One claim is one transaction."""
WORK_AT_ONCE = 64
MARGIN_S = 30.0
"""A lease outlives the longest call by this much: none is begun that could outlive its lease."""

UNSURE = frozenset({"doubted", "queued_at_provider"})
"""After these it has to be looked for."""

log = logger("dispatch")


class SendDispatch(Worker):
    """The loop of outgoing messages. `told`: a message moved; `unsure`: one is in doubt or parked, and will have to be
    looked for."""

    claims = True

    def __init__(
        self,
        outbox: Outbox,
        clock: Clock,
        performers: Performers,
        *,
        pace: RateLimiter,
        spans: MessageSpans,
        lease_s: float,
        notify: Callable[[SessionId, MessageId, Sequence[Evidence]], None],
        unsure: Callable[[], None],
        leases: Leases = ALONE,
    ) -> None:
        super().__init__(clock)
        self._leases = leases
        leases.on_ended(self._break_off)
        self._outbox, self._performers = outbox, performers
        self._pace, self._lease_s, self._notify, self._unsure = pace, lease_s + MARGIN_S, notify, unsure
        self._spans = spans
        self._flying: Counter[SessionId] = Counter()
        self._where: dict[SessionId, ServerName] = {}
        self._done: list[tuple[SendClaim, SendSettlement]] = []

    def __repr__(self) -> str:
        return f"SendDispatch(flying={sum(self._flying.values())}, done={len(self._done)})"

    async def _due(self) -> float | None:
        if self._done:
            return AT_ONCE
        now = self._clock.now()
        return await self._outbox.next_due(now, self._pace.not_before(now), node=self._leases.node)

    async def _run_once(self) -> float | None:
        """Settle and claim are handed in together, settle first: the writer makes one commit of both."""
        batch, self._done = self._done, []
        flying = self._flying - Counter(one.session_id for _, one in batch)
        settled, claimed = await asyncio.gather(self._settle(batch), self._claim(flying), return_exceptions=True)
        for claim in [] if isinstance(claimed, BaseException) else claimed:
            self._flying[claim.message.session_id] += 1
            self._where[claim.message.session_id] = claim.server
            self._start(self._send(claim))
        for outcome in (settled, claimed):
            if isinstance(outcome, BaseException):
                raise outcome
        return AT_ONCE if batch or claimed or self._done else self._clock.now()

    async def _claim(self, flying: Mapping[SessionId, int]) -> Sequence[SendClaim]:
        free = min(CLAIM_AT_ONCE, SENDS_AT_ONCE - sum(flying.values()))
        if free <= 0:
            return ()
        now = self._clock.now()
        allowance = self._pace.quota(flying, self._where, now)
        claims = await self._outbox.claim(now, free, self._lease_s, allowance, node=self._leases.node)
        self._pace.record_sends(claims)
        return claims

    async def _settle(self, batch: list[tuple[SendClaim, SendSettlement]]) -> None:
        if not batch:
            return
        try:
            written = await asyncio.shield(self._outbox.settle([settlement for _, settlement in batch]))
        except StoreFull:
            self._done[:0] = batch
            raise
        for (claim, settlement), kept in zip(batch, written, strict=True):
            self._land(settlement.session_id)
            in_trace(claim.message.trace_context)
            _log_attempt(claim, settlement, kept=kept)
            in_trace(None)
            if kept:
                self._notify(settlement.session_id, settlement.message_id, settlement.evidence)
                await self._spans.settled(claim.message, settlement)
            if settlement.event in UNSURE:
                self._unsure()

    async def aclose(self, patience_s: float) -> None:
        """What was still answered in that time is written; else the next start would hold it for in doubt."""
        await super().aclose(patience_s)
        batch, self._done = self._done, []
        try:
            await self._settle(batch)
        except StoreFull:
            log.warning("store.full")

    def _land(self, session_id: SessionId) -> None:
        if session_id not in self._flying:
            return  # broken off since
        self._flying[session_id] -= 1
        if self._flying[session_id] <= 0:
            del self._flying[session_id], self._where[session_id]

    def _break_off(self) -> None:
        """The lease is over: nothing of ours may go on, and what has left is looked for by whoever takes over."""
        self.break_off()
        self._flying.clear()
        self._where.clear()
        self._done.clear()

    async def _send(self, claim: SendClaim) -> None:
        span = self._spans.begin(claim, self._clock.now())
        try:
            settlement = await self._performers.send(claim)
        except (NotHeld, StoreFull):
            # Nobody knows any more whether it left: it is in doubt when it is taken over, or its claim has run out.
            log.warning("message.fence_lost", message=claim.message.id, session=claim.message.session)
            span.end(self._clock.now(), error="lease-lost")
            self._leases.too_late()
            self._land(claim.message.session_id)
            return
        self._spans.end(span, settlement)
        self._done.append((claim, settlement))
        self.wake()


def _log_attempt(claim: SendClaim, settlement: SendSettlement, *, kept: bool) -> None:
    """One line for each attempt at a message, by what it came to. The provider's own words may quote the message: they
    stand among its attempts, not here."""
    message, attempt = claim.message, settlement.attempt
    keys: dict[str, object] = {
        "session": message.session,
        "server": claim.server,
        "message": message.id,
        "chat": message.chat,
        "client_ref": message.client_ref,
        "kind": message.content.kind,
        "attempt": message.attempts,
        "outcome": attempt.outcome if attempt else None,
        "reason": settlement.reason.code if settlement.reason else None,
        "duration_ms": (settlement.at - attempt.at) * 1000 if attempt else None,
        "age_ms": (settlement.at - message.created_at) * 1000,
    }
    if not kept:
        log.warning("message.fence_lost", **keys)
    elif settlement.state == "in_doubt":
        log.warning("message.in_doubt", **keys, next_at=settlement.due_at)
    elif settlement.state == "queued":
        log.info("message.requeued", **keys, next_at=settlement.due_at)
    elif settlement.state == "failed":
        log.warning("message.failed", **keys)
    else:
        log.debug("message.sent", **keys)


def _log_work(settlement: WorkSettlement, *, kept: bool) -> None:
    keys = {"work": settlement.work_id, "outcome": settlement.outcome.partition(":")[0].replace(" ", "-")}
    if not kept:
        log.warning("work.fence_lost", **keys)
    elif settlement.dropped:
        log.info("work.dropped", **keys)
    else:
        log.debug("work.settled", **keys)


class WorkDispatch(Worker):
    """The loop of control acts, relays and notices."""

    claims = True

    def __init__(
        self,
        work: WorkQueue,
        clock: Clock,
        performers: Performers,
        *,
        lease_s: float,
        notify: Callable[[SessionId | None, ServerName | None], None],
        leases: Leases = ALONE,
    ) -> None:
        super().__init__(clock)
        self._leases = leases
        leases.on_ended(self.break_off)
        self._work, self._performers = work, performers
        self._lease_s, self._notify = lease_s + MARGIN_S, notify
        self._lanes: set[str] = set()

    def __repr__(self) -> str:
        return f"WorkDispatch(lanes={len(self._lanes)})"

    async def _due(self) -> float | None:
        return await self._work.next_due(node=self._leases.node) if len(self._lanes) < WORK_AT_ONCE else None

    async def _run_once(self) -> float | None:
        free = WORK_AT_ONCE - len(self._lanes)
        lanes, node = frozenset(self._lanes), self._leases.node
        claimed = await self._work.claim(self._clock.now(), free, self._lease_s, lanes, node=node)
        for work in claimed:
            self._lanes.add(work.lane)
            log.debug("work.claimed", work=work.id, kind=work.kind, lane=work.lane)
            self._start(self._perform(work))
        return AT_ONCE if claimed else self._clock.now()

    async def _perform(self, work: Work) -> None:
        try:
            await self._settle(await self._performers.work(work))
        except NotHeld:
            log.warning("work.fence_lost", work=work.id)
            self._leases.too_late()
        finally:
            self._lanes.discard(work.lane)
            self.wake()
        self._notify(work.session_id, work.server)

    async def _settle(self, settlement: WorkSettlement) -> None:
        """Written even while we are being stopped, and again until the disk takes it: what was done must be known."""
        while True:
            try:
                kept = await asyncio.shield(self._work.settle(settlement))
                _log_work(settlement, kept=kept)
                return
            except StoreFull:
                log.warning("store.full")
                await asyncio.sleep(AFTER_FAILURE_S)
