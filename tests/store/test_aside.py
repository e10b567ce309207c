"""A message in doubt that is set aside: its chat goes on, it is still found, and it never goes behind what has gone."""

from collections.abc import Callable
from typing import Any

import msgspec

from esteio.core.messages.outbox import SendSettlement
from esteio.core.model.content import Content
from esteio.core.model.inbound import ReceivedMessage, SendEcho
from esteio.core.model.message import Message
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.store.base import InboxSettlement
from tests.narrowing import not_none
from tests.store.make import AnyStore, Make

NOW = 1_800_000_000.0
AFTER = NOW + 200
HELD = Reason("in-doubt-held")


async def aside(store: AnyStore, make: Make, session: Session, **changes: Any) -> tuple[Message, SendSettlement]:
    message = await make.doubted(store, session, **changes)
    doubt = SendSettlement(message.id, session.id, 0, "set_aside", AFTER, due_at=AFTER + 300, reason=HELD)
    assert await store.doubts.settle(doubt)
    return message, doubt


async def echo(store: AnyStore, session: Session, text: str, at: float, provider_id: str = "P9") -> bool:
    event = SendEcho(provider_id, "5511988887777", at, Content("text", text))
    return (await store.inbox.settle(InboxSettlement(0, session.id, at, True, (event,)))).settled_sends


