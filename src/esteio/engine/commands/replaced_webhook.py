"""What an adoption rests on: which instance a `ref` names, whose it is, and the webhook that stands there before ours.

Reads at the provider, and nothing else: the row that an adoption begins with holds, in one transaction, the session,
the webhook that stood there (sealed) and the subscriptions that go on in its place, so that a crash at any instant
leaves either nothing or all of it. Ours is set later, by an act (`performers`), which keeps once more what it finds.
Never lives here: the row itself (`sessions`), many at once (`adopt`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from esteio.core.model.session import Session
from esteio.core.webhooks import evolution_format
from esteio.engine.commands.base import Desk, only_keys, plain_name
from esteio.engine.commands.requests import SessionRequest
from esteio.engine.delivery.client import HEADER, SECRET, new_secret
from esteio.engine.errors import CommandError, invalid
from esteio.engine.key_scope import Scope
from esteio.engine.url_guard import check_target
from esteio.providers import driver
from esteio.providers.base import StandingWebhook
from esteio.store.base import StoredServer
from esteio.store.delivery import Endpoint


class Taken(msgspec.Struct, frozen=True):
    """What an adoption takes over: the webhook that stands there, and the subscriptions that go on in its place."""

    stands: StandingWebhook
    endpoints: tuple[Endpoint, ...] = ()


class Adoption(Desk):
    """Base of the commands that bind a session to an instance of a provider."""

    def ref_of(self, kind: str, name: str, given: Mapping[str, str]) -> dict[str, str]:
        """The whole `ref`, as the adapter declares it. Raises `CommandError`: unknown-field, invalid-value."""
        declared = self.declared(kind)
        for key, word in given.items():
            plain_name(f"ref.{key}", word.strip())
        ref = declared.whole_ref(name, given)
        only_keys("ref", ref, declared.ref_names)
        if missing := declared.missing_in_ref(ref):
            raise invalid(missing.field, missing.why)
        return ref

    async def check_ref_scope(self, scope: Scope, ask: SessionRequest) -> None:
        """What a new session is called at its server must lie inside the key's scope. Raises `CommandError`:
        ref-out-of-reach, unknown-server."""
        if ask.ref and not scope.everything:
            stored = await self.server(ask.server, in_body=True)
            scope.check_ref(ask.ref, self.declared(stored.server.kind))

    def instance_of(self, kind: str, ref: Mapping[str, str]) -> str | None:
        """Which instance of its server a `ref` names: what may belong to one session only."""
        return ref.get(self.declared(kind).instance)

    async def check_free(self, stored: StoredServer, instance: str | None, session: str) -> None:
        """Raise `CommandError("already-adopted")` when it is another session's, also by a second entry of its
        server."""
        if instance is None:
            return
        here = stored.server
        for one in await self.store.servers():
            if (one.server.kind, one.server.base_url) != (here.kind, here.base_url):
                continue
            holder = await self.store.instance_taken(one.server.name, instance)
            if holder is not None and holder != session:
                raise already_adopted(here.name, instance)

    async def taken(
        self, stored: StoredServer, session: str, ref: Mapping[str, str], token: str, *, forward: bool
    ) -> Taken:
        """What stands there now, and what would go on in its place. Raises `CommandError`: webhook-unread,
        target-not-allowed, invalid-value; then nothing has been moved."""
        provider, where = self.addresses.of_new(stored, session, ref, token)
        stands = await driver.run(provider.standing_webhook(where, self.clock.now()), self.transport)
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
        held = {(one.url, one.sessions) for one in await self.store.endpoints() if one.format == "evolution"}
        found = []
        for url, events in {stands.url: stands.events, **stands.more}.items():
            names = tuple(event for event in events if event in evolution_format.NAMES)
            if (events and not names) or (url, (session,)) in held:
                continue
            await self._check_forward(url, stands)
            found.append(self._endpoint(url, names, stands, session))
        return tuple(found)

    async def _check_forward(self, url: str, stands: StandingWebhook) -> None:
        await check_target(url, "forward", self.settings.allowed_networks, self.resolve, shown=url)
        if urlsplit(url).username is not None or "#" in url:
            raise invalid("forward", "the address there holds a user or a fragment, which a subscription may not")
        if stands.signs_with:
            raise invalid("forward", f"the webhook there signs with {stands.signs_with}, which a subscription cannot")

    def _endpoint(self, url: str, names: Sequence[str], stands: StandingWebhook, session: str) -> Endpoint:
        headers = {HEADER + name.lower(): word for name, word in stands.headers.items()}
        return Endpoint(
            id=self.clock.new_id("wh"),
            url=url,
            created_at=self.clock.now(),
            format="evolution",
            events=tuple(names),
            types=evolution_format.subscription(names),
            sessions=(session,),
            sealed=self.vault.seal({SECRET: new_secret(self.clock.token()), **headers}),
            by_events=stands.by_events,
        )

    async def replaced_webhook(self, session: Session) -> StandingWebhook | None:
        """Somebody else's webhook that stood there before ours, as it was kept; None when there was none."""
        kept = await self.addresses.kept_webhook(session.id)
        return kept if kept is not None and kept.found == "foreign" else None


def already_adopted(server: str, instance: str) -> CommandError:
    """One instance of a server belongs to one session."""
    return CommandError("already-adopted", field="ref", server=server, instance=instance)
