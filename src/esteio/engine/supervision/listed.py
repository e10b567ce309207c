"""What a server's list says of its sessions, handed to whoever judges each of them.

The sessions of a server are spread over nodes, and its list is read by one of them: about its own it tells the judge
directly, about the others by the store. Never lives here: what a row means (`probes.disagreements`), a judgement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName, SessionId
from esteio.engine.supervision.memory import Memory
from esteio.engine.supervision.probes import disagreements
from esteio.log import logger
from esteio.providers.base import InventoryEntry
from esteio.store.base import StoreFull, every_session
from esteio.store.ports.sessions import Sessions

ROWS_AT_ONCE = 200
"""So many rows of a list are followed in one turn of the loop: some milliseconds, and a list may have thousands."""

log = logger("scheduler")


class Listed:
    """`submit` judges what is news about a session that is held here; `keep` stores it for another node."""

    def __init__(
        self,
        sessions: Sessions,
        memory: Memory,
        *,
        submit: Callable[[SessionId, Sequence[Evidence]], None],
        keep: Callable[[SessionId, Sequence[Evidence]], Awaitable[None]],
    ) -> None:
        self._sessions, self._memory, self._submit, self._keep = sessions, memory, submit, keep

    async def tell(self, name: ServerName, rows: Mapping[str, InventoryEntry], now: float) -> None:
        """Passes on what these rows say otherwise than is known."""
        for place, session in enumerate(self._memory.judged(name)):
            if place % ROWS_AT_ONCE == ROWS_AT_ONCE - 1:
                await asyncio.sleep(0)
            hints = disagreements(session, rows, now)
            if hints:
                self._submit(session.id, hints)
        if self._memory.leases.node is not None:
            await self._tell_others(name, rows, now)

    async def _tell_others(self, name: ServerName, rows: Mapping[str, InventoryEntry], now: float) -> None:
        leases = self._memory.leases
        try:
            async for session in every_session(self._sessions, name):
                hints = () if leases.holds(session.id) else disagreements(session, rows, now)
                if hints:
                    await self._keep(session.id, hints)
        except StoreFull:
            log.warning("store.full")
