"""A suspended tenant: every way in is closed, nothing leaves for it, and all is as it was once it is let in again.

A whole gateway in virtual time. A public address that is in no table here fails the first test.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from esteio.api.app import TABLE
from esteio.api.dashboard.app import STREAMS
from esteio.api.dashboard.app import TABLE as PAGES
from esteio.api.evolution.app import TABLE as DOOR
from esteio.core.model.content import Media
from esteio.engine.commands.requests import (
    EndpointRequest,
    KeyRequest,
    StatusPageChange,
    StatusPageRequest,
    TenantChange,
    TenantRequest,
)
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.sim.world.subscribers import Subscriber
from tests.api.evolution.test_chatwoot import ADMIN, CUSTOMER, written
from tests.media_hosts import MediaLab

PHONE = "5511955550001"
PUBLIC: Mapping[str, str] = {
    "GET /media/{id}/{filename}": "signed media",
    "POST /in/{token}": "kept",
    "POST /in/{token}/{rest:path}": "kept",
    "GET /livez": "nobody's",
    "GET /readyz": "nobody's",
    "door GET /": "nobody's",
    "door POST /chatwoot/webhook/{instance}": "chatwoot",
    "GET /pair/{token}": "owner's link",
    "POST /pair/{token}": "owner's form",
    "GET /pair/{token}/live": "owner's stream",
    "GET /status/{page}": "status page",
    "GET /login": "nobody's",
    "POST /login": "nobody's",
    "GET /login/{token}": "login link",
    "POST /language": "nobody's",
}
"""Address that asks for no key → the way that it is. `kept`: what providers tell stays open, for it would be lost."""
OPEN, SUSPENDED, UNKNOWN = 200, 403, 404
WAYS: Mapping[str, tuple[int, int]] = {
    "key": (OPEN, SUSPENDED),
    "key for one session": (OPEN, SUSPENDED),
    "key at the door": (OPEN, SUSPENDED),
    "login": (OPEN, SUSPENDED),
    "login link": (303, SUSPENDED),
    "event token": (OPEN, SUSPENDED),
    "signed media": (OPEN, SUSPENDED),
    "chatwoot": (OPEN, SUSPENDED),
    "owner's link": (OPEN, UNKNOWN),
    "owner's form": (303, UNKNOWN),
    "owner's stream": (OPEN, UNKNOWN),
    "status page": (OPEN, UNKNOWN),
    "provider": (OPEN, OPEN),
}
"""What each answers to a tenant that is in, and to a suspended one; strangers are not told why."""


def test_every_public_address_is_in_this_table() -> None:
    public = [f"{one.method} {one.path}" for one in TABLE if one.role is None]
    public += [f"{one.method} {one.path}" for one in (*PAGES, *STREAMS) if one.role is None]
    public += [f"door {one.method} {one.path}" for one in DOOR if one.role is None]
    assert set(public) == set(PUBLIC)
    assert {way for way in PUBLIC.values() if way not in WAYS} == {"nobody's", "kept"}


class Stage:
    """The tenant `acme`: a number, a picture that came in, and one of each key, link and page."""

    def __init__(self, lab: Lab, subscriber: Subscriber) -> None:
        self.lab, self.subscriber = lab, subscriber
        self.words: dict[str, str] = {}

    @property
    def commands(self) -> Any:
        return self.lab.commands

    async def furnish(self) -> None:
        lab, commands = self.lab, self.commands
        await commands.tenants.create(TenantRequest("acme", "Acme"))
        session = await commands.sessions.move(await lab.session("line"), "acme")
        for key in (KeyRequest("key", "admin", tenant="acme"), KeyRequest("narrow", "read", ("line",), tenant="acme")):
            self.words[key.name] = (await commands.keys.create(key))[1]
        await commands.webhooks.add(EndpointRequest(self.subscriber.url, tenant="acme"))
        await commands.status_pages.create(StatusPageRequest("acme", "Acme", tenant="acme"))
        await commands.status_pages.change("acme", StatusPageChange("Acme", True, {"line": "Vendas"}))
        self.words["chatwoot"] = lab.gateway.chatwoot.address(session)
        picture = await lab.send("line", CUSTOMER, None, media=Media(kind="image", base64="aGk=", filename="a.png"))
        self.words["media"] = urlsplit(lab.gateway.links.of(picture, Media("image", filename="a.png"))).geturl()
        await asyncio.sleep(30)

    async def given(self) -> None:
        """What lasts a short while only, made by who is let in."""
        _, token = await self.commands.pair_links.make("line", "operator")
        self.words["pair"] = token
        link = await self.ask("POST", "/v1/login-links", {}, key=self.words["key"])
        self.words["link"] = link.json()["path"]
        tokens = await self.ask("POST", "/v1/events/token", {}, key=self.words["key"])
        self.words["event"] = tokens.json()["token"]
        self.words["cookie"] = self.lab.gateway.api.logins.opened(self.words["key"]).partition(";")[0]

    async def ask(self, method: str, path: str, body: Any = None, *, key: str = "", **headers: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.lab.gateway.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.sim") as client:
            sent = {"accept-language": "en", **({"apikey": key} if key else {}), **headers}
            return await client.request(method, path, json=body, headers=sent)

    async def form(self) -> httpx.Response:
        """What the owner's page sends back, with what it was shown."""
        page = f"/pair/{self.words['pair']}"
        shown = self.lab.gateway.api.logins.form_token("a-visitor")
        transport = httpx.ASGITransport(app=self.lab.gateway.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.sim") as client:
            cookie = {"cookie": "esteio_visitor=a-visitor"}
            return await client.post(page, data={"form": shown, "by": "qr"}, headers=cookie)

    async def by(self, way: str) -> int:
        """What this way answers."""
        words, ask = self.words, self.ask
        ways: Mapping[str, Callable[[], Awaitable[httpx.Response]]] = {
            "key": lambda: ask("GET", "/v1/sessions/line", key=words["key"]),
            "key for one session": lambda: ask("GET", "/v1/sessions/line", key=words["narrow"]),
            "key at the door": lambda: ask("GET", "/evolution/instance/connectionState/line", key=words["key"]),
            "login": lambda: ask("GET", "/", cookie=words["cookie"]),
            "login link": lambda: ask("GET", words["link"]),
            "event token": lambda: ask("HEAD", f"/v1/events?token={words['event']}"),
            "signed media": lambda: ask("GET", words["media"]),
            "chatwoot": lambda: ask("POST", words["chatwoot"], written(content=None)),
            "owner's link": lambda: ask("GET", f"/pair/{words['pair']}"),
            "owner's form": self.form,
            "owner's stream": lambda: ask("HEAD", f"/pair/{words['pair']}/live"),
            "status page": lambda: ask("GET", "/status/acme"),
            "provider": lambda: ask("POST", self.hook(), {"event": "x"}),
        }
        assert set(ways) == set(WAYS)
        return (await ways[way]()).status_code

    def hook(self) -> str:
        """Where the provider posts to."""
        hook: Any = self.lab.world.line("prov", "line")
        return str(urlsplit(hook.hook.url).path)

    async def suspend(self, *, suspended: bool = True) -> None:
        await self.commands.tenants.change("acme", TenantChange(enabled=not suspended))
        # What strangers see is kept for a moment.
        await asyncio.sleep(60)


def play(story: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with MediaLab(5, settings={"admin_key": ADMIN}) as lab:
            subscriber = lab.subscribers.add("acme.example")
            await lab.add_server("prov")
            await lab.adopt("prov", "line", PHONE)
            await lab.until_state("line", "connected", 60)
            stage = Stage(lab, subscriber)
            await stage.furnish()
            await story(stage)

    run_virtual(whole, limit_s=86_400.0)


@pytest.mark.parametrize("way", WAYS)
def test_a_way_in_is_closed_and_opens_again(way: str) -> None:
    open_, closed = WAYS[way]

    async def story(stage: Stage) -> None:
        await stage.given()
        assert await stage.by(way) == open_
        if way == "login link":
            await stage.given()
        await stage.suspend()
        assert await stage.by(way) == closed
        await stage.suspend(suspended=False)
        await stage.given()
        assert await stage.by(way) == open_

    play(story)


def test_nothing_leaves_for_it_and_what_waited_goes_when_it_is_let_in_again() -> None:
    async def story(stage: Stage) -> None:
        lab = stage.lab
        await stage.suspend()
        called = len(stage.subscriber.arrived)
        waits = await lab.send("line", CUSTOMER, "depois")
        lab.world.phone(CUSTOMER).send(PHONE, "oi")
        await asyncio.sleep(3600)
        assert (await lab.message(waits)).state == "queued"
        assert "depois" not in lab.texts_delivered()
        assert len(stage.subscriber.arrived) == called
        kept = await lab.store.messages.page((await lab.session("line")).id, direction="in", limit=9)
        assert [one.content.text for one in kept.items] == ["oi"], "what comes in is kept"
        assert (await lab.session("line")).state == "connected", "and the number stays linked"
        await stage.suspend(suspended=False)
        assert (await lab.message(waits)).state in ("sent", "delivered")
        told = [one.body["type"] for one in stage.subscriber.arrived[called:]]
        assert "message.received" in told
        assert "message.state_changed" in told

    play(story)


def test_events_do_not_pile_up_for_one_that_stays_suspended() -> None:
    async def story(stage: Stage) -> None:
        store, now = stage.lab.store, stage.lab.clock.now
        await stage.suspend()
        stage.lab.world.phone(CUSTOMER).send(PHONE, "oi")
        await asyncio.sleep(60)
        before = len(await store.events.page(0, 9999))
        assert await store.delivery.purge(now() + 1, now() + 1) >= before > 0
        assert list(await store.events.page(0, 9999)) == []

    play(story)
