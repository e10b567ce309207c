"""A parked message: sent, and perhaps still in the provider's own queue. Its chat waits until it is said to be out."""

from pathlib import Path
from typing import Any

import pytest

from esteio.core.messages.outbox import SendSettlement
from esteio.core.messages.provider_queue import QueueSettlement
from esteio.core.model.content import Content
from esteio.core.model.ids import MessageId, SessionName
from esteio.core.model.inbound import AckState, InboundEvent, Receipt, ReceivedMessage, SendEcho
from esteio.core.model.message import AttemptRecord
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.store.base import DecisionCommit, InboxSettlement
from esteio.store.sqlite import SqliteStore
from tests.narrowing import not_none
from tests.store.make import AnyStore, Make

NOW = 1_800_000_000.0
CHAT = "5511988887777"
SHOWN = Reason("in-its-queue")


async def parked(store: AnyStore, make: Make, session: Session, **changes: Any) -> tuple[MessageId, MessageId]:
    """One message that was handed over, and one of its chat behind it."""
    first = await make.accept(store, session, text="um", **changes)
    (claim,) = await make.claim(store)
    second = await make.accept(store, session, text="dois", **changes)
    done = make.settle(claim, "queued_at_provider", provider_id="P1", due_at=NOW + 3)
    assert await store.outbox.settle([done]) == [True]
    return first.id, second.id


async def hears(store: AnyStore, session: Session, *events: InboundEvent, at: float = NOW + 1) -> bool:
    return (await store.inbox.settle(InboxSettlement(0, session.id, at, True, events))).settled_sends


async def goes(store: AnyStore, make: Make, at: float = NOW + 1) -> list[str]:
    return [claim.message.id for claim in await make.claim(store, at)]


def receipt(state: AckState, provider_id: str = "P1") -> Receipt:
    return Receipt(provider_id, state, NOW + 1)


def echo(provider_id: str = "P1", text: str = "outra coisa") -> SendEcho:
    return SendEcho(provider_id, CHAT, NOW + 1, Content("text", text))


def from_phone() -> ReceivedMessage:
    return ReceivedMessage("P1", CHAT, "5511999990001", NOW + 1, Content("text", "um"), from_me=True)


async def reason(store: AnyStore, message_id: MessageId) -> str | None:
    found = not_none(await store.messages.get(message_id)).reason
    return found.code if found else None


async def test_its_chat_waits_and_no_other_does(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, _ = await parked(store, make, session)
    found = await store.messages.get(first)
    assert found is not None
    assert (found.state, found.provider_queued_at, found.due_at) == ("sent", NOW, NOW + 3)
    other = await make.accept(store, session, chat="5511977776666")
    assert await goes(store, make, NOW + 90_000) == [other.id]


async def test_the_next_look_is_known_while_its_session_can_send(store: AnyStore, make: Make) -> None:
    session, shut = await make.session(store), await make.session(store, name=SessionName("fechada"))
    assert await store.provider_queue.next_due() is None
    await parked(store, make, shut)
    first, _ = await parked(store, make, session)
    assert await store.provider_queue.settle([QueueSettlement(first, "queue_shows", NOW + 3, NOW + 9, SHOWN)]) == []
    assert await store.provider_queue.next_due() == NOW + 3
    await make.commit(store, shut, gate="held")
    assert await store.provider_queue.next_due() == NOW + 9


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (receipt("server"), "sent"),
        (receipt("device"), "delivered"),
        (receipt("read"), "read"),
        (receipt("error"), "failed"),
        (echo(), "sent"),
        (from_phone(), "sent"),
    ],
    ids=["server", "device", "read", "error", "echo", "typed"],
)
async def test_whoever_says_that_it_is_out_lets_the_chat_go_on_once(
    store: AnyStore, make: Make, event: InboundEvent, state: str
) -> None:
    session = await make.session(store)
    first, second = await parked(store, make, session)
    assert await hears(store, session, event), "or the dispatcher would not look"
    found = await store.messages.get(first)
    assert found is not None
    assert (found.state, found.provider_queued_at) == (state, None)
    assert not await hears(store, session, event), "once"
    assert await goes(store, make) == [second]


@pytest.mark.parametrize("event", [receipt("pending"), receipt("server", "P2"), echo("P2")])
async def test_what_says_nothing_of_it_changes_nothing(store: AnyStore, make: Make, event: InboundEvent) -> None:
    session = await make.session(store)
    first, _ = await parked(store, make, session)
    assert not await hears(store, session, event)
    assert not_none(await store.messages.get(first)).provider_queued_at == NOW
    assert await goes(store, make) == []


@pytest.mark.parametrize("event", [receipt("server"), receipt("read"), echo()], ids=["server", "read", "echo"])
async def test_what_was_told_before_the_answer_came_is_never_parked(
    store: AnyStore, make: Make, event: InboundEvent
) -> None:
    session = await make.session(store)
    await make.accept(store, session, text="um")
    (claim,) = await make.claim(store)
    second = await make.accept(store, session, text="dois")
    await hears(store, session, event)
    done = make.settle(claim, "queued_at_provider", provider_id="P1", due_at=NOW + 3)
    assert await store.outbox.settle([done]) == [True]
    assert not_none(await store.messages.get(claim.message.id)).provider_queued_at is None
    assert await goes(store, make) == [second.id]


