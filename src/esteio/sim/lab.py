"""A world and a gateway in one loop: what tests, the storm and the demo stand on.

The gateway is the real one (`wiring.Gateway`): real engine, real store (SQLite in memory, inline), real commands. Only
the network is the simulated world, and time is the loop's. Never lives here: a scenario, a checker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esteio.clock import LoopClock
from esteio.config import Settings
from esteio.core.documents import Document
from esteio.core.model import Message, SessionName
from esteio.core.session import Session
from esteio.engine.commands import Caller, Commands
from esteio.providers.registry import load
from esteio.sim.line import Line
from esteio.sim.transport import SimTransport
from esteio.sim.world import World
from esteio.store.base import JournalEntry, Store, Work
from esteio.store.sqlite import SqliteStore
from esteio.vault import Vault
from esteio.wiring import Gateway

BASE_URL = "http://gateway.sim"
SEALING_KEY = b"c2ltdWxhdGlvbi1vbmx5LW5vdC1hLXNlY3JldC1rZXk="


class Told:
    """A notifier that remembers what people were told."""

    def __init__(self) -> None:
        self.notices: list[Work] = []

    async def notify(self, work: Work) -> bool:
        self.notices.append(work)
        return True

    def phases(self, session: str | None = None) -> list[str]:
        """`opened`, `closed` … in order, for one session or for all."""
        return [w.payload["phase"] for w in self.notices if session is None or w.payload.get("session") == session]


class Lab:
    """One world, one gateway before it. Use as an async context manager inside the loop that shall move both."""

    def __init__(
        self,
        seed: int = 0,
        *,
        settings: Mapping[str, Any] | None = None,
        world: World | None = None,
        store: Store | None = None,
    ) -> None:
        self.world = world or World(seed)
        self.settings = Settings(public_url=BASE_URL, language="en", **dict(settings or {}))
        self.clock = LoopClock(self.world.epoch0, seed)
        self.store = store or SqliteStore.memory()
        self.transport = SimTransport(self.world)
        self.told = Told()
        self.gateway = self._gateway()

    def _gateway(self) -> Gateway:
        return Gateway(
            self.settings,
            store=self.store,
            clock=self.clock,
            transport=self.transport,
            registry=load(),
            vault=Vault(SEALING_KEY),
            notifier=self.told,
        )

    @property
    def commands(self) -> Commands:
        return self.gateway.commands

    async def __aenter__(self) -> Lab:
        self.world.on_webhook = self._webhook
        await self.gateway.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.gateway.aclose()

    async def _webhook(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """A provider's webhook, straight into the inbox as the API would take it."""
        token, _, path = url.removeprefix(f"{BASE_URL}/in/").partition("/")
        return await self.commands.take_webhook(token, path, headers, body)

    # -- what a test says -----------------------------------------------------------------------------------------

    async def add_server(self, name: str, kind: str = "evolution", version: str = "2.3.7", **limits: float) -> None:
        """A server in the world, and known to the gateway."""
        server = self.world.add_server(name, kind, version)
        credentials = {"apikey": server.apikey} if kind != "wapi" else {}
        await self.commands.add_server(
            {"name": name, "kind": kind, "base_url": server.base_url, "credentials": credentials, "limits": limits}
        )

    async def adopt(self, server: str, session: str, number: str, *, policy: str = "default") -> Line:
        """A session that has long been linked at the provider, taken over."""
        line = self.world.plant(server, session, number)
        await self.commands.create_session(
            {"name": session, "server": server, "phone": number, "policy": policy, "adopt": True, "wait_s": 0}
        )
        return line
