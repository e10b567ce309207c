"""Base class of the command handlers (`servers`, `sessions` …): shared dependencies and look-ups.

Never lives here: a command.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from esteio.clock import Clock
from esteio.config import Settings, nearest
from esteio.core.model.clock_skew import SLACK_S
from esteio.core.model.ids import MessageId, ServerName, SessionId, SessionName
from esteio.core.model.message import Message
from esteio.core.model.policy import Policy
from esteio.core.model.session import Session
from esteio.engine.commands.webhook_budget import WebhookBudget
from esteio.engine.delivery.client import WebhookClient
from esteio.engine.errors import CommandError, invalid, unknown
from esteio.engine.key_scope import addresses_told
from esteio.engine.media.links import MediaLinks
from esteio.engine.media.stager import MediaStager
from esteio.engine.outbox.performers import Notifier
from esteio.engine.runtime.ports import Waiter, Wakeups
from esteio.engine.supervision.endpoints import Endpoints
from esteio.engine.url_guard import Resolver, system_resolver
from esteio.providers.base import Provider, Transport
from esteio.providers.declaration import Declaration
from esteio.store.base import Qr, Store, StoredServer
from esteio.store.media import Shelf
from esteio.vault import Vault


class Desk:
    """The hands of the commands; ports, and one count."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        providers: Mapping[str, Provider],
        vault: Vault,
        settings: Settings,
        wakeups: Wakeups,
        waiter: Waiter,
        addresses: Endpoints,
        courier: WebhookClient,
        transport: Transport,
        shelf: Shelf,
        media: MediaStager,
        links: MediaLinks,
        notifier: Notifier,
        resolve: Resolver = system_resolver,
    ) -> None:
        self.store = store
        self.clock = clock
        self.providers = providers
        self.addresses_told = addresses_told(one.declaration for one in providers.values())
        """Finds a server's own address in what providers send; see `Scope.without_addresses`."""
        self.vault = vault
        self.settings = settings
        self.wakeups = wakeups
        self.waiter = waiter
        self.addresses = addresses
        self.courier = courier
        self.transport = transport
        """The way to the providers, for reads only: what acts is a row."""
        self.resolve = resolve
        self.shelf = shelf
        self.notifier = notifier
        self.webhook_tally = WebhookBudget(settings.webhook_bytes_per_hour)
        """What each session's webhooks have brought within the hour."""
        self.media = media
        self.links = links

    def policy(self, name: str) -> Policy:
        """The policy a session names; the default one when the settings no longer know it."""
        return self.settings.policies.get(name) or self.settings.policies["default"]

    def known_policy(self, name: str) -> str:
        """The name, if there is such a policy. Raises `CommandError`."""
        if name not in self.settings.policies:
            near = nearest(name, self.settings.policies)
            allowed = ", ".join(sorted(self.settings.policies))
            raise CommandError("invalid-value", field="policy", near=near, in_body=True, allowed=allowed)
        return name

    def declared(self, kind: str) -> Declaration:
        """What the adapter of this kind declares of its servers and instances."""
        return self.providers[kind].declaration

    async def session(self, name: str) -> Session:
        """Raises `CommandError("unknown-session")`."""
        session = await self.store.session(SessionName(name))
        if session is None:
            raise unknown("session", name)
        return session

    async def session_now(self, session_id: SessionId, name: str) -> Session:
        """The same session as it is now, not one of the same name. Raises `CommandError("unknown-session")`."""
        session = await self.store.session_by_id(session_id)
        if session is None:
            raise unknown("session", name)
        return session

    async def server(self, name: str, *, in_body: bool = False) -> StoredServer:
        """Raises `CommandError("unknown-server")`."""
        stored = await self.store.server(ServerName(name))
        if stored is None:
            near = nearest(name, [one.server.name for one in await self.store.servers()]) if in_body else None
            error = unknown("server", name, in_body=in_body, field="server" if in_body else None)
            error.near = near
            raise error
        return stored

    async def message(self, message_id: str) -> Message:
        """Raises `CommandError("unknown-message")`."""
        message = await self.store.message(MessageId(message_id))
        if message is None:
            raise unknown("message", message_id)
        return message

    async def current_qr(self, session: Session) -> Qr | None:
        """The code that may be shown: neither expired nor used, and not of a session that is already linked."""
        qr = await self.store.qr(session.id)
        used = max(session.facts.life_at, session.facts.paired_at)
        now = self.clock.now()
        # One that is dated later than now was made while the clock ran ahead: nobody knows how old it is.
        if (
            qr is None
            or not qr.seen_at - SLACK_S <= now < qr.expires_at
            or used >= qr.seen_at  # guard: qr-not-used
            or session.state == "connected"
        ):
            return None
        return qr


def plain_name(field: str, name: str) -> str:
    """The name, unless it is `.` or `..`, which programs and proxies read as a path. Raises `CommandError`."""
    if name in {".", ".."}:
        raise invalid(field, "must not be . or ..")
    return name


def only_keys(field: str, words: Mapping[str, str], known: Iterable[str]) -> None:
    """Refuse keys that nobody reads. Raises `CommandError`."""
    known = tuple(known)
    for key in words:
        if key not in known:
            raise CommandError("unknown-field", field=f"{field}.{key}", near=nearest(key, known), in_body=True)
