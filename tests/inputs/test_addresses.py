"""Addresses through the whole gateway: every route reads them alike, and nobody is taken for another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import pytest

from esteio.sim.clock.virtual_loop import run_virtual
from tests.inputs.input_lab import InputLab

PERU, BRAZIL = "51987654321", "5551987654321"


def play(story: Callable[[InputLab], Awaitable[None]], **settings: Any) -> None:
    async def whole() -> None:
        async with InputLab(**settings) as lab:
            await story(lab)

    run_virtual(whole, limit_s=200_000)


def evolution(jid: str, provider_id: str, text: str = "oi", **key: Any) -> dict[str, Any]:
    return {
        "event": "messages.upsert",
        "instance": "loja",
        "data": {
            "key": {"remoteJid": jid, "fromMe": False, "id": provider_id, **key},
            "pushName": "Ana",
            "message": {"conversation": text},
            "messageTimestamp": "NOW (epoch seconds)",
        },
        "date_time": "NOW as ISO with Z",
    }


def baileys(jid: str, provider_id: str, **more: Any) -> dict[str, Any]:
    user, _, host = jid.partition("@")
    kinds = {"isGroup": host == "g.us", "isLid": host == "lid"}
    payload = {"id": provider_id, "from": user, "rawJid": jid, "fromMe": False, "body": "oi", "type": "text", **kinds}
    return {"event": "message", "session": "b", "payload": {**payload, "timestamp": "NOW (epoch seconds)", **more}}


def wapi(chat: str, provider_id: str, sender: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "event": "webhookReceived",
        "instanceId": "LITE-AAAAAA-BBBBBB",
        "isGroup": False,
        "fromMe": False,
        "messageId": provider_id,
        "chat": {"id": chat},
        "sender": sender,
        "moment": "NOW (epoch seconds)",
        "msgContent": {"conversation": "oi"},
        **more,
    }


async def send(lab: InputLab, body: dict[str, Any], status: int = 202, session: str = "e") -> dict[str, Any]:
    answer: dict[str, Any] = await lab.asked("POST", f"/v1/sessions/{session}/messages", body, status=status)
    return answer


# -- every route reads alike ---------------------------------------------------------------------------------------


def test_digits_that_we_showed_are_the_person_that_we_showed() -> None:
    async def story(lab: InputLab) -> None:
        await lab.post("evolution", evolution(f"{PERU}@s.whatsapp.net", "P", "de Lima"))
        await lab.post("evolution", evolution(f"{BRAZIL}@s.whatsapp.net", "B", "de Porto Alegre"))
        for address, text in (
            (f"+{PERU}", "de Lima"),
            (f"%2B{BRAZIL}", "de Porto Alegre"),
            (BRAZIL, "de Porto Alegre"),
        ):
            found = await lab.asked("GET", f"/v1/contacts/{address}/export")
            assert [one["text"] for one in found["messages"]] == [text]
        problem = await lab.asked("POST", f"/v1/contacts/{PERU}/erase", {}, status=400)
        assert (problem["code"], problem["candidates"]) == ("ambiguous-phone", [f"+{PERU}", f"+{BRAZIL}"])
        assert (await lab.asked("POST", f"/v1/contacts/+{BRAZIL}/erase", {}))["messages"] == 1
        # Now only the other is known, and the digits are theirs.
        found = await lab.asked("GET", f"/v1/contacts/{PERU}/export")
        assert (found["address"], [one["text"] for one in found["messages"]]) == (PERU, ["de Lima"])
        assert (await lab.asked("POST", f"/v1/contacts/{PERU}/erase", {}))["messages"] == 1

    play(story)


def test_a_person_is_found_by_every_address_that_names_them() -> None:
    async def story(lab: InputLab) -> None:
        await lab.post("evolution", evolution("5215512345678@s.whatsapp.net", "A", senderLid="77777@lid"))
        await lab.post("evolution", evolution("77777:4@lid", "B"))
        await lab.post("baileys", baileys("120363000000000001@g.us", "C", participant="525512345678@s.whatsapp.net"))
        await lab.post("baileys", baileys("99999@lid", "D"))
        for address in ("+525512345678", "5215512345678", "77777@lid"):
            found = await lab.asked("GET", f"/v1/contacts/{quote(address)}/export")
            assert {one["provider_id"] for one in found["messages"]} == {"A", "B", "C"}, address
            assert found["lids"] == ["77777@lid"]
        lone = await lab.asked("GET", f"/v1/contacts/{quote('99999@lid')}/export")
        assert (lone["phone"], [one["provider_id"] for one in lone["messages"]]) == (None, ["D"])
        assert (await lab.asked("POST", f"/v1/contacts/{quote('77777@lid')}/erase", {}))["messages"] == 3
        assert (await lab.asked("GET", "/v1/contacts/+525512345678/export"))["messages"] == []
        await lab.asked("GET", "/v1/contacts/ana@example.com/export", status=400)

    play(story)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"to": PERU, "text": "x"}, "to"),
        ({"to": "+5511987654321", "text": "x", "mentions": ["+5511987654321", PERU]}, "mentions[1]"),
        ({"to": "+5511987654321", "contacts": [{"name": "Ana", "phone": PERU}]}, "contacts[0].phone"),
    ],
)
def test_a_number_of_two_countries_is_refused_wherever_it_stands(body: dict[str, Any], field: str) -> None:
    async def story(lab: InputLab) -> None:
        problem = await send(lab, body, 400)
        assert (problem["code"], problem["field"]) == ("ambiguous-phone", field)
        assert problem["candidates"] == [f"+{PERU}", f"+{BRAZIL}"]
        assert all(one in problem["detail"] for one in problem["candidates"])
        await lab.post("evolution", evolution(f"{PERU}@s.whatsapp.net", "P"))
        sent = await send(lab, body)
        assert "read_as" not in sent
        assert PERU in str(sent)
        assert BRAZIL not in str(sent)

    play(story)


def test_a_sessions_own_number_and_the_one_to_pair() -> None:
    async def story(lab: InputLab) -> None:
        body = {"name": "p", "server": "evolution-server", "phone": PERU, "wait_s": 0}
        assert (await lab.asked("POST", "/v1/sessions", body, status=400))["code"] == "ambiguous-phone"
        made = await lab.asked("POST", "/v1/sessions", {**body, "phone": f"+{PERU}"}, status=201)
        assert made["phone"] == PERU
        # The document's own digits.
        paired = await lab.call("POST", "/v1/sessions/p/pair", {"phone_number": PERU, "wait_s": 0})
        assert paired.status_code in (200, 202)
        again = await lab.asked("POST", "/v1/sessions/p/pair", {"phone_number": "34912345678", "wait_s": 0}, status=400)
        assert (again["code"], again["field"]) == ("ambiguous-phone", "phone_number")

    play(story)


def test_a_number_of_here_says_so_and_another_region_reads_its_own() -> None:
    async def story(lab: InputLab) -> None:
        sent = await send(lab, {"to": "(11) 98765\u20114321", "text": "oi"})
        assert (sent["to"], sent["read_as"]) == ("5511987654321", "BR")
        assert (await lab.asked("GET", f"/v1/messages/{sent['id']}"))["read_as"] == "BR"
        assert "read_as" not in await send(lab, {"to": "whatsapp:+5511987654321", "text": "oi"})

    async def portugal(lab: InputLab) -> None:
        assert (await send(lab, {"to": "912345678", "text": "oi"}))["read_as"] == "PT"
        assert (await send(lab, {"to": PERU, "text": "oi"}))["to"] == PERU

    async def nowhere(lab: InputLab) -> None:
        assert (await send(lab, {"to": "2133334444", "text": "oi"}, 400))["code"] == "invalid-phone"
        assert (await send(lab, {"to": PERU, "text": "oi"}))["to"] == PERU

    play(story)
    play(portugal, phone_region="PT")
    play(nowhere, phone_region="")


# -- every document's chat answers to the same chat ----------------------------------------------------------------

HERS = "5511966660002@s.whatsapp.net"
CAME = [
    ("evolution", evolution("5511966660002:7@s.whatsapp.net", "X"), "5511966660002"),
    ("evolution", evolution(f"{PERU}@s.whatsapp.net", "X"), PERU),
    ("evolution", evolution("541123456789@s.whatsapp.net", "X"), "541123456789"),
    ("evolution", evolution("11987654321@s.whatsapp.net", "X"), "11987654321"),
    ("evolution", evolution("88123@lid", "X"), "88123@lid"),
    ("evolution", evolution("88123@lid", "X", remoteJidAlt=HERS), "5511966660002"),
    ("evolution", evolution("88123@s.whatsapp.net", "X", senderLid="88123@lid"), "88123@lid"),
    ("evolution", evolution("88123:9@hosted.lid", "X"), "88123@lid"),
    (
        "evolution",
        evolution("1700000000@broadcast", "X", participant="88123@lid", participantAlt=HERS),
        "5511966660002",
    ),
    ("evolution", evolution("17000@broadcast", "X", senderPn=HERS), "5511966660002"),
    ("evolution", evolution("120363000000000001@g.us", "X", participant=HERS), "120363000000000001@g.us"),
    ("baileys", baileys("5511966660002@c.us", "X"), "5511966660002"),
    ("baileys", baileys("88123:1@lid", "X", **{"from": "5511966660002"}), "5511966660002"),
    ("baileys", baileys("88123:1@lid", "X", **{"from": "88123", "rawJid": None}), "88123@lid"),
    ("baileys", baileys("1203@g.us", "X", **{"from": "120363000000000001", "rawJid": None}), "120363000000000001@g.us"),
    ("baileys", baileys("1700000001@broadcast", "X", participant=HERS), "5511966660002"),
    ("wapi", wapi("5511966660002", "X", {"id": "5511966660002", "senderLid": "88123@lid"}), "5511966660002"),
    ("wapi", wapi("88123@lid", "X", {"id": "5511966660002", "senderLid": "88123@lid"}), "5511966660002"),
    ("wapi", wapi("88123", "X", {"id": "5511966660002", "senderLid": "88123@lid"}), "5511966660002"),
    ("wapi", wapi("1700000001@broadcast", "X", {"id": "88123", "senderLid": "88123@lid"}), "88123@lid"),
    ("wapi", wapi("120363000000000001", "X", {"id": HERS}, isGroup=True), "120363000000000001@g.us"),
    (
        "wapi",
        wapi("120363000000000001@g.us", "X", {"id": "88123", "senderLid": "88123@lid"}),
        "120363000000000001@g.us",
    ),
]


@pytest.mark.parametrize(("kind", "body", "chat"), CAME)
def test_the_chat_of_a_message_is_answered_by_its_own_name(kind: str, body: dict[str, Any], chat: str) -> None:
    async def story(lab: InputLab) -> None:
        await lab.post(kind, body)
        got = await lab.received("X")
        assert got["chat"] == chat
        for name in {got["chat"], got["from"]}:
            sent = await send(lab, {"to": name, "text": "oi"}, session=got["session"])
            assert (sent["chat"], sent["to"]) == (name, name)
            assert "read_as" not in sent

    play(story)


def test_what_we_typed_on_the_phone_to_a_lid_is_not_a_chat_with_ourselves() -> None:
    async def story(lab: InputLab) -> None:
        own = {"id": "5511955550003", "senderLid": "55555@lid"}
        await lab.post("wapi", wapi("88123@lid", "X", own, event="webhookDelivery", fromMe=True, fromApi=False))
        assert (await lab.received("X"))["chat"] == "88123@lid"

    play(story)


def test_a_list_that_we_wrote_to_ourselves_stays_a_list() -> None:
    async def story(lab: InputLab) -> None:
        mine = evolution("1700000000@broadcast", "X", fromMe=True, participant="5511955550001@s.whatsapp.net")
        await lab.post("evolution", mine)
        got = await lab.received("X")
        assert (got["chat"], got["chat_kind"], got["answerable"]) == ("1700000000@broadcast", "list", False)
        assert (await send(lab, {"to": got["chat"], "text": "oi"}, 400))["code"] == "chat-not-answerable"

    play(story)


# -- one line everywhere -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("session", ["e", "b", "w"])
def test_it_goes_to_the_spelling_that_whatsapp_itself_uses(session: str) -> None:
    async def story(lab: InputLab) -> None:
        theirs = "551177770044"
        bodies = {
            "e": ("evolution", evolution(f"{theirs}@s.whatsapp.net", "X")),
            "b": ("baileys", baileys(f"{theirs}@s.whatsapp.net", "X")),
            "w": ("wapi", wapi(theirs, "X", {"id": theirs})),
        }
        await lab.post(*bodies[session])
        sent = await send(lab, {"to": "5511977770044", "text": "oi"}, session=session)
        assert (sent["chat"], sent["to"]) == (theirs, "5511977770044")
        await lab.settles()
        (out,) = lab.wire.sends()
        assert (out.get("number") or out.get("to") or out.get("phone")) == theirs

    play(story)


# -- the author in a group -----------------------------------------------------------------------------------------


def test_quotes_and_reactions_name_the_author_as_whatsapps_key_does() -> None:
    async def story(lab: InputLab) -> None:
        group = "120363000000000001@g.us"
        await lab.post("evolution", evolution(group, "X", participant="88123:3@lid", participantAlt=HERS))
        await lab.post("evolution", evolution(HERS, "Y"))
        got = await lab.received("X")
        assert got["from"] == "5511966660002"
        await send(lab, {"to": group, "text": "sim", "quote": got["id"]})
        await send(lab, {"to": group, "reaction": {"message": got["id"], "emoji": "👍"}})
        await send(lab, {"to": HERS, "reaction": {"message": (await lab.received("Y"))["id"], "emoji": "👍"}})
        await lab.settles()
        quoting, reaction, direct = sorted(lab.wire.sends(), key=lambda one: one.get("key", {"id": ""})["id"])
        key = {"id": "X", "remoteJid": group, "fromMe": False, "participant": "88123@lid"}
        assert quoting["quoted"]["key"] == reaction["key"] == key
        assert direct["key"] == {"id": "Y", "remoteJid": HERS, "fromMe": False}

    play(story)


def test_mentions_take_a_lid_and_no_group() -> None:
    async def story(lab: InputLab) -> None:
        group = "120363000000000001@g.us"
        await send(lab, {"to": group, "text": "oi", "mentions": ["88123@lid", "+5511966660002"]})
        await lab.settles()
        assert lab.wire.sends()[0]["mentioned"] == ["88123@lid", "5511966660002"]
        assert (await send(lab, {"to": group, "text": "oi", "mentions": [group]}, 400))["code"] == "invalid-phone"
        contact = {"to": group, "contacts": [{"name": "A", "phone": group}]}
        assert (await send(lab, contact, 400))["code"] == "invalid-phone"

    play(story)
