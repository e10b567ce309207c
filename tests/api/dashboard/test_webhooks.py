"""The pages of webhooks: health, the secret once, a form that says what is wrong, attempts, replays; for whom."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from esteio.core.webhooks.delivery_policy import EndpointHealth
from esteio.engine.runtime import sealed_for
from esteio.store.base import EventRow
from esteio.store.delivery import DeliveryClaim, DeliverySettlement, Endpoint
from esteio.store.sql import rows
from esteio.store.sql.db import Db
from tests.api.conftest import Gateway, Run
from tests.api.dashboard.browser import Browser, visited, words
from tests.api.dashboard.test_pages import EVIL, fleet_of
from tests.narrowing import not_none

URL = "https://hooks.example/a?token=private-token"


async def subscribed(gateway: Gateway, **more: Any) -> Endpoint:
    answer = await gateway.call("POST", "/v1/webhooks", {"url": URL, **more})
    assert answer.status_code == 201, answer.text
    return not_none(await gateway.store.webhook_endpoints.get(answer.json()["id"]))


async def happened(gateway: Gateway, *chats: str, session: str = "line", kind: str = "message.received") -> None:
    now = gateway.clock.now()
    name = (await gateway.session(session)).name

    async def write(db: Db) -> None:
        for chat in chats:
            await db.run("event_add", rows.event_params(EventRow(kind, now, {"id": f"msg_{chat}"}, name, chat)))

    await gateway.store.database.write(write)


async def claims(gateway: Gateway) -> list[DeliveryClaim]:
    while await gateway.store.delivery.deal(gateway.clock.now(), 100):
        pass
    return list(await gateway.store.delivery.claim(gateway.clock.now(), {}, 32, 60))


async def called(gateway: Gateway, outcome: Any = "delivered", status: int | None = 200, detail: str = "") -> None:
    """Plays the dispatch: everything that is due, once."""
    now = gateway.clock.now()
    settled = [DeliverySettlement(one, outcome, now, now, status, detail) for one in await claims(gateway)]
    await gateway.store.delivery.settle(settled)


def test_a_webhook_is_created_and_its_secret_stands_there_once(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        await browser.log_in()
        assert "No webhook yet" in words(await browser.get("/webhooks"))
        await browser.get("/webhooks/new")
        made = await browser.post(
            "/webhooks",
            url=URL,
            events=["message.received", "session.qr"],
            sessions="line, loja-*",
            format="standard",
            media="url",
            headers="Authorization: Bearer private-header\n\nx-from: esteio",
        )
        assert made.status_code == 200
        assert made.headers["cache-control"] == "no-store"
        secret = not_none(re.search(r"whsec_[\w+/=]+", made.text))[0]
        (endpoint,) = await gateway.store.webhook_endpoints.all()
        assert (endpoint.events, endpoint.sessions) == (("message.received", "session.qr"), ("line", "loja-*"))
        sealed = gateway.vault.unseal(endpoint.sealed, sealed_for.webhook(endpoint.id))
        assert sealed["secret"] == secret
        assert sealed["header:authorization"] == "Bearer private-header"
        for path in ("/webhooks", f"/webhooks/{endpoint.id}", f"/webhooks/{endpoint.id}/edit"):
            page = (await browser.get(path)).text
            assert secret not in page
            assert "private-header" not in page
            if not path.endswith("edit"):
                assert "private-token" not in page
                assert "hooks.example" in page

    visited(run, story)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("url", "http://inside.example/a", 'allow_targets = ["10.1.2.3/32"]'),
        ("url", "gopher://hooks.example", "http or https"),
        ("headers", "no colon", "name: value"),
        ("more", "MESSAGES_UPSER", "MESSAGES_UPSERT"),
    ],
)
def test_a_form_that_is_wrong_says_why_and_keeps_what_was_asked(run: Run, field: str, value: str, told: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await browser.log_in()
        await browser.get("/webhooks/new")
        asked = {"url": URL, "format": "evolution", "media": "url", "headers": "x-key: private-header"}
        answer = await browser.post("/webhooks", events=["session.qr"], **(asked | {field: value}))
        assert answer.status_code == 400
        assert told in words(answer)
        assert 'value="session.qr" checked' in answer.text
        assert "private-header" not in answer.text
        assert await gateway.store.webhook_endpoints.all() == []

    visited(run, story)


def test_a_webhook_is_changed_switched_off_rotated_tested_and_deleted(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        endpoint = await subscribed(gateway, events=["session.qr"], sessions=["line"], headers={"x-key": "kept"})
        page = f"/webhooks/{endpoint.id}"
        await browser.log_in()
        form = await browser.get(f"{page}/edit")
        assert 'value="session.qr" checked' in form.text
        same = {"url": URL, "format": "standard", "media": "base64", "headers": ""}
        changed = await browser.post(f"{page}/edit", events="message.received", sessions="", **same)
        assert changed.headers["location"] == f"{page}?done=webhook-changed"
        now = not_none(await gateway.store.webhook_endpoints.get(endpoint.id))
        assert (now.events, now.sessions, now.media) == (("message.received",), (), "base64")
        assert gateway.vault.unseal(now.sealed, sealed_for.webhook(now.id))["header:x-key"] == "kept"
        await browser.post(f"{page}/edit", forget="1", **same)
        now = not_none(await gateway.store.webhook_endpoints.get(endpoint.id))
        assert "header:x-key" not in gateway.vault.unseal(now.sealed, sealed_for.webhook(now.id))
        assert (await browser.post(f"{page}/edit", **(same | {"url": "http://inside.example"}))).status_code == 400

        await browser.post(f"{page}/disable")
        assert "Switch on" in words(await browser.get(page))
        await browser.post(f"{page}/enable")
        assert not_none(await gateway.store.webhook_endpoints.get(endpoint.id)).enabled

        turned = await browser.post(f"{page}/rotate", overlap="3600")
        assert "The old secret signs too, until in 1 h" in words(turned)
        assert gateway.vault.unseal(now.sealed, sealed_for.webhook(now.id))["secret"] not in turned.text
        assert "old secret" not in words(await browser.post(f"{page}/rotate", overlap="0"))

        gateway.outside.status = 503
        tested = await browser.post(f"{page}/test")
        assert "The test call: failed 503" in words(await browser.get(tested.headers["location"]))
        assert (await browser.post(f"{page}/explode")).status_code == 404
        gone = await browser.post(f"{page}/delete")
        assert "Deleted." in words(await browser.get(gone.headers["location"]))
        assert (await browser.get(page)).status_code == 404

    visited(run, story)


def test_health_says_since_when_why_and_what_waits(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        endpoint = await subscribed(gateway)
        await browser.log_in()
        assert "not called yet" in words(await browser.get("/webhooks"))
        await happened(gateway, "a", "b")
        await called(gateway, "failed", 503, EVIL)
        gateway.clock.ahead = 120.0
        for path in ("/webhooks", f"/webhooks/{endpoint.id}"):
            answer = await browser.get(path)
            shown = words(answer)
            for told in ("failing began 2 min ago", "503 <script>", "2 chats wait", "Next try"):
                assert told in shown, (path, told)
            assert "<script>alert" not in answer.text
        whole = words(await browser.get(f"/webhooks/{endpoint.id}"))
        assert "message.received" in whole
        assert "attempt 1" in whole

    visited(run, story)


def test_an_address_that_may_not_be_reached_is_explained(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        endpoint = await subscribed(gateway)
        inside = msgspec.structs.replace(endpoint, url="http://inside.example/a")
        assert await gateway.store.webhook_endpoints.change(inside)
        health = EndpointHealth(failing_since=1.0, failures=1, last_failed_at=1.0, last_detail="no way")
        await gateway.store.database.write(
            lambda db: db.run("webhook_endpoint_health", {"id": endpoint.id, "health": rows.to_text(health)})
        )
        await browser.log_in()
        assert 'allow_targets = ["10.1.2.3/32"]' in words(await browser.get(f"/webhooks/{endpoint.id}"))

    visited(run, story)


def test_attempts_are_narrowed_and_one_event_is_delivered_again(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        endpoint = await subscribed(gateway)
        page = f"/webhooks/{endpoint.id}"
        await happened(gateway, "a")
        await called(gateway)
        await happened(gateway, "b")
        await called(gateway, "failed", 500, "broken")
        await browser.log_in()
        assert (await browser.get(page)).text.count('id="delivery-') == 2
        failed = await browser.get(f"{page}?failed=1")
        assert failed.text.count('id="delivery-') == 1
        assert "broken" in words(failed)
        last = await gateway.store.events.last_seq()
        first = (await gateway.store.webhook_endpoints.deliveries(endpoint.id, limit=9, before=None))[-1].event
        one = await browser.get(f"{page}?event={first}")
        assert one.text.count('id="delivery-') == 1
        again = await browser.post(f"{page}/events/{first}")
        assert "in the queue" in words(await browser.get(again.headers["location"]))
        assert first in [claim.seq for claim in await claims(gateway)]
        gone = await browser.post(f"{page}/events/{last + 1000}")
        assert "no longer kept" in words(await browser.get(gone.headers["location"]))
        await browser.post(f"{page}/events/x")

    visited(run, story)


def test_a_replay_is_counted_before_it_is_done(run: Run) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "line")
        await happened(gateway, "before")
        endpoint = await subscribed(gateway, events=["message.received"])
        await happened(gateway, "a", "b")
        await called(gateway)
        page = f"/webhooks/{endpoint.id}"
        await browser.log_in()
        every = words(await browser.get(f"{page}/replay?minutes=60"))
        assert "3 events would be delivered again" in every
        preview = await browser.get(f"{page}/replay?minutes=60&missing=1")
        assert "1 missing event would be delivered" in words(preview)
        assert await claims(gateway) == []
        asked = dict(re.findall(r'name="(from|to)" value="([^"]+)"', preview.text))
        done = await browser.post(f"{page}/replay", missing="1", **asked)
        assert "They are in the queue" in words(await browser.get(done.headers["location"]))
        assert [one.chat for one in await claims(gateway)] == ["before"]
        assert (await browser.post(f"{page}/replay", **(asked | {"from": "x"}))).status_code == 400

    visited(run, story)


@pytest.mark.parametrize("role", ["read", "send", "operate"])
def test_only_an_admin_sees_webhooks(run: Run, role: Any) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        endpoint = await subscribed(gateway)
        await browser.log_in(await gateway.key(role))
        for path in ("/webhooks", "/webhooks/new", f"/webhooks/{endpoint.id}", f"/webhooks/{endpoint.id}/replay"):
            assert (await browser.get(path)).status_code == 403
        for path in ("test", "delete", "rotate", "edit", "replay", "events/1"):
            assert (await browser.post(f"/webhooks/{endpoint.id}/{path}")).status_code == 403

    visited(run, story)


ACTS = ("test", "delete", "rotate", "edit", "replay", "events/1")


@pytest.mark.parametrize("act", ACTS)
def test_a_scoped_admin_reaches_webhooks_inside_the_scope_alone(run: Run, act: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        await fleet_of(gateway, "mine-1", "other-9")
        mine = await subscribed(gateway, sessions=["mine-1"])
        theirs = await subscribed(gateway, url="https://files.example/b", sessions=["other-9"])
        await browser.log_in(await gateway.key("admin", "mine-*"))
        listed = (await browser.get("/webhooks")).text
        assert mine.id in listed
        assert theirs.id not in listed
        for path in ("", "/edit", "/replay"):
            assert (await browser.get(f"/webhooks/{theirs.id}{path}")).status_code == 404
        await browser.get("/webhooks/new")
        assert (await browser.post(f"/webhooks/{theirs.id}/{act}", url=URL)).status_code == 404
        wide = {"url": URL, "format": "standard", "media": "url", "headers": ""}
        assert (await browser.post("/webhooks", sessions="*", **wide)).status_code == 400
        await browser.post("/webhooks", sessions="", **wide)
        made = [one for one in await gateway.store.webhook_endpoints.all() if one.id not in (mine.id, theirs.id)]
        assert [one.sessions for one in made] == [("mine-*",)]
        await browser.post(f"/webhooks/{mine.id}/edit", sessions="", **wide)
        assert not_none(await gateway.store.webhook_endpoints.get(mine.id)).sessions == ("mine-*",)

    visited(run, story)


@pytest.mark.parametrize("act", ACTS)
def test_a_form_of_somebody_else_does_nothing(run: Run, act: str) -> None:
    async def story(gateway: Gateway, browser: Browser) -> None:
        endpoint = await subscribed(gateway)
        await browser.log_in()
        browser.token = "forged"
        assert (await browser.post(f"/webhooks/{endpoint.id}/{act}")).status_code == 403
        assert (await browser.post("/webhooks", url=URL)).status_code == 403
        assert await gateway.store.webhook_endpoints.all() == [endpoint]

    visited(run, story)
