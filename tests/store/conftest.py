"""The store's suite is written once over the protocol; every dialect joins by one more parameter of `store`.

Tests are coroutines, run in one loop with their store. `make` builds the values they hand in.
"""

import asyncio
import inspect
from itertools import count

import pytest

from esteio.core.messages.outbox import SendSettlement
from esteio.core.messages.transitions import STATE_AFTER
from esteio.core.model.content import Content
from esteio.core.model.evidence import seen
from esteio.core.model.ids import MessageId
from esteio.core.model.message import AttemptRecord, Message
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.store.base import DecisionCommit, NewMessage, SendQuota
from esteio.store.sqlite import SqliteStore

NOW = 1_800_000_000.0


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    pyfuncitem.funcargs["runner"].run(pyfuncitem.obj(**wanted))
    return True


@pytest.fixture(autouse=True)
def runner():
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(params=["memory", "inline", "thread"])
def store(request, tmp_path, runner):
    path = ":memory:" if request.param == "memory" else tmp_path / "esteio.db"
    made = SqliteStore(path, inline=request.param != "thread")
    runner.run(made.start(NOW))
    yield made
    runner.run(made.aclose())


@pytest.fixture(params=["inline", "thread"])
def file_store(request, tmp_path):
    """Makes stores over one file, one after the other: for what must survive a restart."""
    return lambda: SqliteStore(tmp_path / "esteio.db", inline=request.param == "inline")


class Make:
    """Values with everything filled in that a test does not speak of."""

    now = NOW

    def __init__(self):
        self._numbers = count(1)

    async def server(self, store, name="sv", **changes):
        server = Server(name=name, kind="evolution", base_url="http://provider", **changes)
        await store.servers.add(server, b"sealed", NOW)
        return server

    async def session(self, store, name="s1", *, server="sv", gate="open", **changes):
        if await store.servers.get(server) is None:
            await self.server(store, server)
        row = Session(id=0, name=name, server=server, kind="evolution", created_at=NOW, gate=gate, **changes)
        return await store.sessions.add(row, f"token-{name}", b"sealed", NOW, [], [])

    def message(self, session, chat="5511988887777", text="oi", at=NOW, **changes):
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

    async def accept(self, store, session, *args, **changes):
        answer = await store.messages.accept(NewMessage(self.message(session, *args, **changes)))
        assert answer.result == "new"
        return answer.message

    async def claim(self, store, now=NOW, limit=100, cap=100, lease_s=60.0):
        return await store.outbox.claim(now, limit, lease_s, SendQuota(each=cap))

    def settle(self, claim, event="accepted", at=NOW, **changes):
        state = STATE_AFTER[event]
        if state == "sent":
            changes.setdefault("provider_id", f"P-{claim.message.id}")
            changes.setdefault("sent_at", at)
        changes.setdefault("attempt", AttemptRecord(at, state))
        return SendSettlement(claim.message.id, claim.message.session_id, claim.fence, event, at, **changes)

    async def doubted(self, store, session, *args, **changes):
        """A message in doubt, by the way it really gets there."""
        message = await self.accept(store, session, *args, **changes)
        claims = await self.claim(store)
        mine = [claim for claim in claims if claim.message.id == message.id]
        assert await store.outbox.settle([self.settle(mine[0], "doubted", due_at=NOW + 5)]) == [True]
        return message

    async def commit(self, store, session, **changes):
        """Write the session's row as a decision, with its version as it now is."""
        fresh = await store.sessions.by_id(session.id)
        import msgspec

        decided = msgspec.structs.replace(fresh, **changes)
        assert await store.decisions.commit_session(DecisionCommit(session=decided))
        return await store.sessions.by_id(session.id)

    seen = staticmethod(seen)


@pytest.fixture
def make():
    return Make()
