"""An account that WhatsApp lets write only to people who know it (463): whether it is one, and until when.

The restriction is about messages, never about the session: it lives, and what people write to it can be answered. Never
lives here: which messages wait (`core.messages.restricted`), the verdict.
"""

from __future__ import annotations

from esteio.core.model.session import Facts

FOR_S = 3600.0
"""So long after the last refusal new contacts are left alone, where WhatsApp does not say until when."""
UNNAMED = 3
"""So many refusals without a code within `FOR_S` are taken for this one: some servers do not pass the number on."""


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
