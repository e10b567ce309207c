"""The table of moves that is tested in `core.messages.transitions` is the one that runs: every event, in every stage.

Each case puts a message into a stage by its row, lets one event happen through the store, and compares the stage that
the row then has with the table's; where the table has no move, the whole row stays as it was.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, cast, get_args

import pytest

from esteio.core.messages.outbox import SendSettlement
from esteio.core.messages.provider_queue import QueueSettlement
from esteio.core.messages.transitions import Event, Stage, after, stage_of
from esteio.core.model.inbound import AckState, InboundEvent, Receipt, SendEcho
from esteio.core.model.message import Message, MessageState
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.store.base import DecisionCommit, InboxSettlement, SendQuota
from esteio.store.sql import rows
from esteio.store.sql.messages.outbox import doubt_sending
from esteio.store.sql.nodes.takeover import Scope
from esteio.store.sqlite import SqliteStore
from tests.narrowing import not_none
from tests.store.make import Make

NOW = 1_800_000_000.0
CHAT = "5511988887777"
ROW = {
    "queued": "state = 'queued', due_at = 0",
    "sending": "state = 'sending', lease_until = 9e9, claimed_at = 0, fence = 1",
    "in_doubt": "state = 'in_doubt', doubt_since = 0, due_at = 0",
    "set_aside": "state = 'in_doubt', doubt_since = 0, due_at = 0, set_aside_at = 9e9",
    "sent": "state = 'sent'",
    "provider_queued": "state = 'sent', provider_queued_at = 0, due_at = 0",
    "delivered": "state = 'delivered'",
    "read": "state = 'read'",
    "failed": "state = 'failed'",
    "expired": "state = 'expired'",
    "cancelled": "state = 'cancelled'",
}
OF_ATTEMPTS = {"accepted", "doubted"}
OF_DOUBTS = {"found", "not_found", "set_aside", "resent"}
RECEIPTS: dict[Event, AckState] = {
    "receipt_server": "server",
    "receipt_device": "device",
    "receipt_read": "read",
    "receipt_error": "error",
}
OF_BOTH = {"queued_at_provider", "not_sent", "too_late", "failed"}


@pytest.fixture
def store(runner: asyncio.Runner) -> Iterator[SqliteStore]:
    made = SqliteStore(":memory:", inline=True)
    runner.run(made.start(NOW))
    yield made
    runner.run(made.aclose())


def whole_row(store: SqliteStore) -> dict[str, Any]:
    """But for when WhatsApp's server told that it has the message: that is noted beside, whatever the state."""
    connection = store.database.db.connection
    ((row,),) = [connection.execute("SELECT * FROM messages").fetchall()]
    names = [str(name) for (name,) in connection.execute("SELECT name FROM pragma_table_info('messages') ORDER BY cid")]
    return {name: value for name, value in zip(names, row, strict=True) if name != "server_ack_at"}


def stage_now(store: SqliteStore) -> str:
    found = store.database.db.connection.execute(
        "SELECT state, set_aside_at, provider_queued_at FROM messages"
    ).fetchall()
    ((state, aside, parked),) = cast("list[tuple[MessageState, float | None, float | None]]", found)
    return stage_of(state, aside=aside is not None, provider_queued=parked is not None)


async def happens(store: SqliteStore, session: Session, message: Message, event: Event, *, under_way: bool) -> None:
    """One event, by the way in which the gateway lets it happen."""
    told: dict[str, Any] = {"provider_id": "P", "due_at": NOW + 9, "doubt_since": NOW, "reason": Reason("x")}
    if event in RECEIPTS:
        await comes(store, session, Receipt("P", RECEIPTS[event], NOW))
    elif event == "echo_seen":
        await comes(store, session, SendEcho("P", CHAT, NOW, message.content))
    elif event.startswith("queue_"):
        due_at = NOW + 3 if event == "queue_shows" else None
        await store.provider_queue.settle([QueueSettlement(message.id, event, NOW, due_at, Reason("x"))])
    elif event not in OF_ATTEMPTS | OF_DOUBTS | OF_BOTH:
        await OTHERS[event](store, session, message)
    elif under_way:
        await store.outbox.settle([SendSettlement(message.id, session.id, 1, event, NOW, **told)])
    else:
        await store.doubts.settle(SendSettlement(message.id, session.id, 0, event, NOW, **told))


async def goes_down(store: SqliteStore, session: Session, _: Message) -> None:
    fresh = await store.sessions.by_id(session.id)
    assert await store.decisions.commit_session(DecisionCommit(session=not_none(fresh), fail_queued=Reason("x")))


async def lease_ends(store: SqliteStore, session: Session, _: Message) -> None:
    await store.database.write(lambda db: doubt_sending(db, Scope(everything=True).params, NOW))


async def is_held_back(store: SqliteStore, session: Session, _: Message) -> None:
    await store.database.db.run("message_wait", {"seq": 1, "due_at": 0.0, "reason": rows.to_text(Reason("x"))})


async def is_released(store: SqliteStore, session: Session, _: Message) -> None:
    await store.database.db.run("message_not_behind", {"session_id": session.id, "chat": CHAT, "reason": None})


OTHERS: dict[Event, Callable[[SqliteStore, Session, Message], Awaitable[object]]] = {
    "claimed": lambda store, session, message: store.outbox.claim(NOW, 9, 60, SendQuota()),
    "lease_lost": lease_ends,
    "held_back": is_held_back,
    "released": is_released,
    "expired": lambda store, session, message: store.outbox.expire(NOW, 9),
    "session_down": goes_down,
    "cancelled": lambda store, session, message: store.messages.cancel(message.id, NOW),
    "retried": lambda store, session, message: store.messages.retry(message.id, NOW),
    "erased": lambda store, session, message: store.contacts.erase(session.id, [CHAT], CHAT, NOW),
}


async def comes(store: SqliteStore, session: Session, event: InboundEvent) -> None:
    await store.inbox.settle(InboxSettlement(0, session.id, NOW, True, (event,)))


@pytest.mark.parametrize("event", get_args(Event))
@pytest.mark.parametrize("stage", get_args(Stage))
async def test_the_store_moves_a_message_as_the_table_says(
    store: SqliteStore, make: Make, stage: Stage, event: Event
) -> None:
    session = await make.session(store, gate="held" if event == "session_down" else "open")
    message = await make.accept(
        store, session, CHAT, on_down="fail", expires_at=NOW - 1 if event == "expired" else None
    )
    store.database.db.connection.execute(f"UPDATE messages SET provider_id = 'P', {ROW[stage]}")
    assert stage_now(store) == stage
    before = whole_row(store)
    await happens(store, session, message, event, under_way=stage == "sending" or event in OF_ATTEMPTS)
    following = after(stage, event)
    if following is None:
        assert event == "erased" or whole_row(store) == before, "an illegal move changes nothing"
    assert stage_now(store) == (following or stage)


@pytest.mark.parametrize("event", sorted(OF_DOUBTS | {"cancelled", "queue_left"}))
async def test_an_attempt_is_not_settled_by_what_is_no_outcome_of_one(
    store: SqliteStore, make: Make, event: Event
) -> None:
    session = await make.session(store)
    message = await make.accept(store, session, CHAT)
    (claim,) = await make.claim(store)
    assert await store.outbox.settle([make.settle(claim, event)]) == [False]
    assert not_none(await store.messages.get(message.id)).state == "sending"
