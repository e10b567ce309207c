"""The only place that names concretes: settings become a store, a transport, a registry, the engine and the ASGI app.

`Gateway` is the whole product in one object. Built from settings it uses the machine's clock, SQLite on one writer
thread and aiohttp; the simulator builds the same object on a virtual clock, an inline store and the simulated world.
Never lives here: behaviour.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from pathlib import Path

from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp

from esteio.api.app import create_app
from esteio.api.dashboard.app import dashboard_routes
from esteio.api.evolution.app import PREFIX, create_door
from esteio.api.evolution.entrance import BareMount
from esteio.api.evolution.route import Door
from esteio.api.http.route import ApiContext
from esteio.api.ops import program_version
from esteio.clock import Clock, SystemClock
from esteio.config import Settings
from esteio.deployment import (
    download_transport,
    forward_transport,
    media_transport,
    node_of,
    public_transport,
    stores_of,
)
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.chatwoot.chatwoot_commands import ChatwootCommands
from esteio.engine.commands.chatwoot.inboxes import ChatwootInboxes
from esteio.engine.commands.commands import build_commands
from esteio.engine.commands.passed_calls import PassedCalls
from esteio.engine.commands.passed_journal import PassedJournal
from esteio.engine.delivery.client import WebhookClient
from esteio.engine.delivery.dispatch import DeliveryDispatch
from esteio.engine.delivery.event_details import EventDetails
from esteio.engine.delivery.notices import AppriseNotifier, LogNotifier
from esteio.engine.inbox.backfill import Backfill
from esteio.engine.inbox.reader import InboxReader
from esteio.engine.inbox.spans import InboxSpans
from esteio.engine.maintenance import Maintenance
from esteio.engine.media.fetch import MediaFetcher
from esteio.engine.media.links import MediaLinks
from esteio.engine.media.stager import MediaStager
from esteio.engine.outbox.dispatch import SendDispatch, WorkDispatch
from esteio.engine.outbox.doubts import DoubtResolver
from esteio.engine.outbox.performers import Notifier, Performers
from esteio.engine.outbox.provider_queue import ProviderQueueWatch
from esteio.engine.outbox.rate_limit import RateLimiter
from esteio.engine.outbox.spans import MessageSpans
from esteio.engine.runtime.leases import ALONE
from esteio.engine.runtime.lifecycle import Lifecycle
from esteio.engine.runtime.node_leases import NodeLeases, NodeName
from esteio.engine.runtime.routing import Recipients, Routing
from esteio.engine.runtime.supervisor import Supervisor
from esteio.engine.runtime.waiters import Waiters
from esteio.engine.supervision.ack_watch import AckWatch
from esteio.engine.supervision.endpoints import Endpoints
from esteio.engine.supervision.memory import Memory
from esteio.engine.supervision.other_nodes import POLL_S, OtherNodes
from esteio.engine.supervision.probes import Prober
from esteio.engine.supervision.reconcile import Reconciler
from esteio.engine.supervision.recovery_steps import RecoverySteps
from esteio.engine.supervision.scheduler import Scheduler
from esteio.engine.supervision.silence_watch import SilenceWatch
from esteio.engine.url_guard import Resolver, check_target, system_resolver
from esteio.providers.base import Transport
from esteio.providers.driver import AiohttpTransport, trace_at
from esteio.providers.pass_through import StreamingTransport, WholeAnswers
from esteio.providers.registry import Registry, load
from esteio.providers.traced import TracedTransport
from esteio.store.base import CrashReport, Store, StoreFull
from esteio.store.media import MediaStore, MemoryMediaStore
from esteio.texts import translations
from esteio.tracing.open import open_tracer
from esteio.tracing.tracer import NOT_TRACED, Tracer
from esteio.vault import Vault, open_vault

CONTROL_TAKES_S = 60.0
"""The longest a control act's exchanges take together."""


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
        public_transport: Transport | None = None,
        media_transport: Transport | None = None,
        downloads: Transport | None = None,
        forward: StreamingTransport | None = None,
        media_store: MediaStore | None = None,
        resolve: Resolver = system_resolver,
        tracer: Tracer = NOT_TRACED,
        node: NodeName | None = None,
    ) -> None:
        """`transport` leads to the providers, `downloads` too, for answers as large as media, and `forward` for calls
        that clients make themselves; `public_transport` to addresses that callers named. `node`: this one's name among
        several on one database; None: it is alone with it."""
        self.settings, self.store, self.clock, self.registry, self.vault = settings, store, clock, registry, vault
        self.texts, self.tracer = translations(settings.language), tracer
        if tracer.on:
            transport = TracedTransport(transport, tracer, clock, told=settings.otel.to_providers)
        self.transport = transport
        spans = MessageSpans(tracer, store.messages)
        self.audit = AuditLog(store.audit, vault, clock, keep_s=settings.retention.audit_s)
        self.routing = routing = Routing()
        self.waiters = Waiters(store.sessions, store.messages)
        self.nodes = None if node is None else NodeLeases(store.nodes, node)
        leases = self.leases = self.nodes or ALONE
        self.pace = RateLimiter(store.servers, store.sessions, settings.policy_of, leases)
        self.memory = Memory(leases)
        self.addresses = Endpoints(
            vault,
            registry,
            clock,
            settings.base_url,
            sessions=store.sessions,
            servers=store.servers,
            webhook_endpoints=store.webhook_endpoints,
            memory=self.memory,
        )
        self.recovery_steps = RecoverySteps(routing.session_decided)
        self.reconciler = Reconciler(
            store.decisions,
            store.servers,
            clock,
            registry,
            settings.policy_of,
            memory=self.memory,
            audit=self.audit,
            changed=self.recovery_steps.decided,
            server_read=routing.server_read,
            notice_targets=notifier.targets,
        )
        self.prober = Prober(store.qr_codes, clock, self.addresses, transport, memory=self.memory)
        self.scheduler = Scheduler(
            clock,
            self.reconciler,
            self.prober,
            sessions=store.sessions,
            servers=store.servers,
            decisions=store.decisions,
            maintenance=store.maintenance,
            memory=self.memory,
            journal=store.journal,
            acted=routing.work,
        )
        self._media_transport = media_transport or public_transport or transport
        self.media_store = media_store or MemoryMediaStore()

        async def check(url: str) -> None:
            await check_target(url, "media.url", settings.allowed_networks, resolve)

        self.media = MediaStager(
            self.media_store, clock, self._media_transport, check=check, max_bytes=settings.max_media_bytes
        )
        self.links = MediaLinks(vault, settings.base_url, clock, settings.media_url_for_s)
        self._downloads = downloads or transport
        self.fetcher = MediaFetcher(
            clock,
            self.addresses,
            self._downloads,
            media=store.media,
            messages=store.messages,
            sessions=store.sessions,
            stager=self.media,
            media_store=self.media_store,
            notify=routing.media_changed,
            leases=leases,
        )
        performers = Performers(
            clock,
            self.addresses,
            transport,
            sessions=store.sessions,
            messages=store.messages,
            outbox=store.outbox,
            journal=store.journal,
            policies=settings.policy_of,
            notifier=notifier,
            media=self.media,
            leases=leases,
        )
        self.sends = SendDispatch(
            store.outbox,
            clock,
            performers,
            pace=self.pace,
            spans=spans,
            lease_s=settings.longest_send_s,
            notify=routing.message_moved,
            unsure=routing.send_unsure,
            leases=leases,
        )
        self.work = WorkDispatch(
            store.work, clock, performers, lease_s=CONTROL_TAKES_S, notify=routing.work_done, leases=leases
        )
        self.inbox = InboxReader(
            store.inbox,
            store.sessions,
            clock,
            self.addresses,
            media=self.media,
            spans=InboxSpans(tracer, store.messages, spans),
            notify=routing.webhook_read,
            applied=routing.webhook_applied,
            leases=leases,
        )
        self.doubts = DoubtResolver(
            clock,
            self.addresses,
            transport,
            doubts=store.doubts,
            sessions=store.sessions,
            servers=store.servers,
            policies=settings.policy_of,
            judged=self.memory.peek,
            spans=spans,
            notify=routing.doubt_settled,
            waits=routing.work,
            notice_targets=notifier.targets,
            leases=leases,
        )
        self.provider_queue = ProviderQueueWatch(
            store.provider_queue,
            store.sessions,
            clock,
            self.addresses,
            transport,
            judged=self.memory.peek,
            notify=routing.left_provider_queue,
            heard=routing.observed,
            leases=leases,
        )
        self.backfill = Backfill(
            clock,
            self.addresses,
            transport,
            history_gaps=store.history_gaps,
            sessions=store.sessions,
            inbox=store.inbox,
            media=self.media,
            notify=routing.webhook_read,
            applied=routing.webhook_applied,
            leases=leases,
        )
        self.acks = AckWatch(
            store.traffic, clock, policies=settings.policy_of, memory=self.memory, notify=routing.session
        )
        self.maintenance = Maintenance(
            clock,
            health=store,
            outbox=store.outbox,
            maintenance=store.maintenance,
            media=store.media,
            gaps=self.backfill,
            acks=self.acks,
            silence_watch=SilenceWatch(store.traffic, clock, memory=self.memory, notify=routing.observed),
            media_store=self.media_store,
            keep=settings.retention,
            leases=leases,
        )
        details = EventDetails(store.sessions, store.messages, self.media)
        self.webhook_client = WebhookClient(
            public_transport or transport,
            clock,
            vault,
            texts=self.texts.default,
            source=settings.base_url,
            instance_of=details.instance_of,
            links=self.links,
            loaded=details.with_media,
        )
        self.deliveries = DeliveryDispatch(store.delivery, clock, self.webhook_client, tracer=tracer, leases=leases)
        self.supervisor = Supervisor()
        routing.connect(
            Recipients(
                waits=self.waiters,
                judgements=self.scheduler,
                sends=self.sends,
                work=self.work,
                inbox=self.inbox,
                doubts=self.doubts,
                provider_queue=self.provider_queue,
                deliveries=self.deliveries,
                media=self.fetcher,
                pace=self.pace,
                acks=self.acks,
            )
        )
        self.commands = build_commands(
            store=store,
            clock=clock,
            providers=registry.as_mapping(),
            vault=vault,
            audit=self.audit,
            settings=settings,
            wakeups=routing,
            waiter=self.waiters,
            addresses=self.addresses,
            webhook_client=self.webhook_client,
            transport=transport,
            resolve=resolve,
            media_store=self.media_store,
            media=self.media,
            notifier=notifier,
            nodes=lambda: leases.living,
        )
        self.passed_journal, self._forward = PassedJournal(store.journal, clock), forward or WholeAnswers(transport)
        self.passed = PassedCalls(
            clock, self.addresses, self._forward, journal=self.passed_journal, observed=routing.observed
        )
        self.chatwoot = ChatwootCommands(
            store.sessions,
            store.messages,
            vault=vault,
            audit=self.audit,
            message_commands=self.commands.messages,
            inboxes=ChatwootInboxes(self._media_transport, allowed=settings.allowed_networks, resolve=resolve),
            door_url=settings.base_url + PREFIX,
            suspensions=self.commands.suspensions,
        )
        self.lifecycle = Lifecycle(
            store,
            clock,
            self.supervisor,
            prepare=(self.audit.begin, self.backfill.after_start, self.pace.after_start, *self._joining()),
            tasks={
                **self._among_nodes(),
                "inbox": self.inbox.run,
                "work": self.work.run,
                "sends": self.sends.run,
                "scheduler": self.scheduler.watch,
                "expire": self.maintenance.expire,
                "doubts": self.doubts.run,
                "parking": self.provider_queue.run,
                "gaps": self.maintenance.backfill,
                "acks": self.maintenance.acks,
                "silence": self.maintenance.silence,
                "beat": self.maintenance.beat,
                "purge": self.maintenance.purge,
                "audit": self.audit.run,
                "vault": self.commands.vault.run,
                "media": self.fetcher.run,
                "media-sweep": self.maintenance.sweep,
                "passed": self.passed_journal.run,
                "relay": self.deliveries.run,
                "relay-bury": self.deliveries.expire,
                "relay-purge": self.deliveries.purge,
            },
            drain=self.waiters.close,
            first_closed=self.scheduler,
            workers=(self.sends, self.work, self.deliveries, self.fetcher, self.passed_journal),
            patience_s=settings.drain.calls_s,
            outlasting=("node-beat",),
            closed=(
                *(() if self.nodes is None else (self.nodes,)),
                transport,
                self._forward,
                self._media_transport,
                self._downloads,
                self.webhook_client,
                tracer,
            ),
        )

    def _joining(self) -> tuple[Callable[[CrashReport], Awaitable[None]], ...]:
        return () if self.nodes is None else (self.nodes.after_start,)

    def _among_nodes(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What a node among several does beside all else."""
        if self.nodes is None:
            return {}
        workers = (self.inbox, self.sends, self.work, self.doubts, self.provider_queue, self.deliveries, self.fetcher)
        others = OtherNodes(
            self.store.decisions,
            self.store.servers,
            self.store.sessions,
            memory=self.memory,
            judgements=self.scheduler,
            workers=[worker.wake for worker in workers],
            server_read=self.routing.server_read,
            session_read=self.pace.set_limits,
        )
        return {
            "node-beat": self.nodes.beat,
            "nodes": self.nodes.spread,
            "other-nodes": others.run,
            "hints": lambda: self.store.nodes.listen(others.hear, lambda: self.leases.living > 1),
            "ended-logins": self._follow_logins,
        }

    async def _follow_logins(self) -> None:
        """A login that was ended on another node opens nothing here a moment later. Runs for ever."""
        while True:
            await asyncio.sleep(POLL_S)
            try:
                self.api.logins.remember(await self.store.keys.ended_logins())
            except StoreFull:
                continue  # whoever needs the store says so

    @classmethod
    def from_settings(cls, settings: Settings) -> Gateway:
        """The gateway as a service. Raises `VaultError`, `SettingsError`, `BadAddress`, `OtelMissing`."""
        data = Path(settings.data)
        data.mkdir(parents=True, exist_ok=True)
        clock = SystemClock()
        targets = settings.notify.targets
        texts = translations(settings.language).default
        notifier: Notifier = AppriseNotifier(targets, texts) if targets else LogNotifier(texts)
        store, media_store = stores_of(settings, data)
        return cls(
            settings,
            store=store,
            node=node_of(settings, clock),
            clock=clock,
            transport=AiohttpTransport(trace=trace_at(settings.log.level)),
            public_transport=public_transport(settings),
            media_transport=media_transport(settings),
            downloads=download_transport(settings),
            forward=forward_transport(settings),
            media_store=media_store,
            registry=load(),
            vault=open_vault(data, settings.secret_key or None, settings.other_secret_keys),
            notifier=notifier,
            tracer=open_tracer(settings.otel, program_version()),
        )

    @cached_property
    def api(self) -> ApiContext:
        """What the handlers of the HTTP API work with."""
        return ApiContext(
            commands=self.commands,
            store=self.store,
            clock=self.clock,
            settings=self.settings,
            waiters=self.waiters,
            providers=self.registry.as_mapping(),
            links=self.links,
            media_store=self.media_store,
            texts=self.texts,
            recovery_steps=self.recovery_steps.ended,
            vault=self.vault,
            tracer=self.tracer,
            nodes=self.nodes,
            living_nodes=lambda: self.leases.living,
        )

    @cached_property
    def app(self) -> Router:
        """The ASGI application, made when it is first asked for: a simulated gateway needs none."""
        door = [Mount(PREFIX, self.door), Route(PREFIX, BareMount(self.door, PREFIX))]
        return create_app(self.api, mounted=[*door, *dashboard_routes(self.api)])

    @cached_property
    def door(self) -> ASGIApp:
        """The Evolution door at its own root."""
        return create_door(Door(self.api, self.passed, self.chatwoot))

    async def start(self) -> None:
        """Opens the store and starts the tasks; raises what `Lifecycle.start` raises."""
        try:
            await self.lifecycle.start()
        except BaseException:
            await self.lifecycle.aclose()
            raise
        self.api.logins.remember(await self.store.keys.ended_logins())

    def step_aside(self) -> None:
        """Not ready any more, though everything goes on: whoever shares out requests turns to another node."""
        self.api.stepped_aside = True

    def drain(self) -> None:
        """Accepts nothing new and answers callers that wait, without stopping the tasks."""
        self.lifecycle.drain()

    async def aclose(self) -> None:
        """Stops the tasks, then closes what they used, the store last."""
        await self.lifecycle.aclose()
