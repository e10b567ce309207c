"""`sizes`: how many bytes a message, and a day of a session that only is watched, leave in the database, by table.

The gateway, the provider and a subscriber live in virtual time over SQLite in memory; SQLite's own `dbstat` says how
large each table and its indexes are before and after. So the figures are the same on any machine and on any day. Never
lives here: how long a row is kept (the settings' `retention`), what a byte costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from benchmarks.processes import Failed, Say
from esteio.engine.commands.requests import EndpointRequest
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.sim.world.subscribers import Subscriber
from esteio.store.sqlite import SqliteStore

TEXT = (
    "Olá! Seu pedido 4711 já saiu para entrega e deve chegar ainda hoje, entre as 14h e as 16h. Qualquer dúvida, é só"
    " responder por aqui. Obrigado pela preferência!"
)
OWN = "5511999990001"
CHATS = 100
EACH_S = 2.0
SETTLES_S = 900.0
DAY_S = 86_400.0
Table = tuple[int, int]
"""Bytes of a table with its indexes, and its rows."""


class Sizes(msgspec.Struct, frozen=True):
    """So many messages out, and as many in."""

    messages: int


def run_sizes(ask: Sizes, say: Say) -> dict[str, Any]:
    """The line to print. Raises `Failed` when a message did not arrive or the subscriber did not hear of it."""
    found: dict[str, Any] = {}

    async def whole() -> None:
        async with Lab(3) as lab:
            found.update(await _Measured(lab, ask.messages, say).all())

    run_virtual(whole, limit_s=10 * DAY_S)
    return {"bench": "sizes", **found}


async def run(ask: Sizes, _directory: Path, say: Say, _profile: Path | None = None) -> dict[str, Any]:
    """The same from a loop of one's own."""
    return await asyncio.to_thread(run_sizes, ask, say)


class _Measured:
    """One gateway with one session and one subscriber, and what each step left behind."""

    def __init__(self, lab: Lab, messages: int, say: Say) -> None:
        self._lab, self._messages, self._say = lab, messages, say
        self._database = cast("SqliteStore", lab.store).database.db.connection

    async def all(self) -> dict[str, Any]:
        subscriber = await self._prepare()
        start = self._tables()
        await self._out()
        sent = self._tables()
        await self._in()
        received = self._tables()
        self._check(subscriber)
        await asyncio.sleep(DAY_S)
        return {
            "out": _difference(start, sent, self._messages),
            "in": _difference(sent, received, self._messages),
            "idle_day": _difference(received, self._tables(), 1),
        }

    async def _prepare(self) -> Subscriber:
        lab = self._lab
        await lab.add_server("prov")
        await lab.adopt("prov", "loja", OWN)
        subscriber = lab.subscribers.add("subscriber.example")
        await lab.commands.webhooks.add(EndpointRequest(url=subscriber.url))
        await asyncio.sleep(SETTLES_S)
        return subscriber

    async def _out(self) -> None:
        self._say("out")
        for number in range(self._messages):
            await self._lab.send("loja", _stranger(number), TEXT)
            await asyncio.sleep(EACH_S)
        await asyncio.sleep(SETTLES_S)

    async def _in(self) -> None:
        self._say("in")
        for number in range(self._messages):
            self._lab.world.contact_sends(OWN, _stranger(number), TEXT)
            await asyncio.sleep(EACH_S)
        await asyncio.sleep(SETTLES_S)

    def _check(self, subscriber: Subscriber) -> None:
        delivered, heard = len(self._lab.world.ledger.delivered), len(subscriber.taken)
        if delivered != self._messages or heard < 2 * self._messages:
            raise Failed(f"{delivered} of {self._messages} arrived, {heard} events were heard of")

    def _tables(self) -> dict[str, Table]:
        tables = dict(self._database.execute("SELECT name, tbl_name FROM sqlite_master"))
        found = {name: (0, self._rows(name)) for name in set(tables.values()) if not name.startswith("sqlite_")}
        for name, size in self._database.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"):
            table = tables.get(name, name)
            if table in found:
                found[table] = (found[table][0] + int(size), found[table][1])
        return found

    def _rows(self, table: str) -> int:
        ((number,),) = self._database.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608 - a name of the schema
        return int(number)


def _difference(before: Mapping[str, Table], after: Mapping[str, Table], times: int) -> dict[str, Any]:
    """What grew, a time: bytes in all, and bytes and rows by table, the largest first."""
    grown = {
        name: (size - before[name][0], rows - before[name][1])
        for name, (size, rows) in after.items()
        if size > before[name][0]
    }
    largest_first = sorted(grown.items(), key=lambda one: -one[1][0])
    tables = {name: [round(size / times), round(rows / times, 2)] for name, (size, rows) in largest_first}
    return {"bytes": sum(size for size, _ in tables.values()), "tables": tables}


def _stranger(number: int) -> str:
    return f"5511{900_000_000 + number % CHATS}"
