"""How far a message of ours got: what WhatsApp's receipts say of it, and what the provider told of it before.

A receipt may come before the id that it names is known: it is kept and applied later, oldest first, and the table of
`transitions` lets it move the message forward only. Never lives here: what a receipt proves about a session, storage.
"""

from __future__ import annotations

from collections.abc import Mapping

from esteio.core.messages.transitions import Event, Stage, after
from esteio.core.model.inbound import AckState, Receipt
from esteio.core.model.message import Direction
from esteio.core.model.state import Reason

EVENTS: Mapping[AckState, Event | None] = {
    "pending": None,
    "server": "receipt_server",
    "device": "receipt_device",
    "read": "receipt_read",
    "played": "receipt_read",
    "error": "receipt_error",
}
"""What each acknowledgement is to the message; `pending` says nothing that we did not know."""


def counts(event: Receipt) -> bool:
    """Whether it is an acknowledgement of a message of ours at all."""
    return event.proves and event.from_me


def after_receipt(stage: Stage, direction: Direction, receipt: AckState) -> Stage | None:
    """The stage that follows. None: nothing changes, for this is older news, of a message that is over, or of one that
    came in."""
    event = EVENTS[receipt]
    return after(stage, event) if event is not None and direction == "out" else None


def reason_of(stage: Stage, error_code: str | None) -> Reason | None:
    """Why a message that a receipt moved is as it is: only a failure has a reason."""
    return Reason("refused-by-whatsapp", {"code": error_code or ""}) if stage == "failed" else None