async def test_the_chat_goes_on_and_who_listens_is_told(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, _ = await aside(store, make, session, text="um")
    second = await make.accept(store, session, text="dois")
    told = [(e.data["state"], e.data["reason"]["code"]) for e in await store.events.page(0, 10) if e.data["reason"]]
    assert told == [("in_doubt", "in-doubt-held")]
    (claim,) = await make.claim(store, AFTER)
    assert claim.message.id == second.id
    third = await make.accept(store, session, text="três")
    assert await make.claim(store, AFTER) == [], "one at a time, as ever"
    assert await store.outbox.settle([make.settle(claim, at=AFTER)]) == [True]
    assert [one.message.id for one in await make.claim(store, AFTER)] == [third.id]
    assert not_none(await store.messages.get(first.id)).state == "in_doubt"


async def test_it_stays_aside_and_is_looked_for_when_due(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, doubt = await aside(store, make, session)
    second = await make.accept(store, session)
    (claim,) = await make.claim(store, AFTER, lease_s=400)
    assert list(await store.doubts.due(AFTER + 299, 10)) == []
    assert [one.id for one in await store.doubts.due(AFTER + 300, 10)] == [first.id]
    before = len(await store.events.page(0, 100))
    again = msgspec.structs.replace(doubt, event="not_found", at=AFTER + 300, due_at=AFTER + 900)
    assert await store.doubts.settle(again), "though another one of its chat is under way"
    assert len(await store.events.page(0, 100)) == before
    assert await store.outbox.settle([make.settle(claim, "doubted", at=AFTER + 301, due_at=AFTER + 306)]) == [True]
    assert {one.id for one in await store.doubts.due(AFTER + 900, 10)} == {first.id, second.id}
    await make.accept(store, session)
    assert await make.claim(store, AFTER + 900) == [], "the second doubt is in the way: it may still be resolved"


async def test_it_is_queued_again_only_while_nothing_has_overtaken_it(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, doubt = await aside(store, make, session)
    queued = msgspec.structs.replace(doubt, event="not_sent", due_at=AFTER, reason=Reason("x"))
    other = await make.accept(store, session, chat="5511900000000")
    waiting = await make.accept(store, session)
    claims = {one.message.id: one for one in await make.claim(store, AFTER)}
    assert set(claims) == {other.id, waiting.id}
    assert await store.doubts.overtaken(first.id), "under way: it may have gone"
    assert not await store.doubts.settle(queued)
    assert not_none(await store.messages.get(first.id)).state == "in_doubt"
    back = make.settle(claims[waiting.id], "not_sent", at=AFTER, due_at=AFTER)
    assert await store.outbox.settle([back, make.settle(claims[other.id], at=AFTER)]) == [True, True]
    assert not await store.doubts.overtaken(first.id), "it did not go after all, and another chat does not count"
    assert await store.doubts.settle(queued)
    (claim,) = await make.claim(store, AFTER)
    assert claim.message.id == first.id, "in its old place"


async def test_what_was_sent_or_is_itself_in_doubt_has_overtaken(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, doubt = await aside(store, make, session)
    queued = msgspec.structs.replace(doubt, event="not_sent", due_at=AFTER)
    await make.accept(store, session)
    (claim,) = await make.claim(store, AFTER)
    second = claim.message.id
    assert await store.outbox.settle([make.settle(claim, "doubted", at=AFTER, due_at=AFTER)]) == [True]
    assert await store.doubts.overtaken(first.id)
    assert await store.doubts.settle(SendSettlement(second, session.id, 0, "set_aside", AFTER, due_at=AFTER))
    assert await store.doubts.overtaken(first.id)
    assert not await store.doubts.overtaken(second)
    assert await store.doubts.settle(SendSettlement(second, session.id, 0, "found", AFTER, sent_at=AFTER))
    assert await store.doubts.overtaken(first.id)
    assert not await store.doubts.settle(queued)
    failed = msgspec.structs.replace(queued, event="failed", reason=Reason("not-sent-overtaken"))
    assert await store.doubts.settle(failed)
    assert not_none(await store.messages.retry(first.id, AFTER)).state == "queued", "a person may"
    assert [one.message.id for one in await make.claim(store, AFTER)] == [first.id]


async def test_settling_it_lets_nobody_past_the_one_under_way(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, _ = await aside(store, make, session)
    for _ in range(2):
        await make.accept(store, session)
    (claim,) = await make.claim(store, AFTER)
    assert await store.doubts.settle(SendSettlement(first.id, session.id, 0, "found", AFTER, sent_at=AFTER))
    assert await make.claim(store, AFTER) == []
    assert await store.outbox.settle([make.settle(claim, at=AFTER)]) == [True]
    assert len(await make.claim(store, AFTER)) == 1


async def test_what_was_typed_on_the_phone_overtakes_nobody(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, _ = await aside(store, make, session, text="um")
    typed = ReceivedMessage("T1", "5511988887777", "me", AFTER, Content("text", "outra coisa"), from_me=True)
    await store.inbox.settle(InboxSettlement(0, session.id, AFTER, True, (typed,)))
    assert not await store.doubts.overtaken(first.id)


async def test_an_echo_belongs_to_what_is_under_way_before_what_was_set_aside(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, _ = await aside(store, make, session, text="ok")
    second = await make.accept(store, session, text="ok")
    await make.claim(store, AFTER)
    assert await echo(store, session, "ok", AFTER + 1)
    assert [not_none(await store.messages.get(one.id)).state for one in (first, second)] == ["in_doubt", "sent"]


async def test_a_late_echo_settles_it_and_a_later_one_is_another_message(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, _ = await aside(store, make, session, text="ok")
    assert not await echo(store, session, "ok", AFTER + 61, "P8")
    assert not_none(await store.messages.get(first.id)).state == "in_doubt"
    assert await echo(store, session, "ok", NOW + 3)
    assert not_none(await store.messages.get(first.id)).state == "sent"
    assert not_none(await store.messages.get(first.id)).provider_id == "P9"


async def test_a_retry_puts_it_back_in_the_way(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, _ = await aside(store, make, session)
    second = await make.accept(store, session)
    assert not_none(await store.messages.retry(first.id, AFTER)).state == "queued"
    (claim,) = await make.claim(store, AFTER)
    assert claim.message.id == first.id
    assert await store.outbox.settle([make.settle(claim, "doubted", at=AFTER, due_at=AFTER + 5)]) == [True]
    assert await make.claim(store, AFTER + 9) == [], "this doubt is a new one"
    assert not_none(await store.messages.get(second.id)).state == "queued"


async def test_it_survives_a_restart(file_store: Callable[[], AnyStore], make: Make) -> None:
    store = file_store()
    await store.start(NOW)
    session = await make.session(store)
    first, _ = await aside(store, make, session)
    second = await make.accept(store, session)
    await make.claim(store, AFTER)
    await store.aclose()
    store = file_store()
    await store.start(AFTER + 1)
    assert [not_none(await store.messages.get(one.id)).state for one in (first, second)] == ["in_doubt", "in_doubt"]
    assert not_none(await store.messages.get(first.id)).reason == HELD
    assert not_none(await store.messages.get(second.id)).reason == Reason("in-doubt")
    assert await store.doubts.overtaken(first.id)
    await store.aclose()


async def test_who_is_erased_is_not_kept_in_doubt(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    first, _ = await aside(store, make, session)
    await store.contacts.erase(session.id, (first.chat, first.chat), "erased-1", AFTER)
    assert not_none(await store.messages.get(first.id)).state == "failed"
