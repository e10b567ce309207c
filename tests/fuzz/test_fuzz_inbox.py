"""Whatever providers send: no reader raises, no task ends, nothing accepted is lost, and memory stays flat.

`FUZZ_CASES` bodies (2,000 by default, 100,000 in `make sim-fuzz`) go through the whole inbox of a gateway in virtual
time, a share of each dialect's; `FUZZ_SEED` chooses others. Between them sessions are deleted and made anew, lists,
documents and both event formats are read, people are erased, and old rows go, as in service.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import resource
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from esteio.core.model.ids import ServerName
from esteio.core.webhooks import evolution_format
from esteio.core.webhooks.event_formats import worded
from esteio.core.webhooks.evolution_names import Instance
from esteio.engine.commands.requests import SessionRequest
from esteio.engine.key_scope import EVERYTHING
from esteio.engine.runtime.supervisor import Supervisor
from esteio.providers.base import Flow, HttpResponse, SessionEndpoint
from esteio.providers.registry import load
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.texts import catalogue
from tests.fuzz.mutator import KINDS, Mutator

CASES = int(os.environ.get("FUZZ_CASES", "2000"))
SEED = int(os.environ.get("FUZZ_SEED", "20261129"))
BATCH = 50
GROWS_BY_MIB = 96
NOW = 1_795_247_500.0
LINES = {"evolution": "loja", "baileys": "b", "wapi": "LITE-AAAAAA-BBBBBB"}
REF = {
    "instance_name": "loja",
    "session": "b",
    "instance_id": "LITE-AAAAAA-BBBBBB",
    "token": "token-LITE-AAAAAA-BBBBBB",
}


def sound(value: Any) -> None:
    """Nothing in it that a column or a reader of JSON chokes on."""
    for one in _leaves(msgspec.to_builtins(value)):
        if isinstance(one, float):
            assert math.isfinite(one), one
        if isinstance(one, int):
            assert -(2**63) <= one < 2**63, one
        if isinstance(one, str):
            one.encode()


def _leaves(value: Any) -> Any:
    if isinstance(value, dict):
        for key, held in value.items():
            yield key
            yield from _leaves(held)
    elif isinstance(value, list | tuple):
        for held in value:
            yield from _leaves(held)
    else:
        yield value


# -- the readers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_no_reader_of_webhooks_raises(kind: str) -> None:
    adapter, mutator = load([]).get(kind), Mutator(kind, SEED, LINES[kind])
    where = SessionEndpoint(ServerName("s"), "http://p.test", {"apikey": "KEY-1"}, "loja", REF)
    for _ in range(max(CASES // 10, 200)):
        body = mutator.body(NOW)
        reading = adapter.read_webhook(where, body, mutator.dice.choice(("", "messages-upsert", "x/\ud83d")), NOW)
        sound((reading.evidence, reading.events, reading.qr, reading.note))


@pytest.mark.parametrize("kind", KINDS)
def test_no_flow_raises_for_an_answer(kind: str) -> None:
    adapter, mutator = load([]).get(kind), Mutator(kind, SEED + 1, LINES[kind])
    where = SessionEndpoint(
        ServerName("s"),
        "http://p.test",
        {"apikey": "KEY-1"},
        "loja",
        REF,
        phone="5511955550001",
        webhook_url="http://e/in/T",
    )
    flows = (
        lambda: adapter.history(where, NOW, NOW - 900),
        lambda: adapter.probe(where, NOW, "roundtrip"),
        lambda: adapter.read_qr(where, NOW),
        lambda: adapter.inventory(where, NOW),
        lambda: adapter.connect(where, NOW),
        lambda: adapter.create(where, NOW),
        lambda: adapter.delete(where, NOW),
        lambda: adapter.check_webhook(where, NOW),
        lambda: adapter.read_queue(where, NOW),
    )
    for _ in range(max(CASES // 20, 100)):
        outcome = walked(mutator.dice.choice(flows)(), mutator)
        sound([value for value in msgspec.structs.asdict(outcome).values() if value is not None])


def walked(flow: Flow[Any], mutator: Mutator) -> Any:
    """The flow's outcome where each answer is a mutant, alone or as a page of the list."""
    try:
        next(flow)
        for _ in range(200):
            body = mutator.body(NOW)
            if mutator.dice.random() < 0.5:
                body = b'{"messages":{"total":9,"pages":1,"records":[%s,%s]},"data":[%s]}' % (
                    body,
                    mutator.body(NOW),
                    body,
                )
            flow.send(HttpResponse(mutator.dice.choice((200, 200, 200, 201, 400, 404, 500)), {}, body))
    except StopIteration as done:
        return done.value
    raise AssertionError("the flow has no end")


# -- the whole inbox ----------------------------------------------------------------------------------------------


