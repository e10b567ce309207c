"""Evidence and journal lines ↔ their rows.

Never lives here: SQL, what evidence means.
"""

from __future__ import annotations

from esteio.core.model.evidence import Evidence
from esteio.store.base import JournalEntry
from esteio.store.sql.db import Row
from esteio.store.sql.rows import json_text
from esteio.store.sql.rows.json_text import EMPTY, Params, to_text


def journal_params(entry: JournalEntry) -> Params:
    """The columns of a journal line for this value; its number is given by the database."""
    return {
        "session_id": entry.session_id,
        "server": entry.server,
        "kind": entry.kind,
        "at": entry.at,
        "code": entry.code,
        "args": to_text(entry.args),
        "data": to_text(entry.data),
        "count": entry.count,
        "first_at": entry.first_at,
        "happened_at": entry.at if entry.kind == "evidence" else None,
        "source": "self" if entry.kind == "evidence" else None,
        "base_seq": None,
        "applied": 1,
    }


def evidence_params(
    evidence: Evidence, session_id: int | None, server: str | None, *, folded: bool, base_seq: int | None = None
) -> Params:
    """The columns of a journal line that is evidence, not yet folded."""
    return {
        "session_id": session_id,
        "server": server,
        "kind": "evidence",
        "at": evidence.seen_at,
        "code": evidence.kind,
        "args": to_text(evidence.data),
        "data": EMPTY,
        "count": evidence.count,
        "first_at": evidence.first_at,
        "happened_at": evidence.happened_at,
        "source": evidence.source,
        "base_seq": base_seq,
        "applied": int(folded),
    }


def evidence_of(row: Row) -> Evidence:
    """The piece of evidence that a line of the journal is; whether it was folded is not part of it."""
    return Evidence(
        kind=row.code,
        happened_at=row.happened_at,
        seen_at=row.at,
        source=row.source,
        data=json_text.mapping(row.args),
        count=row.count,
        first_at=row.first_at,
    )


def entry_of(row: Row) -> JournalEntry:
    """A journal line of any kind; of evidence, where it came from and when are in `data` as `source` and
    `happened_at`."""
    data = json_text.mapping(row.data)
    if row.kind == "evidence":
        data = {"source": row.source, "happened_at": row.happened_at, **data}
    return JournalEntry(
        kind=row.kind,
        at=row.at,
        code=row.code,
        args=json_text.mapping(row.args),
        data=data,
        seq=row.seq,
        session_id=row.session_id,
        server=row.server,
        count=row.count,
        first_at=row.first_at,
    )
