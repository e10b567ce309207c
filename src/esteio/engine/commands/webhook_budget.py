"""How many bytes one session's webhooks may bring within an hour: whoever holds one token cannot fill the disk.

Counted in this process only, which of several nodes has its share of it; a restart begins anew. Never lives here: what
happens beyond it.
"""

from __future__ import annotations

from collections.abc import Callable

from esteio.core.model.ids import SessionId
from esteio.core.nodes.rendezvous import share

HOUR_S = 3600.0


class WebhookBudget:
    """Bytes of the present hour, by session."""

    def __init__(self, most: int, nodes: Callable[[], int] = lambda: 1) -> None:
        """`nodes`: how many share the budget now."""
        self._most, self._nodes = most, nodes
        self._began = 0.0
        self._spent: dict[SessionId, int] = {}

    def __repr__(self) -> str:
        return f"WebhookBudget(most={self._most}, sessions={len(self._spent)})"

    def take(self, session_id: SessionId, size: int, now: float) -> bool:
        """Count `size` bytes where they are within the hour's budget; whether they were. 0 is no budget at all."""
        self._turn(now)
        spent = self._spent.get(session_id, 0) + size
        if self._most and spent > share(self._most, self._nodes()):
            return False
        self._spent[session_id] = spent
        return True

    def _turn(self, now: float) -> None:
        if not self._began <= now < self._began + HOUR_S:
            self._began = now
            self._spent.clear()
