"""Work that leaves the process and is not a message.

See the package for what holds of every method.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from esteio.store.values import Work, WorkSettlement


class WorkQueue(Protocol):
    """Control acts and notices, claimed by lane under a lease with a fencing token."""

    async def claim(
        self, now: float, limit: int, lease_s: float, lanes_busy: frozenset[str], *, node: int | None = None
    ) -> Sequence[Work]:
        """The due head of each free lane, oldest first; each comes back `performing` with its fence and lease."""
        ...

    async def add(self, work: Sequence[Work]) -> None:
        """Rows that a person asked for (a logout or delete at the provider, beside a decision). One whose `dedupe`
        has a row that is not done is left out."""
        ...

    async def settle(self, settlement: WorkSettlement) -> bool:
        """Ends or postpones a claimed row, with its evidence and journal lines; False, and nothing written, for a stale
        fence."""
        ...

    async def next_due(self, *, node: int | None = None) -> float | None:
        """When the next free lane's head falls due, or a lease ends; None without any."""
        ...

    async def get(self, work_id: str) -> Work | None:
        """The row of this id in whatever state, None for an unknown one."""
        ...
