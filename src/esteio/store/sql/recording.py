"""Adds the rows that a write records, as the last thing of its transaction.

The head's row is updated first, so that of several writers one adds at a time and the rows' order is the order of the
commits; nothing else is waited for while it is held. Never lives here: reading the log (`audit.audit_log`).
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from esteio.core.audit.chain import Head
from esteio.core.audit.entry import Entry, Row
from esteio.store.audit_trail import Recording
from esteio.store.sql.db import Db, Operation

T = TypeVar("T")


def changed(answer: object) -> bool:
    """Whether an operation with this answer has changed anything: not one that answers no, or no rows."""
    return not (isinstance(answer, int) and answer == 0)


def with_record(operation: Operation[T], recording: Recording) -> Operation[T]:
    """The operation, and the rows about what it changed."""

    async def both(db: Db) -> T:
        answer = await operation(db)
        if changed(answer):
            await append(db, recording)
        return answer

    return both


async def append(db: Db, recording: Recording) -> None:
    """Raises `LookupError` where the log was not begun."""
    entries = [await _owned(db, entry) for entry in recording.entries]
    taken = await db.row("audit_take_places", {"count": len(entries)})
    if taken is None:
        raise LookupError("the audit log has no head")
    before = Head(taken.seq - len(entries), taken.hash)
    rows, seal = recording.scribe.rows(entries, before, taken.encrypted)
    for row in rows:
        await add_row(db, row)
    await db.put("audit_move_head", {"row_hash": rows[-1].hash, "seal": seal})


async def _owned(db: Db, entry: Entry) -> Entry:
    """With the tenant of the session or server that it is about, unless it says whose it is."""
    if entry.tenant is not None or (entry.session is None and entry.server is None):
        return entry
    tenant = await db.value("audit_whose", {"session_name": entry.session, "server": entry.server})
    return msgspec.structs.replace(entry, tenant=tenant)


async def add_row(db: Db, row: Row) -> None:
    """One row; `hash` elsewhere is bytes."""
    await db.put("audit_add", {**row._asdict(), "row_hash": row.hash})
