"""A change of key over a real database and key file: everything sealed anew, nothing lost, a kill at any write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.chatwoot.token import KEPT, PURPOSE, webhook_token
from esteio.engine.commands.vault.rotation import GRACE_S, KeyRotation, VaultState
from esteio.engine.errors import CommandError
from esteio.engine.runtime import sealed_for
from esteio.store.audit_trail import waiting
from esteio.store.delivery import Endpoint
from esteio.store.ports.audit import AuditFilter
from esteio.store.ports.sealed import SEALED_TABLES
from esteio.store.sqlite import SqliteStore
from esteio.vault import KEY_FILE, Vault, key_id_of, new_key, open_vault
from tests.engine.commands.conftest import NOW, SetClock
from tests.postgres_server.raw import raw

SESSIONS = 450
"""More than one transaction's."""


def session(number: int) -> Session:
    return Session(
        id=SessionId(0), name=SessionName(f"s{number:04d}"), server=ServerName("evo"), kind="wapi",
        created_at=NOW + number / 7, since=NOW, gate_since=NOW,
    )  # fmt: skip


class House:
    """A data folder with a secret in every place, and its gateway's parts."""

    def __init__(self, data: Path, *, vault: Vault | None = None, may_make: bool = True) -> None:
        self.data, self.vault, self.clock = data, vault or open_vault(data, None), SetClock()
        self.store = SqliteStore(data / "esteio.db", inline=True)
        self.audit = AuditLog(self.store.audit, self.vault, self.clock, keep_s=0)
        self.rotation = KeyRotation(
            self.store.sealed, self.store.audit, self.clock, vault=self.vault, audit=self.audit, may_make=may_make
        )

    async def open(self) -> House:
        await self.store.start(NOW)
        await self.audit.begin()
        return self

    async def fill(self, sessions: int = SESSIONS) -> None:
        sealed = self.vault.seal({"apikey": "of evo"}, sealed_for.server("evo"))
        await self.store.servers.add(Server(ServerName("evo"), "wapi", "http://evo.test"), sealed, NOW)
        await self.store.servers.add(Server(ServerName("bare"), "wapi", "http://bare.test"), b"", NOW)
        for number in range(sessions):
            one, seal = session(number), self.vault.seal
            added = await self.store.sessions.add(
                one, f"token-{number}", seal({"token": one.name}, sealed_for.session(one, "encrypted")), NOW, (), (),
                replaced=seal({"webhook": one.name}, sealed_for.session(one, "replaced")) if number % 2 else None,
                settings=seal({"settings": one.name}, sealed_for.session(one, "settings")) if number % 3 else None,
            )  # fmt: skip
            if number % 5 == 0:
                words = {"settings": one.name}
                await self.store.sessions.keep_chatwoot(added.id, seal(words, sealed_for.session(one, "chatwoot")))
        for name in ("wh_1", "wh_2"):
            sealed = self.vault.seal({"secret": name}, sealed_for.webhook(name))
            await self.store.webhook_endpoints.add(Endpoint(name, "https://h.test", NOW, "standard", sealed=sealed))

    async def secrets(self) -> dict[str, dict[str, str]]:
        """Everything that is sealed, opened."""
        found: dict[str, dict[str, str]] = {}
        for table in SEALED_TABLES:
            after: str | None = ""
            while after is not None:
                values, after = await self.store.sealed.page(table, after, 100)
                for value in values:
                    place = {
                        "servers": sealed_for.server(value.row),
                        "webhook_endpoints": sealed_for.webhook(value.row),
                        "sessions": sealed_for.session_row(value.name, value.created_at, value.column),
                    }[table]
                    words = self.vault.unseal(value.sealed, place)
                    words.pop(KEPT, None)
                    found[place] = words
        return found

    async def rotated(self) -> list[VaultState]:
        """Part after part, until nothing is left."""
        states = [await self.rotation.rotate(begin=True)]
        while states[-1].left:
            states.append(await self.rotation.rotate(begin=False))
        return states


def test_everything_is_sealed_anew_and_the_old_key_goes_when_nothing_names_it(tmp_path: Path) -> None:
    async def test() -> None:
        house = await House(tmp_path).open()
        await house.fill()
        before, old = await house.secrets(), house.vault.key_id
        states = await house.rotated()
        assert (states[-1].left, states[-1].others, states[-1].in_file) == (0, (old,), True)
        assert house.vault.key_id != old
        assert await house.secrets() == before
        assert await house.rotation.check() == len(before)
        assert (await house.audit.verify()).whole
        rows = await house.store.audit.found(AuditFilter("vault"), 9)
        assert [(row.action, row.chain_key) for row in rows] == [("vault.rotated", "2")]
        await house.rotation.retire_in_time()
        assert (await house.rotation.state()).others == (old,), "not before its grace is over"
        house.clock.time += GRACE_S
        await house.rotation.retire_in_time()
        assert (await house.rotation.state()).others == ()
        assert len((tmp_path / KEY_FILE).read_bytes().split()) == 1
        await house.store.aclose()
        again = await House(tmp_path).open()
        assert await again.secrets() == before
        assert (await again.audit.verify()).whole
        await again.store.aclose()

    asyncio.run(test())


def test_a_second_change_while_the_first_key_is_still_known(tmp_path: Path) -> None:
    async def test() -> None:
        house = await House(tmp_path).open()
        await house.fill(3)
        before = await house.secrets()
        first = (await house.rotated())[-1]
        second = (await house.rotated())[-1]
        assert second.others[0] == first.key
        assert len(second.others) == 2
        assert (await house.rotation.retire()).others == ()
        assert await house.secrets() == before
        await house.store.aclose()

    asyncio.run(test())


