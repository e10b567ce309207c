"""Our states of a session in Evolution's three words, and the codes with which Baileys says why a connection closed.

The same wherever a client meets them: in webhooks and at the door. Never lives here: a shape.
"""

from __future__ import annotations

from typing import Final, Literal

from esteio.core.model.session import Session

State = Literal["open", "connecting", "close"]

_WORDS: Final[dict[str, State]] = {"connected": "open", "connecting": "connecting", "awaiting_qr": "connecting"}
_CLOSED_BECAUSE: Final = {"unpaired": 401, "logged-out": 401, "banned": 403, "temp-banned": 403, "replaced": 440}
CLOSED: Final = 428
"""Baileys' own word for a connection that was closed."""


def state_word(state: str, can_send: str) -> State | None:
    """`can_send`: the value of that axis. None for a paused session: what is behind a pause is no change to tell."""
    if state == "paused":
        return None
    if state == "degraded":
        return "close" if can_send == "no" else "open"
    return _WORDS.get(state, "close")


def state_of(session: Session) -> State:
    """A paused session is watched: it is what was last read of it."""
    word = state_word(session.state, session.can_send.value)
    if word is not None:
        return word
    read = session.facts.state_read
    return "open" if read == "open" else "connecting" if read == "connecting" else "close"


def closed_code(reason: str) -> int | None:
    """The code for a reason's code; None where the connection was merely closed (`CLOSED`)."""
    return _CLOSED_BECAUSE.get(reason)
