"""Links for the owners of phones: one a session, found by the hash, done with the commit that says that it lives."""

from __future__ import annotations

import msgspec
import pytest

from esteio.core.model.ids import SessionId
from esteio.store.base import DecisionCommit, JournalEntry, PairLink
from tests.narrowing import not_none
from tests.store.make import NOW, AnyStore, Make

MADE = JournalEntry("operator", NOW, "pair_link_made", {"who": "ana"})
REVOKED = JournalEntry("operator", NOW, "pair_link_revoked", {"who": "ana"})


def link(session: SessionId, title: str = "Bakery") -> PairLink:
    return PairLink(session, title, "ana", NOW, NOW + 1800)


async def test_a_link_is_found_by_its_hash_and_a_new_one_takes_its_place(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    assert await store.pair_links.get(session.id) is None
    await store.pair_links.put(link(session.id), b"one", MADE)
    assert await store.pair_links.by_hash(b"one") == link(session.id) == await store.pair_links.get(session.id)
    await store.pair_links.put(link(session.id, "Shop"), b"two", MADE)
    assert await store.pair_links.by_hash(b"one") is None
    assert not_none(await store.pair_links.by_hash(b"two")).title == "Shop"
    lines = await store.journal.page(session.id, 0, 10)
    assert {(one.kind, one.code) for one in lines} == {("operator", "pair_link_made")}


async def test_a_revoked_link_is_gone_and_nothing_is_revoked_twice(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    assert not await store.pair_links.drop(session.id, REVOKED)
    await store.pair_links.put(link(session.id), b"one", MADE)
    assert await store.pair_links.drop(session.id, REVOKED)
    assert await store.pair_links.by_hash(b"one") is None
    assert [one.code for one in await store.journal.page(session.id, 0, 10)] == ["pair_link_made", "pair_link_revoked"]


async def test_a_session_that_lives_ends_its_link_in_the_same_commit(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await store.pair_links.put(link(session.id), b"one", MADE)
    live = msgspec.structs.replace(session, state="connected", since=NOW + 5)
    late = DecisionCommit(session=msgspec.structs.replace(live, row_version=99), clear_qr=True)
    assert not await store.decisions.commit_session(late)
    assert not_none(await store.pair_links.get(session.id)).done_at is None
    assert await store.decisions.commit_session(DecisionCommit(session=live, clear_qr=True))
    assert not_none(await store.pair_links.get(session.id)).done_at == NOW + 5
    await store.pair_links.put(link(session.id), b"two", MADE)
    assert not_none(await store.pair_links.by_hash(b"two")).done_at is None


async def test_a_link_goes_with_its_session(store: AnyStore, make: Make) -> None:
    session = await make.session(store)
    await store.pair_links.put(link(session.id), b"one", MADE)
    assert await store.sessions.delete(session.id, NOW)
    assert await store.pair_links.by_hash(b"one") is None
    with pytest.raises(LookupError):
        await store.pair_links.put(link(session.id), b"two", MADE)
