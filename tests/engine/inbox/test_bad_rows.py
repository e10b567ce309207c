"""One bad webhook, list row or stored row stops, hides and fills nothing but itself; a vanished session is ordinary."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from esteio.core.model.content import Content, Location
from esteio.core.model.inbound import ReceivedMessage
from esteio.engine.inbox import reader
from esteio.engine.key_scope import EVERYTHING
from esteio.sim.lab import Lab
from esteio.store.base import InboxSettlement, RawInbound, UnreadableRow
from tests.engine.engine_stage import CUSTOMER, came_in, event_types, linked, play
from tests.postgres_server.raw import raw


async def post(lab: Lab, event: str, data: Any, session: str = "loja") -> None:
    found = await lab.session(session)
    body = json.dumps({"event": event, "instance": session, "data": data}).encode()
    await lab.commands.provider_webhooks.accept(found, "", {}, body)


def message(lab: Lab, ident: str, content: Any, chat: str = CUSTOMER) -> dict[str, Any]:
    key = {"remoteJid": f"{chat}@s.whatsapp.net", "fromMe": False, "id": ident}
    return {"key": key, "message": content, "messageTimestamp": int(lab.clock.now())}


async def unreadable(lab: Lab) -> list[UnreadableRow]:
    return list(await lab.store.inbox.unreadable(100))


@pytest.mark.parametrize("count", ["1e999", "9223372036854775808", "9" * 400, "-9223372036854775809", '{"low":1e308}'])
def test_a_number_that_fits_into_no_column_costs_nothing(count: str) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.session("loja")
        text = '{"event":"qrcode.updated","instance":"loja","data":{"qrcode":{"code":"2@x","count":N}}}'.replace(
            "N", count
        )
        await lab.commands.provider_webhooks.accept(session, "", {}, text.encode())
        await post(lab, "messages.upsert", message(lab, "A", {"conversation": "oi"}))
        await asyncio.sleep(5)
        assert [one.content.text for one in await came_in(lab)] == ["oi"]
        assert await unreadable(lab) == []
        held = await lab.store.qr_codes.get(session.id)
        assert held is None or 0 <= held.count < 2**63

    play(story)


class Refuses:
    """A store that cannot write one message, for whatever reason."""

    def __init__(self, lab: Lab) -> None:
        self.real = lab.store.inbox.settle

    async def __call__(self, settlement: InboxSettlement) -> Any:
        if any(isinstance(one, ReceivedMessage) and one.provider_id == "BAD" for one in settlement.events):
            raise OverflowError("Python int too large to convert to SQLite INTEGER \ud83d")
        return await self.real(settlement)


def test_what_cannot_be_stored_is_filed_with_its_error_and_the_others_go_on(monkeypatch: Any) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        monkeypatch.setattr(lab.store.inbox, "settle", Refuses(lab))
        for ident in ("A", "BAD", "B"):
            await post(lab, "messages.upsert", message(lab, ident, {"conversation": ident}))
        await asyncio.sleep(5)
        assert [one.content.text for one in await came_in(lab)] == ["A", "B"]
        (filed,) = await unreadable(lab)
        assert filed.note.startswith("it failed: OverflowError: Python int too large")
        assert b"BAD" in filed.body
        assert lab.gateway.supervisor.healthy
        assert not await lab.store.inbox.unread(10)

    play(story)


def test_one_row_of_a_list_that_cannot_be_stored_keeps_no_other_back(monkeypatch: Any) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.session("loja")
        monkeypatch.setattr(lab.store.inbox, "settle", Refuses(lab))
        content = Content("text", text="oi")
        now = lab.clock.now()
        rows = [ReceivedMessage(one, CUSTOMER, CUSTOMER, now, content) for one in ("A", "B", "BAD", "C")]
        assert await lab.gateway.backfill._apply(session, rows, ()) == 3
        assert {one.provider_id for one in await came_in(lab)} == {"A", "B", "C"}

    play(story)


def test_a_place_that_is_nowhere_is_no_place_and_hides_nobody() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.session("loja")
        endless = {"low": 1e308, "high": 1e308}
        place = {"locationMessage": {"degreesLatitude": endless, "degreesLongitude": 1}}
        await post(lab, "messages.upsert", message(lab, "A", place))
        await post(lab, "messages.upsert", message(lab, "B", {"conversation": "depois"}))
        await asyncio.sleep(5)
        assert [one.content.kind for one in await came_in(lab)] == ["unknown", "text"]
        # What an older program has stored of one.
        nowhere = ReceivedMessage(
            "C", CUSTOMER, CUSTOMER, lab.clock.now(), Content("location", location=Location(float("inf"), 1.0))
        )
        await lab.store.inbox.settle(InboxSettlement(0, session.id, lab.clock.now(), True, (nowhere,)))
        assert [one.content.kind for one in await came_in(lab)] == ["unknown", "text", "location"]
        assert len((await lab.commands.contacts.export(CUSTOMER, EVERYTHING))[2]) == 3
        done = await lab.commands.contacts.erase(CUSTOMER, EVERYTHING)
        assert done.messages == 3

    play(story)


def test_erasure_needs_no_decoding() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        for ident in ("A", "B"):
            await post(lab, "messages.upsert", message(lab, ident, {"conversation": "meu segredo"}))
        await asyncio.sleep(5)
        db = raw(lab.store)
        db.run("UPDATE messages SET content = :cut WHERE provider_id = 'A'", cut='{"kind":"text","text":"meu segredo')
        db.run("UPDATE events SET data = substr(data, 1, 40) || 'meu segredo' WHERE type = 'message.received'")
        assert [one.content.kind for one in await came_in(lab)] == ["text", "text"]
        assert [event.data for event in await event_types(lab, "message.received")] == [{}, {}]
        await lab.commands.contacts.erase(CUSTOMER, EVERYTHING)
        left = [*db.rows("SELECT content FROM messages"), *db.rows("SELECT data FROM events")]
        assert "segredo" not in str(left)

    play(story)


def test_sessions_deleted_while_their_webhooks_come_in_end_no_loop() -> None:
    async def story(lab: Lab) -> None:
        await lab.add_server("prov", "evolution")
        for number in range(12):
            name = f"s{number}"
            await lab.adopt("prov", name, f"55119999900{number:02}")
            session = await lab.session(name)
            body = {"event": "messages.upsert", "instance": name, "data": message(lab, name, {"conversation": "x"})}
            qr = {"event": "qrcode.updated", "instance": name, "data": {"qrcode": {"code": "2@x"}}}
            for one in (body, qr, body):
                raw = RawInbound(session.id, "", {}, json.dumps(one).encode(), lab.clock.now())
                await lab.store.inbox.accept(raw)
            # The rows are in the reader's hands when the session goes.
            batch = await lab.store.inbox.unread(200)
            lab.gateway.addresses.forget(session.id)
            lab.gateway.addresses.forget_server("prov")  # type: ignore[arg-type]
            await lab.store.sessions.delete(session.id, lab.clock.now())
            for held in batch:
                await lab.gateway.inbox._read(held, session)
                await lab.gateway.inbox._read(held, None)
        await asyncio.sleep(120)
        assert lab.gateway.supervisor.healthy
        assert not await lab.store.inbox.unread(10)

    play(story)


def test_batches_are_bounded_by_bytes_and_one_that_is_larger_comes_alone() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.session("loja")
        sizes = (10, 600, 600, 2000, 10, 10)
        for size in sizes:
            await lab.store.inbox.accept(RawInbound(session.id, "", {}, b"x" * size, lab.clock.now()))
        seen = []
        while batch := await lab.store.inbox.unread(4, 1000):
            seen.append([len(row.body) for row in batch])
            for row in batch:
                await lab.store.inbox.settle(InboxSettlement(row.id, session.id, lab.clock.now(), True))
        assert seen == [[10, 600], [600], [2000], [10, 10]]

    play(story)


def test_what_cannot_be_read_is_one_line_of_the_timeline_and_one_of_the_log(monkeypatch: Any) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        logged: list[Any] = []
        monkeypatch.setattr(reader.log, "warning", lambda event, **words: logged.append((event, words)))
        session = await lab.session("loja")
        for _ in range(300):
            await lab.commands.provider_webhooks.accept(session, "", {}, b"<html>")
        await asyncio.sleep(2)
        lines = [line for line in await lab.timeline("loja") if line.code == "webhook_unreadable"]
        assert [(line.count, line.args["note"]) for line in lines] == [(300, "not JSON")]
        assert len(logged) == 1
        await asyncio.sleep(reader.LOG_EVERY_S)
        await lab.commands.provider_webhooks.accept(session, "", {}, b"<html>")
        await asyncio.sleep(2)
        assert [words["suppressed"] for _, words in logged] == [0, 299]
        shown = (await lab.session("loja")).state
        assert shown == "connected"

    play(story)


def test_what_cannot_be_read_fills_no_disk(monkeypatch: Any) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        monkeypatch.setattr(lab.gateway.inbox._unreadable, "_most", 100_000)
        session = await lab.session("loja")
        for _ in range(5):
            await lab.commands.provider_webhooks.accept(session, "", {}, b"<" + b"x" * 39_999)
        await asyncio.sleep(2)
        rows = await unreadable(lab)
        assert [row.size for row in rows] == [40_000, 40_000, reader.BEGINNING, reader.BEGINNING, reader.BEGINNING]
        assert rows[-1].note == "not JSON (the first 16384 of 40000 bytes are kept)"
        await asyncio.sleep(3600)
        await lab.commands.provider_webhooks.accept(session, "", {}, b"<" + b"x" * 39_999)
        await asyncio.sleep(2)
        assert (await unreadable(lab))[-1].size == 40_000

    play(story)


def test_the_bodies_that_are_listed_are_not_read_whole() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.session("loja")
        await lab.commands.provider_webhooks.accept(session, "", {}, b"<" + b"x" * 99_999)
        await asyncio.sleep(2)
        (row,) = await lab.store.inbox.unreadable(10, 0, 50)
        assert (len(row.body), row.size) == (50, 100_000)

    play(story)
