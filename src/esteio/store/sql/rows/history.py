"""Outages as they are kept ↔ their rows.

Never lives here: SQL.
"""

from __future__ import annotations

from esteio.core.model.history import OutageRecord
from esteio.core.model.recovery import Outage
from esteio.store.sql.db import Row
from esteio.store.sql.rows.json_text import Params


def outage_params(outage: Outage) -> Params:
    """The columns of `outages` for this value; whose it is are parameters of their own."""
    return {
        "id": outage.id,
        "since": outage.since,
        "ended_at": outage.ended_at,
        "reason_code": outage.because,
        "reopened": outage.reopened,
        "noticed": int(outage.noticed),
        "expected": int(outage.expected),
        "held_at_start": outage.held_at_start,
    }


def outage_of(row: Row) -> OutageRecord:
    """An outage from the columns of the part `outage`; when its notice was due is not kept."""
    outage = Outage(
        id=row.id,
        since=row.since,
        because=row.reason_code,
        reopened=row.reopened,
        noticed=bool(row.noticed),
        ended_at=row.ended_at,
        held_at_start=row.held_at_start,
        expected=bool(row.expected),
    )
    return OutageRecord(outage, row.server, row.session_id, row.session_name, row.part_of, row.after_seq)
