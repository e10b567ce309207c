"""Tenants in the store: their quotas, asked in the write that they bound; what they hold; a session that moves."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from esteio.core.model.content import Content
from esteio.core.model.ids import MessageId, ServerName, SessionId, SessionName
from esteio.core.model.message import Message
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.core.model.tenant import Quotas, Reach, Tenant
from esteio.store.base import ApiKey, EventRow, Exists, FleetFilter, InUse, MessageSearch, NewMessage, QuotaExceeded
from esteio.store.delivery import Endpoint
from esteio.store.sql import rows
from esteio.store.sql.db import Db

NOW = 1_800_000_000.0
DAY_S = 86_400.0


async def tenant(store: Any, name: str = "acme", **quotas: int | None) -> Tenant:
    made = Tenant(name, name.title(), NOW, Quotas(**quotas))
    await store.tenants.add(made)
    return made


async def server(store: Any, name: str = "sv", of: str | None = None) -> None:
    made = Server(ServerName(name), "evolution", "http://h.example", tenant=of)
    await store.servers.add(made, b"sealed", NOW)


async def session(store: Any, name: str, of: str = "acme", **more: Any) -> Session:
    new = Session(
        SessionId(0), SessionName(name), ServerName("sv"), "evolution", NOW, tenant=of, reason=Reason("created")
    )
    added: Session = await store.sessions.add(new, f"token-{name}", b"sealed", NOW, (), (), **more)
    return added


def endpoint(name: str, of: str | None) -> Endpoint:
    return Endpoint(name, "https://hooks.example/x", NOW, tenant=of, sealed=b"s")


async def send(store: Any, to: Session, number: int, at: float = NOW, key: str | None = None) -> str:
    message = Message(
        id=MessageId(f"msg_{to.name}_{number}"), session_id=to.id, session=to.name, direction="out",
        chat="5511999998888", content=Content("text", "oi"), state="queued", created_at=at, updated_at=at, due_at=at,
    )  # fmt: skip
    accepted = await store.messages.accept(NewMessage(message, "key_1", key, "print", at + DAY_S))
    return str(accepted.result)


async def tell(store: Any, name: str, at: float = NOW) -> None:
    event = EventRow("message.received", at, {"about": name}, SessionName(name), "c")

    async def operation(db: Db) -> None:
        await db.put("event_add", rows.event_params(event))

    await store.database.write(operation)


async def test_the_tenant_of_all_that_names_none_is_there_from_the_beginning(store: Any) -> None:
    (default,) = await store.tenants.all()
    assert (default.name, default.enabled, default.quotas) == ("default", True, Quotas())
    with pytest.raises(Exists):
        await tenant(store, "default")


async def test_a_tenant_is_written_and_read_back(store: Any) -> None:
    made = await tenant(store, sessions=2, messages_per_day=0)
    assert await store.tenants.get("acme") == made
    changed = msgspec.structs.replace(made, title="Other", enabled=False, quotas=Quotas(servers=7))
    assert await store.tenants.change(changed)
    assert await store.tenants.get("acme") == changed
    assert await store.tenants.get("none") is None
    assert not await store.tenants.change(msgspec.structs.replace(made, name="none"))


async def test_sessions_beyond_the_quota_are_not_written(store: Any) -> None:
    await server(store)
    await tenant(store, sessions=2)
    await session(store, "a")
    await session(store, "b")
    with pytest.raises(QuotaExceeded) as over:
        await session(store, "c")
    assert (over.value.what, over.value.most) == ("sessions", 2)
    assert await store.sessions.by_name(SessionName("c")) is None
    await session(store, "d", of="default")
    with pytest.raises(LookupError):
        await session(store, "e", of="none")


async def test_a_sessions_webhook_counts_too_and_takes_the_session_back(store: Any) -> None:
    await server(store)
    await tenant(store, webhooks=1)
    await session(store, "a", endpoints=[endpoint("wh_1", "acme")])
    with pytest.raises(QuotaExceeded):
        await session(store, "b", endpoints=[endpoint("wh_2", "acme")])
    assert await store.sessions.by_name(SessionName("b")) is None
    with pytest.raises(QuotaExceeded):
        await store.webhook_endpoints.add(endpoint("wh_3", "acme"))
    with pytest.raises(QuotaExceeded):
        await store.webhook_endpoints.put_at_door(
            msgspec.structs.replace(endpoint("wh_4", "acme"), door_session="a", sessions=("a",))
        )
    await store.webhook_endpoints.add(endpoint("wh_5", None))
    assert [one.id for one in await store.webhook_endpoints.within(Reach("acme"))] == ["wh_1"]


async def test_servers_are_bounded_and_shared_ones_are_nobodys(store: Any) -> None:
    await tenant(store, servers=1)
    await server(store, "own", "acme")
    with pytest.raises(QuotaExceeded):
        await server(store, "more", "acme")
    await server(store, "shared")
    await tenant(store, "bravo")
    await server(store, "theirs", "bravo")
    assert [one.server.name for one in await store.servers.within(Reach("acme"))] == ["own", "shared"]
    assert [one.server.name for one in await store.servers.within(Reach())] == ["own", "shared", "theirs"]


async def test_messages_of_a_day_are_counted_once_each_and_begin_anew(store: Any) -> None:
    await server(store)
    await tenant(store, messages_per_day=2)
    to, other = await session(store, "a"), await session(store, "b", of="default")
    assert await send(store, to, 1, key="k") == "new"
    assert await send(store, to, 1, key="k") == "replay", "an idempotent repeat is no second message"
    assert await send(store, to, 2) == "new"
    with pytest.raises(QuotaExceeded) as over:
        await send(store, to, 3)
    assert (over.value.what, over.value.most) == ("messages", 2)
    assert await store.messages.get(MessageId("msg_a_3")) is None
    assert (await store.tenants.usage("acme", NOW)).messages_today == 2
    assert await send(store, other, 1) == "new"
    assert await send(store, to, 4, NOW + DAY_S) == "new", "the next day"
    assert (await store.tenants.usage("acme", NOW + DAY_S)).messages_today == 1
    # Nor is a deleted session a way to begin anew on the same day.
    await store.sessions.delete(to.id, NOW)
    again = await session(store, "a")
    assert await send(store, again, 5, NOW + DAY_S) == "new"
    with pytest.raises(QuotaExceeded):
        await send(store, again, 6, NOW + DAY_S)


async def test_what_a_tenant_without_bounds_sent_today_is_read_from_its_messages(store: Any) -> None:
    await server(store)
    await tenant(store)
    to = await session(store, "a")
    await send(store, to, 1, NOW - DAY_S)
    await send(store, to, 2)
    usage = await store.tenants.usage("acme", NOW)
    assert (usage.sessions, usage.messages_today, usage.webhooks, usage.servers) == (1, 1, 0, 0)


async def test_only_an_empty_tenant_goes_and_its_past_with_it(store: Any) -> None:
    await server(store)
    await tenant(store)
    made = await session(store, "a")
    await store.keys.add(ApiKey("key_1", "k", "admin", NOW, tenant="acme"), b"h1")
    await tell(store, "a")
    ways = (store.sessions.delete, made.id), (store.keys.revoke, "key_1")
    for way, what in ways:
        with pytest.raises(InUse):
            await store.tenants.delete("acme")
        await way(what, NOW)
    assert await store.tenants.delete("acme")
    assert not await store.tenants.delete("acme")
    assert await store.keys.within(Reach("acme")) == []
    # Whoever is called so later does not hear what its namesake was told.
    await tenant(store)
    assert await store.events.page(0, 10, tenant="acme") == []
    assert len(await store.events.page(0, 10)) == 2
    with pytest.raises(LookupError):
        await store.keys.add(ApiKey("key_2", "k", "admin", NOW, tenant="none"), b"h2")


async def test_an_event_is_its_sessions_tenants_when_it_happened(store: Any) -> None:
    await server(store)
    await tenant(store)
    await tenant(store, "bravo")
    first = await session(store, "vendas")
    await tell(store, "vendas")
    await store.sessions.delete(first.id, NOW)
    await session(store, "vendas", of="bravo")
    await tell(store, "vendas")
    told = [(one.type, one.tenant) for one in await store.events.page(0, 10)]
    assert told == [("message.received", "acme"), ("session.deleted", "acme"), ("message.received", "bravo")]
    assert [one.tenant for one in await store.events.page(0, 10, tenant="bravo")] == ["bravo"]


async def test_a_webhook_of_a_tenant_is_dealt_its_own_events_only(store: Any) -> None:
    await server(store)
    await tenant(store)
    await tenant(store, "bravo")
    await session(store, "a")
    await session(store, "b", of="bravo")
    for name, of in (("wh_acme", "acme"), ("wh_all", None)):
        await store.webhook_endpoints.add(endpoint(name, of))
    for name in ("a", "b", "a"):
        await tell(store, name)
    await store.delivery.deal(NOW, 100)
    claims = await store.delivery.claim(NOW, {}, 10, 60)
    assert sorted((one.endpoint.id, one.session) for one in claims) == [
        ("wh_acme", "a"), ("wh_all", "a"), ("wh_all", "b"),
    ]  # fmt: skip
    seqs = {one.session: one.seq for one in claims if one.endpoint.id == "wh_all"}
    assert not await store.webhook_endpoints.replay_event("wh_acme", seqs["b"], NOW), "another tenant's, by its number"
    assert await store.webhook_endpoints.replay_event("wh_acme", seqs["a"], NOW)
    queued, _ = await store.webhook_endpoints.replay("wh_acme", 0, NOW + 1, 0, 100, NOW, dry_run=True)
    assert queued == 2


async def test_a_session_moves_with_its_past_its_key_and_its_webhook_at_the_door(store: Any) -> None:
    await server(store)
    await tenant(store, sessions=1)
    key = ApiKey("key_1", "door:a", "operate", NOW, ("a",), tenant="default")
    made = await session(store, "a", of="default", keys=[(key, b"h1")])
    await store.webhook_endpoints.put_at_door(
        msgspec.structs.replace(endpoint("wh_1", "default"), door_session="a", sessions=("a",))
    )
    await tell(store, "a")
    assert await store.sessions.move(made, "acme")
    assert (await store.sessions.by_name(SessionName("a"))).tenant == "acme"
    assert [one.id for one in await store.keys.within(Reach("acme"))] == ["key_1"]
    assert [one.id for one in await store.webhook_endpoints.within(Reach("acme"))] == ["wh_1"]
    assert len(await store.events.page(0, 10, tenant="acme")) == 1
    assert await store.events.page(0, 10, tenant="default") == []
    second = await session(store, "b", of="default")
    with pytest.raises(QuotaExceeded):
        await store.sessions.move(second, "acme")
    with pytest.raises(LookupError):
        await store.sessions.move(second, "none")
    await store.sessions.delete(second.id, NOW)
    await tenant(store, "bravo")
    assert not await store.sessions.move(second, "bravo")


async def test_pages_totals_and_looks_are_the_tenants_own(store: Any) -> None:
    await server(store)
    await tenant(store)
    for name, of in (("a", "acme"), ("b", "default"), ("c", "acme")):
        await send(store, await session(store, name, of=of), 1)
    reach = Reach("acme")
    assert [one.name for one in (await store.sessions.page(reach=reach)).items] == ["a", "c"]
    assert sum(one.sessions for one in await store.fleet.totals(FleetFilter(reach=reach))) == 2
    assert sorted(one.name for one in (await store.fleet.page(FleetFilter(reach=reach))).items) == ["a", "c"]
    found = await store.message_history.search(MessageSearch(reach=reach), limit=9)
    assert sorted(one.session for one in found.items) == ["a", "c"]
    scoped = await store.message_history.search(MessageSearch(reach=Reach("acme", ("c*",))), limit=9)
    assert [one.session for one in scoped.items] == ["c"]
