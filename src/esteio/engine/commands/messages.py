"""Messages: taken onto the disk before they are acknowledged; taken back, or given another try.

Never lives here: the send itself (`dispatch`, `performers`), a look at the provider inside a request: while the gate is
closed the session is woken, so that it is looked at at once.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from esteio.clock import Clock
from esteio.config import Settings
from esteio.core.messages.transitions import states_before
from esteio.core.model import address
from esteio.core.model.address import Read
from esteio.core.model.content import Content
from esteio.core.model.ids import MessageId
from esteio.core.model.message import Message, MessageState
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.core.model.tenant import next_day
from esteio.engine.commands import compose
from esteio.engine.commands.addressing import Addressing
from esteio.engine.commands.lookup import Lookup
from esteio.engine.commands.requests import MessageRequest, NativeRequest
from esteio.engine.errors import CommandError, unknown, used_up
from esteio.engine.key_scope import EVERYTHING
from esteio.engine.media.stager import MediaStager
from esteio.engine.runtime.ports import NotFound, Waiter, Wakeups
from esteio.engine.url_guard import Resolver, check_target
from esteio.log import logger
from esteio.store.base import Accepted, NewMessage, QuotaExceeded
from esteio.store.ports.messages import Messages

GIVEN_UP: Final[frozenset[MessageState]] = frozenset({"failed", "expired", "cancelled"})
"""What was not sent and will not be by itself."""
RETRIED_FROM = frozenset(states_before("retried"))
log = logger("commands")


class MessageCommands:
    """Accepts messages, takes them back, tries them again. `resolve`: where the host name of a media URL leads."""

    def __init__(
        self,
        messages: Messages,
        clock: Clock,
        *,
        settings: Settings,
        lookup: Lookup,
        addressing: Addressing,
        media: MediaStager,
        waiter: Waiter,
        wakeups: Wakeups,
        resolve: Resolver,
    ) -> None:
        self._messages, self._clock, self._settings = messages, clock, settings
        self._lookup, self._addressing, self._media = lookup, addressing, media
        self._waiter, self._wakeups, self._resolve = waiter, wakeups, resolve
        self._busy: set[tuple[str, int, str]] = set()
        """Idempotency keys that are being answered: (caller, session, key)."""

    async def send(
        self,
        session: Session,
        request: MessageRequest,
        *,
        caller: str,
        idem_key: str | None = None,
        repeat_s: float = 0.0,
        wait_s: float = 0.0,
        trace_context: str | None = None,
    ) -> tuple[Message, bool]:
        """The accepted message, after at most `wait_s` for it to settle; and whether this request made it.

        `caller` is the API key's id; `trace_context` the trace that a message it makes belongs to. Without an
        `idem_key` the same request within `repeat_s` seconds is a repeat, also while the first is being answered,
        unless what it repeats was given up. Raises `CommandError`: invalid-value,
        invalid-phone, ambiguous-phone, chat-not-answerable, unknown-message, target-not-allowed, too-large,
        idempotency-mismatch, idempotency-in-progress.
        """
        if idem_key is None:
            once = _Once.of_repeat(caller, request, repeat_s) if repeat_s > 0 else None
            return await self._send(session, request, once, wait_s, trace_context)
        mark = (caller, int(session.id), idem_key)
        if mark in self._busy:
            raise CommandError("idempotency-in-progress")
        self._busy.add(mark)
        try:
            once = _Once(caller, idem_key, compose.fingerprint(request), self._settings.idempotency_for_s)
            return await self._send(session, request, once, wait_s, trace_context)
        finally:
            self._busy.discard(mark)

    async def retry(self, message_id: str) -> Message:
        """Back into the queue at a person's word. Raises `CommandError`: unknown-message, wrong-state."""
        before = await self._lookup.message(message_id, EVERYTHING)
        if before.direction != "out" or before.state not in RETRIED_FROM:
            raise CommandError("wrong-state", state=before.state)
        after = await self._messages.retry(before.id, self._clock.now())
        if after is None:
            raise unknown("message", message_id)
        if after.state in RETRIED_FROM:
            raise CommandError("wrong-state", state=after.state)
        log.info("message.retried", session=after.session, message=after.id, client_ref=after.client_ref)
        self._wakeups.sends()
        return after

    async def cancel(self, message_id: str) -> Message:
        """Taken back before it went. Raises `CommandError`: unknown-message, wrong-state."""
        after = await self._messages.cancel(MessageId(message_id), self._clock.now())
        if after is None:
            raise unknown("message", message_id)
        if after.state != "cancelled":
            raise CommandError("wrong-state", state=after.state)
        log.info("message.cancelled", session=after.session, message=after.id, client_ref=after.client_ref)
        self._wakeups.sends()
        return after

    async def _send(
        self, session: Session, request: MessageRequest, once: _Once | None, wait_s: float, trace_context: str | None
    ) -> tuple[Message, bool]:
        if once is not None:
            # Before the body is read again: what it names may be readable no longer, and the message is on its way.
            earlier = await self._messages.repeated(
                session.id, once.caller, once.key, once.fingerprint, self._clock.now()
            )
            if earlier is not None and not (earlier.message and earlier.message.state in once.again_after):
                return await self._waited(_unless_conflict(earlier), wait_s), False
        new = await self._composed(session, request, once, trace_context)
        return await self._accept_and_wait(session, new, wait_s)

    async def _accept_and_wait(self, session: Session, new: NewMessage, wait_s: float) -> tuple[Message, bool]:
        try:
            accepted = await self._messages.accept(new)
        except LookupError as error:
            raise unknown("session", session.name) from error
        except QuotaExceeded as error:
            now = self._clock.now()
            raise used_up(error.what, error.most, retry_after_s=str(int(next_day(now) - now) + 1)) from error
        message = _unless_conflict(accepted)
        made = accepted.result == "new"
        if made:
            _log_accepted(message, session, self._clock.now())
            # Behind a closed gate nothing goes: its opening, a later commit, rings by itself.
            if message.state == "queued":
                self._wakeups.sends()
            if session.gate == "held" and not session.paused:
                self._wakeups.session(session.id)
        return await self._waited(message, wait_s), made

    async def _waited(self, message: Message, wait_s: float) -> Message:
        """The message as it is after at most so long."""
        if wait_s <= 0:
            return message
        try:
            return await self._waiter.wait_message(message.id, wait_s)
        except NotFound as error:
            raise unknown("message", message.id) from error

    async def _composed(
        self, session: Session, request: MessageRequest, once: _Once | None, trace_context: str | None
    ) -> NewMessage:
        now = self._clock.now()
        policy = self._settings.policy_of(session.policy)
        to, read_as = await self._recipient(session, request)
        phones = [
            await self._addressing.phone_number(one.phone, f"contacts[{i}].phone", (session.id,))
            for i, one in enumerate(request.contacts or ())
        ]
        content = compose.content(request, self._settings.max_media_bytes, phones)
        mentions = [await self._person(one, f"mentions[{i}]", session) for i, one in enumerate(request.mentions)]
        await self._check_elsewhere(session, request, content)
        if content.media is not None:
            # On the shelf before the row that names it.
            content = msgspec.structs.replace(content, media=await self._media.taken(content.media))
        message = Message(
            id=MessageId(self._clock.new_id("msg")),
            session_id=session.id,
            session=session.name,
            direction="out",
            chat=to,
            content=content,
            state="queued",
            created_at=now,
            updated_at=now,
            to=to,
            priority=request.priority,
            expires_at=now + (policy.hold_for_s if request.expires_in_s is None else request.expires_in_s),
            on_down=request.on_down or policy.on_down,
            client_ref=request.client_ref,
            quote=request.quote,
            mentions=tuple(mentions),
            read_as=read_as,
            due_at=now,
            trace_context=trace_context,
        )
        message = _failed_at_once(message, session)
        if once is None:
            return NewMessage(message)
        return NewMessage(message, once.caller, once.key, once.fingerprint, now + once.for_s, once.again_after)

    async def _recipient(self, session: Session, request: MessageRequest) -> Read:
        if isinstance(request, NativeRequest) and request.kind == "status":
            return Read(address.STATUS)
        return await self._addressing.chat_address(request.to, "to", session.id)

    async def _person(self, text: str, field: str, session: Session) -> str:
        read = await self._addressing.any_address(text, field, (session.id,))
        if address.kind_of(read.address) not in ("phone", "lid"):
            raise CommandError("invalid-phone", field=field, in_body=True)
        return read.address

    async def _check_elsewhere(self, session: Session, request: MessageRequest, content: Content) -> None:
        """What the message names beside itself: messages of the same session, a URL that may be reached."""
        if content.reaction is not None and content.reaction.provider_id is None:
            await self._known_here(session, content.reaction.message, "reaction.message")
        if request.quote is not None:
            await self._known_here(session, request.quote, "quote")
        if content.media is not None and content.media.url is not None:
            await self._check_reachable(content.media.url, "media.url")
        for url in request.fetches if isinstance(request, NativeRequest) else ():
            await self._check_reachable(url, "url")

    async def _check_reachable(self, url: str, field: str) -> None:
        await check_target(url, field, self._settings.allowed_networks, self._resolve)

    async def _known_here(self, session: Session, message_id: str, field: str) -> None:
        known = await self._messages.get(MessageId(message_id))
        if known is None or known.session_id != session.id:
            raise unknown("message", message_id, in_body=True, field=field)


