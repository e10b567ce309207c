"""Messages, their attempts and the webhooks that they came in ↔ their rows.

Never lives here: SQL, a message's content (`content`), which move is legal (`core.messages.transitions`).
"""

from __future__ import annotations

from collections.abc import Mapping

from esteio.core.messages import transitions
from esteio.core.messages.transitions import Stage
from esteio.core.model.ids import MessageId
from esteio.core.model.message import AttemptRecord, Message, MessageState
from esteio.store.base import RawInbound
from esteio.store.sql.db import Row
from esteio.store.sql.rows import json_text
from esteio.store.sql.rows.content import content_of, stored_name
from esteio.store.sql.rows.json_text import Params, text_or_none, to_text


def message_params(message: Message) -> Params:
    """The columns of `messages` for this value; `held` is stored as `queued`, because it follows from the session's
    gate."""
    return {
        "id": message.id,
        "session_id": message.session_id,
        "direction": message.direction,
        "chat": message.chat,
        "content": to_text(message.content),
        "state": "queued" if message.state == "held" else message.state,
        "created_at": message.created_at,
        "updated_at": message.updated_at,
        "recipient": message.to,
        "sender": message.sender,
        "provider_id": message.provider_id,
        "reason": text_or_none(message.reason),
        "priority": message.priority,
        "expires_at": message.expires_at,
        "on_down": message.on_down,
        "client_ref": message.client_ref,
        "quote": message.quote,
        "mentions": to_text(message.mentions) if message.mentions else None,
        "provider_webhook_id": None,
        "attempts": message.attempts,
        "due_at": message.due_at,
        "socket_closed_count": message.closed_tries,
        "sent_at": message.sent_at,
        "doubt_since": message.doubt_since,
        "queue_ref": message.queue_ref,
        "recovered": int(message.recovered),
        "author": message.author,
        "read_as": message.read_as,
        "stored": stored_name(message.content),
        "trace_context": message.trace_context,
    }


def attempt_params(message_id: MessageId, attempt: AttemptRecord) -> Params:
    """The columns of one try at sending this message."""
    return {"message_id": message_id, "at": attempt.at, "outcome": attempt.outcome, "detail": attempt.detail}


def message_of(row: Row, session: str, gate: str = "open") -> Message:
    """A message as people see it: `held` when it is queued behind a closed gate."""
    state: MessageState = row.state
    if state == "queued" and gate == "held":
        state = "held"
    return Message(
        id=row.id,
        session_id=row.session_id,
        session=session,  # type: ignore[arg-type]  # a NewType over what the driver gives
        direction=row.direction,
        chat=row.chat,
        content=content_of(row.content),
        state=state,
        created_at=row.created_at,
        updated_at=row.updated_at,
        to=row.recipient,
        sender=row.sender,
        provider_id=row.provider_id,
        reason=json_text.read(json_text.reason, row.reason),
        priority=row.priority,
        expires_at=row.expires_at,
        on_down=row.on_down,
        client_ref=row.client_ref,
        quote=row.quote,
        mentions=json_text.words.decode(row.mentions) if row.mentions else (),
        attempts=row.attempts,
        due_at=row.due_at,
        closed_tries=row.socket_closed_count,
        sent_at=row.sent_at,
        doubt_since=row.doubt_since,
        queue_ref=row.queue_ref,
        recovered=bool(row.recovered),
        provider_queued_at=row.provider_queued_at,
        author=row.author,
        read_as=row.read_as,
        set_aside_at=row.set_aside_at,
        trace_context=row.trace_context,
    )


def stage_of(row: Row) -> Stage:
    """Where a message's row stands in the table of moves."""
    if row.provider_queued_at is None and row.set_aside_at is None:
        stage: Stage = row.state
        return stage
    return transitions.stage_of(
        row.state, aside=row.set_aside_at is not None, provider_queued=row.provider_queued_at is not None
    )


def raw_params(raw: RawInbound) -> Params:
    """The columns of `provider_webhooks` for this value, headers as JSON text; the database gives its number."""
    return {
        "session_id": raw.session_id,
        "path": raw.path,
        "headers": to_text(raw.headers),
        "body": bytes(raw.body),
        "received_at": raw.received_at,
        "trace_context": raw.trace_context,
    }


def raw_of(row: Row) -> RawInbound:
    """A provider's webhook, its body byte for byte as it came."""
    headers: Mapping[str, str] = json_text.strings.decode(row.headers)
    return RawInbound(
        id=row.id,
        session_id=row.session_id,
        path=row.path,
        headers=headers,
        body=row.body,
        received_at=row.received_at,
        trace_context=row.trace_context,
    )
