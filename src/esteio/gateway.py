"""The only place that names concretes: settings become a store, a transport, a registry, the engine and the ASGI app.

`Gateway` is the whole product in one object. Built from settings it uses the machine's clock, SQLite on one writer
thread and aiohttp; the simulator builds the same object on a virtual clock, an inline store and the simulated world.
Never lives here: behaviour.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from esteio.api.app import HotPath, create_app
from esteio.api.http.route import ApiContext
from esteio.clock import Clock, SystemClock
from esteio.config import Settings
from esteio.core.model.decision import Decision
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import MessageId, ServerName, SessionId, SessionName
from esteio.core.model.policy import Policy
from esteio.core.model.session import Session
from esteio.engine.commands.commands import build_commands
from esteio.engine.delivery.client import WebhookClient
from esteio.engine.delivery.dispatch import DeliveryDispatch
from esteio.engine.delivery.notices import AppriseNotifier, LogNotifier
from esteio.engine.inbox.backfill import Backfill
from esteio.engine.inbox.reader import InboxReader
from esteio.engine.maintenance import Maintenance
from esteio.engine.media.fetch import MediaFetcher
from esteio.engine.media.links import PURPOSE, MediaLinks
from esteio.engine.media.stager import MediaStager
from esteio.engine.outbox.dispatch import SendDispatch, WorkDispatch
from esteio.engine.outbox.doubts import DoubtResolver
from esteio.engine.outbox.performers import Notifier, Performers
from esteio.engine.outbox.provider_queue import ProviderQueueWatch
from esteio.engine.outbox.rate_limit import RateLimiter
from esteio.engine.runtime.supervisor import Supervisor
from esteio.engine.runtime.waiters import Waiters
from esteio.engine.supervision.ack_watch import AckWatch
from esteio.engine.supervision.endpoints import Endpoints
from esteio.engine.supervision.probes import Prober
from esteio.engine.supervision.reconcile import Reconciler
from esteio.engine.supervision.scheduler import Scheduler
from esteio.engine.supervision.silence_watch import SilenceWatch
from esteio.engine.url_guard import Resolver, check_target, may_reach, system_resolver
from esteio.log import logger
from esteio.providers.base import Transport
from esteio.providers.driver import AiohttpTransport, log_exchange
from esteio.providers.registry import Registry, load
from esteio.store.base import InboxResult, InboxSettlement, Store, every_session
from esteio.store.media import FileShelf, MemoryShelf, Shelf
from esteio.store.sqlite import SqliteStore
from esteio.texts import translations
from esteio.vault import Vault, open_vault

log = logger("gateway")
STOP_PATIENCE_S = 4.0
CONTROL_TAKES_S = 60.0
"""The longest a control act's exchanges take together."""


def outside(settings: Settings) -> AiohttpTransport:
    """The road to addresses that callers named: guarded at every connect, answers only looked into."""
    allowed = settings.allowed_networks
    return AiohttpTransport(
        max_body_bytes=4096,
        cuts_answers=True,
        connections_per_host=0,
        may_reach=lambda address: may_reach(address, allowed),
    )


def media_road(settings: Settings) -> AiohttpTransport:
    """The road to media that callers named: guarded in the same way, answers read up to the largest media."""
    allowed = settings.allowed_networks
    return AiohttpTransport(
        max_body_bytes=settings.max_media_bytes,
        connections_per_host=4,
        may_reach=lambda address: may_reach(address, allowed),
    )


def download_road(settings: Settings) -> AiohttpTransport:
    """The road to the providers for the bytes of media, perhaps in base64."""
    return AiohttpTransport(max_body_bytes=settings.max_carried_bytes, connections_per_host=2)