class _Once(NamedTuple):
    """What makes a request one message however often it comes: whose, its key, its body, for how long (seconds), and
    the states in which the message that it made is given up, so that it makes another."""

    caller: str
    key: str
    fingerprint: str
    for_s: float
    again_after: frozenset[MessageState] = frozenset()

    @classmethod
    def of_repeat(cls, caller: str, request: MessageRequest, for_s: float) -> _Once:
        """Its key is the body itself."""
        body = compose.fingerprint(request)
        return cls(caller, f"repeat:{body}", body, for_s, GIVEN_UP)


def _log_accepted(message: Message, session: Session, now: float) -> None:
    log.debug(
        "message.accepted",
        session=session.name,
        server=session.server,
        message=message.id,
        chat=message.chat,
        client_ref=message.client_ref,
        kind=message.content.kind,
        state=message.state,
        reason=message.reason.code if message.reason else None,
        duration_ms=(now - message.created_at) * 1000,
    )


def _unless_conflict(accepted: Accepted) -> Message:
    if accepted.result == "conflict" or accepted.message is None:
        raise CommandError("idempotency-mismatch")
    return accepted.message


def _failed_at_once(message: Message, session: Session) -> Message:
    """`on_down: fail` behind a closed gate fails here, with the sentence of seed 003."""
    if message.on_down != "fail" or session.gate == "open":
        return message
    return msgspec.structs.replace(
        message, state="failed", reason=Reason("paused" if session.paused else "session-down")
    )
