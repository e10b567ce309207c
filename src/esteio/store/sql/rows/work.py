"""Work, the event log and API keys ↔ their rows.

Never lives here: SQL, a secret.
"""

from __future__ import annotations

from esteio.store.base import ApiKey, EventRow, Work
from esteio.store.sql.db import Row
from esteio.store.sql.rows import json_text
from esteio.store.sql.rows.content import document_of
from esteio.store.sql.rows.json_text import Params, to_text


def work_params(work: Work) -> Params:
    """The columns of a work row for this value, its payload as JSON text."""
    return {
        "id": work.id,
        "lane": work.lane,
        "kind": work.kind,
        "payload": to_text(work.payload),
        "due_at": work.due_at,
        "created_at": work.created_at,
        "session_id": work.session_id,
        "server": work.server,
        "dedupe": work.dedupe,
        "attempts": work.attempts,
        "fence": work.fence,
    }


def work_of(row: Row) -> Work:
    """A work row's value, its payload decoded."""
    return Work(
        id=row.id,
        lane=row.lane,
        kind=row.kind,
        payload=json_text.mapping(row.payload),
        due_at=row.due_at,
        created_at=row.created_at,
        session_id=row.session_id,
        server=row.server,
        dedupe=row.dedupe,
        attempts=row.attempts,
        state=row.state,
        fence=row.fence,
        lease_until=row.lease_until,
        outcome=row.outcome,
    )


def event_params(event: EventRow, text: str | None = None) -> Params:
    """The columns of the event log for this value; its number is given by the database. `text`: of its document, where
    it is at hand."""
    return {
        "type": event.type,
        "at": event.at,
        "session_name": event.session,
        "chat": event.chat,
        "data": to_text(event.data) if text is None else text,
        "trace_context": event.trace_context,
        "tenant": event.tenant,
    }


def event_of(row: Row) -> EventRow:
    """A line of the event log; its document is empty when the column is damaged (`content.document_of`)."""
    return EventRow(
        type=row.type,
        at=row.at,
        data=document_of(row.data),
        session=row.session_name,
        chat=row.chat,
        seq=row.seq,
        tenant=row.tenant,
    )


def key_params(key: ApiKey, secret_hash: bytes, session_id: int | None = None) -> Params:
    """The columns of `api_keys` for this value; of the secret only its hash is kept. `session_id`: it goes with it."""
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "created_at": key.created_at,
        "sessions": to_text(key.sessions),
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "hash": secret_hash,
        "session_id": session_id,
        "tenant": key.tenant,
    }


def key_of(row: Row) -> ApiKey:
    """An API key without its secret or its hash, revoked and expired ones too."""
    return ApiKey(
        id=row.id,
        name=row.name,
        role=row.role,
        created_at=row.created_at,
        sessions=json_text.words.decode(row.sessions),
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        tenant=row.tenant,
    )
