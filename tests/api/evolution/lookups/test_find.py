"""What a client finds: the server's list with ours in its place; ours alone while the server is away."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from esteio.providers.base import HttpResponse
from esteio.sim.lab import Lab
from esteio.sim.providers.evolution.instance import EvolutionInstance
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.instance import Instance
from tests.api.evolution.door_stage import CUSTOMER, JID, Client, client, down, play, sent, settled
from tests.api.evolution.lookups.test_ids import Overheard

FIND = "/chat/findMessages/{}"
UPDATES = "/chat/findStatusMessage/{}"
PHONE = "5511999990001"


def ids(records: list[dict[str, Any]]) -> list[str]:
    return [one["key"]["id"] for one in records]


def test_by_our_id_it_is_found_as_esteio_knows_it_and_the_server_is_not_asked() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        ident = await sent(lab, "Bom dia")
        heard = Overheard(lab, "findMessages")
        page = await app.said(200, "POST", FIND, {"where": {"key": {"id": ident}}})
        (row,) = page["messages"].pop("records")
        assert page == {"messages": {"total": 1, "pages": 1, "currentPage": 1}}
        assert row["key"] == {"remoteJid": JID, "fromMe": True, "id": ident}
        assert row["message"] == {"conversation": "Bom dia"}
        assert row["providerId"] == (await lab.message(ident)).provider_id
        await down(lab)
        (again,) = await app.find({"key": {"id": ident}})
        assert again["key"] == row["key"]
        assert heard.asked == []

    play(story)


def test_a_list_is_the_servers_with_ours_under_our_ids() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        first = await sent(lab, "um")
        await asyncio.sleep(2)
        second = await sent(lab, "dois")
        await asyncio.sleep(2)
        lab.world.contact_sends(PHONE, CUSTOMER, "três")
        await lab.until(lambda: _has(app, 4), 60)
        records = await app.find({"key": {"remoteJid": JID}})
        assert [one["message"]["conversation"] for one in records] == ["três", "dois", "um", "oi"]
        assert ids(records)[1:3] == [second, first]
        assert {one["instanceId"] for one in records} == {records[0]["instanceId"]}
        assert (await app.find({"key": {"id": second}}))[0]["instanceId"] == records[0]["instanceId"]
        assert records[1]["source"] == "web", "the server's own row"
        assert ids(await app.find({"key": {"fromMe": False}})) == [ids(records)[0], ids(records)[3]]

    play(story)


async def _has(app: Client, count: int) -> bool:
    return len(await app.find()) == count


def test_what_never_reached_the_server_stands_in_its_place() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        before = await sent(lab, "antes")
        inject(lab.world, "prov", "loja", Fault("banned"))
        failed = await lab.send("loja", CUSTOMER, "falha", on_down="fail")
        await settled(lab, failed)
        await asyncio.sleep(2)
        held = await lab.send("loja", CUSTOMER, "espera")
        page = await app.said(200, "POST", FIND, {"where": {"key": {"fromMe": True}}})
        rows = page["messages"]["records"]
        assert page["messages"]["total"] == 3
        states = {one["key"]["id"]: one.get("status") for one in rows}
        assert ids(rows)[0] == held
        assert (states[held], states[failed]) == ("PENDING", "ERROR")
        assert states[before] in ("PENDING", "DELIVERY_ACK", "READ")
        pages = [await app.find({"key": {"fromMe": True}}, page=n, offset=1) for n in (1, 2, 3, 4)]
        assert [ids(one) for one in pages] == [[one] for one in ids(rows)] + [[]]

    play(story)


def test_the_further_status_of_both_is_told_once() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        assert isinstance(line, EvolutionInstance)
        ident = await sent(lab)

        async def is_delivered() -> bool:
            return (await lab.message(ident)).state in ("delivered", "read")

        await lab.until(is_delivered, 300)
        for stored in line.messages.values():
            stored.updates.clear()
        (row,) = await app.find({"key": {"fromMe": True}})
        assert row["status"] in ("DELIVERY_ACK", "READ")
        assert row["MessageUpdate"][0] == {"status": "DELIVERY_ACK"}
        updates = await app.said(200, "POST", UPDATES, {"where": {"id": ident}})
        assert {one["keyId"] for one in updates} == {ident}
        assert [one["status"] for one in updates] == [one["status"] for one in row["MessageUpdate"]]

    play(story)


def test_updates_of_a_chat_are_the_servers_with_those_that_failed_before_them() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        ident = await sent(lab)
        await lab.until(lambda: _told(app, ident), 300)
        inject(lab.world, "prov", "loja", Fault("banned"))
        failed = await lab.send("loja", CUSTOMER, "falha", on_down="fail")
        await settled(lab, failed)
        body = {"where": {"remoteJid": JID}}
        rows = await app.said(200, "POST", UPDATES, body)
        assert (rows[0]["keyId"], rows[0]["status"]) == (failed, "ERROR")
        assert {one["keyId"] for one in rows[1:]} == {ident}
        one_by_one = [await app.said(200, "POST", UPDATES, {**body, "page": n, "offset": 1}) for n in (1, 2, 99)]
        assert one_by_one == [[rows[0]], [rows[1]], []]
        await down(lab)
        answer = await app.call("POST", UPDATES, body)
        assert answer.headers["x-esteio-stale"] == "true"
        assert {one["keyId"] for one in answer.json()} == {failed, ident}
        assert (await app.said(200, "POST", UPDATES, {"where": {"id": "3EB0NOBODY"}})) == []

    play(story)


async def _told(app: Client, ident: str) -> bool:
    rows = await app.said(200, "POST", UPDATES, {"where": {"remoteJid": JID}})
    return bool(rows)


def test_while_the_server_is_away_ours_are_answered_and_a_header_says_so() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        ident = await sent(lab, "antes")
        await down(lab)
        held = await lab.send("loja", CUSTOMER, "espera", quote=ident)
        answer = await app.call("POST", FIND, {"where": {}})
        assert (answer.status_code, answer.headers["x-esteio-stale"]) == (200, "true")
        records = answer.json()["messages"]["records"]
        assert ids(records)[:2] == [held, ident]
        assert [one["message"]["conversation"] for one in records] == ["espera", "antes", "oi"]
        assert records[0]["contextInfo"]["stanzaId"] == ident
        theirs = ids(records)[2]
        assert ids(await app.find({"key": {"id": theirs}})) == [theirs]
        assert ids(await app.find({"key": {"fromMe": False, "remoteJid": JID}})) == [theirs]
        assert ids(await app.find({"messageType": "conversation"}, page=2, offset=2)) == [theirs]
        assert await app.find({"messageType": "imageMessage"}) == []
        assert await app.find({"key": {"id": "3EB0NOBODY"}}) == []
        await app.said(502, "POST", FIND, {"where": {"source": "web"}})

    play(story)


def test_on_another_kind_of_server_ours_are_all_there_is() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        await lab.add_server("outro", "baileys")
        await lab.adopt("outro", "terceira", "5511944443333")
        other = await client(lab, "terceira")
        ident = await sent(lab, session="terceira")
        answer = await other.call("POST", FIND, {})
        assert ids(answer.json()["messages"]["records"]) == [ident]
        assert "x-esteio-stale" not in answer.headers
        assert ids(await app.find({"key": {"fromMe": True}})) == []

    play(story)


def test_an_empty_part_of_a_key_is_refused_as_there() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        answer = await app.said(400, "POST", FIND, {"where": {"key": {"id": None}}})
        assert answer == {
            "status": 400,
            "error": "Bad Request",
            "response": {"message": [["The property cannot be empty"]]},
        }

    play(story)


@pytest.mark.parametrize(("route", "bad"), [(FIND, {"key": {"participant": "x"}}), (UPDATES, {"remoteJid": 5})])
def test_what_the_server_refuses_is_refused_in_its_words(route: str, bad: dict[str, Any]) -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        words = b'{"status":400,"error":"Bad Request","response":{"message":["no"]}}'
        Overheard(lab, route.split("/")[2]).answer = HttpResponse(400, {"content-type": "application/json"}, words)
        assert await app.refused(400, "POST", route, {"where": bad}) == "no"

    play(story)


@pytest.mark.parametrize("answer", [HttpResponse(500), HttpResponse(404, {}, b"<html>"), HttpResponse(401)])
def test_a_server_that_does_not_look_is_as_if_it_were_away(answer: HttpResponse) -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        ident = await sent(lab)
        Overheard(lab, "/chat/find").answer = answer
        for route in (FIND, UPDATES):
            told = await app.call("POST", route, {})
            assert (told.status_code, told.headers["x-esteio-stale"]) == (200, "true")
        assert ident in ids(await app.find())

    play(story)


def test_an_answer_beyond_the_limit_is_a_sentence() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        ident = await sent(lab)
        heard = Overheard(lab, "/chat/")
        large = b'[{"id":"' + b"x" * (16 * 2**20) + b'"}]'
        heard.answer = HttpResponse(200, {"content-type": "application/json"}, large)
        for route in (FIND, UPDATES, "/chat/archiveChat/{}"):
            assert "16777216" in await app.refused(502, "POST", route, {"chat": JID})
        heard.fails = "the answer is too large: more than 100 bytes"
        told = await app.call("POST", FIND, {})
        assert ident in ids(told.json()["messages"]["records"])
        words = await app.refused(504, "POST", "/chat/archiveChat/{}", {"chat": JID})
        assert "too large" in words

    play(story)


def test_a_large_page_is_translated_whole() -> None:
    async def story(app: Client, lab: Lab, line: Instance) -> None:
        ident = await sent(lab)
        theirs = (await lab.message(ident)).provider_id
        key = {"id": theirs, "fromMe": True, "remoteJid": JID}
        rows = [
            {"id": "c", "key": key, "message": {"conversation": "x" * 500}, "messageTimestamp": 1} for _ in range(5_000)
        ]
        page = {"messages": {"total": 5_000, "pages": 1, "currentPage": 1, "records": rows}}
        body = json.dumps(page).encode()
        Overheard(lab, "findMessages").answer = HttpResponse(200, {"content-type": "application/json"}, body)
        found = await app.find(offset=100_000)
        assert len(found) == 5_000
        assert set(ids(found)) == {ident}

    play(story)
