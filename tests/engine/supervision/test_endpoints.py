"""What is remembered of addresses: no read for each look, and nothing that was changed here."""

import asyncio
from typing import Any

import pytest

from esteio.core.model.ids import ServerName
from esteio.engine.commands.requests import ServerChange, ServerRequest
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.store.base import StoredServer
from esteio.store.ports.sessions import Servers
from tests.engine.engine_stage import linked


class Counting:
    """Counts how often a server's row is read."""

    def __init__(self, servers: Servers) -> None:
        self._servers, self.reads = servers, 0

    async def get(self, name: ServerName) -> StoredServer | None:
        self.reads += 1
        return await self._servers.get(name)


def test_a_row_is_remembered_until_it_is_changed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        lab = Lab(1)
        await lab.gateway.start()
        lab.world.add_server("evo", "evolution")
        await lab.commands.servers.add(ServerRequest("evo", "evolution", "http://evo.sim", {"apikey": "old"}))
        book = lab.gateway.addresses
        await asyncio.sleep(1.0)
        book.forget_server(ServerName("evo"))
        servers = Counting(book._servers)
        monkeypatch.setattr(book, "_servers", servers)
        keys = []
        for change in (None, None, {"apikey": "new"}, None):
            if change:
                await lab.commands.servers.change("evo", ServerChange(credentials=change))
            _, where = await book.of_server(ServerName("evo"))
            keys.append(where.credentials["apikey"])
        assert keys == ["old", "old", "new", "new"]
        assert servers.reads == 2
        await lab.gateway.aclose()

    run_virtual(main)


def test_a_session_is_gone_to_where_its_server_is_now() -> None:
    async def main() -> None:
        async with Lab(1) as lab:
            await linked(lab)
            session, book = await lab.session("loja"), lab.gateway.addresses
            _, before = await book.of_session(session)
            assert (await book.of_session(session))[1] is before, "the very same value, while nothing has changed"
            await lab.commands.servers.change("prov", ServerChange(credentials={"apikey": "new"}))
            _, after = await book.of_session(session)
            assert (before.credentials["apikey"] == "new", after.credentials["apikey"]) == (False, "new")

    run_virtual(main)


def test_a_look_while_new_secrets_are_written_leaves_nothing_old_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with Lab(1) as lab:
            await linked(lab, "wapi")
            session, book, truly = await lab.session("loja"), lab.gateway.addresses, lab.store.sessions.change

            async def change(*args: Any, **changes: Any) -> Any:
                await book.of_session(session)
                return await truly(*args, **changes)

            monkeypatch.setattr(lab.store.sessions, "change", change)
            await book.keep_secret(session, {**session.ref, "token": "new"})
            _, where = await book.of_session(session)
            assert where.ref["token"] == "new"

    run_virtual(main)
