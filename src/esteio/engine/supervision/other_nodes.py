"""What other nodes wrote, looked for once a second: evidence about our sessions, servers' weather, work and webhooks.

A hint (`NOTIFY`) may come sooner; whatever is written is found here without one. Where we are alone nothing of this
runs. Never lives here: a decision, a write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.server import UNUSABLE, Server
from esteio.core.model.session import Session
from esteio.core.nodes.chores import of_server
from esteio.engine.supervision.memory import Memory
from esteio.log import logger
from esteio.store.base import StoreFull
from esteio.store.ports.sessions import Decisions, Servers, Sessions

POLL_S = 1.0
LOOKS_APART_S = 0.1
"""However many hints come."""
AT_ONCE = 200
"""Sessions woken in one turn of the loop, and read by one question."""

log = logger("nodes")


class Judgements(Protocol):
    """Judges sessions and servers (`scheduler`)."""

    def heard(self, key: SessionId | ServerName) -> None:
        """Evidence was stored by somebody: it is judged, unless it is about to be."""
        ...

    @property
    def room(self) -> int:
        """How many more sessions may be judged now."""
        ...

    def taken(self) -> None:
        """Sessions have come to us: what is due, or waits for news that nobody here has heard, is judged soon."""
        ...


class OtherNodes:
    """Looks for what others wrote. `workers` are woken each time; `server_read` hears of every server whose row is
    another, `session_read` of every session that has come to us."""

    def __init__(
        self,
        decisions: Decisions,
        servers: Servers,
        sessions: Sessions,
        *,
        memory: Memory,
        judgements: Judgements,
        workers: Sequence[Callable[[], None]],
        server_read: Callable[[Server], None],
        session_read: Callable[[Session], None],
    ) -> None:
        self._decisions, self._servers, self._sessions, self._memory = decisions, servers, sessions, memory
        self._judgements, self._workers = judgements, workers
        self._server_read, self._session_read = server_read, session_read
        self._news: dict[SessionId | ServerName, int] = {}
        self._rows: dict[ServerName, Server] = {}
        self._taken: list[SessionId] = []
        self._hinted = asyncio.Event()
        memory.leases.on_taken(self._take)

    def __repr__(self) -> str:
        return f"OtherNodes(news={len(self._news)})"

    def _take(self, sessions: Sequence[SessionId]) -> None:
        """What came to us is judged soon: nothing of it is in memory here."""
        self._taken += sessions
        if sessions:
            self._judgements.taken()

    def hear(self) -> None:
        """Another node has written something."""
        self._hinted.set()

    async def run(self) -> None:
        """Looks, for ever. A database that is away ends nothing."""
        while True:
            await asyncio.sleep(LOOKS_APART_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hinted.wait(), POLL_S - LOOKS_APART_S)
            self._hinted.clear()
            try:
                if self._memory.leases.node:
                    await self.look()
            except StoreFull:
                log.warning("store.full")

    async def look(self) -> None:
        """One look."""
        await self._look_at_servers()
        await self._look_for_news()
        await self._look_at_taken()
        self._memory.leases.look()
        for wake in self._workers:
            wake()

    async def _look_at_taken(self) -> None:
        while self._taken:
            taken, self._taken = self._taken[:AT_ONCE], self._taken[AT_ONCE:]
            for session in await asyncio.gather(*(self._sessions.by_id(one) for one in taken)):
                if session is not None:
                    self._session_read(session)

    async def _look_for_news(self) -> None:
        found = await self._decisions.with_news(self._memory.leases.node or 0)
        # What is another's is heard when it has come to us.
        news = {key: seq for key, seq in found.items() if self._is_ours(key)}  # guard: anothers-news-heard-later
        heard = {key: seq for key, seq in self._news.items() if news.get(key) == seq}
        # After a start thousands have news: what finds no room now is heard the next time.
        unheard = sorted((key for key in news if key not in heard), key=lambda key: isinstance(key, int))
        for key in unheard[: max(0, self._judgements.room)]:  # guard: news-judged-at-once
            if isinstance(key, int):
                # It may be that its address or a secret was changed.
                self._memory.drop_endpoint(SessionId(key))
            heard[key] = news[key]
            self._judgements.heard(key)
        self._news = heard

    def _is_ours(self, key: SessionId | ServerName) -> bool:
        leases = self._memory.leases
        return leases.holds(SessionId(key)) if isinstance(key, int) else leases.does(of_server(key))

    async def _look_at_servers(self) -> None:
        for stored in await self._servers.all():
            server = stored.server
            before = self._rows.get(server.name)
            if before is None or before.row_version != server.row_version:
                self._rows[server.name] = server
                self._memory.drop_server_endpoint(server.name)
                self._server_read(server)
                if not self._memory.leases.does(of_server(server.name)):
                    await self._follow(before, server)

    async def _follow(self, before: Server | None, server: Server) -> None:
        """Its weather is told by another node: our sessions there are judged under it."""
        self._memory.server(server.name).troubled = bool(server.facts.failures) or server.health in UNUSABLE
        if before is None or _weather(before) == _weather(server):
            return
        for place, session in enumerate(self._memory.judged(server.name)):
            if place % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
            self._judgements.heard(session.id)


def _weather(server: Server) -> tuple[object, ...]:
    """What of a server's row its sessions are judged under (`core.judge.server`)."""
    return server.health, server.facts.booted_at, server.incident
