"""A session's states, its axes (can send, can receive) and the reason that stands beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

SessionState = Literal["connecting", "awaiting_qr", "connected", "degraded", "disconnected", "error", "paused"]
TROUBLED_FIRST: Final[tuple[SessionState, ...]] = (
    "error",
    "disconnected",
    "degraded",
    "awaiting_qr",
    "connecting",
    "paused",
    "connected",
)
"""The order in which a person looks at them."""
Answer = Literal["yes", "no", "unknown"]
Gate = Literal["open", "held"]


class Axis(msgspec.Struct, frozen=True):
    """One of the two questions, can it send and can it receive, with the evidence that answered it and when."""

    value: Answer = "unknown"
    evidence: str | None = None
    at: float | None = None


class Reason(msgspec.Struct, frozen=True, gc=False):
    """A stable kebab code and the values its sentence needs; `core.views.sentences` makes the sentence."""

    code: str
    args: Mapping[str, str] = {}
