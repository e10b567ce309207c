"""Inputs about what a message holds: traffic without content, replies, templates, orders, reactions."""

from __future__ import annotations

import asyncio
from typing import Any

from esteio.core.webhooks.evolution_format import said
from esteio.core.webhooks.evolution_names import Instance
from tests.inputs.input_lab import InputLab
from tests.narrowing import not_none

INSTANCE = Instance("line", "an-id")


async def replay_07(lab: InputLab, given: dict[str, Any]) -> None:
    """Keys, notices, context alone, nothing at all: no messages of people."""
    await lab.post_all(given["webhooks"])
    assert await lab.published("message.received", "message.edited", "message.deleted", "message.reaction") == []
    assert list(await lab.store.inbox.unreadable(10)) == []


async def replay_09(lab: InputLab, given: dict[str, Any]) -> None:
    """An edit that only the phone can read is an edit of its target; sealed reactions and votes are no messages."""
    await lab.post_all(given["webhooks"])
    (edited,) = await lab.published("message.edited")
    assert (edited["provider_id"], edited["text"]) == ("TARGET1", None)
    assert await lab.published("message.received", "message.reaction") == []


CHOSEN = {
    "IN10A": ("Confirmar", {"id": "confirm-42", "title": "Confirmar"}),
    "IN10B": ("Plano B", {"id": "row-7", "title": "Plano B"}),
    "IN10C": ("Agendar", {"id": "row-2", "title": "Agendar"}),
    "IN10D": ("btn-yes", {"id": "btn-yes"}),
    "IN10E": ("row-3", {"id": "row-3"}),
}


async def replay_10(lab: InputLab, given: dict[str, Any]) -> None:
    """What a person chose: the words, and the id that a bot branches on."""
    await lab.post_all(given["webhooks"])
    for ident, (words, reply) in CHOSEN.items():
        got = await lab.received(ident)
        assert (got["kind"], got["text"], got["reply"]) == ("text", words, reply)
        shown = await lab.asked("GET", f"/v1/messages/{got['id']}")
        assert shown["reply"] == reply


WORDS = {
    "IN11A": ("Sua fatura vence hoje", [{"text": "Abrir", "url": "https://x.example/f/1"}]),
    "IN11B": ("Pedido confirmado", None),
    "IN11C": ("Menu\nEscolha um", None),
    "IN11D": ("Fatura\nSegue o boleto", [{"text": "cta_url", "url": "https://x.example/b"}]),
}


async def replay_11(lab: InputLab, given: dict[str, Any]) -> None:
    """Templates, lists and interactive messages of businesses: the words, and the links beside them."""
    await lab.post_all(given["webhooks"])
    for ident, (words, buttons) in WORDS.items():
        got = await lab.received(ident)
        assert (got["kind"], got["text"], got.get("buttons")) == ("text", words, buttons)
        ((_, data),) = said("message.received", got, INSTANCE)
        told = not_none(data)["message"]["conversation"]
        assert told.startswith(words)
        assert all(button["url"] in told for button in buttons or ())


async def replay_13(lab: InputLab, given: dict[str, Any]) -> None:
    """A basket, a product, a poll of the newest form."""
    await lab.post_all(given["webhooks"])
    order = await lab.received("IN13A")
    assert (order["kind"], order["text"]) == ("order", "Quero esses")
    assert order["order"] == {"id": "9001", "token": "tk", "items": 2, "total": 25.0, "currency": "BRL"}
    ((_, data),) = said("message.received", order, INSTANCE)
    assert not_none(data)["message"]["orderMessage"] == {
        "orderId": "9001",
        "token": "tk",
        "message": "Quero esses",
        "itemCount": 2,
        "totalAmount1000": "25000",
        "totalCurrencyCode": "BRL",
    }
    product = await lab.received("IN13B")
    assert (product["kind"], product["text"]) == ("product", "Camisa\nazul")
    assert product["product"] == {"id": "77", "title": "Camisa", "description": "azul"}
    ((_, data),) = said("message.received", product, INSTANCE)
    assert not_none(data)["message"]["productMessage"]["product"]["productId"] == "77"
    poll = await lab.received("IN13C")
    assert (poll["kind"], poll["poll"]["question"], poll["poll"]["options"]) == ("poll", "Qual?", ["a", "b"])


async def replay_14(lab: InputLab, given: dict[str, Any]) -> None:
    """Edits and revokes by W-API, as by Evolution."""
    await lab.post_all(given["webhooks"])
    assert [one["provider_id"] for one in await lab.published("message.deleted")] == ["WT1"]
    edits = {one["provider_id"]: one["text"] for one in await lab.published("message.edited")}
    assert edits == {"WT2": "corrigido", "WT3": "corrigido 2"}
    assert await lab.published("message.received") == []


async def replay_17(lab: InputLab, given: dict[str, Any]) -> None:
    """A reaction in a group goes out with the author of the message that it answers."""
    await lab.post_all(given["webhooks"])
    got = await lab.received("GRPMSG1")
    body = {"to": got["chat"], "reaction": {"message": got["id"], "emoji": "👍"}}
    sent = await lab.asked("POST", "/v1/sessions/e/messages", body, status=202)
    await asyncio.sleep(5)
    (out,) = lab.wire.sends()
    participant = "5511966660002@s.whatsapp.net"
    assert out["key"] == {"id": "GRPMSG1", "remoteJid": got["chat"], "fromMe": False, "participant": participant}
    assert (await lab.message(sent["id"])).state in {"sent", "delivered"}
