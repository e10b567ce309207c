"""A gateway that dies at a chosen point, as by kill -9, and is started again on the same disk.

Every write of the store and every exchange with a provider is a point, once before and once after it takes place. At
the chosen one the process stops: whatever it does afterwards reaches neither disk nor network. The world lives on (an
exchange that was under way arrives). Never lives here: what must hold afterwards (the tests say).
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from esteio.providers.base import HttpRequest, HttpResponse, Transport
from esteio.sim.lab import Lab
from esteio.sim.providers.faces import new_world
from esteio.sim.world.transport import SimTransport
from esteio.sim.world.world import World
from esteio.store.base import Store
from esteio.store.media import FileMediaStore
from esteio.store.sqlite import SqliteStore

PORTS = [name for name in vars(Store) if isinstance(vars(Store)[name], property)]
READS = frozenset(
    {
        "approvals.by_state", "approvals.get", "audit.found", "audit.head", "audit.last",
        "audit.last_before", "audit.page", "sealed.left", "sealed.page",
        "contacts.addresses", "contacts.known_phones", "contacts.messages",
        "dead_letters.events", "dead_letters.messages", "decisions.due_sessions", "decisions.session_view",
        "delivery.backlog", "delivery.next_due", "doubts.due", "doubts.known_provider_ids", "doubts.next_due",
        "doubts.overtaken", "doubts.sends_unstored", "events.last_seq", "events.page",
        "history.cost", "history.ended_outages", "history.open_outages", "history.outage", "history.outages_of",
        "history.parts_of", "history.server_outages", "history.states_of", "history.unwatched",
        "status_pages.all", "status_pages.get", "history_gaps.due",
        "inspection.facts", "inspection.unowned_sessions",
        "inbox.backlog", "inbox.of_message",
        "inbox.unread", "inbox.unreadable", "journal.page", "journal.page_back",
        "journal.page_back_of_server", "journal.page_of_server", "keys.all",
        "keys.by_hash", "keys.ended_logins", "keys.within", "servers.within", "tenants.all", "tenants.get",
        "tenants.usage", "webhook_endpoints.within",
        "media.fetches", "media.in_use", "media.of_session", "media.unused", "messages.acks",
        "messages.attempts",
        "messages.by_provider_id", "messages.get", "messages.made_by", "messages.page",
        "messages.quote_target", "messages.repeated",
        "messages.waiting", "messages.waiting_by_session", "outbox.backlog", "outbox.next_due", "provider_queue.due",
        "pair_links.by_hash", "pair_links.get",
        "provider_queue.next_due", "qr_codes.get", "servers.all", "servers.get", "servers.view", "sessions.by_id",
        "sessions.by_name", "sessions.by_token", "sessions.chatwoot", "sessions.instance_owner", "sessions.page",
        "sessions.replaced_webhook", "sessions.secrets", "traffic.ack_times", "traffic.busy_slots",
        "traffic.late_acks", "webhook_endpoints.all", "webhook_endpoints.at_door",
        "webhook_endpoints.deliveries", "webhook_endpoints.get",
        "webhook_endpoints.waiting", "work.get", "work.next_due",
        "sessions.by_instance", "sessions.settings", "decisions.with_news", "nodes.all", "nodes.held",
        "nodes.listen", "nodes.lives",
        # A start's own, before anything else can happen.
        "audit.begin",
    }
)  # fmt: skip
"""What changes nothing on disk: dying there is dying at the next write."""
POLLS = frozenset(
    {
        "delivery.claim",
        "delivery.deal",
        "delivery.expire",
        "delivery.purge",
        "maintenance.purge",
        "maintenance.purge_piece",
        "maintenance.strip_bodies",
        "media.forget",
        "outbox.claim",
        "outbox.expire",
        "ping",
        "work.claim",
    }
)
"""Writes that mostly find nothing to do: a point only when they did something."""


class Fate:
    """Counts points; at number `die_at` the process is dead. `None`: it lives, and `points` tells which there were."""

    def __init__(self, die_at: int | None = None) -> None:
        self.die_at = die_at
        self.points: list[str] = []
        self.dead = asyncio.Event()

    async def point(self, name: str) -> None:
        """Pass, or never return."""
        if not self.dead.is_set():
            self.points.append(name)
            if self.die_at is not None and len(self.points) > self.die_at:
                self.dead.set()
        if self.dead.is_set():
            await asyncio.get_running_loop().create_future()


class MortalPort:
    """A port of the real store, or the store itself; its writes are points, named `port.method`."""

    def __init__(self, real: Any, fate: Fate, prefix: str = "") -> None:
        self._real, self._fate, self._prefix = real, fate, prefix

    def __getattr__(self, method: str) -> Any:
        attribute = getattr(self._real, method)
        if not inspect.iscoroutinefunction(attribute):
            return attribute
        return self._mortal(f"{self._prefix}{method}", attribute)

    def _mortal(self, name: str, write: Callable[..., Any]) -> Callable[..., Any]:
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            if name in READS:
                if self._fate.dead.is_set():
                    await self._fate.point(name)
                return await write(*args, **kwargs)
            if name not in POLLS or self._fate.dead.is_set():
                await self._fate.point(f"before {name}")
            result = await write(*args, **kwargs)
            if name not in POLLS or result:
                await self._fate.point(f"after {name}")
            return result

        return guarded


class MortalStore(MortalPort):
    """The real store behind mortal ports."""

    def __init__(self, real: SqliteStore, fate: Fate) -> None:
        super().__init__(real, fate)
        for port in PORTS:
            setattr(self, port, MortalPort(getattr(real, port), fate, f"{port}."))

    async def start(self, now: float) -> Any:
        return await self._real.start(now)

    async def aclose(self) -> None:
        """What a kill does not do; the lab closes the real one."""


class MortalTransport:
    """The real transport into the world; its exchanges are points. What was asked before death still arrives there."""

    def __init__(self, real: Transport, fate: Fate) -> None:
        self._real, self._fate = real, fate

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        """See `providers.base.Transport`."""
        acts = request.method != "GET" or "/connect/" in request.url or "/restart" in request.url
        if acts:
            await self._fate.point(f"before {request.method} {request.url.split('?')[0].split('/', 3)[-1]}")
        response = await self._real.exchange(request)
        if acts:
            await self._fate.point(f"after {request.method} {request.url.split('?')[0].split('/', 3)[-1]}")
        return response

    async def aclose(self) -> None:
        """See `providers.base.Transport`."""


class MortalLab(Lab):
    """A lab on a database file whose gateway can be killed and started again."""

    def __init__(self, path: str, fate: Fate, *, seed: int = 0, world: World | None = None) -> None:
        self.fate = fate
        self.real_store = SqliteStore(path, inline=True)
        home = world or new_world(seed)
        store: Any = MortalStore(self.real_store, fate)
        road = MortalTransport(SimTransport(home), fate)
        super().__init__(
            seed,
            world=home,
            store=store,
            transport=road,
            media_store=FileMediaStore(Path(f"{path}.media"), inline=True),
        )

    async def __aexit__(self, *_: object) -> None:
        await super().__aexit__()
        await self.real_store.aclose()

    async def kill(self) -> None:
        """End every task of the gateway without letting it say goodbye to anybody."""
        self.fate.dead.set()
        self.world.on_webhook = None
        gateway = self.gateway
        await gateway.supervisor.aclose()
        await gateway.scheduler.aclose()
        await asyncio.gather(gateway.sends.aclose(0), gateway.work.aclose(0), gateway.fetcher.aclose(0))
        await self.real_store.aclose()
