"""Public status pages: kept with their sessions, which leave them when they are deleted."""

from __future__ import annotations

from esteio.core.model.status_page import Listed, StatusPage
from tests.store.make import AnyStore, Make

NOW = 1_800_000_000.0


async def test_a_page_comes_back_as_it_was_put_its_sessions_by_their_labels(store: AnyStore, make: Make) -> None:
    one, two = await make.session(store, "one"), await make.session(store, "two")
    page = StatusPage("shop", "The shop", created_at=NOW)
    await store.status_pages.put(page)
    assert await store.status_pages.get("shop") == page
    listed = (Listed(two.id, two.name, "a label"), Listed(one.id, one.name, "The other"))
    full = StatusPage("shop", "Another title", True, listed, NOW)
    await store.status_pages.put(full)
    assert await store.status_pages.get("shop") == full
    await store.status_pages.put(StatusPage("bakery", "Bakery", created_at=NOW))
    assert [page.name for page in await store.status_pages.all()] == ["bakery", "shop"]
    assert await store.status_pages.get("none") is None


async def test_a_deleted_session_leaves_the_pages_and_is_never_listed_again(store: AnyStore, make: Make) -> None:
    one, two = await make.session(store, "one"), await make.session(store, "two")
    listed = tuple(Listed(each.id, each.name, each.name) for each in (one, two))
    page = StatusPage("shop", "The shop", True, listed, NOW)
    await store.status_pages.put(page)
    assert await store.sessions.delete(one.id, NOW)
    (found,) = await store.status_pages.all()
    assert [each.session for each in found.sessions] == ["two"]
    await store.status_pages.put(page)
    assert [each.session for each in (await store.status_pages.all())[0].sessions] == ["two"]


async def test_a_deleted_page_takes_its_list_with_it(store: AnyStore, make: Make) -> None:
    one = await make.session(store)
    await store.status_pages.put(StatusPage("shop", "The shop", True, (Listed(one.id, one.name, "x"),), NOW))
    assert await store.status_pages.delete("shop")
    assert not await store.status_pages.delete("shop")
    await store.status_pages.put(StatusPage("shop", "Again", created_at=NOW))
    assert (await store.status_pages.all())[0].sessions == ()
