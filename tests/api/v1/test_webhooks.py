"""Webhooks out at the door: targets refused, secrets shown once, rotation, test calls, replays, the log."""

import json
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook

from esteio.core.model.ids import SessionName
from esteio.core.webhooks import delivery_policy
from esteio.core.webhooks.delivery_policy import EVENT_TYPES
from esteio.engine.url_guard import Resolver
from esteio.store.base import EventRow
from esteio.store.delivery import DeliveryOutcome, DeliverySettlement
from esteio.store.sql.db import Db
from esteio.store.sql.rows import event_params
from tests.api.conftest import Gateway, Run

URL = "https://hooks.example/esteio?tenant=1"


async def subscribe(gateway: Gateway, **more: Any) -> dict[str, Any]:
    # The standard's verifier asks the machine's clock; the gateway's is put right by it.
    gateway.clock.ahead += time.time() - gateway.clock.now()
    answer = await gateway.call("POST", "/v1/webhooks", {"url": URL, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def tell(
    gateway: Gateway,
    count: int,
    *,
    at: float | None = None,
    session: str | None = "line",
    chat: str = "a",
    kind: str = "message.received",
) -> None:
    async def operation(db: Db) -> None:
        for number in range(count):
            event = EventRow(
                kind, at or gateway.clock.now(), {"number": number}, SessionName(session) if session else None, chat
            )
            await db.run("event_add", event_params(event))

    await gateway.store.database.write(operation)


async def write_health(db: Db, row: Mapping[str, Any]) -> None:
    await db.run("webhook_endpoint_health", row)


async def deliver_all(gateway: Gateway, outcome: DeliveryOutcome = "delivered", at: float | None = None) -> None:
    """Play the relay: real claims, the real courier."""
    now = at or gateway.clock.now()
    while await gateway.store.delivery.deal(now, 100):
        pass
    while claims := await gateway.store.delivery.claim(now, {}, 16, 45.0):
        if outcome == "delivered":
            await gateway.store.delivery.settle([await gateway.courier.deliver(one) for one in claims])
        else:
            done = [DeliverySettlement(one, outcome, now, now, 500, "no") for one in claims]
            await gateway.store.delivery.settle(done)
            return


def test_subscribe_look_change_delete(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        made = await subscribe(gateway, events=["message.received"], sessions=["line", "shop-*"])
        assert made["secret"].startswith("whsec_")
        shown = (await gateway.call("GET", f"/v1/webhooks/{made['id']}")).json()
        assert shown == {name: value for name, value in made.items() if name != "secret"}
        assert shown["format"] == "standard"
        assert shown["state"] == "ok"
        assert shown["waiting"] == {"chats": 0, "oldest_at": None}
        changed = await gateway.call("PATCH", f"/v1/webhooks/{made['id']}", {"enabled": False, "events": []})
        assert changed.json() == {**shown, "enabled": False, "events": [], "state": "disabled", "because": "asked"}
        again = await gateway.call("PATCH", f"/v1/webhooks/{made['id']}", {"enabled": True})
        assert again.json() == {**shown, "events": []}
        assert (await gateway.call("GET", "/v1/webhooks")).json() == {"items": [again.json()], "next": None}
        assert (await gateway.call("DELETE", f"/v1/webhooks/{made['id']}")).status_code == 204
        await gateway.refused(404, "unknown-webhook", "GET", f"/v1/webhooks/{made['id']}")

    run(test)


def test_the_secret_is_nowhere_in_the_clear(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        made = await subscribe(gateway)
        for answer in (
            await gateway.call("GET", "/v1/webhooks"),
            await gateway.call("GET", f"/v1/webhooks/{made['id']}"),
            await gateway.call("PATCH", f"/v1/webhooks/{made['id']}", {"url": URL}),
        ):
            assert "whsec_" not in answer.text
            assert made["secret"][6:] not in answer.text
        endpoint = await gateway.store.webhook_endpoints.get(made["id"])
        assert endpoint is not None
        assert made["secret"][6:].encode() not in endpoint.sealed
        assert made["secret"][6:] not in repr(await gateway.store.database.reader.rows("webhook_endpoints", {}))

    run(test)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1/hook", "target-not-allowed"),
        ("http://localhost/hook", "target-not-allowed"),
        ("http://10.0.0.7/hook", "target-not-allowed"),
        ("http://192.168.1.1/hook", "target-not-allowed"),
        ("http://169.254.169.254/latest/meta-data", "target-not-allowed"),
        ("http://[::1]/hook", "target-not-allowed"),
        ("http://[fe80::1]/hook", "target-not-allowed"),
        ("http://[::ffff:10.0.0.1]/hook", "target-not-allowed"),
        ("http://2130706433/hook", "target-not-allowed"),
        ("http://0x7f000001/hook", "target-not-allowed"),
        ("http://127.1/hook", "target-not-allowed"),
        ("http://0.0.0.0/hook", "target-not-allowed"),
        ("https://inside.example/hook", "target-not-allowed"),
        ("https://both.example/hook", "target-not-allowed"),
        ("https://nowhere.example/hook", "target-not-allowed"),
        ("ftp://hooks.example/", "invalid-value"),
        ("http+unix://%2Frun%2Fdocker.sock/x", "invalid-value"),
        ("file:///etc/passwd", "invalid-value"),
        ("https://user:pass@hooks.example/", "invalid-value"),
        ("hooks.example", "invalid-value"),
        ("", "invalid-value"),
    ],
)
def test_targets_that_are_refused(run: Run, url: str, code: str) -> None:
    async def test(gateway: Gateway) -> None:
        gateway.resolve = _with_localhost(gateway.resolve)
        await gateway.refused(400, code, "POST", "/v1/webhooks", {"url": url})
        made = await subscribe(gateway)
        await gateway.refused(400, code, "PATCH", f"/v1/webhooks/{made['id']}", {"url": url})
        assert (await gateway.call("GET", f"/v1/webhooks/{made['id']}")).json()["url"] == URL

    run(test)


def _with_localhost(resolve: Resolver) -> Resolver:
    async def also(host: str) -> Sequence[str]:
        return ["127.0.0.1", "::1"] if host == "localhost" else await resolve(host)

    return also


def test_a_private_target_may_be_allowed(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await subscribe(gateway, url="http://10.1.2.3:9000/hook")
        await gateway.refused(400, "target-not-allowed", "POST", "/v1/webhooks", {"url": "http://10.2.0.1/"})

    run(test, {"allow_targets": ("10.1.0.0/16",)})


def test_headers_of_the_subscriber_go_with_each_delivery_and_are_never_shown(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        made = await subscribe(gateway, headers={"Authorization": "Bearer abc", "x-tenant": "7"})
        await gateway.call("PATCH", f"/v1/webhooks/{made['id']}", {"media": "base64"})
        await tell(gateway, 1)
        await deliver_all(gateway)
        first = gateway.outside.requests[-1].headers
        assert (first["authorization"], first["x-tenant"]) == ("Bearer abc", "7")
        assert "abc" not in (await gateway.call("GET", f"/v1/webhooks/{made['id']}")).text
        answer = await gateway.call("PATCH", f"/v1/webhooks/{made['id']}", {"headers": {"x-tenant": "8"}})
        assert answer.status_code == 200
        await tell(gateway, 1)
        await deliver_all(gateway)
        second = gateway.outside.requests[-1].headers
        assert "authorization" not in second
        assert second["x-tenant"] == "8"
        assert "webhook-signature" in second

    run(test)


def test_headers_do_not_follow_a_subscription_to_another_host(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        made = await subscribe(gateway, headers={"Authorization": "Bearer abc"})
        for url, kept in ((f"{URL}/other-path", True), ("https://files.example/x", False)):
            assert (await gateway.call("PATCH", f"/v1/webhooks/{made['id']}", {"url": url})).status_code == 200
            await tell(gateway, 1)
            await deliver_all(gateway)
            assert ("authorization" in gateway.outside.requests[-1].headers) is kept

    run(test)


@pytest.mark.parametrize(
    "headers",
    [{"Host": "x"}, {"a b": "x"}, {"": "x"}, {"x": "a\r\nb: c"}, {"webhook-id": "x"}, {"x\n": "y"}, {"x": "ç"}],
)
def test_headers_that_cannot_be_sent_are_refused(run: Run, headers: dict[str, str]) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.refused(400, "invalid-value", "POST", "/v1/webhooks", {"url": URL, "headers": headers})

    run(test)


def test_words_that_do_not_exist_are_refused(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        wrong = await gateway.refused(
            400, "invalid-value", "POST", "/v1/webhooks", {"url": URL, "events": ["mesage.received"]}
        )
        assert "message.received" in wrong["detail"]
        upper = {"url": URL, "events": ["MESSAGES_UPSERT"]}
        await gateway.refused(400, "invalid-value", "POST", "/v1/webhooks", upper)
        assert (await subscribe(gateway, format="evolution", events=["MESSAGES_UPSERT"]))["events"] == [
            "MESSAGES_UPSERT"
        ]
        await gateway.refused(400, "invalid-value", "POST", "/v1/webhooks", {"url": URL, "format": "xml"})
        await gateway.refused(400, "unknown-field", "POST", "/v1/webhooks", {"url": URL, "evnets": []})
        await subscribe(gateway, events=list(EVENT_TYPES))

    run(test)


@pytest.mark.parametrize("form", ["standard", "cloudevents", "evolution"])
def test_what_arrives_is_signed_so_that_the_standards_own_verifier_takes_it(run: Run, form: str) -> None:
    async def test(gateway: Gateway) -> None:
        made = await subscribe(gateway, format=form)
        await tell(gateway, 1, kind="session.qr")
        await deliver_all(gateway)
        (request,) = gateway.outside.requests
        verified = Webhook(made["secret"]).verify(request.body, dict(request.headers))
        assert verified == json.loads(request.body)
        kind = "application/cloudevents+json" if form == "cloudevents" else "application/json"
        assert request.headers["content-type"].startswith(kind)
        assert request.url == URL
        with pytest.raises(Exception, match="signature"):
            Webhook(made["secret"]).verify(request.body + b" ", dict(request.headers))
        if form == "standard":
            assert list(verified) == ["type", "timestamp", "data"]
            assert verified["data"]["session"] == "line"

    run(test)


def test_the_same_event_keeps_its_id_and_gets_a_new_time_at_every_attempt(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        made = await subscribe(gateway)
        gateway.outside.status = 503
        await tell(gateway, 1)
        now = gateway.clock.now()
        await deliver_all(gateway)
        gateway.clock.ahead += 100.0
        gateway.outside.status = 200
        await deliver_all(gateway, at=now + 100)
        first, second = gateway.outside.requests
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) in (99, 100, 101)
        assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
        lines = (await gateway.call("GET", f"/v1/webhooks/{made['id']}/deliveries")).json()["items"]
        assert [(one["outcome"], one["status"], one["attempt"]) for one in lines] == [
            ("delivered", 200, 2),
            ("failed", 503, 1),
        ]
        assert {one["event"] for one in lines} == {first.headers["webhook-id"]}

    run(test)


def test_after_a_rotation_both_secrets_verify_until_the_overlap_is_over(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        made = await subscribe(gateway)
        path = f"/v1/webhooks/{made['id']}/rotate"
        rotated = (await gateway.call("POST", path, {"overlap_s": 60})).json()
        assert rotated["secret"] != made["secret"]
        await tell(gateway, 1)
        await deliver_all(gateway)
        (request,) = gateway.outside.requests
        assert len(request.headers["webhook-signature"].split()) == 2
        for secret in (made["secret"], rotated["secret"]):
            Webhook(secret).verify(request.body, dict(request.headers))
        gateway.clock.ahead += 61.0
        await tell(gateway, 1)
        await deliver_all(gateway)
        assert len(gateway.outside.requests[-1].headers["webhook-signature"].split()) == 1

    run(test)


def test_rotating_twice_leaves_each_secret_its_own_overlap(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        made = await subscribe(gateway)
        path = f"/v1/webhooks/{made['id']}/rotate"
        second = (await gateway.call("POST", path, {"overlap_s": 60})).json()["secret"]
        gateway.clock.ahead += 20.0
        third = (await gateway.call("POST", path, {"overlap_s": 60})).json()["secret"]
        for ahead, valid in ((0.0, [made["secret"], second, third]), (41.0, [second, third]), (20.0, [third])):
            gateway.clock.ahead += ahead
            await tell(gateway, 1)
            await deliver_all(gateway)
            request = gateway.outside.requests[-1]
            assert len(request.headers["webhook-signature"].split()) == len(valid)
            for secret in valid:
                Webhook(secret).verify(request.body, dict(request.headers))

    run(test)


def test_a_test_call_says_what_was_answered_and_stands_in_the_log(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        made = await subscribe(gateway)
        path = f"/v1/webhooks/{made['id']}"
        answer: Any = None
        for status, outcome in ((204, "delivered"), (500, "failed"), (302, "failed")):
            gateway.outside.status = status
            answer = await gateway.call("POST", f"{path}/test")
            assert (answer.status_code, answer.json()["outcome"], answer.json()["status"]) == (200, outcome, status)
        request = gateway.outside.requests[0]
        assert Webhook(made["secret"]).verify(request.body, dict(request.headers))["type"] == "webhook.test"
        lines = (await gateway.call("GET", f"{path}/deliveries?limit=2")).json()
        assert lines["items"][0] == answer.json()
        assert [one["type"] for one in lines["items"]] == ["webhook.test"] * 2
        rest = (await gateway.call("GET", f"{path}/deliveries?limit=2&after={lines['next']}")).json()
        assert [one["status"] for one in rest["items"]] == [204]
        assert (await gateway.call("GET", path)).json()["state"] == "ok", "a test says nothing of its health"

    run(test)


def test_a_range_is_delivered_again(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        made = await subscribe(gateway)
        await tell(gateway, 3, at=1_800_000_000.0)
        await tell(gateway, 1, at=1_800_000_100.0)
        await deliver_all(gateway)
        path = f"/v1/webhooks/{made['id']}/replay"
        body = {"from": "2027-01-15T08:00:00Z", "to": "2027-01-15T08:00:30.000Z"}
        answer = await gateway.call("POST", path, body)
        assert (answer.status_code, answer.json()) == (202, {"queued": 3})
        assert ("deliveries", None) in gateway.bells.rung
        await deliver_all(gateway)
        told = [json.loads(request.body)["data"]["number"] for request in gateway.outside.requests]
        assert told == [0, 1, 2, 0, 0, 1, 2]
        ids = [request.headers["webhook-id"] for request in gateway.outside.requests]
        assert ids[:3] == ids[4:]
        for wrong in ({"from": "yesterday", "to": "2027-01-15T08:00:30Z"}, {"from": "2027-01-15T08:00:00", "to": "x"}):
            await gateway.refused(400, "invalid-value", "POST", path, wrong)
        await gateway.refused(400, "invalid-value", "POST", path, {"from": body["to"], "to": body["from"]})
        await gateway.refused(400, "invalid-value", "POST", path, {"from": body["from"]})

    run(test)


def test_dead_letters_of_both_kinds_are_listed_counted_and_sent_again(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_session()
        made = await subscribe(gateway)
        await tell(gateway, 2)
        await deliver_all(gateway, "failed")
        late = gateway.clock.now() + 72 * 3600 + 1
        await deliver_all(gateway, "failed", at=late)
        sent = (await gateway.call("POST", "/v1/sessions/line/messages", {"to": "5511999998888", "text": "oi",
                                                                          "expires_in_s": 1})).json()  # fmt: skip
        await gateway.store.outbox.expire(gateway.clock.now() + 2, 10)
        page = (await gateway.call("GET", "/v1/dead-letters")).json()
        assert [one["kind"] for one in page["items"]] == ["message"]
        assert page["items"][0]["message"]["id"] == sent["id"]
        assert page["items"][0]["message"]["state"] == "expired"
        page = (await gateway.call("GET", f"/v1/dead-letters?after={page['next']}")).json()
        assert [one["event"]["webhook"] for one in page["items"]] == [made["id"]]
        assert page["next"] is None
        only = (await gateway.call("GET", "/v1/dead-letters?kind=event&session=line")).json()["items"]
        assert only == page["items"]
        assert (await gateway.call("GET", "/v1/dead-letters?kind=event&session=other")).json()["items"] == []
        path = "/v1/dead-letters/replay"
        for body, counted in (
            ({"dry_run": True}, (1, 1)),
            ({"dry_run": True, "kind": "event"}, (0, 1)),
            ({"dry_run": True, "session": "other"}, (0, 0)),
            ({"dry_run": True, "webhook": made["id"]}, (0, 1)),
            ({"dry_run": True, "to": "2020-01-01T00:00:00Z"}, (0, 0)),
            ({}, (1, 1)),
            ({}, (0, 0)),
        ):
            answer = (await gateway.call("POST", path, body)).json()
            assert (answer["messages"], answer["events"], answer["dry_run"]) == (*counted, "dry_run" in body), body
        assert (await gateway.call("GET", f"/v1/messages/{sent['id']}")).json()["state"] in ("queued", "held")
        assert {("sends", None), ("deliveries", None)} <= set(gateway.bells.rung)

    run(test)


def test_a_key_for_some_sessions_sees_and_moves_only_their_dead_letters(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        for name in ("line", "other"):
            await gateway.add_session(name)
            body = {"to": "5511999998888", "text": "oi", "expires_in_s": 1}
            await gateway.call("POST", f"/v1/sessions/{name}/messages", body)
        await gateway.store.outbox.expire(gateway.clock.now() + 2, 10)
        key = await gateway.key("operate", "other")
        items = (await gateway.call("GET", "/v1/dead-letters", key=key)).json()["items"]
        assert [one["session"] for one in items] == ["other"]
        assert (await gateway.call("POST", "/v1/dead-letters/replay", {}, key=key)).json()["messages"] == 1
        left = (await gateway.call("GET", "/v1/dead-letters")).json()["items"]
        assert [one["session"] for one in left] == ["line"]

    run(test)


def test_a_failing_webhook_says_why(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        made = await subscribe(gateway)
        endpoint = await gateway.store.webhook_endpoints.get(made["id"])
        late = "no answer in time"
        for status, detail, because in ((503, "try later", "503 try later"), (None, late, late)):
            now = gateway.clock.now()
            assert endpoint is not None
            health = delivery_policy.after_failure(
                endpoint.health, made["id"], "a", now, now, status=status, detail=detail
            )
            text = msgspec.json.encode(health).decode()
            row = {"id": made["id"], "health": text}
            await gateway.store.database.write(partial(write_health, row=row))
            shown = (await gateway.call("GET", f"/v1/webhooks/{made['id']}")).json()
            assert (shown["state"], shown["because"]) == ("failing", because)
        off = await gateway.call("PATCH", f"/v1/webhooks/{made['id']}", {"enabled": False})
        assert off.json()["because"] == "asked"

    run(test)


def test_what_a_foreign_webhook_answered_is_not_told_to_a_scoped_key(run: Run) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_session()
        await subscribe(gateway)
        own = await subscribe(gateway, sessions=["line"])
        await tell(gateway, 2)
        for at in (gateway.clock.now(), gateway.clock.now() + 72 * 3600 + 1):
            await deliver_all(gateway, "failed", at=at)
        key = await gateway.key("read", "line")
        told = {}
        for name, caller in (("whole", None), ("scoped", key)):
            more = {} if caller is None else {"key": caller}
            items = (await gateway.call("GET", "/v1/dead-letters?kind=event", **more)).json()["items"]
            told[name] = [one["event"]["detail"] for one in items]
            assert own["id"] in [one["event"]["webhook"] for one in items]
        assert told["whole"] == ["no", "no"]
        assert told["scoped"] == ["no"], "of the operator's webhook nothing"

    run(test)
