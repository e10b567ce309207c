"""The audit log over a real database: in the commit of the change, one chain, begun once, purged with a word."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self

import pytest

from esteio.core.audit.chain import Head
from esteio.core.audit.entry import Actor
from esteio.core.model.ids import ServerName
from esteio.core.model.server import Server
from esteio.engine.audit.acting import acting, actor
from esteio.engine.audit.audit_log import AuditLog, UndeclaredAction
from esteio.store.audit_trail import waiting
from esteio.store.base import ApiKey, Exists
from esteio.store.ports.audit import AuditFilter
from esteio.store.sqlite import SqliteStore
from esteio.vault import Vault, WrongKey, new_key
from tests.engine.commands.conftest import NOW, SetClock
from tests.postgres_server.raw import raw

VAULT = Vault(new_key().encode())
ANA = Actor("key", "key_ana", "Ana", "203.0.113.7", "req-1")


class Kept:
    """A log over a file."""

    def __init__(self, path: Path, vault: Vault = VAULT, keep_s: float = 0) -> None:
        self.store, self.clock = SqliteStore(path), SetClock()
        self.log = AuditLog(self.store.audit, vault, self.clock, keep_s=keep_s)

    async def __aenter__(self) -> Self:
        await self.store.start(NOW)
        try:
            await self.log.begin()
        except BaseException:
            await self.store.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.store.aclose()

    async def key(self, number: int) -> None:
        """A change, recorded."""
        key = ApiKey(f"key_{number}", "k", "read", NOW)
        with self.log.records("key.created", target=key.id, after={"name": key.name}):
            await self.store.keys.add(key, str(number).encode())

    async def actions(self) -> list[str]:
        return [row.action for row in await self.store.audit.found(AuditFilter(), 500)]


def test_the_change_and_its_row_are_one_commit(tmp_path: Path) -> None:
    async def test() -> None:
        async with Kept(tmp_path / "esteio.db") as kept:
            with acting(ANA):
                await kept.key(1)
                with pytest.raises(Exists):
                    await kept.key(1)
            assert actor().kind == "gateway"
            assert waiting() is None
            begun, row = await kept.store.audit.found(AuditFilter(), 10)
            assert (begun.action, begun.seq, begun.actor) == ("audit.begun", 1, "gateway")
            assert (row.actor_id, row.target, row.after) == ("key_ana", "key_1", '{"name":"k"}')
            assert row.previous == begun.hash
            assert (await kept.log.verify()).whole

    asyncio.run(test())


def test_only_the_first_write_inside_is_the_change(tmp_path: Path) -> None:
    async def test() -> None:
        async with Kept(tmp_path / "esteio.db") as kept:
            with kept.log.records("server.created", server="a"):
                await kept.store.servers.add(Server(ServerName("a"), "wapi", "http://a.test"), b"", NOW)
                await kept.store.servers.add(Server(ServerName("b"), "wapi", "http://b.test"), b"", NOW)
            with kept.log.records("server.deleted", server="none"):
                assert not await kept.store.servers.delete(ServerName("none"))
                assert await kept.store.servers.delete(ServerName("b"))
            assert await kept.actions() == ["audit.begun", "server.created", "server.deleted"]
            with pytest.raises(UndeclaredAction):
                await kept.log.note("server.renamed")

    asyncio.run(test())


def test_many_writers_at_once_make_one_chain(tmp_path: Path) -> None:
    async def test() -> None:
        async with Kept(tmp_path / "esteio.db") as kept:
            await asyncio.gather(*(kept.key(number) for number in range(200)))
            verdict = await kept.log.verify()
            assert (verdict.whole, verdict.rows) == (True, 201)

    asyncio.run(test())


def test_a_second_start_goes_on_with_the_same_chain_and_another_key_opens_none(tmp_path: Path) -> None:
    async def test() -> None:
        path = tmp_path / "esteio.db"
        async with Kept(path) as kept:
            await kept.key(1)
            head = await kept.log.head()
        async with Kept(path) as again:
            await again.key(2)
            assert (await again.log.verify(head)).whole
        with pytest.raises(WrongKey):
            async with Kept(path, Vault(new_key().encode())):
                pass

    asyncio.run(test())


def test_old_rows_go_and_the_chain_still_holds(tmp_path: Path) -> None:
    async def test() -> None:
        async with Kept(tmp_path / "esteio.db", keep_s=100.0) as kept:
            for number in range(5):
                await kept.key(number)
            noted = await kept.log.head()
            kept.clock.time += 60
            await kept.key(5)
            kept.clock.time += 60
            assert await kept.log.purge() == 6
            assert await kept.log.purge() == 0
            assert await kept.actions() == ["key.created", "audit.purged"]
            verdict = await kept.log.verify()
            assert (verdict.whole, verdict.rows, verdict.since) == (True, 2, 7)
            assert (await kept.log.verify(noted)).whole
            kept.clock.time += 1000
            assert await kept.log.purge() == 8, "the newest row too, and what says so"
            assert (await kept.log.verify()).whole

    asyncio.run(test())


Tamper = tuple[str, ...]


@pytest.mark.parametrize(
    ("how", "found"),
    [
        (("UPDATE audit_log SET actor_name = 'Bia' WHERE seq = 3",), "changed 3 3"),
        (("UPDATE audit_log SET at = at - 3600 WHERE seq = 3",), "changed 3 3"),
        (("UPDATE audit_log SET session_name = '' WHERE seq = 3",), "changed 3 3"),
        (("DELETE FROM audit_log WHERE seq = 3",), "removed 3 3"),
        (("DELETE FROM audit_log WHERE seq = 6",), "cut-off 6 6"),
        (("DELETE FROM audit_log WHERE seq > 3", "UPDATE audit_head SET seq = 3"), "head-changed 3 3"),
        (
            (
                "UPDATE audit_log SET seq = -3 WHERE seq = 3",
                "UPDATE audit_log SET seq = 3 WHERE seq = 5",
                "UPDATE audit_log SET seq = 5 WHERE seq = -3",
            ),
            "moved 3 3, moved 5 5",
        ),
        (
            (
                (
                    "INSERT INTO audit_log SELECT 7, at, 'login', actor, actor_id, actor_name, actor_tenant, address,"
                    " request_id, session_name, server, target, tenant, before, after, chain_key, hash, hash"
                    " FROM audit_log WHERE seq = 6"
                ),
            ),
            "inserted 7 7",
        ),
        (("DELETE FROM audit_log",), "cut-off 1 6"),
        (("DELETE FROM audit_head",), "head-missing 0 0"),
        (("UPDATE audit_head SET encrypted = :zero",), "keys-unreadable 0 0"),
    ],
)
def test_what_is_done_to_the_raw_database_is_found_and_named(tmp_path: Path, how: Tamper, found: str) -> None:
    async def test() -> None:
        async with Kept(tmp_path / "esteio.db") as kept:
            for number in range(5):
                await kept.key(number)
        for statement in how:
            raw(kept.store).run(statement, zero=b"\0")
        store = SqliteStore(tmp_path / "esteio.db")
        await store.start(NOW)
        verdict = await AuditLog(store.audit, VAULT, SetClock(), keep_s=0).verify()
        await store.aclose()
        assert ", ".join(f"{one.kind} {one.first} {one.last}" for one in verdict.findings) == found

    asyncio.run(test())


def test_a_whole_chain_written_by_somebody_with_another_key(tmp_path: Path) -> None:
    """Who can write the database but has no key of the vault can copy another gateway's log here, whole, its encrypted
    keys too; what he cannot do is make this vault open them."""

    async def test() -> None:
        path, theirs = tmp_path / "esteio.db", tmp_path / "theirs.db"
        async with Kept(path) as kept:
            await kept.key(1)
        async with Kept(theirs, Vault(new_key().encode())) as other:
            await other.key(1)
        raw(kept.store).run("DELETE FROM audit_log")
        for row in raw(other.store).rows("SELECT * FROM audit_log"):
            values = {f"c{place}": value for place, value in enumerate(row)}
            raw(kept.store).run(f"INSERT INTO audit_log VALUES (:{', :'.join(values)})", **values)
        ((seq, digest, seal, keys),) = raw(other.store).rows("SELECT seq, hash, seal, encrypted FROM audit_head")
        raw(kept.store).run(
            "UPDATE audit_head SET seq = :seq, hash = :hash, seal = :seal", seq=seq, hash=digest, seal=seal
        )
        async with Kept(path) as kept:
            found = [(one.kind, one.first, one.last) for one in (await kept.log.verify()).findings]
            assert found == [("changed", 1, 2), ("head-changed", 2, 2)]
        raw(kept.store).run("UPDATE audit_head SET encrypted = :keys", keys=keys)
        with pytest.raises(WrongKey):
            async with Kept(path):
                pass

    asyncio.run(test())


def test_a_log_without_its_head_goes_on_and_says_that_what_was_before_cannot_be_verified(tmp_path: Path) -> None:
    async def test() -> None:
        path = tmp_path / "esteio.db"
        async with Kept(path) as kept:
            await kept.key(1)
        raw(kept.store).run("DELETE FROM audit_head")
        async with Kept(path) as again:
            await again.key(2)
            verdict = await again.log.verify()
            assert [(one.kind, one.first, one.last) for one in verdict.findings] == [("changed", 1, 2)]
            assert verdict.head.seq == 4

    asyncio.run(test())


def test_settings_are_recorded_where_they_are_others_than_the_last_time(tmp_path: Path) -> None:
    async def test() -> None:
        async with Kept(tmp_path / "esteio.db") as kept:
            for knobs in ({"a": 1}, {"a": 1}, {"a": 2}):
                await kept.log.note_settings("policy.changed", knobs)
            assert [row.after for row in await kept.store.audit.found(AuditFilter("policy"), 9)] == [
                '{"a":1}',
                '{"a":2}',
            ]

    asyncio.run(test())


def test_before_it_was_begun_nothing_can_be_recorded(tmp_path: Path) -> None:
    async def test() -> None:
        kept = Kept(tmp_path / "esteio.db")
        await kept.store.start(NOW)
        assert await kept.log.head() is None
        with pytest.raises(LookupError):
            await kept.key(1)
        assert await kept.store.keys.all() == []
        await kept.store.aclose()
        assert Head(0, "") == Head(0, "")

    asyncio.run(test())