def test_chatwoot_goes_on_with_the_address_that_it_was_given(tmp_path: Path) -> None:
    async def test() -> None:
        house = await House(tmp_path).open()
        await house.fill(1)
        one = await house.store.sessions.by_name(SessionName("s0000"))
        assert one is not None
        token = webhook_token(house.vault.key_for(PURPOSE), one.id, one.created_at)
        for _ in range(2):
            await house.rotated()
            await house.rotation.retire()
        sealed = await house.store.sessions.chatwoot(one.id)
        assert sealed is not None
        assert house.vault.unseal(sealed, sealed_for.session(one, "chatwoot"))[KEPT] == token
        await house.store.aclose()

    asyncio.run(test())


class Killed(BaseException):
    """As by kill -9: nothing that comes after it is done."""


def test_a_kill_at_any_write_is_gone_on_from(tmp_path: Path) -> None:
    """Of every write to disk, the key file's too, one death before it and one after it."""

    async def life(data: Path, die_at: int | None) -> int:
        house = await House(data).open()
        await house.fill(5)
        before = await house.secrets()
        points = 0

        def mortal(write: Callable[..., Any]) -> Callable[..., Any]:
            def point() -> None:
                nonlocal points
                points += 1
                if die_at is not None and points > die_at:
                    raise Killed

            def file_write(*args: Any) -> Any:
                point()
                write(*args)
                point()

            async def store_write(*args: Any, **kwargs: Any) -> Any:
                point()
                answer = await write(*args, **kwargs)
                point()
                return answer

            return store_write if asyncio.iscoroutinefunction(write) else file_write

        assert house.vault.file is not None
        house.vault.file.write = mortal(house.vault.file.write)  # type: ignore[method-assign]
        house.store.database.write = mortal(house.store.database.write)  # type: ignore[method-assign]
        try:
            await house.rotated()
            await house.rotation.retire()
        except Killed:
            assert waiting() is None
        await house.store.aclose()
        again = await House(data).open()
        assert await again.secrets() == before, die_at
        state = (await again.rotated())[-1]
        assert state.left == 0
        assert (await again.rotation.retire()).others == ()
        assert await again.secrets() == before
        assert (await again.audit.verify()).whole
        await again.store.aclose()
        return points

    async def test() -> None:
        whole = tmp_path / "whole"
        whole.mkdir()
        points = await life(whole, None)
        assert points >= 10
        for die_at in range(points):
            data = tmp_path / str(die_at)
            data.mkdir()
            await life(data, die_at)

    asyncio.run(test())


def test_what_was_written_meanwhile_with_the_old_key_is_sealed_anew_before_that_key_goes(tmp_path: Path) -> None:
    async def test() -> None:
        house = await House(tmp_path).open()
        await house.fill(1)
        held = house.vault.seal({"secret": "held"}, sealed_for.webhook("wh_1"))
        await house.rotated()
        endpoint = await house.store.webhook_endpoints.get("wh_1")
        assert endpoint is not None
        assert await house.store.webhook_endpoints.change(msgspec.structs.replace(endpoint, sealed=held))
        with pytest.raises(CommandError, match="vault-key-in-use"):
            await house.rotation.retire()
        house.clock.time += GRACE_S
        await house.rotation.retire_in_time()
        assert house.vault.other_ids == ()
        endpoint = await house.store.webhook_endpoints.get("wh_1")
        assert endpoint is not None
        assert key_id_of(endpoint.sealed) == house.vault.key_id
        assert house.vault.unseal(endpoint.sealed, sealed_for.webhook("wh_1")) == {"secret": "held"}
        await house.store.aclose()

    asyncio.run(test())


def test_a_value_that_was_moved_to_another_row_stops_the_change_and_is_named(tmp_path: Path) -> None:
    async def test() -> None:
        house = await House(tmp_path).open()
        await house.fill(2)
        raw(house.store).run(
            "UPDATE webhook_endpoints SET encrypted = (SELECT encrypted FROM servers WHERE name = 'evo')"
        )
        with pytest.raises(CommandError) as caught:
            await house.rotated()
        assert (caught.value.code, caught.value.words["place"]) == ("vault-foreign-value", "webhook/wh_1")
        await house.store.aclose()

    asyncio.run(test())


def test_a_key_of_the_settings_is_changed_by_naming_both(tmp_path: Path) -> None:
    async def test() -> None:
        old, new = new_key().encode(), new_key().encode()
        house = await House(tmp_path, vault=Vault(old)).open()
        await house.fill(2)
        before = await house.secrets()
        with pytest.raises(CommandError, match="vault-single-key"):
            await house.rotation.rotate(begin=True)
        await house.store.aclose()
        again = await House(tmp_path, vault=Vault(new, old)).open()
        assert (await again.rotation.state()).left == (await again.rotation.state()).left > 0
        assert (await again.rotated())[-1].left == 0
        assert not (tmp_path / KEY_FILE).exists()
        await again.store.aclose()
        last = await House(tmp_path, vault=Vault(new)).open()
        assert await last.secrets() == before
        await last.store.aclose()

    asyncio.run(test())


def test_a_gateway_on_a_database_of_several_makes_no_key_of_its_own(tmp_path: Path) -> None:
    async def test() -> None:
        house = await House(tmp_path, may_make=False).open()
        with pytest.raises(CommandError, match="vault-single-key"):
            await house.rotation.rotate(begin=True)
        await house.store.aclose()

    asyncio.run(test())
