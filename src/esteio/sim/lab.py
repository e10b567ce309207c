"""A world and a gateway in one loop: what tests, the storm and the demo stand on.

The gateway is the real one (`gateway.Gateway`): real engine, real store (SQLite in memory, inline), real commands. Only
the network is the simulated world, and time is the loop's. The demo's stage (`demo.stage`) says instead: the machine's
clock, a store in a file, real HTTP both ways. Never lives here: a scenario, a checker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, Self

import msgspec

from esteio.clock import Clock, LoopClock
from esteio.config import Settings
from esteio.core.model.ids import MessageId, SessionName
from esteio.core.model.message import Message
from esteio.core.model.session import Session
from esteio.engine.commands.commands import Commands
from esteio.engine.commands.requests import LimitsRequest, MessageRequest, ServerRequest, SessionRequest
from esteio.engine.commands.sessions.pairing import PairingResult
from esteio.engine.errors import CommandError
from esteio.gateway import Gateway
from esteio.log import is_set_up, set_up
from esteio.providers.base import HttpRequest, Transport
from esteio.providers.registry import load
from esteio.sim.providers.faces import new_world
from esteio.sim.world.instance import Instance
from esteio.sim.world.subscribers import Subscribers
from esteio.sim.world.transport import SimTransport
from esteio.sim.world.world import World
from esteio.store.base import JournalEntry, Store, Work
from esteio.store.media import MediaStore, MemoryMediaStore
from esteio.store.sqlite import SqliteStore
from esteio.tracing.tracer import NOT_TRACED, Tracer
from esteio.vault import Vault

BASE_URL = "http://gateway.sim"
SEALING_KEY = b"c2ltdWxhdGlvbi1vbmx5LW5vdC1hLXNlY3JldC1rZXk="


class CollectedNotices:
    """A notifier that remembers what people were told."""

    targets: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.notices: list[Work] = []

    async def notify(self, work: Work) -> bool:
        """Keeps the notice's work row; always True."""
        self.notices.append(work)
        return True

    def phases(self, session: str | None = None) -> list[str]:
        """`opened`, `closed` … in order, for one session or for all."""
        return [w.payload["phase"] for w in self.notices if session is None or w.payload.get("session") == session]


class Hosts(Transport, Protocol):
    """Hosts of the internet, as the gateway's fetches meet them: a transport that leads to them, and their names."""

    async def resolve(self, host: str) -> Sequence[str]:
        """The addresses of a host of this world; raises OSError for a name that is not in it."""