class WorkerWakeups:
    """The engine's bells as the commands see them."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def session(self, session_id: SessionId) -> None:
        """See `engine.runtime.ports.Wakeups`."""
        self._gateway.scheduler.wake(session_id)

    def server(self, name: ServerName) -> None:
        """See `engine.runtime.ports.Wakeups`."""
        self._gateway.scheduler.wake(name)

    def sends(self) -> None:
        """See `engine.runtime.ports.Wakeups`."""
        self._gateway.sends.wake()

    def work(self) -> None:
        """See `engine.runtime.ports.Wakeups`."""
        self._gateway.work.wake()

    def inbox(self) -> None:
        """See `engine.runtime.ports.Wakeups`."""
        self._gateway.inbox.wake()

    def deliveries(self) -> None:
        """See `engine.runtime.ports.Wakeups`."""
        self._gateway.relay.wake()


class Gateway:
    """Everything, wired. `start` before use, `aclose` after it."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        clock: Clock,
        transport: Transport,
        registry: Registry,
        vault: Vault,
        notifier: Notifier,
        outside: Transport | None = None,
        media_road: Transport | None = None,
        downloads: Transport | None = None,
        shelf: Shelf | None = None,
        resolve: Resolver = system_resolver,
    ) -> None:
        """`transport` leads to the providers, `downloads` (by default the same) too, for answers as large as media;
        `outside` (by default the same) to addresses that callers named."""
        self.settings, self.store, self.clock, self.registry, self.vault = settings, store, clock, registry, vault
        self.texts = translations(settings.language)
        self.transport = transport
        self.pace = RateLimiter(self.policy)
        self.waiters = Waiters(store)
        self.addresses = Endpoints(store, vault, registry, clock, settings.base_url)
        self.reconciler = Reconciler(
            store,
            clock,
            registry,
            self.policy,
            changed=self._session_changed,
            server_read=self.pace.set_server_limits,
            notice_targets=notifier.targets,
        )
        self.lookout = Prober(store, clock, self.addresses, transport)
        self.scheduler = Scheduler(store, clock, self.reconciler, self.lookout, acted=self._acted)
        self._media_road = media_road or outside or transport
        self.shelf = shelf or MemoryShelf()

        async def check(url: str) -> None:
            await check_target(url, "media.url", settings.allowed_networks, resolve)

        self.media = MediaStager(self.shelf, clock, self._media_road, check=check, max_bytes=settings.max_media_bytes)
        self.links = MediaLinks(vault.key_for(PURPOSE), settings.base_url, clock, settings.media_url_for_s)
        self._downloads = downloads or transport
        self.fetcher = MediaFetcher(
            store,
            clock,
            self.addresses,
            self._downloads,
            media=self.media,
            shelf=self.shelf,
            told=self._media_changed,
        )
        performers = Performers(
            store, clock, self.addresses, transport, policies=self.policy, notifier=notifier, media=self.media
        )
        self.sends = SendDispatch(
            store,
            clock,
            performers,
            pace=self.pace,
            lease_s=self._longest_send(),
            told=self._message_moved,
            unsure=self._look_for_sent,
        )
        self.work = WorkDispatch(store, clock, performers, lease_s=CONTROL_TAKES_S, told=self._work_done)
        read, applied = self._webhook_read, self._webhook_applied
        self.inbox = InboxReader(store, clock, self.addresses, media=self.media, told=read, applied=applied)
        self.doubts = DoubtResolver(
            store,
            clock,
            self.addresses,
            transport,
            policies=self.policy,
            judged=self.reconciler.peek,
            told=self._doubt_settled,
            waits=self._acted,
            notice_targets=notifier.targets,
        )
        self.parking = ProviderQueueWatch(
            store,
            clock,
            self.addresses,
            transport,
            judged=self.reconciler.peek,
            told=self._parked_no_more,
            heard=self.scheduler.tell,
        )
        self.gaps = Backfill(
            store,
            clock,
            self.addresses,
            transport,
            media=self.media,
            told=self._webhook_read,
            applied=self._webhook_applied,
        )
        self.acks = AckWatch(store, clock, policies=self.policy, judged=self.reconciler.peek, told=self.scheduler.wake)
        self.upkeep = Maintenance(
            store,
            clock,
            gaps=self.gaps,
            acks=self.acks,
            ears=SilenceWatch(store, clock, judged=self.reconciler.judged, told=self.scheduler.tell),
            shelf=self.shelf,
            keep=settings.retention,
        )
        self.courier = WebhookClient(
            outside or transport,
            clock,
            vault,
            texts=self.texts.default,
            source=settings.base_url,
            number_of=self._number_of,
            links=self.links,
            loaded=self._media_of,
        )
        self.relay = DeliveryDispatch(store, clock, self.courier)
        self.supervisor = Supervisor()
        self.wakeups = WorkerWakeups(self)
        self.commands = build_commands(
            store=store,
            clock=clock,
            providers=registry.as_mapping(),
            vault=vault,
            settings=settings,
            wakeups=self.wakeups,
            waiter=self.waiters,
            addresses=self.addresses,
            courier=self.courier,
            transport=transport,
            resolve=resolve,
            shelf=self.shelf,
            media=self.media,
            notifier=notifier,
        )
        self._started = False
        self.new_database = False
        """Whether no gateway ever ran on this database before `start`."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Gateway:
        """The gateway as a service. Raises `VaultError`, `SettingsError`."""
        data = Path(settings.data)
        data.mkdir(parents=True, exist_ok=True)
        targets = settings.notify.targets
        texts = translations(settings.language).default
        notifier: Notifier = AppriseNotifier(targets, texts) if targets else LogNotifier(texts)
        return cls(
            settings,
            store=SqliteStore(data / "esteio.db"),
            clock=SystemClock(),
            transport=AiohttpTransport(trace=log_exchange),
            outside=outside(settings),
            media_road=media_road(settings),
            downloads=download_road(settings),
            shelf=FileShelf(data / "media"),
            registry=load(),
            vault=open_vault(data, settings.secret_key or None),
            notifier=notifier,
        )

    @cached_property
    def app(self) -> HotPath:
        """The ASGI application, made when it is first asked for: a simulated gateway needs none."""
        return create_app(
            ApiContext(
                commands=self.commands,
                store=self.store,
                clock=self.clock,
                settings=self.settings,
                waiters=self.waiters,
                providers=self.registry.as_mapping(),
                links=self.links,
                shelf=self.shelf,
                texts=self.texts,
            )
        )

    # -- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the store (what a crash left is put right there), then start the loops. Raises as `Store.start`."""
        report = await self.store.start(self.clock.now())
        self._started = True
        self.new_database = report.last_alive is None
        log.info(
            "store.opened", new=self.new_database, interrupted=len(report.interrupted), in_doubt=len(report.doubted)
        )
        await self.gaps.after_boot(report.last_alive)
        await self._learn_paces()
        start = self.supervisor.start
        start("inbox", self.inbox.run)
        start("work", self.work.run)
        start("sends", self.sends.run)
        start("scheduler", self.scheduler.watch)
        start("expire", self.upkeep.expire)
        start("doubts", self.doubts.run)
        start("parking", self.parking.run)
        start("gaps", self.upkeep.backfill)
        start("acks", self.upkeep.acks)
        start("ears", self.upkeep.silence)
        start("beat", self.upkeep.beat)
        start("purge", self.upkeep.purge)
        start("media", self.fetcher.run)
        start("media-sweep", self.upkeep.sweep)
        start("relay", self.relay.run)
        start("relay-bury", self.relay.expire)
        start("relay-purge", self.relay.purge)

    def drain(self) -> None:
        """Refuse new requests, and answer those that wait with what is so now: what was accepted stays accepted."""
        self.waiters.close()
        if "app" in self.__dict__:
            self.app.api.closing = True

    async def aclose(self) -> None:
        """Stop the loops, give calls under way a little time, close what is open. Twice is harmless."""
        if not self._started:
            return
        self._started = False
        self.drain()
        await self.supervisor.aclose()
        await self.scheduler.aclose()
        loops = (self.sends, self.work, self.relay, self.fetcher)
        await asyncio.gather(*(loop.aclose(STOP_PATIENCE_S) for loop in loops))
        await self.transport.aclose()
        await self._media_road.aclose()
        await self._downloads.aclose()
        await self.courier.aclose()
        await self.store.aclose()

    def policy(self, name: str) -> Policy:
        """A policy by name; one that is not in the settings any more falls back to `default`."""
        policies: Mapping[str, Policy] = self.settings.policies
        return policies.get(name) or policies["default"]

    # -- what one part tells another ------------------------------------------------------------------------------

    def _session_changed(self, before: Session, decision: Decision) -> None:
        session = decision.session
        self.waiters.session_changed(session.id)
        if decision.events or decision.fail_queued is not None:
            self.relay.wake()
        self.pace.set_limits(session)
        if session.gate == "open" and (before.gate, before.restricted_until) != (
            session.gate,
            session.restricted_until,
        ):
            self.sends.wake()
            self._look_for_sent()

    def _look_for_sent(self) -> None:
        self.doubts.wake()
        self.parking.wake()

    def _acted(self) -> None:
        self.work.wake()

    async def _learn_paces(self) -> None:
        """Before the first message leaves: a session may have been judged long before we started."""
        for stored in await self.store.servers():
            self.pace.set_server_limits(stored.server)
        async for session in every_session(self.store):
            self.pace.set_limits(session)

    async def _number_of(self, session: str) -> str | None:
        found = await self.store.session(SessionName(session))
        return None if found is None else found.phone or found.facts.phone_seen or None

    def _longest_send(self) -> float:
        return max(policy.send_timeout_s for policy in self.settings.policies.values())

    def _message_moved(self, session_id: SessionId, message_id: MessageId, evidence: Sequence[Evidence]) -> None:
        self.waiters.message_changed(message_id)
        self.acks.sent(session_id)
        self.relay.wake()
        self.scheduler.heard(session_id, evidence)

    def _doubt_settled(self, session_id: SessionId, message_id: MessageId, evidence: Sequence[Evidence]) -> None:
        """Its chat may go on."""
        self._message_moved(session_id, message_id, evidence)
        self.sends.wake()

    def _parked_no_more(self, session_id: SessionId, message_id: MessageId) -> None:
        self._doubt_settled(session_id, message_id, ())

    def _work_done(self, session_id: SessionId | None, server: ServerName | None) -> None:
        if session_id is not None:
            self.scheduler.wake(session_id)
            self.waiters.session_changed(session_id)
        if server is not None:
            self.scheduler.wake(server)

    def _webhook_read(self, session: Session, evidence: Sequence[Evidence]) -> None:
        self.scheduler.heard(session.id, evidence)
        if any(item.subject == "server" for item in evidence):
            self.scheduler.wake(session.server)

    async def _media_of(self, message_id: str, shown: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
        return await self.media.carried(await self.store.message(MessageId(message_id)), shown)

    def _media_changed(self) -> None:
        self.waiters.news()
        self.relay.wake()

    def _webhook_applied(self, session_id: SessionId, settlement: InboxSettlement, result: InboxResult) -> None:
        self.waiters.news()
        self.relay.wake()
        self.fetcher.wake()
        if settlement.qr is not None:
            self.waiters.session_changed(session_id)
        if result.settled_sends:
            self.sends.wake()
