"""Locks: what belongs to one session, server or webhook endpoint is written by one transaction at a time.

Where a database has one writer (SQLite) that is so by itself, and nothing here costs anything. Elsewhere the subject's
own row is locked until the transaction ends: only then is what a transaction computes from rows (whose turn it is in a
chat, which news repeats which) still true when it writes it, and a session's journal is numbered in the order in which
it is committed. Everybody locks in one order, sessions before servers before endpoints, each in the order of their
keys; whoever has to depart from it risks a deadlock, after which the database lets one of the two begin anew.

Never lives here: what is written.
"""

from __future__ import annotations

from collections.abc import Iterable

from esteio.core.model.ids import MessageId, ServerName, SessionId
from esteio.store.sql import rows
from esteio.store.sql.db import Db, Row


async def lock_session(db: Db, session_id: SessionId) -> None:
    """Until the end of the transaction."""
    if db.shared and session_id not in db.locked:
        db.locked.add(session_id)
        await db.put("session_lock", {"id": session_id})


async def lock_sessions(db: Db, sessions: Iterable[SessionId]) -> None:
    """All of them, and what is asked of each: its name, its server, until when it is restricted."""
    if db.shared and (wanted := sorted(set(sessions) - db.locked)):
        _learn(db, await db.rows("sessions_lock", {"listed": rows.to_text(wanted)}))


async def lock_sessions_of(db: Db, messages: Iterable[MessageId]) -> None:
    """The sessions of these messages."""
    if db.shared:
        _learn(db, await db.rows("sessions_lock_of", {"listed": rows.to_text(sorted(set(messages)))}))


async def lock_server(db: Db, name: ServerName) -> None:
    """Until the end of the transaction."""
    if db.shared and name not in db.locked:
        db.locked.add(name)
        await db.put("server_lock", {"name": name})


async def lock_endpoints(db: Db) -> None:
    """All webhook endpoints, and with them the queues of their deliveries."""
    if db.shared:
        await db.put("webhook_endpoints_lock", {})


async def lock_endpoint(db: Db, endpoint_id: str) -> None:
    """One of them."""
    if db.shared:
        await db.put("webhook_endpoint_lock", {"id": endpoint_id})


def _learn(db: Db, locked: Iterable[Row]) -> None:
    for row in locked:
        db.locked.add(row.id)
        db.briefs[row.id] = (row.name, row.server)
        if row.restricted_until:
            db.restricted[row.id] = row.restricted_until
