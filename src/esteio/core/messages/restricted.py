"""While WhatsApp restricts a session (463), messages to contacts who do not know it wait: which chats are warm.

A cold chat's message is held back with a reason that says until when; an incoming message of the contact releases it
(`held_back` and `released` of `transitions`). Never lives here: since when a session is restricted
(`core.judge.restriction`), storage.
"""

from __future__ import annotations

from esteio.core.judge.restriction import FOR_S
from esteio.core.model.state import Reason

HELD = "held-463"
WARM_FOR_S = 30 * 86400.0
"""A chat is warm when somebody wrote to us there within this time."""


def held(until_text: str) -> Reason:
    """Why a message to a cold chat waits. `until_text` is a time for people."""
    return Reason(HELD, {"until": until_text})


def always_warm(chat: str) -> bool:
    """Groups and lists know who writes to them."""
    return not chat.isdigit() and not chat.endswith("@lid")


def heard_since(now: float) -> float:
    """A chat is warm in which somebody wrote to us since then."""
    return now - WARM_FOR_S


def reached_since(restricted_until: float) -> float:
    """So is one in which a message of ours was delivered since then: the restriction began no earlier."""
    return restricted_until - FOR_S
