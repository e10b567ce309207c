"""How far a message got: forward only. Receipts that come before we know their id are kept until we do.

Never lives here: what a receipt proves about a session.
"""

from __future__ import annotations

from esteio.core.model.ids import SessionId
from esteio.core.model.message import MessageState
from esteio.core.model.state import Reason
from esteio.store.sql import rows
from esteio.store.sql.messages.provider_queue import go_on, unpark
from esteio.store.sql.messages.send_lanes import announce, refresh_lane
from esteio.store.sqlite.connection import Db, Row

_REACHED: dict[str, MessageState] = {"server": "sent", "device": "delivered", "read": "read", "played": "read"}
_ORDER: dict[MessageState, int] = {"sending": 0, "in_doubt": 0, "sent": 1, "delivered": 2, "read": 3}
_UNSETTLED: frozenset[MessageState] = frozenset({"sending", "in_doubt"})


def after_receipt(state: MessageState, receipt: str) -> MessageState | None:
    """The state that follows, None when the receipt changes nothing: older news, or a message that is over."""
    now = _ORDER.get(state)
    if now is None:
        return None
    if receipt == "error":
        return "failed" if now < _ORDER["delivered"] else None
    reached = _REACHED.get(receipt)
    return reached if reached is not None and _ORDER[reached] > now else None


def advance(
    db: Db,
    row: Row,
    state: MessageState,
    at: float,
    *,
    happened_at: float,
    provider_id: str | None = None,
    reason: Reason | None = None,
) -> bool:
    """Move a message forward at the outside's word; whether that set its chat free."""
    parked = rows.is_parked(row)
    settled = row[6] in _UNSETTLED or parked
    params = {
        "seq": rows.seq_of(row),
        "state": state,
        "reason": rows.text_or_none(reason),
        "now": at,
        "sent_at": happened_at,
        "provider_id": provider_id or row[11],
    }
    written = db.row("message_advance", params)
    if written is None:  # pragma: no cover - the row was read in this transaction
        return False
    if parked:
        go_on(db, row)  # guard: delivery-receipt-frees-chat
    elif settled:
        refresh_lane(db, row[2], row[4])
    announce(db, written, at)
    return settled


def apply_receipt(db: Db, row: Row, receipt: str, at: float, happened_at: float, error_code: str | None) -> bool:
    """Apply one receipt to a message of ours; whether that set its chat free."""
    following = after_receipt(row[6], receipt) if row[3] == "out" else None
    if following is None:
        # Nothing new of the message, but WhatsApp has it: it lies in no queue.
        # guard: sent-receipt-frees-chat
        return rows.is_parked(row) and receipt in _REACHED and unpark(db, row[1]) is not None
    reason = Reason("refused-by-whatsapp", {"code": error_code or ""}) if following == "failed" else None
    return advance(db, row, following, at, happened_at=happened_at, reason=reason)


def catch_up(db: Db, session_id: SessionId, provider_id: str) -> None:
    """Apply what came early for an id that has just become known."""
    key = {"session_id": session_id, "provider_id": provider_id}
    early = db.rows("pending_receipts", key)
    for receipt, happened_at, error_code in early:
        row = db.row("inbound_own", key)
        if row is not None:
            apply_receipt(db, row, receipt, max(happened_at, row[8]), happened_at, error_code)
    if early:
        db.run("pending_receipts_delete", key)
