"""The values that the store's tests hand in, with everything filled in that a test does not speak of."""

from itertools import count
from typing import Any, TypeAlias

import msgspec

from esteio.core.messages.outbox import SendSettlement
from esteio.core.messages.transitions import STATE_AFTER, Event
from esteio.core.model.content import Content
from esteio.core.model.evidence import seen
from esteio.core.model.ids import MessageId, ServerName, SessionId, SessionName
from esteio.core.model.message import AttemptRecord, Message
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.core.model.state import Gate
from esteio.store.base import DecisionCommit, NewMessage, SendClaim, SendQuota
from esteio.store.postgres import PostgresStore
from esteio.store.sqlite import SqliteStore
from tests.narrowing import not_none

NOW = 1_800_000_000.0

AnyStore: TypeAlias = SqliteStore | PostgresStore


class Make:
    """Numbers its messages."""

    now = NOW

    def __init__(self) -> None:
        self._numbers = count(1)

    async def server(self, store: AnyStore, name: str = "sv", **changes: Any) -> Server:
        server = Server(name=ServerName(name), kind="evolution", base_url="http://provider", **changes)
        await store.servers.add(server, b"sealed", NOW)
        return server

    async def session(
        self,
        store: AnyStore,
        name: str = "s1",
        *,
        server: str = "sv",
        gate: Gate = "open",
        **changes: Any,
    ) -> Session:
        if await store.servers.get(ServerName(server)) is None:
            await self.server(store, server)
        row = Session(
            id=SessionId(0),
            name=SessionName(name),
            server=ServerName(server),
            kind="evolution",
            created_at=NOW,
            gate=gate,
            **changes,
        )
        return await store.sessions.add(row, f"token-{name}", b"sealed", NOW, [], [])

    def message(
        self, session: Session, chat: str = "5511988887777", text: str = "oi", at: float = NOW, **changes: Any
    ) -> Message:
        values = {
            "id": MessageId(f"msg_{next(self._numbers):06d}"),
            "session_id": session.id,
            "session": session.name,
            "direction": "out",
            "chat": chat,
            "to": chat,
            "content": Content(kind="text", text=text),
            "state": "queued",
            "created_at": at,
            "updated_at": at,
        }
        return Message(**{**values, **changes})

    async def accept(self, store: AnyStore, session: Session, *args: Any, **changes: Any) -> Message:
        answer = await store.messages.accept(NewMessage(self.message(session, *args, **changes)))
        assert answer.result == "new"
        return not_none(answer.message)

    async def claim(
        self,
        store: AnyStore,
        now: float = NOW,
        limit: int = 100,
        cap: int = 100,
        lease_s: float = 60.0,
        *,
        node: int | None = None,
    ) -> list[SendClaim]:
        return list(await store.outbox.claim(now, limit, lease_s, SendQuota(each=cap), node=node))

    def settle(self, claim: SendClaim, event: Event = "accepted", at: float = NOW, **changes: Any) -> SendSettlement:
        state = STATE_AFTER[event]
        if state == "sent":
            changes.setdefault("provider_id", f"P-{claim.message.id}")
            changes.setdefault("sent_at", at)
        changes.setdefault("attempt", AttemptRecord(at, state))
        return SendSettlement(claim.message.id, claim.message.session_id, claim.fence, event, at, **changes)

    async def doubted(self, store: AnyStore, session: Session, *args: Any, **changes: Any) -> Message:
        """A message in doubt, by the way it really gets there."""
        message = await self.accept(store, session, *args, **changes)
        claims = await self.claim(store)
        mine = [claim for claim in claims if claim.message.id == message.id]
        assert await store.outbox.settle([self.settle(mine[0], "doubted", due_at=NOW + 5)]) == [True]
        return message

    async def commit(self, store: AnyStore, session: Session, **changes: Any) -> Session:
        """Write the session's row as a decision, with its version as it now is."""
        fresh = await store.sessions.by_id(session.id)
        decided = msgspec.structs.replace(not_none(fresh), **changes)
        assert await store.decisions.commit_session(DecisionCommit(session=decided))
        return not_none(await store.sessions.by_id(session.id))

    seen = staticmethod(seen)
