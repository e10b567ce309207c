"""Weeks of a session's life in every dialect: table by table there is no more in the sixth week than in the third.

The rows are written by the ports that write them in earnest, and forgotten by the engine's own chore; time is a number.
A gateway's whole life in virtual time: `engine/runtime/test_purge`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import psycopg
import pytest

from esteio.config import Retention
from esteio.core.model.content import Content
from esteio.core.model.evidence import seen
from esteio.core.model.ids import ServerName
from esteio.core.model.inbound import Receipt, ReceivedMessage
from esteio.core.model.recovery import Approval, Outage
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.engine import maintenance
from esteio.engine.maintenance import Maintenance
from esteio.store.base import (
    DecisionCommit,
    InboxSettlement,
    JournalEntry,
    NewMessage,
    RawInbound,
    SendQuota,
    Work,
    WorkSettlement,
)
from esteio.store.media import MemoryMediaStore
from esteio.store.postgres import PostgresStore
from tests.narrowing import not_none
from tests.store.make import NOW, AnyStore, Make

DAY = 86_400.0
KEEP = Retention(
    bodies_s=2 * DAY,
    webhooks_s=2 * DAY,
    unreadable_s=2 * DAY,
    history_s=10 * DAY,
    messages_s=10 * DAY,
    timeline_s=5 * DAY,
    dedupe_s=5 * DAY,
)
GROWS = {
    "approvals", "attempts", "idempotency", "inbound_dedupe", "journal", "messages", "nodes", "outages",
    "pending_receipts", "provider_webhooks", "state_changes", "work", "events",
}  # fmt: skip
"""What this life fills day by day."""
OLD_EVENTS_S = 7 * DAY


class Calendar:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> float:
        return self.at


def chores(store: AnyStore, clock: Calendar) -> Maintenance:
    """The engine's own, of which only what forgets is asked."""
    nobody: Any = None
    return Maintenance(
        clock,  # type: ignore[arg-type]  # of a clock it asks only what time it is
        health=store,
        outbox=store.outbox,
        maintenance=store.maintenance,
        media=store.media,
        gaps=nobody,
        acks=nobody,
        silence_watch=nobody,
        media_store=MemoryMediaStore(),
        keep=KEEP,
    )


async def a_day(store: AnyStore, make: Make, session: Session, at: float) -> None:
    await messages_out(store, make, session, at)
    await messages_in(store, session, at)
    await a_fall(store, session, at)
    epoch = (await store.nodes.join("a", "http://a", "1", 6.0, at)).epoch
    await store.nodes.leave(epoch, at)


async def messages_out(store: AnyStore, make: Make, session: Session, at: float) -> None:
    for n in range(3):
        message = make.message(session, chat=f"551190000{n:04d}", at=at)
        await store.messages.accept(NewMessage(message, "api", message.id, "f", at + DAY))
    for claim in await store.outbox.claim(at, 9, 60.0, SendQuota(each=9)):
        assert await store.outbox.settle([make.settle(claim, at=at)]) == [True]


async def messages_in(store: AnyStore, session: Session, at: float) -> None:
    for n in range(3):
        name = f"{at:.0f}-{n}"
        raw = await store.inbox.accept(RawInbound(session.id, "/", {}, b"x" * 50, at))
        came = ReceivedMessage(name, "5511988887777", "5511988887777", at, Content(kind="text", text="oi"))
        events = (came, Receipt(f"unknown-{name}", "read", at))
        proof = (seen("message_received", at, "webhook"),)
        await store.inbox.settle(InboxSettlement(raw, session.id, at, n > 0, events, evidence=proof))


async def a_fall(store: AnyStore, session: Session, at: float) -> None:
    """An outage from its beginning to its end, with an act and a question to a person."""
    name = f"{at:.0f}"
    view = not_none(await store.decisions.session_view(session.id, at))
    outage = Outage(f"out-{name}", at, "ghost")
    asked = Approval(f"ap-{name}", session.id, session.name, "logout", "ghost", Reason("unlinks"), at, outage.id)
    act = Work(f"w-{name}", "s:control", "control", {"rung": "connect"}, at, at, session_id=session.id)
    began = DecisionCommit(
        session=msgspec.structs.replace(view.session, state="error", since=at),
        previous_state=view.session.state,
        folded_through=max((one.seq for one in view.new_evidence), default=0),
        journal=(JournalEntry("decision", at, "outage-started"), JournalEntry("act", at, "connect")),
        outages=(outage,),
        approval=asked,
        work=(act,),
    )
    assert await store.decisions.commit_session(began)
    (claim,) = await store.work.claim(at, 9, 30.0, frozenset())
    assert await store.work.settle(WorkSettlement(claim.id, claim.fence, at, "done"))
    assert await store.approvals.decide(asked.id, "rejected", at + 60, seen("approval_rejected", at + 60, "operator"))
    fresh = not_none(await store.sessions.by_id(session.id))
    ended = DecisionCommit(
        session=msgspec.structs.replace(fresh, state="connected", since=at + 90),
        previous_state="error",
        outages=(msgspec.structs.replace(outage, ended_at=at + 90),),
        journal=(JournalEntry("decision", at + 90, "outage-ended"),),
    )
    assert await store.decisions.commit_session(ended)


async def rows_of(store: AnyStore, url: str | None) -> Mapping[str, int]:
    """How many rows each table has."""
    if isinstance(store, PostgresStore):
        with psycopg.connect(not_none(url)) as connection:
            names = [
                str(name)
                for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ]
            return {name: count_of(connection, name) for name in names}
    database = store.database.db.connection
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return {name: next(iter(database.execute(f'SELECT count(*) FROM "{name}"')))[0] for name in tables}


def count_of(connection: psycopg.Connection, table: str) -> int:
    ((many,),) = connection.execute(f'SELECT count(*) FROM "{table}"'.encode())
    return int(many)


async def test_no_table_grows_over_weeks(
    store: AnyStore, make: Make, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "PIECE_PAUSE_S", 0.0)
    url = request.getfixturevalue("migrated_url") if isinstance(store, PostgresStore) else None
    session = await make.session(store)
    clock = Calendar()
    forgets = chores(store, clock)
    found: list[Mapping[str, int]] = []
    for day in range(42):
        clock.at = NOW + day * DAY
        await a_day(store, make, session, clock.at)
        await forgets._purge()
        await store.delivery.purge(clock.at - OLD_EVENTS_S, clock.at)
        if day % 7 == 6:
            found.append(await rows_of(store, url))
    third, last = found[2], found[-1]
    assert {table for table in GROWS if not third[table]} == set()
    assert {table: (third[table], many) for table, many in last.items() if many > third[table]} == {}
    assert not_none(await store.servers.get(ServerName("sv"))).server.name == "sv"
