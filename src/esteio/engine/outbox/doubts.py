"""Messages in doubt: resolved by looking at the provider, never by hoping.

Whoever finds the message there settles it as sent; only proved absence lets it go out again, and only
`core.messages.doubts` says what counts as that, and from when on a doubt that nobody can resolve is out of its chat's
way. Never lives here: a resend, a judgement of the session.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from esteio.clock import Clock
from esteio.core.judge import server
from esteio.core.messages import doubts
from esteio.core.messages.doubts import LookupOutcome
from esteio.core.messages.outbox import SendSettlement
from esteio.core.model.content import NATIVE_KINDS
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import MessageId, SessionId
from esteio.core.model.message import Message
from esteio.core.model.policy import Policy
from esteio.core.model.session import Session
from esteio.engine.outbox.spans import MessageSpans
from esteio.engine.runtime.leases import ALONE, Leases
from esteio.engine.runtime.worker import LOOKS_APART_S, Worker, by_session
from esteio.engine.supervision.endpoints import Endpoints, EndpointUnknown
from esteio.log import in_trace, logger
from esteio.providers import driver
from esteio.providers.base import SentQuery, Transport
from esteio.store.base import Work
from esteio.store.ports.messages import Doubts
from esteio.store.ports.sessions import Servers, Sessions

BATCH = 50
NOTICES_APART_S = 6 * 3600.0
"""At most one word to people of each session's doubts in this time …"""
NOTICE_AFTER_S = 60.0
"""… and so long after the first of them: they come in company."""
CLOCKS_APART_S = 60.0
"""How far a provider's clock may be behind ours."""

log = logger("doubts")


