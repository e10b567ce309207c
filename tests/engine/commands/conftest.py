"""What a command object is made of, without an engine: a store in memory, a clock that a test sets, fakes of two ports.

`Parts` is handed to a test's coroutine by `with_parts`. Never lives here: a provider, a worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import MessageId, ServerName, SessionId, SessionName
from esteio.core.model.message import Message
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.engine.audit.audit_log import AuditLog
from esteio.store.base import DecisionCommit
from esteio.store.sqlite import SqliteStore
from esteio.vault import Vault, new_key

NOW = 1_800_000_000.0


class SetClock:
    """Stands still until a test sets it; ids and tokens count."""

    def __init__(self) -> None:
        self.time, self._made = NOW, 0

    def now(self) -> float:
        return self.time

    def new_id(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}_{self._made:026d}"

    def token(self) -> str:
        self._made += 1
        return f"token-{self._made}"


class Woken:
    """A `Wakeups` that remembers who was woken, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, SessionId | ServerName | None]] = []

    def session(self, session_id: SessionId) -> None:
        self.calls.append(("session", session_id))

    def server(self, name: ServerName) -> None:
        self.calls.append(("server", name))

    def sends(self) -> None:
        self.calls.append(("sends", None))

    def work(self) -> None:
        self.calls.append(("work", None))

    def inbox(self) -> None:
        self.calls.append(("inbox", None))

    def deliveries(self) -> None:
        self.calls.append(("deliveries", None))


class NoWait:
    """A `Waiter` that looks once: `meanwhile` is what the engine does before that look."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self.waited: list[float] = []

    async def _pause(self, timeout_s: float) -> None:
        self.waited.append(timeout_s)
        if self.meanwhile is not None:
            await self.meanwhile()

    async def wait_session(self, session_id: SessionId, done: Callable[[Session], bool], timeout_s: float) -> Session:
        await self._pause(timeout_s)
        session = await self._store.sessions.by_id(session_id)
        assert session is not None
        return session

    async def wait_message(self, message_id: MessageId, timeout_s: float) -> Message:
        await self._pause(timeout_s)
        message = await self._store.messages.get(message_id)
        assert message is not None
        return message

    async def wait_look(self, session_id: SessionId, look: Callable[[], Awaitable[bool]], timeout_s: float) -> bool:
        await self._pause(timeout_s)
        return await look()


class Parts:
    """What the objects are made of, and how a test sees what they did."""

    def __init__(self) -> None:
        self.store, self.clock, self.woken = SqliteStore.memory(), SetClock(), Woken()
        self.waiter = NoWait(self.store)
        self.audit = AuditLog(self.store.audit, Vault(new_key().encode()), self.clock, keep_s=0)

    async def session(self, name: str = "loja", **changes: object) -> Session:
        """A stored session of the server `prov`; `changes` are committed as a decision would."""
        if await self.store.servers.get(ServerName("prov")) is None:
            await self.store.servers.add(Server(ServerName("prov"), "evolution", "http://prov.test"), b"", NOW)
        new = Session(
            id=SessionId(0),
            name=SessionName(name),
            server=ServerName("prov"),
            kind="evolution",
            created_at=NOW,
            since=NOW,
            gate_since=NOW,
        )
        session = await self.store.sessions.add(new, f"token-of-{name}", b"", NOW, (), ())
        return session if not changes else await self.judged(session, **changes)

    async def judged(self, session: Session, **changes: object) -> Session:
        """The same session after a decision that changed these fields."""
        now_stored = await self.store.sessions.by_id(session.id)
        assert now_stored is not None
        changed = msgspec.structs.replace(now_stored, **changes)
        assert await self.store.decisions.commit_session(DecisionCommit(session=changed))
        after = await self.store.sessions.by_id(session.id)
        assert after is not None
        return after

    async def evidence(self, session: Session) -> list[Evidence]:
        """What waits for the judge."""
        view = await self.store.decisions.session_view(session.id, self.clock.now())
        assert view is not None
        return [one.evidence for one in view.new_evidence]


WithParts = Callable[[Callable[[Parts], Awaitable[None]]], None]


@pytest.fixture
def with_parts() -> WithParts:
    """Runs `async def test(parts)` in a loop of its own, and closes the store."""

    def runner(test: Callable[[Parts], Awaitable[None]]) -> None:
        async def whole() -> None:
            parts = Parts()
            await parts.store.start(NOW)
            await parts.audit.begin()
            try:
                await test(parts)
            finally:
                await parts.store.aclose()

        asyncio.run(whole())

    return runner
