"""Messages as the door looks for them: by ids of both kinds, and by what they are."""

from __future__ import annotations

from typing import Any

import pytest

from esteio.core.model.content import Content
from esteio.core.model.inbound import ReceivedMessage
from esteio.store.base import InboxSettlement, MessageFilter
from esteio.store.sql.messages import messages

NOW = 1_800_000_000.0


async def sent(store: Any, make: Any, session: Any, provider_id: str, **more: Any) -> Any:
    message = await make.accept(store, session, **more)
    (claim,) = await make.claim(store)
    assert await store.outbox.settle([make.settle(claim, provider_id=provider_id)]) == [True]
    return message


async def arrived(store: Any, session: Any, provider_id: str, chat: str = "5511988887777") -> None:
    event = ReceivedMessage(provider_id, chat, chat, NOW, Content("text", "Oi"))
    await store.inbox.settle(InboxSettlement(session_id=session.id, raw_id=0, at=NOW, readable=True, events=(event,)))


async def test_by_any_ids_gives_those_of_the_session_each_once(store: Any, make: Any) -> None:
    mine, other = await make.session(store), await make.session(store, "other")
    first = await sent(store, make, mine, "3EB01")
    theirs = await sent(store, make, other, "3EB01")
    waiting = await make.accept(store, mine, text="waits")
    await arrived(store, mine, "IN1")
    ids = [first.id, "3EB01", theirs.id, waiting.id, "IN1", "nobody"]
    found = await store.messages.by_any_ids(mine.id, ids)
    assert [one.id for one in found[:2]] == [first.id, waiting.id]
    assert [(one.direction, one.provider_id) for one in found] == [("out", "3EB01"), ("out", None), ("in", "IN1")]
    assert [one.id for one in await store.messages.by_any_ids(other.id, ids)] == [theirs.id]
    assert list(await store.messages.by_any_ids(mine.id, [])) == []


async def test_a_stranger_may_use_an_id_of_ours(store: Any, make: Any) -> None:
    session = await make.session(store)
    await sent(store, make, session, "3EB01")
    await arrived(store, session, "3EB01", "5511900000000")
    found = await store.messages.by_any_ids(session.id, ["3EB01"])
    assert [one.direction for one in found] == ["out", "in"]


async def test_matching_narrows_by_all_that_is_said(store: Any, make: Any) -> None:
    session = await make.session(store)
    texts = [await make.accept(store, session, text=str(n), at=NOW + n) for n in range(3)]
    picture = await make.accept(store, session, content=Content("image", "4"), at=NOW + 4)
    await arrived(store, session, "IN1")

    async def ids(limit: int = 10, offset: int = 0, **words: Any) -> tuple[int, list[str]]:
        found = await store.messages.matching(session.id, MessageFilter(**words), limit=limit, offset=offset)
        return found.total, [one.id for one in found.items]

    assert (await ids())[0] == 5
    assert await ids(direction="out") == (4, [picture.id, *(one.id for one in reversed(texts))])
    assert await ids(direction="out", limit=2, offset=1) == (4, [texts[2].id, texts[1].id])
    assert await ids(kind="image") == (1, [picture.id])
    assert await ids(direction="out", since=NOW + 1, until=NOW + 2) == (2, [texts[2].id, texts[1].id])
    assert await ids(chat="5511900000009") == (0, [])
    assert (await ids(chat=texts[0].chat, direction="out"))[0] == 4


async def test_a_chat_is_found_by_either_spelling(store: Any, make: Any) -> None:
    session = await make.session(store)
    message = await make.accept(store, session, chat="5511987654321")
    for spelling in ("5511987654321", "551187654321"):
        found = await store.messages.matching(session.id, MessageFilter(chat=spelling), limit=9)
        assert [one.id for one in found.items] == [message.id], spelling


async def test_unsent_is_what_the_provider_has_no_id_of(store: Any, make: Any) -> None:
    session = await make.session(store)
    await sent(store, make, session, "3EB01")
    failed = await make.accept(store, session, text="fails")
    (claim,) = await make.claim(store)
    await store.outbox.settle([make.settle(claim, "failed")])
    waiting = await make.accept(store, session, text="waits")
    cancelled = await make.accept(store, session, text="taken back")
    await store.messages.cancel(cancelled.id, NOW)
    await arrived(store, session, "IN1")
    found = await store.messages.matching(session.id, MessageFilter(unsent=True), limit=9)
    assert [one.id for one in found.items] == [waiting.id, failed.id]
    assert found.total == 2
    everything = await store.messages.matching(session.id, MessageFilter(), limit=9)
    assert cancelled.id not in [one.id for one in everything.items]


async def test_behind_a_closed_gate_they_are_held(store: Any, make: Any) -> None:
    session = await make.session(store, gate="held")
    message = await make.accept(store, session)
    for found in (
        (await store.messages.matching(session.id, MessageFilter(unsent=True), limit=9)).items,
        await store.messages.by_any_ids(session.id, [message.id]),
    ):
        assert [one.state for one in found] == ["held"]
        assert found[0] == await store.messages.get(message.id)


async def test_a_look_goes_through_the_newest_only(store: Any, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session = await make.session(store)
    made = [await make.accept(store, session, at=NOW + n) for n in range(5)]
    monkeypatch.setattr(messages, "REACH", 3)
    for unsent in (True, False):
        found = await store.messages.matching(session.id, MessageFilter(unsent=unsent), limit=9)
        assert [one.id for one in found.items] == [one.id for one in reversed(made[2:])]
        assert found.total == 3
