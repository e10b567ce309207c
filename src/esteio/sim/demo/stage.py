"""The demo's stage: the lab, in real time and by real HTTP.

Sandbox servers listen on loopback, the gateway's own API is served by uvicorn in front of them, providers post their
webhooks to it, and whoever plays an application speaks HTTP to it with an API key. The store is a file of a temporary
directory, time is the machine's. Never lives here: a story, a word for people.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import aiohttp
import msgspec
import uvicorn

from esteio.clock import SystemClock
from esteio.deployment import media_transport, public_transport
from esteio.engine.commands.requests import MessageRequest, ServerRequest, SessionRequest
from esteio.engine.commands.sessions.pairing import PairingResult
from esteio.gateway import Gateway
from esteio.providers.driver import AiohttpTransport
from esteio.providers.registry import load
from esteio.sim.lab import SEALING_KEY, Lab
from esteio.sim.sandbox.servers import Sandbox, live_world
from esteio.sim.world.world import World
from esteio.store.media import FileMediaStore
from esteio.store.sqlite import SqliteStore
from esteio.vault import Vault

Json = Any

HOMES: Mapping[str, str] = {
    "baileys-000": "baileys",
    "baileys-slow": "baileys",
    "evolution-000": "evolution",
    "wapi-000": "wapi",
    "evolution-001a": "evolution",
    "evolution-001b": "evolution",
    "evolution-002": "evolution",
    "wapi-003": "wapi",
    "evolution-004a": "evolution",
    "evolution-004b": "evolution",
}
"""Every story has servers of its own, so that the stories may run side by side."""

POLICY: Mapping[str, Mapping[str, Any]] = {
    "default": {
        "probe_idle_s": 6,
        "probe_suspect_s": 3,
        "effect_within_s": 8,
        "boot_grace_s": 20,
        "notify_after_s": 8,
        "flap_within_s": 8,
        "restart_cooldown_s": 30,
        "destructive_after_s": 10,
        "quarantine_s": 15,
        "stable_after_s": 60,
        "send_timeout_s": 20,
        "ramp_s": 5,
    },
    "patient": {"inherits": "default", "effect_within_s": 25},
    "rarely-looks": {"inherits": "default", "effect_within_s": 1, "probe_idle_s": 60, "probe_suspect_s": 12},
}
"""The gateway's usual policy with its long times shortened, so that a demo takes minutes; nothing else is changed."""

CLOSING_S = 1


class Sent(msgspec.Struct, frozen=True):
    """A message that the gateway's API answered with 2xx: from now on it may not be lost."""

    id: str
    session: str
    to: str
    text: str
    at: float


class Came(msgspec.Struct, frozen=True):
    """A message that a contact wrote to a session's phone."""

    session: str
    sender: str
    text: str
    provider_id: str


class Place(NamedTuple):
    """Where the demo lives: the gateway's listening socket and its URL, the control page's address, its data."""

    bound: socket.socket
    url: str
    control: str
    data: Path
    language: str


class Refused(Exception):
    """The gateway's API said no: `status` and its document."""

    def __init__(self, status: int, document: Json) -> None:
        super().__init__(f"{status} {document}")
        self.status, self.document = status, document


