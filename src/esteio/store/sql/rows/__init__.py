"""Rows ↔ core values, a module a subject.

A row has the columns of its statement by name (`sql.db.Row`). Structured values are JSON text, which msgspec reads into
the same types again. Never lives here: SQL, a driver, a decision.
"""

from esteio.store.sql.rows.history import outage_of, outage_params
from esteio.store.sql.rows.journal import entry_of, evidence_of, evidence_params, journal_params
from esteio.store.sql.rows.json_text import EMPTY, Params, text_or_none, to_text
from esteio.store.sql.rows.messages import attempt_params, message_of, message_params, raw_of, raw_params, stage_of
from esteio.store.sql.rows.servers import server_of, server_params
from esteio.store.sql.rows.sessions import (
    approval_of,
    approval_params,
    pair_link_of,
    pair_link_params,
    phones_of,
    qr_of,
    qr_params,
    session_of,
    session_params,
)
from esteio.store.sql.rows.work import event_of, event_params, key_of, key_params, work_of, work_params

__all__ = [
    "EMPTY",
    "Params",
    "approval_of",
    "approval_params",
    "attempt_params",
    "entry_of",
    "event_of",
    "event_params",
    "evidence_of",
    "evidence_params",
    "journal_params",
    "key_of",
    "key_params",
    "message_of",
    "message_params",
    "outage_of",
    "outage_params",
    "pair_link_of",
    "pair_link_params",
    "phones_of",
    "qr_of",
    "qr_params",
    "raw_of",
    "raw_params",
    "server_of",
    "server_params",
    "session_of",
    "session_params",
    "stage_of",
    "text_or_none",
    "to_text",
    "work_of",
    "work_params",
]
