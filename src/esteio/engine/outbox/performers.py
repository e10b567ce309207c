"""Kind of row → what is done, and what its outcome writes. Each performance calls out at most once per step.

A control act is performed only if the session still wants it: its attempt must be the one that is open. Nothing in
here waits to try again, decides, or writes a row.

Never lives here: retry (`core.messages.outbox.settle`, `core.judge.ladder`), claims (`dispatch`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from esteio.clock import Clock
from esteio.core.messages import outbox
from esteio.core.model.evidence import Evidence, as_answered, seen, seen_with
from esteio.core.model.ids import SessionId
from esteio.core.model.message import Message
from esteio.core.model.policy import Policy
from esteio.core.model.recovery import Rung
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.engine.media.stager import MediaStager, Unfetchable
from esteio.engine.outbox.held import NotHeld, held_transport
from esteio.engine.runtime.leases import ALONE, Leases
from esteio.engine.supervision.endpoints import Endpoints, EndpointUnknown
from esteio.engine.supervision.probes import qr_row
from esteio.log import logger
from esteio.providers import driver
from esteio.providers.base import (
    ActOutcome,
    Flow,
    OutgoingMessage,
    Provider,
    SendOutcome,
    SessionEndpoint,
    StandingWebhook,
    Transport,
)
from esteio.store.base import JournalEntry, SendClaim, Work, WorkSettlement
from esteio.store.ports.messages import Messages, Outbox
from esteio.store.ports.sessions import Journal, Sessions

NOT_HELD_S = 1.0
"""A lease that was not renewed in time is, or is lost, within so long."""
NOTICE_TRIES = 60
NOTICE_AGAIN_S = 60.0
MISSED = frozenset({"gap-read", "gap-unread", "gap-unknowable"})
"""What a timeline says of the messages that were missed …"""
LINES_BACK, LAST_SEQ = 200, 2**53
"""… and how far back that is looked for."""
NO_TARGET = "the message it refers to has no id at the provider yet"

log = logger("performers")


class Notifier(Protocol):
    """Tells people. `targets`: a key for each place that is told, and how it is shown (`1 (mailto)`)."""

    @property
    def targets(self) -> Mapping[str, str]: ...

    async def notify(self, work: Work) -> bool:
        """Whether the target that the row names took it; never raises."""
        ...


class Performers:
    """Performs sends, control acts and notices."""

    def __init__(
        self,
        clock: Clock,
        addresses: Endpoints,
        transport: Transport,
        *,
        sessions: Sessions,
        messages: Messages,
        outbox: Outbox,
        journal: Journal,
        policies: Callable[[str], Policy],
        notifier: Notifier,
        media: MediaStager,
        leases: Leases = ALONE,
    ) -> None:
        self._leases = leases
        self._media = media
        self._sessions, self._messages = sessions, messages
        self._outbox, self._journal = outbox, journal
        self._clock, self._addresses = clock, addresses
        self._transport, self._policies, self._notifier = transport, policies, notifier

    # -- messages -------------------------------------------------------------------------------------------------

    async def send(self, claim: SendClaim) -> outbox.SendSettlement:
        """One attempt at one message. Total: whatever happens, there is a settlement; but for a session that is lost
        after something of the attempt has left, which raises `NotHeld`."""
        message, began = claim.message, self._clock.now()
        session = await self._sessions.by_id(message.session_id)
        policy = self._policies(session.policy if session else "default")
        try:
            outcome = await self._send(claim, session, policy)
        except EndpointUnknown:
            outcome = SendOutcome("refused", fault="request", detail="the session was deleted")
        except NotHeld as lost:
            if lost.begun:
                raise
            # A lease that is renewed late, or lost: it surely did not leave, and its fence tells which it was.
            again = outbox.again(
                message, "not_sent", now := self._clock.now(), now + NOT_HELD_S, Reason("send-retried")
            )
            return msgspec.structs.replace(again, fence=claim.fence)
        except Exception as error:
            # A defect of ours in the middle of a send: nobody knows whether it went out, so it is looked for.
            log.exception("message.attempt_crashed", session=message.session, server=claim.server, message=message.id)
            outcome = SendOutcome("in_doubt", detail=f"internal error: {type(error).__name__}")
        server = session.server if session else ""
        now = self._clock.now()
        return outbox.settle(message, outcome, policy, fence=claim.fence, began=began, now=now, server=server)

    async def _send(self, claim: SendClaim, session: Session | None, policy: Policy) -> SendOutcome:
        message = claim.message
        if session is None:
            raise EndpointUnknown(message.session)
        provider, where = await self._addresses.of_session(session)
        if policy.letter.preflight:
            refused = await self._preflight(provider, where)
            if refused is not None:
                return refused
        outgoing = await self._outgoing(message, claim.spelled)
        if outgoing is None:
            return SendOutcome("refused", fault="request", detail=NO_TARGET)
        if outgoing.content.media is not None and provider.capabilities.media_bytes:
            try:
                outgoing = await self._with_bytes(message, outgoing)
            except Unfetchable as gone:
                return SendOutcome("not_sent", fault=gone.fault, detail=str(gone))
        flow = provider.send(where, self._clock.now(), outgoing, policy.send_timeout_s)
        outcome = await driver.run(flow, held_transport(self._transport, self._leases, session.id))
        evidence = as_answered(outcome.evidence, self._clock.now())
        if provider.capabilities.queues_while_down:
            # Such a provider takes messages while it is down: that it took one says nothing of the socket.
            evidence = tuple(e for e in evidence if e.kind != "send_accepted")
            # guard: queued-is-evidence
            queued = (seen("send_queued", self._clock.now(), "send"),) if outcome.queued else ()
            evidence = (*evidence, *queued)
        return msgspec.structs.replace(outcome, evidence=evidence)

    async def _preflight(self, provider: Provider, where: SessionEndpoint) -> SendOutcome | None:
        """Seed 003's letter: ask for the state first, and fail with its sentence when it is not open."""
        look = await driver.run(provider.probe(where, self._clock.now(), "state"), self._transport)
        kinds = {evidence.kind for evidence in look.evidence}
        if "said_open" in kinds or not kinds & {"said_closed", "said_connecting", "instance_missing"}:
            return None
        told = as_answered(look.evidence, self._clock.now())
        refused = seen_with("send_closed", self._clock.now(), "send", {"detail": "preflight"})
        return SendOutcome("not_sent", fault="socket", detail="preflight: not connected", evidence=(*told, refused))

    async def _outgoing(self, message: Message, spelled: str | None) -> OutgoingMessage | None:
        content, quoted, reacted_to = message.content, None, None
        if message.quote is not None:
            quoted = await self._messages.quote_target(message.session_id, message.quote)  # type: ignore[arg-type]
            # A client of the Evolution door is never refused for what it quotes.
            if quoted is None and content.native is None:
                return None
        if content.reaction is not None and content.reaction.message:
            reacted_to = await self._messages.quote_target(message.session_id, content.reaction.message)  # type: ignore[arg-type]
            if reacted_to is None:
                return None
            reaction = msgspec.structs.replace(
                content.reaction, provider_id=reacted_to.provider_id, from_me=reacted_to.from_us
            )
            content = msgspec.structs.replace(content, reaction=reaction)
        return OutgoingMessage(
            # Not every server puts a number right that WhatsApp writes otherwise.
            spelled or message.to or message.chat,
            content,
            quoted.provider_id if quoted else None,
            message.mentions,
            quoted.author if quoted else None,
            reacted_to.author if reacted_to else None,
        )

    async def _with_bytes(self, message: Message, outgoing: OutgoingMessage) -> OutgoingMessage:
        """The bytes instead of the caller's address; where they lie is remembered, so that they are fetched once."""
        content, media = outgoing.content, outgoing.content.media
        if media is None:
            return outgoing
        staged = await self._media.staged(media)
        if staged is not media:
            await self._messages.put_content(message.id, msgspec.structs.replace(message.content, media=staged))
        loaded = await self._media.loaded(staged)
        return msgspec.structs.replace(outgoing, content=msgspec.structs.replace(content, media=loaded))

    # -- the rest -------------------------------------------------------------------------------------------------

    async def work(self, work: Work) -> WorkSettlement:
        """Perform one work row. Total, but for one of a session that is lost: `NotHeld`."""
        try:
            if work.kind == "control":
                return await self._control(work)
            return await self._notice(work)
        except EndpointUnknown:
            return self._unwanted(work)
        except NotHeld:
            raise
        except Exception as error:
            log.exception("work.failed", work=work.id)
            outcome = ActOutcome("unanswered", f"internal error: {type(error).__name__}")
            evidence = self._answered(work, outcome, self._clock.now())
            return self._done(work, "failed", evidence if work.kind == "control" else ())

    async def _control(self, work: Work) -> WorkSettlement:
        session = await self._sessions.by_id(work.session_id) if work.session_id is not None else None
        if session is None or not _still_wanted(session, work):  # guard: unwanted-act-not-performed
            return self._unwanted(work)
        if self._leases.node is not None:
            # Another node may have changed its address, or what its webhook is to tell.
            self._addresses.forget(session.id)
        provider, where = await self._addresses.of_session(session)
        began = self._clock.now()
        outcome = await self._unkept(session, provider, where, work)
        if outcome is None:
            held = held_transport(self._transport, self._leases, session.id)
            outcome = await driver.run(await self._flow(session, provider, where, work), held)
        log.info(
            "work.performed",
            session=session.name,
            server=session.server,
            work=work.id,
            rung=work.payload["rung"],
            answer=outcome.answer,
            detail=outcome.detail,
            duration_ms=(self._clock.now() - began) * 1000,
        )
        ref = await self._addresses.keep_secret(session, outcome.ref)
        now = self._clock.now()
        # One moment: what an answer told is as new as the answer.
        evidence = (*as_answered(outcome.evidence, now), *self._answered(work, outcome, now))
        return WorkSettlement(
            work.id,
            work.fence,
            now,
            f"{outcome.answer}: {outcome.detail}" if outcome.detail else outcome.answer,
            evidence=evidence,
            # As of its beginning: a phone may have scanned it while the answer was on its way.
            qr=qr_row(outcome.qr, began) if outcome.qr else None,
            ref=ref or None,
        )

    async def _unkept(
        self, session: Session, provider: Provider, where: SessionEndpoint, work: Work
    ) -> ActOutcome | None:
        """Whatever webhook stands there is on our disk before ours takes its place. None: go on. An outcome: it could
        not be read, so nothing is overwritten."""
        rung = work.payload["rung"]
        if rung != "set_webhook" and not (rung == "create" and provider.capabilities.create_takes_over):
            return None
        if self._addresses.is_leaving(session.id):
            # Put back already, or about to be, in this same lane: what is set after that would stay for ever.
            return ActOutcome("not_reached", "the instance is being given back")
        stands = await driver.run(provider.standing_webhook(where, self._clock.now()), self._transport)
        if stands.found == "unanswered" or (stands.found == "unreadable" and rung == "set_webhook"):
            return ActOutcome("not_reached", f"the webhook that stands there could not be read: {stands.detail}")
        if stands.found in ("foreign", "none"):
            kept = await self._addresses.kept_webhook(session)
            if kept is None or (stands.found == "foreign" and stands != kept):
                await self._addresses.keep_webhook(session, stands)
                log.info("session.webhook_saved", session=session.name, server=session.server, result=stands.found)
        return None

    async def _flow(self, session: Session, provider: Provider, where: SessionEndpoint, work: Work) -> Flow[ActOutcome]:
        now, rung, phone = self._clock.now(), work.payload["rung"], work.payload.get("pair_phone")
        match rung:
            case "create":
                settings = await self._addresses.kept_settings(session)
                if settings:
                    where = msgspec.structs.replace(where, settings=settings)
                return provider.create(where, now, pair_phone=phone)
            case "connect":
                return provider.connect(where, now, pair_phone=phone)
            case "restart":
                return provider.restart(where, now)
            case "logout":
                return provider.logout(where, now)
            case "delete":
                return provider.delete(where, now)
            case "set_webhook":
                return provider.set_webhook(where, now)
            case "put_back_webhook":
                kept = await self._addresses.kept_webhook(session)
                return provider.put_back_webhook(where, now, kept or StandingWebhook("none"))
            case _:
                raise ValueError(f"a work row asks for {rung!r}, which is no act")

    def _answered(self, work: Work, outcome: ActOutcome, now: float) -> tuple[Evidence, ...]:
        rung: Rung = work.payload["rung"] if work.kind == "control" else "wait"
        data = {"attempt": str(work.payload.get("attempt", "")), "rung": rung, "answer": outcome.answer}
        if outcome.detail:
            data["detail"] = outcome.detail
        return (seen_with("act_answered", now, "act", data),)

    async def _notice(self, work: Work) -> WorkSettlement:
        if work.payload["phase"] == "waiting" and work.session_id is not None:
            count = await self._outbox.set_aside(work.session_id)
            if not count:
                return self._done(work, "nothing in doubt any more", ())
            reason = {**work.payload["reason"], "args": {"count": str(count)}}
            work = msgspec.structs.replace(work, payload={**work.payload, "reason": reason})
        elif work.payload["phase"] == "closed" and work.session_id is not None:
            work = msgspec.structs.replace(work, payload=await self._with_missed(work.session_id, work.payload))
        arrived, now = await self._notifier.notify(work), self._clock.now()
        if not arrived and work.attempts < NOTICE_TRIES:
            return WorkSettlement(work.id, work.fence, now, "not delivered yet", due_at=now + NOTICE_AGAIN_S)
        code = "notice-arrived" if arrived else "notice-failed"
        target = self._notifier.targets.get(work.payload.get("target", ""))
        entry = JournalEntry("notice", now, code if target else "notice-shown", {"target": target or ""})
        outcome = "delivered" if arrived else "not delivered"
        return WorkSettlement(work.id, work.fence, now, outcome, journal=(entry,))

    async def _with_missed(self, session_id: SessionId, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """The notice of an end, with what was read back of what was missed, or why nobody can tell."""
        since = float(payload["since"])
        lines = await self._journal.page_back(session_id, LAST_SEQ, LINES_BACK)
        told = next((line for line in lines if line.code in MISSED and line.at >= since), None)
        return payload if told is None else {**payload, "missed": {"code": told.code, "args": dict(told.args)}}

    def _unwanted(self, work: Work) -> WorkSettlement:
        return WorkSettlement(work.id, work.fence, self._clock.now(), "no longer wanted", dropped=True)

    def _done(self, work: Work, outcome: str, evidence: tuple[Evidence, ...]) -> WorkSettlement:
        return WorkSettlement(work.id, work.fence, self._clock.now(), outcome, evidence=evidence)


def _still_wanted(session: Session, work: Work) -> bool:
    """An act of the ladder must still be the open attempt; an act a person asked for beside it carries none."""
    if work.payload.get("by_person"):
        return True
    opened = session.recovery.open
    if opened is None:
        return work.payload["rung"] == "create" and not session.paused
    return opened.id == work.payload.get("attempt") and not session.paused
