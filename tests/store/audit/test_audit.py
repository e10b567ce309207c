"""The audit log over every dialect: rows in the commit of their change, one chain of many writers, searched, purged;
and the sealed values, found by the key that they name."""

from __future__ import annotations

import asyncio

from esteio.core.audit.entry import Actor
from esteio.core.model.ids import ServerName
from esteio.core.model.server import Server
from esteio.engine.audit.acting import acting
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.runtime import sealed_for
from esteio.store.base import ApiKey
from esteio.store.delivery import Endpoint
from esteio.store.ports.audit import AuditFilter
from esteio.vault import Vault, new_key
from tests.engine.commands.conftest import SetClock
from tests.store.conftest import NOW
from tests.store.make import AnyStore, Make

VAULT = Vault(new_key().encode())


async def begun(store: AnyStore, keep_s: float = 0) -> tuple[AuditLog, SetClock]:
    clock = SetClock()
    log = AuditLog(store.audit, VAULT, clock, keep_s=keep_s)
    await log.begin()
    return log, clock


async def key(store: AnyStore, log: AuditLog, number: int) -> None:
    made = ApiKey(f"key_{number}", f"k{number}", "read", NOW)
    with log.records("key.created", target=made.id, session="loja" if number % 2 else None):
        await store.keys.add(made, str(number).encode())


async def test_many_writers_make_one_chain_and_a_change_that_fails_leaves_no_row(store: AnyStore) -> None:
    log, _ = await begun(store)
    answers = await asyncio.gather(*(key(store, log, number % 30) for number in range(40)), return_exceptions=True)
    assert sum(one is not None for one in answers) == 10, "the same key twice"
    verdict = await log.verify()
    assert (verdict.whole, verdict.rows) == (True, 31)
    rows, head = await store.audit.page(0, 100)
    assert head is not None
    assert (head.head, [row.seq for row in rows]) == (verdict.head, list(range(1, 32)))


async def test_what_changes_nothing_leaves_no_row(store: AnyStore) -> None:
    log, _ = await begun(store)
    with log.records("key.revoked", target="none"):
        assert not await store.keys.revoke("none", NOW)
    with log.records("server.deleted", server="none"):
        assert not await store.servers.delete(ServerName("none"))
    assert [row.action for row in await store.audit.found(AuditFilter(), 10)] == ["audit.begun"]


async def test_rows_are_found_by_what_is_asked(store: AnyStore) -> None:
    log, _ = await begun(store)
    for number in range(4):
        await key(store, log, number)
    await log.note("login")
    for wanted, found in (
        (AuditFilter("key"), 4), (AuditFilter("key.created"), 4), (AuditFilter("k"), 0), (AuditFilter(about="loja"), 2),
        (AuditFilter(about="key_1"), 1), (AuditFilter(who="nobody"), 0), (AuditFilter("log%"), 0),
    ):  # fmt: skip
        assert len(await store.audit.found(wanted, 10)) == found, wanted
    back = await store.audit.found(AuditFilter(), 2, below=6)
    assert [row.seq for row in back] == [5, 4]
    last = await store.audit.last("key.created")
    assert last is not None
    assert last.target == "key_3"


async def test_old_rows_go_with_a_word(store: AnyStore) -> None:
    log, clock = await begun(store, keep_s=100.0)
    for number in range(3):
        await key(store, log, number)
    clock.time += 200
    await key(store, log, 3)
    assert await log.purge() == 4
    assert (await log.verify()).whole
    assert len(await store.audit.found(AuditFilter(), 10)) == 2


async def test_a_second_start_finds_the_head(store: AnyStore) -> None:
    log, _ = await begun(store)
    head = await log.head()
    again, _ = await begun(store)
    assert await again.head() == head


async def test_sealed_values_are_found_by_their_key_and_replaced_where_they_still_stand(
    store: AnyStore, make: Make
) -> None:
    new = Vault(new_key().encode())
    await store.servers.add(
        Server(ServerName("a"), "wapi", "http://a.test"), VAULT.seal({"k": "a"}, sealed_for.server("a")), NOW
    )
    await store.servers.add(Server(ServerName("bare"), "wapi", "http://b.test"), b"", NOW)
    sealed = new.seal({"k": "wh"}, sealed_for.webhook("wh_1"))
    await store.webhook_endpoints.add(Endpoint("wh_1", "https://h.test", NOW, "standard", sealed=sealed))
    session = await make.session(store, "loja")
    await store.sessions.keep_chatwoot(session.id, VAULT.seal({"k": "c"}, sealed_for.session(session, "chatwoot")))
    await store.sessions.keep_settings(session.id, new.seal({"k": "s"}, sealed_for.session(session, "settings")))
    old, fresh = bytes.fromhex(VAULT.key_id), bytes.fromhex(new.key_id)
    others = 2  # the session's own and its server's, which no vault sealed
    assert (await store.sealed.left(fresh), await store.sealed.left(old)) == (2 + others, 2 + others)
    (server, _), last = await store.sealed.page("servers", "", 10, but=fresh)
    assert (server.row, last) == ("a", None)
    assert (await store.sealed.page("webhook_endpoints", "", 10, but=fresh))[0] == []
    values, _ = await store.sealed.page("sessions", "", 10, but=fresh)
    assert sorted(one.column for one in values) == ["chatwoot", "encrypted", "settings"]
    (chatwoot,) = (one for one in values if one.column == "chatwoot")
    place = sealed_for.session_row(chatwoot.name, chatwoot.created_at, "chatwoot")
    assert VAULT.unseal(chatwoot.sealed, place) == {"k": "c"}
    after = new.seal({"k": "c"}, place)
    assert await store.sealed.replace([(chatwoot, after)]) == 1
    assert await store.sealed.replace([(chatwoot, after)]) == 0
    assert await store.sealed.left(fresh) == 1 + others
    both, last = await store.sealed.page("servers", "", 1)
    assert (len(both), last) == (1, "a")
    assert (await store.sealed.page("servers", "a", 1)) == ([], "bare")


async def test_what_no_postgresql_can_hold_is_hashed_as_it_is_stored(store: AnyStore) -> None:
    log, _ = await begun(store)
    with acting(Actor("key", "key_1", "a\0b")):
        await log.note("login", after={"name": "a\0b", "other": "\\u0000"})
    assert (await log.verify()).whole
