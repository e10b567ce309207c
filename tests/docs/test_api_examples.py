"""Every example of the API's description is run as it stands, in each language, before a real gateway and its sandbox.

The story goes through all routes in an order in which each has something to do. What stands for something of the
reader's own (addresses, keys, ids) is put in first, as the reader would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from esteio.sim.sandbox.servers import DEFAULT_KEY, live_world, serve_sandbox
from tests.clients.door import Door, opened
from tests.clients.hooks import Hooks, listening
from tests.docs.api_pages import OPERATIONS
from tests.docs.examples import Example, Runner, needed, running
from tests.narrowing import not_none

PHONE, FRIEND = "5511912345678", "5511987654321"
MESSAGE, ROOM = "msg_01k9z4q8m3v7w2x5y6t1r0n8pb", "01k9z4q8m3v7w2x5y6t1r0n8pb"
SAMPLES = {
    (f"{method} {path}", one["lang"]): one["source"]
    for method, path, operation in OPERATIONS
    for one in operation["x-codeSamples"]
}
ROUTES = {route for route, _ in SAMPLES}
PATIENCE_S = 30.0


class Story:
    """One language's examples. `own`: what of an example stands for something of the reader's → what it is here."""

    def __init__(self, language: str, runner: Runner, door: Door, hooks: Hooks) -> None:
        self.language, self.runner, self.door = language, runner, door
        self.provider = door.world.servers["evolution"]
        self.told: dict[str, str] = {}
        self.own = {
            "http://evolution.example:8080": self.provider.base_url,
            "YOUR-EVOLUTION-KEY": DEFAULT_KEY,
            "https://crm.example/hooks/esteio": hooks.url,
        }

    async def run(self, *routes: str) -> None:
        for route in routes:
            example = Example(self.language, SAMPLES[route, self.language])
            self.told[route] = await self.runner.run(example.with_words(self.own))

    async def ask(self, path: str, method: str = "GET", body: Any = None) -> Any:
        status, said = await self.door.gateway.ask(method, path, body)
        assert status < 300, (path, said)
        return said

    async def until(self, path: str, holds: Callable[[Any], Any]) -> Any:
        """What stands at an address once it holds."""
        found = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not holds(found := await self.ask(path)):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{path} stays {found}") from None
        return found

    async def known(self, room: str) -> None:
        """From now on the examples mean the newest of this room."""
        newest = (await self.ask(f"/v1/{room}"))["items"][-1]["id"]
        self.own[f"{newest.partition('_')[0]}_{ROOM}"] = newest

    async def at_provider(self, method: str, path: str, body: Any = None) -> None:
        """Something that happens at the provider's server, past the gateway."""
        async with (
            aiohttp.ClientSession(headers={"apikey": DEFAULT_KEY}) as client,
            client.request(method, f"{self.provider.base_url}{path}", json=body) as answer,
        ):
            assert answer.status < 300, await answer.text()

    # -- the parts, in their order

    async def server(self) -> None:
        await self.at_provider(
            "POST", "/instance/create", {"instanceName": "clinic-prod", "integration": "WHATSAPP-BAILEYS"}
        )
        await self.run("GET /livez", "GET /readyz", "GET /metrics", "POST /v1/login-links", "POST /v1/servers")
        await self.run("GET /v1/servers", "GET /v1/servers/{name}", "GET /v1/servers/{name}/instances")
        await self.run("POST /v1/servers/{name}/adopt", "POST /v1/notices/test", "GET /v1/gateway", "GET /v1/inbox")
        await self.run("GET /v1/audit", "GET /v1/audit/verify", "GET /v1/gateway/checks")
        await self.run("GET /v1/vault", "POST /v1/vault/rotate", "POST /v1/vault/retire")

    async def webhook(self) -> None:
        await self.run("POST /v1/webhooks", "GET /v1/webhooks")
        await self.known("webhooks")
        await self.run("GET /v1/webhooks/{id}", "PATCH /v1/webhooks/{id}", "POST /v1/webhooks/{id}/rotate")
        await self.run("POST /v1/webhooks/{id}/test", "GET /v1/webhooks/{id}/deliveries")
        await self.run("POST /v1/webhooks/{id}/replay", "DELETE /v1/webhooks/{id}")

    async def key(self) -> None:
        await self.run("POST /v1/keys", "GET /v1/keys")
        await self.known("keys")
        await self.run("DELETE /v1/keys/{id}")
        await self.run("POST /v1/tenants", "GET /v1/tenants", "GET /v1/tenants/{name}", "PATCH /v1/tenants/{name}")
        await self.run("DELETE /v1/tenants/{name}")

    async def session(self) -> None:
        await self.run("POST /v1/sessions", "GET /v1/sessions/{name}/qr", "POST /v1/sessions/{name}/pair")
        code = (await self.ask("/v1/sessions/shop-1/qr"))["code"]
        self.door.world.phone(PHONE).scan(code)
        await self.until("/v1/sessions/shop-1", lambda shop: shop["state"] == "connected")
        await self.run("GET /v1/sessions", "GET /v1/sessions/{name}", "PATCH /v1/sessions/{name}", "POST /v1/apply")

    async def messages(self) -> None:
        await self.run("POST /v1/sessions/{name}/pause", "POST /v1/sessions/{name}/messages")
        listed = "/v1/sessions/shop-1/messages"
        sent = (await self.ask(listed))["items"][0]["id"]
        self.own[MESSAGE] = sent
        await self.run("GET /v1/sessions/{name}/messages", "GET /v1/messages/{id}")
        await self.run("POST /v1/messages/{id}/cancel", "POST /v1/messages/{id}/retry")
        await self.run("POST /v1/sessions/{name}/resume", "POST /v1/sessions/{name}/recover")
        await self.until(f"/v1/messages/{sent}", lambda one: one["state"] in ("sent", "delivered", "read"))
        await self.received(listed)
        await self.run("GET /v1/dead-letters", "POST /v1/dead-letters/replay")
        await self.run("GET /v1/sessions/{name}/timeline", "GET /v1/sessions/{name}/export")
        await self.run("GET /v1/events", "POST /v1/events/token")

    async def received(self, listed: str) -> None:
        self.door.world.contact_sends(PHONE, FRIEND, "veja", "image", data=b"\x89PNG\r\n\x1a\n and so on")
        found = await self.until(
            f"{listed}?direction=in", lambda page: page["items"] and page["items"][0]["media"]["state"] == "kept"
        )
        self.own[MESSAGE] = found["items"][0]["id"]
        link = found["items"][0]["media"]["url"]
        self.own[f"/media/{self.own[MESSAGE]}/photo.png?expires=1795251056&signature=Zr3…"] = link[
            link.index("/media/") :
        ]
        await self.run("GET /v1/messages/{id}/raw", "GET /v1/messages/{id}/media", "GET /media/{id}/{filename}")

    async def approvals(self) -> None:
        """Removed on the phone: on such a server only a recreate brings a code, and that is asked for first."""
        world = live_world()
        sandbox = await serve_sandbox(world, baileys="127.0.0.1:0")
        server = {"name": "bai-1", "kind": "baileys", "base_url": sandbox.urls["baileys"]}
        try:
            await self.ask("/v1/servers", "POST", {**server, "credentials": {"apikey": DEFAULT_KEY}})
            await self.ask("/v1/sessions", "POST", {"name": "clinic", "server": "bai-1", "wait_s": 20})
            world.phone(PHONE).scan(not_none(world.line("baileys", "clinic").sock).qr)
            await self.until("/v1/sessions/clinic", lambda clinic: clinic["state"] == "connected")
            world.phone(PHONE).unlink("clinic")
            await self.until("/v1/sessions/clinic", lambda clinic: clinic["reason"]["code"] == "logged-out")
            for answer in ("reject", "approve"):
                await self.ask("/v1/sessions/clinic/pair", "POST", {})
                await self.until("/v1/approvals", lambda page: page["items"])
                await self.run("GET /v1/approvals")
                await self.known("approvals")
                await self.run(f"POST /v1/approvals/{{id}}/{answer}")
        finally:
            await sandbox.aclose()

    async def end(self) -> None:
        await self.run("GET /v1/contacts/{address}/export", "POST /v1/contacts/{address}/erase")
        await self.run("POST /v1/sessions/{name}/recreate", "PATCH /v1/servers/{name}", "DELETE /v1/sessions/{name}")
        await self.until("/v1/sessions", lambda page: [one["name"] for one in page["items"]] == ["clinic"])
        await self.run("DELETE /v1/servers/{name}")