class DoubtResolver(Worker):
    """Looks after messages in doubt: a loop that naps until the next look is due."""

    def __init__(
        self,
        clock: Clock,
        addresses: Endpoints,
        transport: Transport,
        *,
        doubts: Doubts,
        sessions: Sessions,
        servers: Servers,
        policies: Callable[[str], Policy],
        judged: Callable[[SessionId], Session | None],
        spans: MessageSpans,
        notify: Callable[[SessionId, MessageId, Sequence[Evidence]], None],
        waits: Callable[[], None],
        notice_targets: Collection[str] = (),
        leases: Leases = ALONE,
    ) -> None:
        """`told`: a message moved; `waits`: a word for people is in the store; `notice_targets`: as the judge's."""
        super().__init__(clock)
        self._leases = leases
        self._doubts, self._sessions, self._servers = doubts, sessions, servers
        self._addresses = addresses
        self._transport, self._policies, self._judged = transport, policies, judged
        self._spans, self._notify, self._waits = spans, notify, waits
        self._targets = tuple(notice_targets) or ("",)

    async def _due(self) -> float | None:
        return await self._doubts.next_due(node=self._leases.node)

    async def _run_once(self) -> float | None:
        due = await self._doubts.due(self._clock.now(), BATCH, node=self._leases.node)
        # A server that answers slowly keeps nobody else in doubt.
        await by_session(due, self._resolve_in_turn)
        return self._clock.now() + LOOKS_APART_S

    async def _resolve_in_turn(self, _: SessionId, messages: Sequence[Message]) -> None:
        for message in messages:
            in_trace(message.trace_context)
            await self._resolve(message)

    async def _resolve(self, message: Message) -> None:
        # What was last judged here is fresher than the row: looks that changed nothing are not written.
        session = self._judged(message.session_id) or await self._sessions.by_id(message.session_id)
        if session is None:
            return
        policy = self._policies(session.policy)
        # As it is held before the look: what the look shows is written by nobody who has lost it since.
        generation, began = self._leases.generation(session.id), self._clock.now()
        outcome = await self._look_up(message, session, policy)
        settlement = doubts.resolve(
            message,
            outcome,
            policy,
            live_proved=doubts.live_since_doubt(session, message),
            read_began=began,
            now=self._clock.now(),
            # Only a doubt that let others pass can have been overtaken. The store asks once more when it writes.
            overtaken=doubts.is_aside(message) and await self._doubts.overtaken(message.id),
            # As it is after the look: one that saw the gate still closed may not undo what its opening did.
            opened=doubts.opened_at(self._judged(message.session_id) or session),  # guard: gate-opened-during-look
            died=await self._may_have_died(message, session, policy, outcome),
            unstored=await self._unstored(message, session),
        )
        waits = settlement.event == "set_aside"
        notices = [_notice(message, target, settlement.at) for target in self._targets] if waits else []
        if await self._doubts.settle(settlement, notices, generation=generation):
            if settlement.state != "in_doubt":
                _log_settled(message, session, settlement, outcome.result, began)
                await self._spans.resolved(message, settlement)
            self._notify(message.session_id, message.id, outcome.evidence)
            if waits:
                self._waits()

    async def _unstored(self, message: Message, session: Session) -> bool:
        began = message.doubt_since or message.created_at
        since, until = began - doubts.UNSTORED_S, began + doubts.UNSTORED_S
        return await self._doubts.sends_unstored(session.server, since, until)

    async def _may_have_died(self, message: Message, session: Session, policy: Policy, outcome: LookupOutcome) -> bool:
        """By all that is known of the server, what nobody has judged yet and what this look has met included."""
        view = await self._servers.view(session.server, self._clock.now())
        if view is None:
            return False
        facts = view.server.facts
        for evidence in (*(news.evidence for news in view.new_evidence), *outcome.evidence):
            facts = server.apply_evidence(facts, evidence)
        return doubts.may_have_died(message, facts, policy)

    async def _look_up(self, message: Message, session: Session, policy: Policy) -> LookupOutcome:
        try:
            return await self._asked(message, session, policy)
        except EndpointUnknown:
            return LookupOutcome("unknown", detail="the server was deleted")
        except Exception as error:
            # A defect of ours with one message may not keep all others in doubt.
            log.exception("message.attempt_crashed", session=session.name, server=session.server, message=message.id)
            return LookupOutcome("unknown", detail=f"internal error: {type(error).__name__}", later=True)

    async def _asked(self, message: Message, session: Session, policy: Policy) -> LookupOutcome:
        if message.content.kind in NATIVE_KINDS:  # guard: unrecognisable-is-never-absent
            return LookupOutcome("unknown", detail="a message of this kind cannot be recognised at its provider")
        began = message.doubt_since or message.created_at
        since = began - CLOCKS_APART_S
        provider, where = await self._addresses.of_session(session)
        known = await self._doubts.known_provider_ids(message.session_id, since)
        until = doubts.conclusive_at(began, policy) if doubts.is_aside(message) else None
        to, over = message.to or message.chat, doubts.is_over(message)
        query = SentQuery(to, message.content, since, message.queue_ref, known, until, over)
        return await driver.run(provider.look_up(where, self._clock.now(), query), self._transport)


def _log_settled(message: Message, session: Session, settlement: SendSettlement, result: str, began: float) -> None:
    log.info(
        "message.doubt_settled",
        session=session.name,
        server=session.server,
        message=message.id,
        client_ref=message.client_ref,
        state=settlement.state,
        result=result,
        reason=settlement.reason.code if settlement.reason else None,
        duration_ms=(settlement.at - began) * 1000,
        age_ms=(settlement.at - message.created_at) * 1000,
        next_at=settlement.due_at,
    )


def _notice(message: Message, target: str, now: float) -> Work:
    """One word for all that are set aside in one stretch of time; how many is counted when it is told."""
    key = f"notice:in-doubt:{message.session_id}:{int(now // NOTICES_APART_S)}" + (f":{target}" if target else "")
    payload = {
        "id": key,
        "phase": "waiting",
        "reason": {"code": "doubts-wait", "args": {}},
        "session": message.session,
        "server": None,
        "since": now,
        "duration_s": 0.0,
        "held": 0,
        "target": target,
    }
    return Work(
        id=key,
        lane=key,
        kind="notice",
        payload=payload,
        due_at=now + NOTICE_AFTER_S,
        created_at=now,
        session_id=message.session_id,
        dedupe=key,
    )