class Run:
    """One gateway with a line of each dialect, and what was accepted by it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.mutators = {kind: Mutator(kind, SEED + 2, LINES[kind]) for kind in KINDS}
        self.dice = self.mutators["evolution"].dice
        self.names: dict[str, str] = {}
        self.accepted: dict[str, int] = dict.fromkeys(("taken", "read", "unreadable", "gone with a session"), 0)
        self.seen_until = 0
        self.generation = 0
        self.restarts = 0

    async def begin(self) -> None:
        real = self.lab.world.on_webhook
        assert real is not None

        async def counted(url: str, headers: Any, body: bytes) -> int:
            """The simulated servers tell of their lines as well."""
            status = await real(url, headers, body)
            self.accepted["taken"] += status == 200
            return status

        self.lab.world.on_webhook = counted
        for kind in KINDS:
            await self.lab.add_server(kind, kind)
            await self.line(kind)

    async def line(self, kind: str) -> None:
        """A new session of the same instance."""
        self.generation += 1
        self.names[kind] = f"{kind}-{self.generation}"
        ref = {
            name: REF[name]
            for name in {"evolution": ("instance_name",), "baileys": ("session",)}.get(kind, ("instance_id", "token"))
        }
        numbers = {"evolution": "5511955550001", "baileys": "5511955550002", "wapi": "5511955550003"}
        if self.generation <= len(KINDS):
            self.lab.world.plant(kind, LINES[kind], numbers[kind])
        body = {"name": self.names[kind], "server": kind, "ref": ref, "adopt": True, "wait_s": 0}
        await self.lab.ask_session(msgspec.convert(body, type=SessionRequest))

    async def batch(self) -> None:
        for _ in range(BATCH):
            kind = self.dice.choice(KINDS)
            session = await self.lab.session(self.names[kind])
            body = self.mutators[kind].body(self.lab.clock.now())
            await self.lab.commands.provider_webhooks.accept(
                session, self.dice.choice(("", "messages-upsert")), {}, body
            )
            self.accepted["taken"] += 1
        if self.dice.random() < 0.1:
            await self.vanish(self.dice.choice(KINDS))
        await asyncio.sleep(self.dice.choice((0.5, 2, 10)))
        await self.look()

    async def vanish(self, kind: str) -> None:
        """The session is deleted while its webhooks are unread."""
        session = await self.lab.session(self.names[kind])
        self.accepted["gone with a session"] += self.rows(session.id)
        await self.lab.store.sessions.delete(session.id, self.lab.clock.now())
        self.lab.gateway.addresses.forget(session.id)
        await self.line(kind)

    def rows(self, session_id: int | None = None) -> int:
        """Webhooks that are kept, of one session or of all."""
        where = " WHERE path <> '(list)'" + ("" if session_id is None else f" AND session_id = {session_id}")
        db = self.lab.store.database.db.connection  # type: ignore[attr-defined]
        return int(db.execute(f"SELECT count(*) FROM provider_webhooks{where}").fetchall()[0][0])

    async def look(self) -> None:
        """What everybody may ask for is there, and sound."""
        assert self.lab.gateway.supervisor.healthy
        assert not await self.lab.store.inbox.unread(1), "what was accepted is read or filed"
        for event in await self.lab.store.events.page(self.seen_until, 100_000):
            self.seen_until = event.seq
            document = worded(event.data, event.session, catalogue("pt-BR"))
            json.dumps(document, allow_nan=False)
            evolution_format.said(event.type, document, Instance("line", "an-id"))

    async def sweep(self) -> None:
        """Old rows go, a person is erased, lists are read; what is counted is counted before."""
        db = self.lab.store.database.db.connection  # type: ignore[attr-defined]
        for state in ("read", "unreadable"):
            self.accepted[state] += int(
                db.execute(
                    f"SELECT count(*) FROM provider_webhooks WHERE state = '{state}' AND path <> '(list)'"
                ).fetchall()[0][0]
            )
        for name in self.names.values():
            session = await self.lab.session(name)
            for message in (await self.lab.store.messages.page(session.id, limit=500)).items:
                sound(message.content)
            await self.lab.store.journal.page(session.id, 0, 500)
            await self.lab.store.inbox.unreadable(100)
        for phone in ("5511977770001", "5511988887777"):
            await self.lab.commands.contacts.export(phone, EVERYTHING)
            await self.lab.commands.contacts.erase(phone, EVERYTHING)
        for table in (
            "provider_webhooks",
            "events",
            "journal",
            "inbound_dedupe",
            "pending_receipts",
            "attempts",
            "contact_lids",
        ):
            db.execute(f"DELETE FROM {table}")
        db.execute("UPDATE messages SET provider_webhook_id = NULL")
        db.execute("DELETE FROM messages WHERE state IN ('sent', 'delivered', 'read', 'failed')")


def mib() -> float:
    """Memory of this process now, in MiB."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize() / 2**20


def test_the_whole_inbox(monkeypatch: Any, capsys: Any) -> None:
    failures: list[str] = []
    guard = Supervisor._guard

    async def watched(self: Any, name: str, make: Any) -> None:
        async def noted() -> None:
            try:
                await make()
            except Exception as error:
                failures.append(f"{name}: {error!r}")
                raise

        await guard(self, name, noted)

    monkeypatch.setattr(Supervisor, "_guard", watched)
    figures: dict[str, Any] = {}

    async def whole() -> None:
        async with Lab(SEED) as lab:
            run = Run(lab)
            await run.begin()
            await asyncio.sleep(60)
            batches, warm = max(CASES // BATCH, 1), 0.0
            for number in range(batches):
                await run.batch()
                if number % 20 == 19 or number == batches - 1:
                    await run.sweep()
                if number == batches // 4:
                    warm = mib()
            figures.update(run.accepted, sessions=run.generation, grown_mib=round(mib() - warm, 1))

    began = time.perf_counter()
    run_virtual(whole, limit_s=10_000_000)
    figures["seconds"] = round(time.perf_counter() - began, 1)
    with capsys.disabled():
        print(f"\nfuzz: {json.dumps(figures)}")  # noqa: T201 - the figures are what a long run is for
    assert failures == []
    kept = figures["read"] + figures["unreadable"] + figures["gone with a session"]
    assert kept == figures["taken"], "every accepted body was applied or filed, or went with its session"
    assert figures["read"] > figures["unreadable"] > 0
    assert figures["grown_mib"] < GROWS_BY_MIB
