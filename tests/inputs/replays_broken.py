"""Inputs of providers that break off, refuse, or say half."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from esteio.providers.base import HttpRequest, HttpResponse, TransportFailed
from esteio.sim.providers.wapi.instance import WapiInstance
from tests.inputs.input_lab import Answering, InputLab, filled
from tests.narrowing import of_type


async def replay_04(lab: InputLab, given: dict[str, Any]) -> None:
    """Half an emoji in a name or a text: the character is replaced, the message arrives."""
    await lab.post_all(given["webhooks"])
    assert list(await lab.store.inbox.unreadable(10)) == []
    assert (await lab.received("IN04A"))["push_name"] == "Bia \ufffd"
    assert (await lab.received("IN04B"))["text"] == "texto cortado \ufffd"
    for ident, words in (("IN04C", "oi"), ("IN04D", "oi")):
        got = await lab.received(ident)
        assert (got["text"], got["push_name"]) == (words, "Z \ufffd")


async def replay_05(lab: InputLab, given: dict[str, Any]) -> None:
    """Half an emoji in one row of the provider's list: the gap is read back all the same, and a doubt is settled."""
    ((status, body),) = [one["answer"] for one in given["provider_answers"]]
    lab.answers("POST", "/chat/findMessages/loja", status, body)
    await lab.store.history_gaps.mark_all(lab.clock.now() - 60, lab.clock.now())
    await asyncio.sleep(30)
    found = {one["provider_id"]: one for one in await lab.published("message.received")}
    assert {ident: found[ident]["text"] for ident in ("L1", "L2", "L3")} == {
        "L1": "antes",
        "L2": "cortado \ufffd",
        "L3": "depois",
    }
    assert all(found[ident]["recovered"] for ident in ("L1", "L2", "L3"))
    await doubt(lab, body)


async def doubt(lab: InputLab, body: dict[str, dict[str, Any]]) -> None:
    lab.loses_answers("/message/sendText/loja")
    sent = await lab.asked("POST", "/v1/sessions/e/messages", {"to": "5511977770078", "text": "em dúvida"}, status=202)
    await asyncio.sleep(1)
    rows = [dict(row, key=dict(row["key"], fromMe=True)) for row in body["messages"]["records"]]
    key = {"remoteJid": "5511977770078@s.whatsapp.net", "fromMe": True, "id": "L9"}
    rows.insert(0, dict(rows[0], key=key, message={"conversation": "em dúvida"}))
    now = lab.clock.now()
    page = filled({"messages": {"total": 4, "pages": 1, "currentPage": 1, "records": rows}}, now, "")

    def answering(request: HttpRequest) -> HttpResponse | None:
        listed = "/chat/findMessages/loja" in request.url
        return HttpResponse(200, {"content-type": "application/json"}, json.dumps(page).encode()) if listed else None

    lab.wire.answers.append(answering)
    await asyncio.sleep(200)
    message = await lab.asked("GET", f"/v1/messages/{sent['id']}")
    assert (message["state"], message["provider_id"]) == ("sent", "L9")


async def replay_06(lab: InputLab, given: dict[str, Any]) -> None:
    """Half an emoji in the answer to a send: the id in it counts."""
    ((status, body),) = [one["answer"] for one in given["provider_answers"]]
    lab.answers("POST", "/message/sendText/loja", status, body)
    sent = await lab.asked("POST", "/v1/sessions/e/messages", given["request"], status=202)
    await asyncio.sleep(5)
    message = await lab.asked("GET", f"/v1/messages/{sent['id']}")
    assert (message["state"], message["provider_id"]) == ("sent", "3EB0CUT")


NUMBER = "5511955550004"


async def replay_22(lab: InputLab, given: dict[str, Any]) -> None:
    """W-API adopted with its webhook addresses null or missing: they are set, and something comes in."""
    fields = given["provider_answers"][0]["answer"][1]
    for number, missing in enumerate((False, True)):
        instance = f"{given['request']['ref']['instance_id']}-{number}"
        line = of_type(WapiInstance, lab.world.plant("wapi-server", instance, f"{NUMBER}{number}"))
        row = {**fields, "instanceId": instance, "connectedPhone": line.number}
        if missing:
            row = {name: word for name, word in row.items() if not name.startswith("webhook")}
        lab.wire.answers.append(telling(row, instance))
        body = {**given["request"], "server": "wapi-server", "name": f"n{number}"}
        body["ref"] = {"instance_id": instance, "token": f"token-{instance}"}
        lab.wire.requests.clear()
        await lab.asked("POST", "/v1/sessions", body, status=201)
        await asyncio.sleep(200)
        puts = [one for one in lab.wire.requests if one.method == "PUT" and instance in one.url]
        token, _ = await lab.store.sessions.secrets((await lab.session(body["name"])).id)
        names = {one.url.partition("?")[0].rpartition("/")[2] for one in puts}
        assert names == {
            f"update-webhook-{name}" for name in ("received", "delivery", "connected", "disconnected", "message-status")
        }
        assert {json.loads(one.body)["value"].rpartition("/in/")[2] for one in puts} == {token}
        assert len(puts) == 5, "what it does not tell is not set again and again"
        shown = await lab.asked("GET", f"/v1/sessions/{body['name']}")
        assert shown["state"] == "connected"
        assert (shown["can_receive"]["value"], shown["can_receive"]["evidence"]) == ("unknown", "webhook-unread")


def telling(row: dict[str, Any], instance: str) -> Answering:
    def answer(request: HttpRequest) -> HttpResponse | None:
        if "fetch-instance" not in request.url or f"{instance}" not in request.url:
            return None
        return HttpResponse(200, {"content-type": "application/json"}, json.dumps(row).encode())

    return answer


REASON = "TLS: the certificate was not accepted"
BASE = "https://127.0.0.1:9443"


def refusing(request: HttpRequest) -> HttpResponse | None:
    # What the real transport says to such a server: tests/providers/test_driver.py.
    if request.url.startswith(BASE):
        raise TransportFailed(REASON, sent="no", cause="certificate")
    return None


async def replay_23(lab: InputLab, given: dict[str, Any]) -> None:
    """A server with a certificate of one's own: the reason names the certificate; `SSL_CERT_FILE` makes it trusted."""
    assert "certificate" in given["expect"]
    lab.wire.answers.append(refusing)
    body = {"name": "s", "kind": "evolution", "base_url": BASE, "credentials": {"apikey": "K"}}
    made = await lab.asked("POST", "/v1/servers", body, status=201)
    assert made["health"]["state"] == "unknown"
    await lab.asked("POST", "/v1/sessions", {"name": "n", "server": "s", "wait_s": 0}, status=201)
    await asyncio.sleep(30)
    health = (await lab.asked("GET", "/v1/servers/s"))["health"]
    assert (health["state"], health["because"]) == ("down", "server_certificate_refused")
    assert "SSL_CERT_FILE" in health["action"]
    shown = await lab.asked("GET", "/v1/sessions/n")
    assert "certificate" in shown["reason"]["text"]
    assert "SSL_CERT_FILE" in shown["reason"]["action"]
