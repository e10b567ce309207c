"""An account that WhatsApp lets write only to people who know it (463): until when, and which chats are warm.

The restriction is about messages, never about the session: it lives, and what people write to it can be answered. So
only cold chats wait, and they wait with a reason that says until when. Never lives here: storage, the verdict.
"""

from __future__ import annotations

from esteio.core.model.session import Facts
from esteio.core.model.state import Reason

FOR_S = 3600.0
"""So long after the last refusal new contacts are left alone, where WhatsApp does not say until when."""
WARM_FOR_S = 30 * 86400.0
"""A chat is warm when somebody wrote to us there within this time."""
UNNAMED = 3
"""So many refusals without a code within `FOR_S` are taken for this one: some servers do not pass the number on."""
HELD = "held-463"


def restricted(facts: Facts, code: str, at: float) -> bool:
    """Whether a refusal with this code at this time means that new contacts are refused. `facts` hold it already."""
    if code:
        return code == "463"
    return sum(1 for when in facts.ack_errors if at - when < FOR_S) >= UNNAMED


def until(facts: Facts, now: float) -> float:
    """Until when cold chats wait; 0 when they do not."""
    if not facts.restricted_at:
        return 0.0
    ends = max(facts.restricted_at + FOR_S, facts.restricted_until)
    return ends if ends > now else 0.0


def held(until_text: str) -> Reason:
    """Why a message to a cold chat waits. `until_text` is a time for people."""
    return Reason("held-463", {"until": until_text})


def always_warm(chat: str) -> bool:
    """Groups and lists know who writes to them."""
    return not chat.isdigit() and not chat.endswith("@lid")
