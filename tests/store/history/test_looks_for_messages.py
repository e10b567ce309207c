"""A look for messages: what it finds, in which order, how far it comes; and what became of one message."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from esteio.core.model.content import Content
from esteio.core.model.inbound import ReceivedMessage
from esteio.core.model.state import Reason
from esteio.core.model.tenant import Reach
from esteio.store.base import DecisionCommit, InboxSettlement, MessageSearch
from esteio.store.sql.messages import history

NOW = 1_800_000_000.0


async def ids(store: Any, *, limit: int = 10, after: str | None = None, **words: Any) -> list[str]:
    found = await store.message_history.search(MessageSearch(**words), limit=limit, after=after)
    return [one.id for one in found.items]


async def failed(store: Any, make: Any, session: Any, **more: Any) -> Any:
    message = await make.accept(store, session, **more)
    (claim,) = await make.claim(store)
    assert await store.outbox.settle([make.settle(claim, "failed", reason=Reason("no-such-number"))]) == [True]
    return message


async def test_a_look_goes_through_all_sessions_the_newest_first(store: Any, make: Any) -> None:
    one, other = await make.session(store), await make.session(store, "other")
    made = [await make.accept(store, session, f"551191111000{n}") for n, session in enumerate((one, other, one, other))]
    newest_first = [message.id for message in reversed(made)]
    assert await ids(store) == newest_first
    page = await store.message_history.search(MessageSearch(), limit=3)
    assert [one.id for one in page.items] == newest_first[:3]
    assert await ids(store, after=page.next) == newest_first[3:]
    assert page.reached_at is None
    assert await ids(store, session_id=one.id) == newest_first[1::2]
    assert await ids(store, reach=Reach(globs=("oth*",))) == newest_first[::2]
    assert await ids(store, reach=Reach(globs=("nobody",))) == []


async def test_words_are_an_id_a_reference_a_phone_or_a_part_of_the_text(store: Any, make: Any) -> None:
    one, other = await make.session(store), await make.session(store, "other")
    text = await make.accept(store, one, text="Pedido 100% pago", client_ref="conversa-7")
    await make.accept(store, one, "5511900000000", content=Content("image", "Outra"))
    event = ReceivedMessage("3EB0AA", "5521977776666", "5521977776666", NOW, Content("text", "Oi"))
    await store.inbox.settle(InboxSettlement(session_id=other.id, raw_id=0, at=NOW, readable=True, events=(event,)))
    (arrived,) = await ids(store, direction="in")
    for words in (text.id, "conversa-7", "pedido", "100%", "8888-7777"):
        assert await ids(store, words=words) == [text.id], words
    for words in ("3EB0AA", "+55 21 97777", "oi"):
        assert await ids(store, words=words, reach=Reach(globs=("other",))) == [arrived], words
    for words in ("1_0", "kind", "888", "msg_"):
        assert await ids(store, words=words) == [], words
    assert await ids(store, words="3EB0AA", reach=Reach(globs=("s1",))) == []
    assert await ids(store, words="oi", session_id=one.id) == []
    assert await ids(store, words="oi", session_id=other.id) == [arrived]


async def test_a_chat_is_found_in_both_spellings(store: Any, make: Any) -> None:
    session = await make.session(store)
    message = await make.accept(store, session, "5511988887777")
    await make.accept(store, session, "5511900000000")
    for chat in ("5511988887777", "551188887777"):
        assert await ids(store, chat=chat) == await ids(store, chat=chat, session_id=session.id) == [message.id]


async def test_states_are_found_however_old(store: Any, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session, shut = await make.session(store), await make.session(store, "shut")
    dead = await failed(store, make, session)
    assert await store.decisions.commit_session(
        DecisionCommit(session=msgspec.structs.replace(shut, gate="held", since=NOW))
    )
    held = await make.accept(store, shut, "5511911110000")
    queued = await make.accept(store, session, "5511922220000")
    monkeypatch.setattr(history, "REACH", 1)
    monkeypatch.setattr(history, "FURTHER", 1)
    assert await ids(store, dead=True) == await ids(store, state="failed") == [dead.id]
    assert await ids(store, state="failed", session_id=session.id) == [dead.id]
    assert await ids(store, dead=True, session_id=shut.id) == await ids(store, state="expired") == []
    monkeypatch.setattr(history, "REACH", 3)
    assert await ids(store, state="held") == [held.id]
    assert await ids(store, state="queued") == [queued.id]
    assert await ids(store, state="sent") == []


async def test_a_look_that_no_index_answers_is_bounded_and_goes_on(
    store: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await make.session(store)
    oldest = await make.accept(store, session, "5511911110000", "Pedido", NOW)
    for n in range(1, 5):
        await make.accept(store, session, f"551191111000{n}", "Oi", NOW + n)
    monkeypatch.setattr(history, "REACH", 2)
    for more in ({}, {"session_id": session.id}):
        wanted, after, reached = MessageSearch(words="pedido", **more), None, []
        while True:
            found = await store.message_history.search(wanted, limit=10, after=after)
            reached.append(found.reached_at)
            after = found.next
            if after is None:
                break
            assert found.items == ()
        assert [one.id for one in found.items] == [oldest.id]
        assert reached == [NOW + 2, None]


async def test_a_message_s_steps_are_told_with_their_times(store: Any, make: Any) -> None:
    session = await make.session(store)
    message = await failed(store, make, session)
    other = await make.accept(store, session, "5511900000000")
    assert [state for state, _ in await store.message_history.steps(message)] == ["failed"]
    assert await store.message_history.steps(other) == []
    stored = await store.messages.get(message.id)
    assert not await store.message_history.overtaken(stored)
    later = await make.accept(store, session)
    claims = await make.claim(store)
    claim = next(one for one in claims if one.message.id == later.id)
    assert await store.outbox.settle([make.settle(claim, provider_id="3EB01", at=NOW + 60)]) == [True]
    assert await store.message_history.overtaken(stored)
