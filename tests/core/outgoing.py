"""An outgoing message for the tests of `core.messages`: one that is under way, and one in doubt."""

from __future__ import annotations

import msgspec
from hypothesis import strategies as st

from esteio.core.messages.outbox import SendSettlement
from esteio.core.model.content import Content
from esteio.core.model.ids import MessageId, SessionId, SessionName
from esteio.core.model.message import Message
from esteio.core.model.policy import DEFAULT

BEGAN = 1000.0
NOW = 1010.0

POLICIES = st.builds(
    lambda retries, after, doubt: msgspec.structs.replace(
        DEFAULT, closed_retries=retries, closed_retry_after_s=after, in_doubt=doubt
    ),
    st.integers(0, 3),
    st.floats(0, 60),
    st.sampled_from(["hold", "resend", "fail"]),
)


def message(**fields: object) -> Message:
    """One that was claimed at `BEGAN`."""
    base = Message(
        id=MessageId("m1"),
        session_id=SessionId(1),
        session=SessionName("s"),
        direction="out",
        chat="5511987654321",
        content=Content("text", text="oi"),
        state="sending",
        created_at=900.0,
        updated_at=BEGAN,
        attempts=1,
    )
    return msgspec.structs.replace(base, **fields)


def doubted(**fields: object) -> Message:
    """One that fell into doubt then; set aside when its reason says so."""
    made = message(**{"state": "in_doubt", "doubt_since": BEGAN, **fields})
    aside = made.reason is not None and made.reason.code.startswith("in-doubt-held")
    return msgspec.structs.replace(made, set_aside_at=BEGAN) if aside else made


def code(settled: SendSettlement) -> str | None:
    """The code of its reason."""
    return settled.reason.code if settled.reason else None
