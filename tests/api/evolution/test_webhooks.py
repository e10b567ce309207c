"""`webhook/set` and `webhook/find` at the Evolution door: the answers as recorded, and what is kept of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from standardwebhooks import Webhook

from esteio.api.evolution.app import create_door
from esteio.api.evolution.route import Door
from esteio.core.model.ids import SessionName
from esteio.core.webhooks.evolution_format import NAMES
from esteio.core.webhooks.evolution_names import instance_id
from esteio.engine.commands.chatwoot.chatwoot_commands import ChatwootCommands
from esteio.engine.commands.instance_webhooks import InstanceWebhook
from esteio.engine.commands.passed_calls import PassedCalls
from esteio.store.base import EventRow
from esteio.store.sql.rows import event_params
from tests.api.conftest import ADMIN, Gateway

Run = Callable[..., None]
RECORDINGS = Path(__file__).resolve().parents[2] / "recordings" / "evolution-2.3.7"
URL = "https://hooks.example/ok"


def recorded(number: str) -> tuple[int, Any]:
    """Status and body of a recorded answer."""
    (path,) = RECORDINGS.glob(f"{number}_*.json")
    response = json.loads(path.read_text(encoding="utf-8"))["response"]
    return response["status"], response["body"]


def door_of(gateway: Gateway) -> Door:
    """No server is asked by these routes."""
    return Door(gateway.api, cast("PassedCalls", None), cast("ChatwootCommands", None))


async def ask(gateway: Gateway, method: str, path: str, body: Any = None, *, key: str = ADMIN) -> tuple[int, Any]:
    transport = httpx.ASGITransport(app=create_door(door_of(gateway)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        answer = await client.request(
            method, path, json=body, headers={"apikey": key, "accept-language": "en"} if key else {}
        )
    return answer.status_code, answer.json()


async def put(gateway: Gateway, name: str = "line", **webhook: Any) -> Any:
    status, row = await ask(
        gateway, "POST", f"/webhook/set/{name}", {"webhook": {"enabled": True, "url": URL, **webhook}}
    )
    assert status == 201, row
    return row


def with_line(run: Run, story: Callable[[Gateway], Awaitable[None]]) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_session("line")
        await story(gateway)

    run(test)


async def delivered(gateway: Gateway) -> list[Any]:
    """Play the relay until nothing is left; the requests that went out."""
    now = gateway.clock.now()
    while await gateway.store.delivery.deal(now, 100):
        pass
    while claims := await gateway.store.delivery.claim(now, {}, 16, 45.0):
        await gateway.store.delivery.settle([await gateway.courier.deliver(claim) for claim in claims])
    sent, gateway.outside.requests = gateway.outside.requests, []
    return sent


async def tell(gateway: Gateway, kind: str = "session.qr", session: str = "line") -> None:
    event = EventRow(kind, gateway.clock.now(), {"qr": {"code": "2@x"}}, session)  # type: ignore[arg-type]
    await gateway.store.database.write(lambda db: db.run("event_add", event_params(event)))


def test_set_and_find_answer_as_recorded(run: Run) -> None:
    async def story(gateway: Gateway) -> None:
        assert await ask(gateway, "GET", "/webhook/find/line") == (200, None) == recorded("201")
        status, theirs = recorded("099")
        asked: dict[str, Any] = {"byEvents": False, "base64": True, "headers": {"authorization": "Bearer x"}}
        row = await put(gateway, **asked, events=theirs["events"])
        assert status == 201
        assert list(row) == list(theirs)
        same = ("enabled", "events", "webhookByEvents", "webhookBase64")
        assert {name: row[name] for name in same} == {name: theirs[name] for name in same}
        assert {name: type(value) for name, value in row.items()} == {n: type(value) for n, value in theirs.items()}
        assert row["instanceId"] == instance_id(await gateway.session("line"))
        assert await ask(gateway, "GET", "/webhook/find/line") == (200, row)

    with_line(run, story)


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ({"webhook": {"enabled": True}}, "078"),
        ({"webhook": {"enabled": True, "url": URL, "events": ["NOPE"]}}, "080"),
        ({"webhook": {"enabled": True, "url": ""}}, "084"),
    ],
)
def test_refusals_as_recorded(run: Run, body: Any, number: str) -> None:
    async def story(gateway: Gateway) -> None:
        assert await ask(gateway, "POST", "/webhook/set/line", body) == recorded(number)
        assert await ask(gateway, "GET", "/webhook/find/line") == (200, None)

    with_line(run, story)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, 'instance requires property "webhook"'),
        ({"webhook": []}, "webhook is not of a type(s) object"),
        ({"webhook": {"enabled": "yes", "url": URL}}, "webhook.enabled is not of a type(s) boolean"),
        ({"webhook": {"enabled": True, "url": 5}}, "webhook.url is not of a type(s) string"),
        ({"webhook": {"enabled": True, "url": URL, "events": "ALL"}}, "webhook.events is not of a type(s) array"),
        ({"webhook": {"enabled": True, "url": URL, "headers": "x"}}, "webhook.headers is not of a type(s) object"),
        ({"webhook": {"enabled": True, "url": URL, "byEvents": 1}}, "webhook.byEvents is not of a type(s) boolean"),
    ],
)
def test_bodies_of_a_wrong_type(run: Run, body: Any, message: str) -> None:
    async def story(gateway: Gateway) -> None:
        status, refused = await ask(gateway, "POST", "/webhook/set/line", body)
        assert (status, refused["response"]["message"]) == (400, [[message]])

    with_line(run, story)


@pytest.mark.parametrize(
    "body",
    [
        {"enabled": True, "url": URL, "webhook_by_events": True, "webhook_base64": True},
        {"url": URL, "webhookByEvents": True, "webhookBase64": True, "events": []},
        {"webhook": {"enabled": True, "url": URL, "webhookByEvents": True, "webhookBase64": True}},
    ],
)
def test_every_spelling_of_the_body_is_taken_and_no_events_are_all_events(run: Run, body: Any) -> None:
    async def story(gateway: Gateway) -> None:
        status, row = await ask(gateway, "POST", "/webhook/set/line", body)
        assert (status, row["webhookByEvents"], row["webhookBase64"]) == (201, True, True)
        assert row["events"] == list(NAMES) == recorded("082")[1]["events"]
        assert row["headers"] is None

    with_line(run, story)


def test_set_again_replaces_what_was_set_here_and_nothing_else(run: Run) -> None:
    async def story(gateway: Gateway) -> None:
        native = await gateway.call("POST", "/v1/webhooks", {"url": f"{URL}/native", "format": "evolution"})
        await gateway.add_session("other", ref={"instance_name": "other"})
        other = await put(gateway, "other")
        first = await put(gateway, base64=True, headers={"x-a": "1"})
        gateway.clock.ahead += 60
        again = await put(gateway, url=f"{URL}/2", events=["SEND_MESSAGE"])
        kept = ("id", "createdAt", "webhookBase64", "headers", "instanceId")
        assert {name: again[name] for name in kept} == {name: first[name] for name in kept}
        assert again["updatedAt"] > first["updatedAt"]
        assert {one.id for one in await gateway.commands.webhooks.within()} == {
            native.json()["id"], other["id"], first["id"],
        }  # fmt: skip

    with_line(run, story)


@pytest.mark.parametrize("url", ["", "vazio"])
def test_switched_off_with_an_address_that_is_none(run: Run, url: str) -> None:
    async def story(gateway: Gateway) -> None:
        off = {"webhook": {"enabled": False, "url": url}}
        status, row = await ask(gateway, "POST", "/webhook/set/line", off)
        assert (status, row["enabled"], row["url"]) == (201, False, url)
        await gateway.refused(400, "invalid-value", "PATCH", f"/v1/webhooks/{row['id']}", {"enabled": True})
        await tell(gateway)
        await put(gateway)
        assert await delivered(gateway) == [], "what happened while its owner had switched it off is not told later"
        await tell(gateway)
        assert [request.url for request in await delivered(gateway)] == [URL]

    with_line(run, story)


def test_a_private_target_is_refused_in_the_envelope_with_the_line_that_would_permit_it(run: Run) -> None:
    async def story(gateway: Gateway) -> None:
        inside = {"webhook": {"enabled": True, "url": "http://10.0.0.7/hook"}}
        status, refused = await ask(gateway, "POST", "/webhook/set/line", inside)
        assert (status, refused["error"], refused["code"]) == (400, "Bad Request", "target-not-allowed")
        (sentence,) = refused["response"]["message"]
        assert "allow_targets" in sentence
        assert "10.0.0.7/32" in sentence

    with_line(run, story)


def test_values_of_headers_are_not_shown_and_set_again_as_shown_they_stay(run: Run) -> None:
    async def story(gateway: Gateway) -> None:
        given = {"Authorization": "Bearer hook-secret", "x-tenant": "t1", "Content-Type": "application/json"}
        row = await put(gateway, headers=given)
        assert row["headers"] == {"authorization": "***", "x-tenant": "***"}
        for answer in (row, (await ask(gateway, "GET", "/webhook/find/line"))[1]):
            assert "hook-secret" not in json.dumps(answer)
        stored = await gateway.store.webhook_endpoints.at_door("line")
        assert stored is not None
        assert b"hook-secret" not in stored.sealed
        await put(gateway, url=f"{URL}/moved", headers={**row["headers"], "x-tenant": "t2"})
        await tell(gateway)
        (request,) = await delivered(gateway)
        assert (request.headers["authorization"], request.headers["x-tenant"]) == ("Bearer hook-secret", "t2")
        elsewhere: dict[str, Any] = {"enabled": True, "url": "https://files.example/ok"}
        status, refused = await ask(
            gateway, "POST", "/webhook/set/line", {"webhook": {**elsewhere, "headers": row["headers"]}}
        )
        assert (status, refused["code"]) == (400, "invalid-value")
        assert (await put(gateway, **elsewhere))["headers"] is None, "a value is not told to another host"

    with_line(run, story)


def test_deliveries_have_evolutions_body_and_are_signed_by_the_standard_beside_it(run: Run) -> None:
    async def story(gateway: Gateway) -> None:
        gateway.clock.ahead += time.time() - gateway.clock.now()
        row = await put(
            gateway, byEvents=True, headers={"jwt_key": "shh-secret", "x-a": "1"}, events=["QRCODE_UPDATED"]
        )
        secret = (await gateway.call("POST", f"/v1/webhooks/{row['id']}/rotate", {})).json()["secret"]
        await put(gateway, events=["QRCODE_UPDATED"])
        await tell(gateway)
        await tell(gateway, session="another")
        (request,) = await delivered(gateway)
        assert request.url == f"{URL}/qrcode-updated"
        body = Webhook(secret).verify(request.body, dict(request.headers))
        assert (body["event"], body["apikey"], body["destination"]) == ("qrcode.updated", None, URL)
        assert "jwt_key" not in request.headers
        assert request.headers["x-a"] == "1"
        scheme, _, token = request.headers["authorization"].partition(" ")
        head, claims, mark = token.split(".")
        signed = hmac.new(b"shh-secret", f"{head}.{claims}".encode(), hashlib.sha256).digest()
        assert scheme == "Bearer"
        assert base64.urlsafe_b64decode(mark + "==") == signed
        told = json.loads(base64.urlsafe_b64decode(claims + "=="))
        assert (told["exp"] - told["iat"], told["app"], told["action"]) == (600, "evolution", "webhook")

    with_line(run, story)


def test_with_its_session_the_webhook_goes_after_it_was_told(run: Run) -> None:
    async def story(gateway: Gateway) -> None:
        await put(gateway)
        ended = instance_id(await gateway.session("line"))
        await gateway.call("DELETE", "/v1/sessions/line")
        await gateway.add_session("line")
        assert await ask(gateway, "GET", "/webhook/find/line") == (200, None), "the next of this name has none"
        await tell(gateway)
        sent = [json.loads(request.body) for request in await delivered(gateway)]
        assert [(body["event"], body["data"]) for body in sent] == [
            ("instance.delete", {"instanceName": "line", "instanceId": ended}),
            ("remove.instance", None),
        ]
        await gateway.store.delivery.purge(0.0, 0.0)
        assert list(await gateway.commands.webhooks.within()) == []

    with_line(run, story)


def test_while_the_last_word_waits_the_webhook_stays(run: Run) -> None:
    async def story(gateway: Gateway) -> None:
        await put(gateway)
        gateway.outside.status = 500
        await gateway.call("DELETE", "/v1/sessions/line")
        assert len(await delivered(gateway)) == 1
        await gateway.store.delivery.purge(0.0, 0.0)
        (left,) = await gateway.commands.webhooks.within()
        gateway.outside.status, gateway.clock.ahead = 200, gateway.clock.ahead + 60
        sent = await delivered(gateway)
        assert [json.loads(request.body)["event"] for request in sent] == ["instance.delete", "remove.instance"]
        assert len({request.headers["webhook-id"] for request in sent}) == 2
        await gateway.store.delivery.purge(0.0, 0.0)
        assert list(await gateway.commands.webhooks.within()) == []
        assert left.door_session is None

    with_line(run, story)


def test_no_webhook_is_left_of_a_session_that_went_meanwhile(run: Run) -> None:
    async def story(gateway: Gateway) -> None:
        asked, session = InstanceWebhook(URL), await gateway.session("line")
        await gateway.call("DELETE", "/v1/sessions/line")
        with pytest.raises(Exception, match="unknown-session"):
            await gateway.commands.instance_webhooks.put(session, asked)
        assert list(await gateway.commands.webhooks.within()) == []

    with_line(run, story)


def test_the_webhook_of_create(run: Run) -> None:
    async def story(gateway: Gateway) -> None:
        body = {"instanceName": "new", "integration": "WHATSAPP-BAILEYS"}
        hook = {"url": URL, "byEvents": False, "base64": True, "headers": {"x-tenant": "t1"}, "events": ["CALL"]}
        status, made = await ask(gateway, "POST", "/instance/create", {**body, "webhook": hook})
        assert status == 201
        theirs = recorded("014")[1]["webhook"]
        assert made["webhook"].keys() == theirs.keys()
        assert made["webhook"] == {**theirs, "webhookUrl": URL, "webhookHeaders": {"x-tenant": "***"}}
        status, row = await ask(gateway, "GET", "/webhook/find/new")
        assert (row["url"], row["events"], row["webhookBase64"]) == (URL, ["CALL"], True)
        for wrong in ({**hook, "url": "http://10.0.0.7/"}, {**hook, "events": ["NEVER"]}):
            status, _ = await ask(gateway, "POST", "/instance/create", {**body, "instanceName": "x", "webhook": wrong})
            assert status == 400
        assert await gateway.store.sessions.by_name(SessionName("x")) is None

    with_line(run, story)


def test_the_flat_fields_of_old_clients_count(run: Run) -> None:
    async def story(gateway: Gateway) -> None:
        body = {"instanceName": "new", "integration": "WHATSAPP-BAILEYS", "webhook": URL, "webhook_by_events": True}
        status, made = await ask(gateway, "POST", "/instance/create", body)
        assert (status, made["webhook"]) == (201, {"webhookUrl": URL, "webhookByEvents": True})
        status, row = await ask(gateway, "GET", "/webhook/find/new")
        assert (row["url"], row["webhookByEvents"], row["events"]) == (URL, True, list(NAMES))

    with_line(run, story)


def test_a_key_sets_the_webhook_of_its_own_sessions_only(run: Run) -> None:
    async def story(gateway: Gateway) -> None:
        await gateway.add_session("other")
        body = {"webhook": {"enabled": True, "url": URL}}
        mine, reads = await gateway.key("operate", "line"), await gateway.key("read", "line")
        assert (await ask(gateway, "POST", "/webhook/set/line", body, key=reads))[0] == 403
        assert (await ask(gateway, "POST", "/webhook/set/other", body, key=mine))[0] == 401
        assert (await ask(gateway, "POST", "/webhook/set/line", body, key=mine))[0] == 201
        assert (await ask(gateway, "GET", "/webhook/find/line", key=reads))[0] == 200
        assert (await ask(gateway, "GET", "/webhook/find/line", key=""))[0] == 401

    with_line(run, story)
