"""Inputs about media: bytes, names, sizes."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from esteio.engine.commands.requests import EndpointRequest
from tests.inputs.input_lab import InputLab, filled

BYTES = base64.b64decode("/9j/4AAQSkZJRg==")


async def replay_01(lab: InputLab, given: dict[str, Any]) -> None:
    """The picture of an incoming message can be had, in every way that was promised, from Evolution and from W-API."""
    lab.world.media["IN01B"] = BYTES
    answer = {"error": False, "fileLink": "http://wapi-server.sim/files/IN01B"}
    lab.answers("POST", "/message/download-media", 200, answer)
    app = lab.subscribers.add("app.example")
    await lab.commands.webhooks.add(EndpointRequest(app.url, format="evolution", media="base64"))
    await lab.post_all(given["webhooks"])
    await asyncio.sleep(10)
    (asked,) = [one for one in lab.wire.requests if "download-media" in one.url]
    assert all(word in asked.body for word in (b'"abc="', b'"/v/t62/x.enc"', b'"image"', b'"image/jpeg"'))
    for provider_id in ("IN01A", "IN01B"):
        message = await lab.received(provider_id)
        document = await lab.asked("GET", f"/v1/messages/{message['id']}")
        assert (document["media"]["state"], document["media"]["size"]) == ("kept", len(BYTES))
        assert document["media"]["url"].startswith("http://esteio/media/")
        for address in (document["media"]["url"], f"/v1/messages/{message['id']}/media"):
            assert (await lab.call("GET", address)).content == BYTES
    told = [one.body["data"]["message"] for one in app.taken if one.body["event"] == "messages.upsert"]
    assert [base64.b64decode(one["base64"]) for one in told] == [BYTES, BYTES]
    assert all(one["mediaUrl"].startswith("http://esteio/media/") for one in told)


async def replay_08(lab: InputLab, given: dict[str, Any]) -> None:
    """An album's marker is nothing; its pictures, a moving sticker and a group's status are what they hold."""
    await lab.post_all(given["webhooks"])
    assert len(await lab.published("message.received")) == 4
    for ident in ("IN08B", "IN08E"):
        got = await lab.received(ident)
        assert (got["kind"], got["text"], got["media"]["mime"]) == ("image", "foto 1", "image/jpeg")
    message = await lab.store.messages.get((await lab.received("IN08B"))["id"])
    assert message is not None
    assert message.content.media is not None
    assert message.content.media.stored, "the bytes that came with it are kept"
    assert (await lab.received("IN08C"))["kind"] == "sticker"
    status = await lab.received("IN08D")
    assert (status["kind"], status["text"], status["chat"]) == ("text", "oi grupo", "120363000000000001@g.us")


HOST = "https://arquivos.example"
PDF, ZIP, PAGE = b"%PDF-1.7\n...", b"PK\x03\x04....", b"<!doctype html><title>Entrar</title>"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NAMES = [
    "document.pdf",
    "Boleto marco.pdf",
    "Relatório final.pdf",
    "planilha.xlsx",
    "nota sem extensao.pdf",
    "nota.pdf",
]


def typed(mime: str) -> dict[str, Any]:
    return {"content-type": mime}


async def replay_18(lab: InputLab, given: dict[str, Any]) -> None:
    """Documents by URL arrive under their names and types; a sign-in page is no document."""
    put = lab.media_hosts.put
    put(f"{HOST}/files/42", PDF, **typed("application/pdf"))
    attached = 'attachment; filename="Boleto marco.pdf"'
    octets: dict[str, Any] = {"content-type": "application/octet-stream", "content-disposition": attached}
    put(f"{HOST}/files/43", PDF, **octets)
    put(f"{HOST}/enc/Relat%C3%B3rio%20final.pdf", PDF)
    put(f"{HOST}/planilha.xlsx", ZIP, **typed(SHEET))
    put(f"{HOST}/page.pdf", PAGE, **typed("text/html"))
    for session in "ew":
        lab.wire.requests.clear()
        made = []
        for request in json.loads(json.dumps(given["requests"]).replace("MEDIA/", f"{HOST}/")):
            made.append(await lab.asked("POST", f"/v1/sessions/{session}/messages", request, status=202))
            await asyncio.sleep(10)
        sent = lab.wire.sends()
        assert [body["fileName"] for body in sent] == NAMES
        told = [body.get("mimetype") or body["document"].partition(";")[0].removeprefix("data:") for body in sent]
        assert told == ["application/pdf"] * 3 + [SHEET] + ["application/pdf"] * 2
        page = await lab.asked("GET", f"/v1/messages/{made[-1]['id']}")
        assert (page["state"], page["reason"]["code"]) == ("failed", "media-is-a-page")
        assert "the address gave text/html" in page["reason"]["text"]


async def replay_19(lab: InputLab, given: dict[str, Any]) -> None:
    """A proxy refuses a picture for its size: the message fails, says whose limit it is, and the chat goes on."""
    (refused,) = given["provider_answers"]
    status, page = refused["answer"]
    lab.answers("POST", "/message/sendMedia/loja", status, page)
    picture, words = [filled(one, 0.0, "") for one in given["requests"]]
    first = await lab.asked("POST", "/v1/sessions/e/messages", picture, status=202)
    behind = await lab.asked("POST", "/v1/sessions/e/messages", words, status=202)
    await asyncio.sleep(15)
    told = await lab.asked("GET", f"/v1/messages/{first['id']}")
    assert (told["state"], told["reason"]["code"]) == ("failed", "too-large-for-server")
    assert "1.2 MB" in told["reason"]["text"]
    assert "evolution-server" in told["reason"]["text"]
    assert "client_max_body_size" in told["reason"]["action"]
    assert len(told["attempts"]) == 1
    assert (await lab.asked("GET", f"/v1/messages/{behind['id']}"))["state"] in ("sent", "delivered")
    assert (await lab.asked("GET", "/v1/servers"))["items"][0]["health"]["state"] == "up"
