"""All that a caller may ask, one object a subject: every door (API, Evolution door, command line) holds a `Commands`.

A command writes rows, wakes the workers that read them, and returns; of a provider it only reads (an adoption has to
know what stands there). Never lives here: a command, reading for its own sake (the doors ask the store), a status code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from esteio.clock import Clock
from esteio.config import Settings
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.addressing import Addressing
from esteio.engine.commands.contacts import ContactCommands
from esteio.engine.commands.dead_letters import DeadLetterCommands
from esteio.engine.commands.declared import DeclaredCommands
from esteio.engine.commands.instance_webhooks import InstanceWebhooks
from esteio.engine.commands.keys import KeyCommands
from esteio.engine.commands.lookup import Lookup
from esteio.engine.commands.messages import MessageCommands
from esteio.engine.commands.notices import NoticeCommands
from esteio.engine.commands.provider_webhooks import ProviderWebhookCommands
from esteio.engine.commands.servers import ServerCommands
from esteio.engine.commands.sessions.approvals import ApprovalCommands
from esteio.engine.commands.sessions.bindings import Bindings
from esteio.engine.commands.sessions.instance_settings import InstanceSettingsCommands
from esteio.engine.commands.sessions.instances import InstanceCommands
from esteio.engine.commands.sessions.logout import LogoutCommands
from esteio.engine.commands.sessions.operator_actions import OperatorActions
from esteio.engine.commands.sessions.operator_evidence import OperatorEvidence
from esteio.engine.commands.sessions.pair_links import PairLinkCommands
from esteio.engine.commands.sessions.pairing import PairingCommands
from esteio.engine.commands.sessions.provider_acts import ProviderActs
from esteio.engine.commands.sessions.removal import SessionRemoval
from esteio.engine.commands.sessions.replaced_webhook import ReplacedWebhooks
from esteio.engine.commands.sessions.session_commands import SessionCommands
from esteio.engine.commands.status.status_pages import StatusPageCommands
from esteio.engine.commands.tenants import TenantCommands
from esteio.engine.commands.vault.rotation import KeyRotation
from esteio.engine.commands.webhook_budget import WebhookBudget
from esteio.engine.commands.webhooks import WebhookCommands
from esteio.engine.delivery.client import WebhookClient
from esteio.engine.media.stager import MediaStager
from esteio.engine.outbox.performers import Notifier
from esteio.engine.runtime.ports import Waiter, Wakeups
from esteio.engine.supervision.endpoints import Endpoints
from esteio.engine.suspensions import Suspensions
from esteio.engine.url_guard import Resolver
from esteio.providers.base import Provider, Transport
from esteio.store.base import Store
from esteio.store.media import MediaStore
from esteio.vault import Vault


class Commands(msgspec.Struct, frozen=True, kw_only=True):
    """One object a subject; `lookup` finds what a request names."""

    lookup: Lookup
    suspensions: Suspensions
    sessions: SessionCommands
    session_removal: SessionRemoval
    pairing: PairingCommands
    pair_links: PairLinkCommands
    operator_actions: OperatorActions
    session_logout: LogoutCommands
    instance_settings: InstanceSettingsCommands
    approvals: ApprovalCommands
    servers: ServerCommands
    instances: InstanceCommands
    messages: MessageCommands
    contacts: ContactCommands
    provider_webhooks: ProviderWebhookCommands
    webhooks: WebhookCommands
    instance_webhooks: InstanceWebhooks
    dead_letters: DeadLetterCommands
    keys: KeyCommands
    tenants: TenantCommands
    notices: NoticeCommands
    status_pages: StatusPageCommands
    declared: DeclaredCommands
    audit: AuditLog
    vault: KeyRotation


def build_commands(
    *,
    store: Store,
    clock: Clock,
    settings: Settings,
    vault: Vault,
    audit: AuditLog,
    providers: Mapping[str, Provider],
    transport: Transport,
    addresses: Endpoints,
    webhook_client: WebhookClient,
    media_store: MediaStore,
    media: MediaStager,
    notifier: Notifier,
    waiter: Waiter,
    wakeups: Wakeups,
    resolve: Resolver,
    nodes: Callable[[], int],
) -> Commands:
    """Hands each object what it uses. `transport`: the way to the providers, for reads only; `resolve`: where a host
    name in a URL leads; `nodes`: how many share what is allowed to all together."""
    allowed = settings.allowed_networks
    lookup = Lookup(store.sessions, store.servers, store.messages, store.approvals)
    addressing = Addressing(store.contacts, settings.phone_region)
    bindings = Bindings(store.servers, store.sessions, providers)
    evidence = OperatorEvidence(store.journal, clock, audit=audit, waiter=waiter, wakeups=wakeups)
    acts = ProviderActs(store.work, clock, addresses=addresses, evidence=evidence, waiter=waiter, wakeups=wakeups)
    replaced = ReplacedWebhooks(
        store.webhook_endpoints,
        clock,
        vault=vault,
        addresses=addresses,
        transport=transport,
        allowed=allowed,
        resolve=resolve,
    )
    pairing = PairingCommands(
        store.qr_codes,
        store.approvals,
        clock,
        settings=settings,
        lookup=lookup,
        addressing=addressing,
        evidence=evidence,
        waiter=waiter,
        providers=providers,
    )
    sessions = SessionCommands(
        store.sessions,
        clock,
        settings=settings,
        lookup=lookup,
        addressing=addressing,
        bindings=bindings,
        replaced=replaced,
        pairing=pairing,
        acts=acts,
        evidence=evidence,
        vault=vault,
        audit=audit,
        addresses=addresses,
        wakeups=wakeups,
    )
    suspensions = Suspensions(store.tenants, store.sessions, clock)
    keys = KeyCommands(store.keys, clock, audit=audit, admin_key=settings.admin_key, suspensions=suspensions)
    servers = ServerCommands(
        store.servers,
        clock,
        lookup=lookup,
        providers=providers,
        vault=vault,
        audit=audit,
        addresses=addresses,
        wakeups=wakeups,
    )
    webhooks = WebhookCommands(
        store.webhook_endpoints,
        clock,
        vault=vault,
        audit=audit,
        webhook_client=webhook_client,
        wakeups=wakeups,
        allowed=allowed,
        resolve=resolve,
    )
    return Commands(
        lookup=lookup,
        suspensions=suspensions,
        sessions=sessions,
        session_removal=SessionRemoval(
            store.media,
            store.sessions,
            clock,
            lookup=lookup,
            acts=acts,
            addresses=addresses,
            audit=audit,
            media_store=media_store,
            keys=keys,
            wakeups=wakeups,
        ),
        pairing=pairing,
        pair_links=PairLinkCommands(store.pair_links, clock, audit=audit, lookup=lookup, suspensions=suspensions),
        operator_actions=OperatorActions(lookup, evidence),
        session_logout=LogoutCommands(lookup, evidence, acts),
        instance_settings=InstanceSettingsCommands(addresses, audit),
        approvals=ApprovalCommands(store.approvals, clock, audit=audit, wakeups=wakeups),
        servers=servers,
        instances=InstanceCommands(
            store.sessions,
            clock,
            lookup=lookup,
            bindings=bindings,
            replaced=replaced,
            session_commands=sessions,
            addresses=addresses,
            transport=transport,
        ),
        messages=MessageCommands(
            store.messages,
            clock,
            settings=settings,
            lookup=lookup,
            addressing=addressing,
            media=media,
            waiter=waiter,
            wakeups=wakeups,
            resolve=resolve,
        ),
        contacts=ContactCommands(
            store.contacts,
            store.sessions,
            clock,
            audit=audit,
            addressing=addressing,
            media_store=media_store,
            wakeups=wakeups,
        ),
        provider_webhooks=ProviderWebhookCommands(
            store.sessions,
            store.inbox,
            clock,
            addresses=addresses,
            wakeups=wakeups,
            budget=WebhookBudget(settings.webhook_bytes_per_hour, nodes),
        ),
        webhooks=webhooks,
        instance_webhooks=InstanceWebhooks(
            store.webhook_endpoints,
            store.work,
            clock,
            webhooks=webhooks,
            addresses=addresses,
            vault=vault,
            audit=audit,
            wakeups=wakeups,
        ),
        dead_letters=DeadLetterCommands(
            store.dead_letters, store.messages, clock, lookup=lookup, audit=audit, wakeups=wakeups
        ),
        keys=keys,
        tenants=TenantCommands(store.tenants, clock, audit=audit, keys=keys, suspensions=suspensions, wakeups=wakeups),
        notices=NoticeCommands(clock, notifier, audit),
        status_pages=StatusPageCommands(store.status_pages, store.tenants, clock, lookup=lookup, audit=audit),
        declared=DeclaredCommands(
            store.servers,
            store.sessions,
            server_commands=servers,
            session_commands=sessions,
            addressing=addressing,
            vault=vault,
        ),
        audit=audit,
        vault=KeyRotation(store.sealed, store.audit, clock, vault=vault, audit=audit, may_make=not settings.database),
    )