class _Server(uvicorn.Server):
    """uvicorn without its own hand on signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield


class Stage(Lab):
    """A lab whose world is reached by HTTP alone. Use as an async context manager, after `raised`."""

    def __init__(self, seed: int, place: Place, world: World, sandbox: Sandbox) -> None:
        tongue, self.url = place.language, place.url
        super().__init__(
            seed,
            settings={
                "public_url": self.url,
                "language": tongue,
                "data": str(place.data),
                "policy": POLICY,
                "allow_targets": ("127.0.0.0/8", "::1/128"),
            },
            world=world,
            store=SqliteStore(place.data / "esteio.db"),
            clock=SystemClock(),
            transport=AiohttpTransport(),
        )
        self.language = tongue
        self.sandbox = sandbox
        self.gateway.api.sandbox = sandbox.page
        self.key = ""
        self.sent: list[Sent] = []
        self.came: list[Came] = []
        self._bound = place.bound
        self._front = _Server(
            uvicorn.Config(
                self.gateway.app,
                http="httptools",
                lifespan="off",
                log_config=None,
                log_level="critical",  # a request that is cut at the end is no news to a person
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=CLOSING_S,
            )
        )
        self._serving: asyncio.Task[None] | None = None
        self._http: aiohttp.ClientSession | None = None

    def _gateway(self) -> Gateway:
        """As a service has it, but for the sealing key, and for who is told of notices: the accounts count them."""
        return Gateway(
            self.settings,
            store=self.store,
            clock=self.clock,
            transport=self.transport,
            public_transport=public_transport(self.settings),
            media_transport=media_transport(self.settings),
            media_store=FileMediaStore(Path(self.settings.data) / "media"),
            registry=load(),
            vault=Vault(SEALING_KEY),
            notifier=self.told,
        )

    @classmethod
    async def raised(cls, seed: int, place: Place) -> Self:
        """The sandbox listens; the gateway is built, not started. Raises OSError when the control address is taken."""
        world = live_world(seed)
        sandbox = Sandbox(world)
        homes = {}
        for name, kind in HOMES.items():
            server = world.add_server(name, kind, base_url=f"http://{name}.sim{'/v1' if kind == 'wapi' else ''}")
            homes[name] = (server, "127.0.0.1:0")
        try:
            await sandbox.open(homes, place.control)
        except BaseException:
            await sandbox.aclose()
            raise
        return cls(seed, place, world, sandbox)

    async def __aenter__(self) -> Self:
        try:
            await self.gateway.start()
            self.key = await self.commands.keys.ensure_admin() or ""
            headers = {"authorization": f"Bearer {self.key}", "accept-language": self.language}
            self._http = aiohttp.ClientSession(headers=headers)
            self._serving = asyncio.create_task(self._front.serve([self._bound]))
            for name, server in self.world.servers.items():
                credentials = {} if server.kind == "wapi" else {"apikey": server.apikey}
                await self.ask_server(ServerRequest(name, server.kind, server.base_url, credentials))
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gateway.drain()
        self._front.should_exit = True
        if self._serving is not None:
            await asyncio.gather(self._serving, return_exceptions=True)
        if self._http is not None:
            await self._http.close()
        await self.gateway.aclose()
        await self.sandbox.aclose()

    async def login_link(self) -> str:
        """Lets a browser into the dashboard, once."""
        return self.url + (await self.gateway.api.short_lived_tokens.login_link(self.key))[0]

    # -- the application's side: HTTP with a key -------------------------------------------------------------------

    async def api(self, method: str, path: str, body: Json = None, **headers: str) -> tuple[int, Json]:
        """One call to the gateway's API: (status, document)."""
        if self._http is None:
            raise RuntimeError("the stage is not open")
        data = None if body is None else msgspec.json.encode(body)
        sent = {"content-type": "application/json", **{key.replace("_", "-"): word for key, word in headers.items()}}
        async with self._http.request(method, self.url + path, data=data, headers=sent) as answer:
            raw = await answer.read()
        return answer.status, msgspec.json.decode(raw) if raw else None

    async def _asked(self, path: str, body: Json, **headers: str) -> Json:
        status, document = await self.api("POST", path, body, **headers)
        if status >= 300:
            raise Refused(status, document)
        return document

    async def ask_server(self, ask: ServerRequest) -> None:
        """Adds a server by `POST /v1/servers`; raises `Refused` when the gateway does not take it."""
        await self._asked("/v1/servers", msgspec.to_builtins(ask))

    async def ask_session(self, ask: SessionRequest) -> PairingResult:
        """Creates a session by `POST /v1/sessions` and gives it as it is then; raises `Refused` when the gateway does
        not take it."""
        await self._asked("/v1/sessions", msgspec.to_builtins(ask))
        return PairingResult(await self.session(ask.name))

    async def ask_message(self, session: str, ask: MessageRequest) -> str:
        """`POST /v1/sessions/…/messages`, with an idempotency key as a careful application sends it."""
        body = {key: value for key, value in msgspec.to_builtins(ask).items() if value is not None}
        key = self.clock.new_id("app")
        document = await self._asked(f"/v1/sessions/{session}/messages", body, idempotency_key=key)
        self.sent.append(Sent(document["id"], session, ask.to, ask.text or "", self.world.now()))
        return str(document["id"])

    # -- the world's side ------------------------------------------------------------------------------------------

    async def control(self, call: str, **body: Json) -> Json:
        """`POST /_sandbox/CALL`: what a person does to the sandbox. Gives the answer's document; raises `Refused` for
        any status from 300 on."""
        if self._http is None:
            raise RuntimeError("the stage is not open")
        url = f"{self.sandbox.urls['control']}/_sandbox/{call}"
        async with self._http.post(url, data=msgspec.json.encode(body)) as answer:
            document = msgspec.json.decode(await answer.read())
        if answer.status >= 300:
            raise Refused(answer.status, document)
        return document

    async def contact(self, session: str, number: str, sender: str, text: str) -> str:
        """A contact writes to the phone of a session."""
        told = await self.control("contact-sends", to=number, **{"from": sender}, text=text)
        self.came.append(Came(session, sender, text, told["provider_id"]))
        return str(told["provider_id"])
