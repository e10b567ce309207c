"""Contacts: what is stored of one person, and its removal.

See the package for what holds of every method.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from esteio.core.model.ids import SessionId
from esteio.core.model.message import Message
from esteio.store.values import Erased


class Contacts(Protocol):
    """One person across sessions: addresses, messages, erasure."""

    async def addresses(self, session_id: SessionId, addresses: Collection[str]) -> Sequence[str]:
        """All that name the same person here: phones in each spelling, LIDs."""
        ...

    async def messages(self, session_id: SessionId, addresses: Collection[str]) -> Sequence[Message]:
        """Every message to, from or with a mention of this person (of all their addresses), oldest first."""
        ...

    async def erase(self, session_id: SessionId, addresses: Collection[str], alias: str, now: float) -> Erased:
        """Numbers, words and bodies go; `alias` stands in their place. What waits for this person is cancelled."""
        ...

    async def known_phones(self, session_id: SessionId, lines: Collection[str]) -> Mapping[str, str | None]:
        """Of these lines (`core.model.address.line_of`) those the session knows, each with WhatsApp's own spelling."""
        ...
