"""Moves that the outside tells of: receipts and the provider's own events about our sends. Receipts that come before we
know their id are kept until we do.

Never lives here: which receipt moves what (`core.messages.receipts`), what a receipt proves about a session.
"""

from __future__ import annotations

from collections.abc import Collection

from esteio.core.messages import receipts
from esteio.core.messages.transitions import PUBLIC, UNDER_WAY, Stage
from esteio.core.model.ids import SessionId
from esteio.core.model.inbound import AckState
from esteio.core.model.state import Reason
from esteio.store.sql import rows
from esteio.store.sql.db import Db, Row, row_each
from esteio.store.sql.messages.provider_queue import go_on, unpark
from esteio.store.sql.messages.send_lanes import announce, refresh_lane


async def move(
    db: Db,
    row: Row,
    following: Stage,
    at: float,
    *,
    happened_at: float,
    provider_id: str | None = None,
    reason: Reason | None = None,
) -> bool:
    """Move a message to a stage that the outside told of; whether that set its chat free."""
    before, parked = row.state, rows.stage_of(row) == "provider_queued"
    if PUBLIC[following] == before:
        # Nothing new of the message, but it lies in no queue.
        # guard: sent-receipt-frees-chat, left-queue-frees-chat
        return await unpark(db, row.id) is not None
    params = {
        "seq": row.seq,
        "before": before,
        "state": PUBLIC[following],
        "reason": rows.text_or_none(reason),
        "now": at,
        "sent_at": happened_at,
        "provider_id": provider_id or row.provider_id,
        "device_ack_at": at if following == "delivered" else None,
        "read_at": at if following == "read" else None,
    }
    written = await db.row("message_advance", params)
    if written is None:  # pragma: no cover - the row was read in this transaction
        return False
    if parked:
        await go_on(db, row)  # guard: delivery-receipt-frees-chat
    elif before in UNDER_WAY:
        await refresh_lane(db, row.session_id, row.chat)
    await announce(db, written, at)
    return parked or before in UNDER_WAY


async def apply_receipt(
    db: Db, row: Row, receipt: AckState, at: float, happened_at: float, error_code: str | None
) -> bool:
    """Apply one receipt to a message of ours; whether that set its chat free."""
    if receipt == "server" and row.direction == "out":
        await db.put("message_server_ack", {"seq": row.seq, "at": at})
    following = receipts.after_receipt(rows.stage_of(row), row.direction, receipt)
    if following is None:
        return False
    reason = receipts.reason_of(following, error_code)
    return await move(db, row, following, at, happened_at=happened_at, reason=reason)


async def catch_up_each(db: Db, known: Collection[tuple[SessionId, str]]) -> None:
    """Apply what came early for any of these ids."""
    keys = [{"session_id": session_id, "provider_id": provider_id} for session_id, provider_id in known]
    for one, early in zip(known, await row_each(db, "pending_receipts", keys), strict=True):
        if early is not None:
            await catch_up(db, *one)


async def catch_up(db: Db, session_id: SessionId, provider_id: str) -> None:
    """Apply what came early for an id that has just become known."""
    key = {"session_id": session_id, "provider_id": provider_id}
    early = await db.rows("pending_receipts", key)
    for receipt in early:
        row = await db.row("inbound_own", key)
        if row is not None:
            at = max(receipt.at, row.updated_at)
            await apply_receipt(db, row, receipt.state, at, receipt.at, receipt.error_code)
    if early:
        await db.put("pending_receipts_delete", key)