class Lab:
    """One world, one gateway before it. Use as an async context manager inside the loop that shall move both.

    `media_hosts`: where the gateway fetches media from that a URL names; without them there is nothing to fetch.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        settings: Mapping[str, Any] | None = None,
        world: World | None = None,
        store: Store | None = None,
        clock: Clock | None = None,
        transport: Transport | None = None,
        told: CollectedNotices | None = None,
        media_store: MediaStore | None = None,
        media_hosts: Hosts | None = None,
        tracer: Tracer = NOT_TRACED,
    ) -> None:
        if not is_set_up():
            set_up("error", "console")
        self.world = world or new_world(seed)
        self.settings = Settings(**{"public_url": BASE_URL, "language": "en", **dict(settings or {})})
        self.clock: Clock = clock or LoopClock(self.world.epoch0, seed)
        self.store = store or SqliteStore.memory()
        self.transport: Transport = transport or SimTransport(self.world)
        self.media_store: MediaStore = media_store or MemoryMediaStore()
        self.subscribers = Subscribers(self.world)
        self._media_hosts: Hosts = media_hosts or self.subscribers
        self.told = told or CollectedNotices()
        self.tracer = tracer
        self._bought: dict[str, dict[str, str]] = {}
        self.gateway = self._gateway()

    def _gateway(self) -> Gateway:
        return Gateway(
            self.settings,
            store=self.store,
            clock=self.clock,
            transport=self.transport,
            public_transport=self.subscribers,
            media_transport=self._media_hosts,
            media_store=self.media_store,
            resolve=self._resolve,
            registry=load(),
            vault=Vault(SEALING_KEY),
            notifier=self.told,
            tracer=self.tracer,
        )

    async def _resolve(self, host: str) -> Sequence[str]:
        try:
            return await self._media_hosts.resolve(host)
        except OSError:
            return await self.subscribers.resolve(host)

    @property
    def commands(self) -> Commands:
        return self.gateway.commands

    async def __aenter__(self) -> Self:
        self.world.on_webhook = self._webhook
        await self.gateway.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.gateway.aclose()

    async def _webhook(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """A provider's webhook, straight to the command that the API's handler calls."""
        token, _, path = url.removeprefix(f"{BASE_URL}/in/").partition("/")
        try:
            session = await self.commands.provider_webhooks.session_of_token(token)
            lower = {name.lower(): value for name, value in headers.items()}
            await self.commands.provider_webhooks.accept(session, path, lower, body)
        except CommandError:
            return 404
        return 200

    # -- how it is asked; here by the commands themselves ----------------------------------------------------------

    async def ask_server(self, ask: ServerRequest) -> None:
        """The gateway learns of a server."""
        await self.commands.servers.add(ask)

    async def ask_session(self, ask: SessionRequest) -> PairingResult:
        """The gateway makes or adopts a session."""
        return await self.commands.sessions.create(ask, "lab")

    async def ask_message(self, session: str, ask: MessageRequest) -> str:
        """The gateway accepts a message; its id."""
        message, _ = await self.commands.messages.send(await self.session(session), ask, caller="lab")
        return message.id

    # -- what a test says -----------------------------------------------------------------------------------------

    async def add_server(
        self, name: str, kind: str = "evolution", version: str = "2.3.7", limits: LimitsRequest | None = None
    ) -> None:
        """A server in the world, and known to the gateway."""
        server = self.world.add_server(name, kind, version)
        credentials = {} if kind == "wapi" else {"apikey": server.apikey}
        await self.ask_server(ServerRequest(name, kind, server.base_url, credentials, limits or LimitsRequest()))

    async def adopt(self, server: str, session: str, number: str, *, policy: str = "default") -> Instance:
        """A session that has long been linked at the provider, taken over and settled."""
        line = self.world.plant(server, session, number)
        await self.ask_session(
            SessionRequest(session, server, number, self._ref(server, session), policy, adopt=True, wait_s=10)
        )
        return line

    async def create(
        self, server: str, session: str, *, policy: str = "default", wait_s: float | None = None
    ) -> PairingResult:
        """A new session, as the API makes it. A W-API instance is bought first."""
        if self.world.servers[server].kind == "wapi":
            await self._buy(server, session)
        return await self.ask_session(
            SessionRequest(session, server, None, self._ref(server, session), policy, wait_s=wait_s)
        )

    async def _buy(self, server: str, session: str) -> None:
        home = self.world.servers[server]
        order = HttpRequest(
            "POST",
            f"{home.base_url}/integrator/create-instance",
            {"authorization": f"Bearer {home.apikey}", "content-type": "application/json"},
            msgspec.json.encode({"instanceName": session}),
        )
        bought = (await self.transport.exchange(order)).json()
        self._bought[session] = {"instance_id": bought["instanceId"], "token": bought["token"]}

    async def scan(self, server: str, session: str, number: str) -> None:
        """The phone with this number scans the code that the provider shows now for this session."""
        key = (await self.session(session)).ref.get("instance_id", session)
        sock = self.world.line(server, key).sock
        self.world.phone(number).scan(sock.qr if sock is not None else "")

    def _ref(self, server: str, session: str) -> dict[str, str]:
        """A W-API instance is bought at the provider and known by its id and token; the others are named by us."""
        home = self.world.servers[server]
        if home.kind != "wapi":
            return {}
        return self._bought.get(session) or {"instance_id": session, "token": f"token-{session}"}

    async def send(self, session: str, to: str, text: str | None, **more: Any) -> str:
        """A message accepted into the outbox; its id. `text` None: it is what `more` says alone."""
        return await self.ask_message(session, MessageRequest(to, text, **more))

    async def session(self, name: str) -> Session:
        """The session as the store holds it; KeyError when there is none."""
        found = await self.store.sessions.by_name(SessionName(name))
        if found is None:
            raise KeyError(name)
        return found

    async def message(self, message_id: str) -> Message:
        """The message as the store holds it; KeyError when there is none."""
        found = await self.store.messages.get(MessageId(message_id))
        if found is None:
            raise KeyError(message_id)
        return found

    async def timeline(self, name: str) -> list[JournalEntry]:
        """The whole timeline of a session."""
        session = await self.session(name)
        return list(await self.store.journal.page(session.id, 0, 100_000))

    def texts_delivered(self, to: str | None = None) -> list[str]:
        """What WhatsApp really delivered, in its order."""
        return [told.text for told in self.world.ledger.delivered if to is None or told.recipient == to]

    async def until(self, done: Callable[[], Awaitable[bool]], within_s: float, step_s: float = 0.25) -> float:
        """Let time pass until `done`; the seconds it took. Raises TimeoutError."""
        began = self.world.now()
        while not await done():
            if self.world.now() - began > within_s:
                raise TimeoutError(f"not within {within_s:g} s")
            await asyncio.sleep(step_s)
        return self.world.now() - began

    async def until_state(self, name: str, state: str, within_s: float) -> float:
        """Let time pass until the session is in this state; the seconds it took."""

        async def is_so() -> bool:
            return (await self.session(name)).state == state

        return await self.until(is_so, within_s)
