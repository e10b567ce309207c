"""The webhook that stands at an instance before ours, read when a session is adopted, and what goes on in its place.

Reads at the provider, and nothing else: the row that an adoption begins with holds, in one transaction, the session,
the webhook that stood there (sealed) and the subscriptions that go on in its place, so that a crash at any instant
leaves either nothing or all of it. Ours is set later, by an act (`engine.outbox.performers`), which keeps once more
what it finds. Never lives here: the row itself (`session_commands`), many at once (`instances`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from esteio.clock import Clock
from esteio.core.model.networks import Network
from esteio.core.model.session import Session
from esteio.core.webhooks import evolution_format
from esteio.engine.delivery.client import HEADER, SECRET, new_secret
from esteio.engine.errors import CommandError, invalid
from esteio.engine.runtime import sealed_for
from esteio.engine.supervision.endpoints import Endpoints
from esteio.engine.url_guard import Resolver, check_target
from esteio.providers import driver
from esteio.providers.base import StandingWebhook, Transport
from esteio.store.base import StoredServer
from esteio.store.delivery import Endpoint
from esteio.store.ports.delivery import WebhookEndpoints
from esteio.vault import Vault


class Taken(msgspec.Struct, frozen=True):
    """What an adoption takes over: the webhook that stands there, and the subscriptions that go on in its place."""

    stands: StandingWebhook
    endpoints: tuple[Endpoint, ...] = ()


class ReplacedWebhooks:
    """Reads what stands at an instance. `allowed`: private networks that a subscription may point into; `resolve`:
    where a host name leads."""

    def __init__(
        self,
        webhook_endpoints: WebhookEndpoints,
        clock: Clock,
        *,
        vault: Vault,
        addresses: Endpoints,
        transport: Transport,
        allowed: Sequence[Network],
        resolve: Resolver,
    ) -> None:
        self._webhook_endpoints, self._clock, self._vault = webhook_endpoints, clock, vault
        self._addresses, self._transport = addresses, transport
        self._allowed, self._resolve = allowed, resolve

    async def taken(
        self, stored: StoredServer, session: str, ref: Mapping[str, str], token: str, *, forward: bool
    ) -> Taken:
        """What stands there now, and what would go on in its place. Raises `CommandError`: webhook-unread,
        target-not-allowed, invalid-value; then nothing has been moved."""
        provider, where = self._addresses.of_new(stored, session, ref, token)
        stands = await driver.run(provider.standing_webhook(where, self._clock.now()), self._transport)
        if not forward:
            return Taken(stands)
        if stands.found == "unanswered":
            raise CommandError("provider-unanswered", server=stored.server.name, why=stands.detail)
        if stands.found == "unreadable":
            raise CommandError("webhook-unread", field="forward", server=stored.server.name, why=stands.detail)
        return Taken(stands, await self._going_on(stands, session))

    async def _going_on(self, stands: StandingWebhook, session: str) -> tuple[Endpoint, ...]:
        if stands.found != "foreign":
            return ()
        standing = [one for one in await self._webhook_endpoints.all() if one.ends_after is None]
        held = {(one.url, one.sessions) for one in standing if one.format == "evolution"}
        found = []
        for url, events in {stands.url: stands.events, **stands.more}.items():
            names = tuple(event for event in events if evolution_format.NAMES.get(event))
            if (events and not names) or (url, (session,)) in held:
                continue
            await self._check_forward(url)
            found.append(self._endpoint(url, names, stands, session))
        return tuple(found)

    async def _check_forward(self, url: str) -> None:
        await check_target(url, "forward", self._allowed, self._resolve, shown=url)
        if urlsplit(url).username is not None or "#" in url:
            raise invalid("forward", "the address there holds a user or a fragment, which a subscription may not")

    def _endpoint(self, url: str, names: Sequence[str], stands: StandingWebhook, session: str) -> Endpoint:
        headers = {HEADER + name.lower(): word for name, word in stands.headers.items()}
        endpoint_id = self._clock.new_id("wh")
        words = {SECRET: new_secret(self._clock.token()), **headers}
        return Endpoint(
            id=endpoint_id,
            url=url,
            created_at=self._clock.now(),
            format="evolution",
            events=tuple(names),
            types=evolution_format.subscription(names),
            sessions=(session,),
            sealed=self._vault.seal(words, sealed_for.webhook(endpoint_id)),
            by_events=stands.by_events,
            # It is what the instance's clients see and replace at the Evolution door.
            door_session=session if url == stands.url else None,
        )

    async def kept(self, session: Session) -> StandingWebhook | None:
        """Somebody else's webhook that stood there before ours, as it was kept; None when there was none."""
        kept = await self._addresses.kept_webhook(session)
        return kept if kept is not None and kept.found == "foreign" else None