@pytest.mark.parametrize("language", ["sh", "python", "js"])
def test_every_example_of_the_api_runs(language: str, tmp_path: Path) -> None:
    needed(language)

    async def whole() -> None:
        async with opened(tmp_path, server=False) as door, listening() as hooks:
            url = f"http://127.0.0.1:{door.gateway.port}"
            async with running(url, door.key, tmp_path) as runner:
                story = Story(language, runner, door, hooks)
                await story.server()
                await story.webhook()
                await story.key()
                await story.session()
                await story.messages()
                await story.approvals()
                await story.end()
        assert story.told.keys() == ROUTES, "a route is new or gone: let the story above run it"

    asyncio.run(whole())


def test_every_route_has_an_example_in_each_language() -> None:
    routes = {f"{method} {path}" for method, path, _ in OPERATIONS if not path.startswith("/in/")}
    assert routes == ROUTES
    assert len(SAMPLES) == 3 * len(routes)


@pytest.mark.parametrize(
    "example",
    [
        Example("sh", "curl $ESTEIO_URL/v1/nothing"),
        Example("python", "import os, httpx\nanswer = httpx.get(os.environ['ESTEIO_URL'] + '/v1/nothing')"),
        Example("js", "await fetch(`${process.env.ESTEIO_URL}/v1/nothing`)"),
    ],
    ids=lambda example: example.language,
)
def test_an_example_that_is_refused_fails(example: Example, tmp_path: Path) -> None:
    needed(example.language)

    async def whole() -> None:
        async with listening() as hooks, running(hooks.url.removesuffix("/hook"), "k", tmp_path) as runner:
            with pytest.raises(AssertionError):
                await runner.run(example)

    asyncio.run(whole())