async def test_a_doubt_that_lies_in_the_queue_is_parked_too(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first = await make.doubted(store, session, text="um")
    second = await make.accept(store, session, text="dois")
    found = SendSettlement(
        first.id, session.id, 0, "queued_at_provider", NOW + 9, provider_id="P1", due_at=NOW + 12, sent_at=NOW
    )
    assert await store.doubts.settle(found)
    assert await goes(store, make, NOW + 10) == []
    await hears(store, session, receipt("server"))
    assert await goes(store, make, NOW + 10) == [second.id]


async def test_it_is_looked_for_when_due_and_only_while_the_session_can_send(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, _ = await parked(store, make, session)
    assert list(await store.provider_queue.due(NOW + 2, 10)) == []
    assert [one.id for one in await store.provider_queue.due(NOW + 3, 10)] == [first]
    assert [one.session for one in await store.provider_queue.due(NOW + 3, 10)] == [session.name]
    await make.commit(store, session, gate="held")
    assert list(await store.provider_queue.due(NOW + 90_000, 10)) == []


async def test_while_it_is_shown_both_say_why_and_then_neither(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, second = await parked(store, make, session)
    for due_at in (NOW + 6, NOW + 12):
        assert await store.provider_queue.settle([QueueSettlement(first, "queue_shows", NOW + 3, due_at, SHOWN)]) == []
    assert [one.id for one in await store.provider_queue.due(NOW + 12, 10)] == [first]
    assert list(await store.provider_queue.due(NOW + 11, 10)) == []
    assert (await reason(store, first), await reason(store, second)) == ("in-its-queue", "behind-its-queue")
    before = len(await store.events.page(0, 100))
    assert await store.provider_queue.settle([QueueSettlement(first, "queue_left", NOW + 12)]) == [first]
    assert (await reason(store, first), await reason(store, second)) == (None, None)
    assert len(await store.events.page(0, 100)) == before, "nothing has happened to it"
    assert await store.provider_queue.settle([QueueSettlement(first, "queue_left", NOW + 12)]) == []
    assert await goes(store, make, NOW + 12) == [second]


@pytest.mark.parametrize("event", [receipt("server"), receipt("device"), echo()], ids=["server", "device", "echo"])
async def test_who_waited_says_so_no_more_when_it_is_out(store: AnyStore, make: Make, event: InboundEvent) -> None:
    session = await make.session(store)
    first, second = await parked(store, make, session)
    await store.provider_queue.settle([QueueSettlement(first, "queue_shows", NOW + 3, NOW + 6, SHOWN)])
    await hears(store, session, event, at=NOW + 4)
    assert (await reason(store, first), await reason(store, second)) == (None, None)


async def test_a_reason_of_its_own_stays(store: AnyStore, make: Make) -> None:
    """It waits for two things; the other one (here 463) looks for its own words later."""
    session = await make.session(store)
    first, second = await parked(store, make, session)
    held = '{"code":"held-463"}'
    await store.database.write(lambda db: db.run("message_wait", {"seq": 2, "due_at": NOW + 9000, "reason": held}))
    await store.provider_queue.settle([QueueSettlement(first, "queue_shows", NOW + 3, NOW + 6, SHOWN)])
    await store.provider_queue.settle([QueueSettlement(first, "queue_left", NOW + 6)])
    assert await reason(store, second) == "held-463"


async def test_when_it_is_given_up_who_listens_is_told(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, second = await parked(store, make, session)
    passed = QueueSettlement(
        first,
        "queue_given_up",
        NOW + 60,
        None,
        Reason("passed-in-queue"),
        AttemptRecord(NOW + 60, "looked: queue"),
    )
    assert await store.provider_queue.settle([passed]) == [first]
    told = [(e.data["state"], e.data["reason"]["code"]) for e in await store.events.page(0, 10) if e.data["reason"]]
    assert told == [("sent", "passed-in-queue")]
    assert [one.outcome for one in await store.messages.attempts(first)] == ["sent", "looked: queue"]
    assert await goes(store, make, NOW + 60) == [second]
    assert not await hears(store, session, receipt("server")), "nobody waits for it any more"
    await hears(store, session, receipt("device"))
    assert (not_none(await store.messages.get(first)).state, await reason(store, first)) == (
        "delivered",
        None,
    )


async def test_when_the_gate_opens_it_is_looked_for_at_once(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, _ = await parked(store, make, session)
    await store.provider_queue.settle([QueueSettlement(first, "queue_shows", NOW + 3, NOW + 60, SHOWN)])
    fresh = await store.sessions.by_id(session.id)
    assert await store.decisions.commit_session(DecisionCommit(session=not_none(fresh), doubts_due=NOW + 5))
    assert [one.id for one in await store.provider_queue.due(NOW + 5, 10)] == [first]


async def test_it_is_parked_still_after_a_kill(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "e.db"
    store = SqliteStore(path, inline=True)
    await store.start(NOW)
    session = await make.session(store)
    first, second = await parked(store, make, session)
    await store.aclose()
    again = SqliteStore(path, inline=True)
    await again.start(NOW + 5)
    assert await goes(again, make, NOW + 5) == []
    assert [one.id for one in await again.provider_queue.due(NOW + 5, 10)] == [first]
    await hears(again, session, receipt("server"))
    assert await goes(again, make, NOW + 5) == [second]
    await again.aclose()


async def test_who_is_erased_leaves_no_chat_that_waits(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, _ = await parked(store, make, session)
    await store.contacts.erase(session.id, (CHAT, CHAT), "erased-1", NOW + 5)
    assert not_none(await store.messages.get(first)).provider_queued_at is None
    fresh = await make.accept(store, session, text="outra vida")
    assert await goes(store, make, NOW + 6) == [fresh.id]
