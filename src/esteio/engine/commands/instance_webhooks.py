"""The webhook of one session as a client of Evolution sets it: a subscription in Evolution's format, one a session.

It is a subscription like any other (`webhooks`): its target is checked, its secret signs, its events wait while the
target is down. What a client leaves out stays as it was. Never lives here: Evolution's body and answer
(`api.evolution.webhooks`), the delivery.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from esteio.clock import Clock
from esteio.core.model.session import Session
from esteio.core.webhooks import evolution_format
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.sessions.provider_acts import operator_act
from esteio.engine.commands.webhooks import NOT_THEIRS, WebhookCommands, endpoint_shown, same_origin, sealed_headers
from esteio.engine.delivery.client import HEADER, SECRET, new_secret
from esteio.engine.errors import invalid, unknown, used_up
from esteio.engine.runtime import sealed_for
from esteio.engine.runtime.ports import Wakeups
from esteio.engine.supervision.endpoints import Endpoints
from esteio.log import logger
from esteio.store.base import Exists, QuotaExceeded
from esteio.store.delivery import ASKED, Endpoint
from esteio.store.ports.delivery import WebhookEndpoints
from esteio.store.ports.work import WorkQueue
from esteio.vault import Vault

BLANK: Final = "***"
"""What is shown in the place of a header's value; set again, it stands for the value that is there."""
log = logger("commands")


class InstanceWebhook(msgspec.Struct, frozen=True):
    """What a client asks for. None: as it is, or Evolution's default where there is none yet."""

    url: str
    """"" only where it is switched off: then the address that is there stays."""
    enabled: bool = True
    events: tuple[str, ...] = ()
    """Evolution's names; none means all."""
    headers: Mapping[str, str] | None = None
    by_events: bool | None = None
    base64: bool | None = None


class InstanceWebhooks:
    """Sets and shows the webhook that each session has at the Evolution door."""

    def __init__(
        self,
        webhook_endpoints: WebhookEndpoints,
        work: WorkQueue,
        clock: Clock,
        *,
        webhooks: WebhookCommands,
        addresses: Endpoints,
        vault: Vault,
        audit: AuditLog,
        wakeups: Wakeups,
    ) -> None:
        self._webhook_endpoints, self._work, self._clock = webhook_endpoints, work, clock
        self._addresses, self._audit = addresses, audit
        self._webhooks, self._vault, self._wakeups = webhooks, vault, wakeups

    async def of(self, session: str) -> Endpoint | None:
        """The webhook of the session of this name; None while none was set."""
        return await self._webhook_endpoints.at_door(session)

    def header_names(self, endpoint: Endpoint) -> tuple[str, ...]:
        """The headers that its client gave, without their values."""
        words = self._vault.unseal(endpoint.sealed, sealed_for.webhook(endpoint.id))
        return tuple(name.removeprefix(HEADER) for name in words if name.startswith(HEADER))

    async def check(self, asked: InstanceWebhook) -> None:
        """Raises `CommandError`: target-not-allowed, invalid-value."""
        if asked.enabled:
            await self._webhooks.check_url(asked.url)
        _sealed_headers(asked.headers or {})

    async def prepared(self, session: str, asked: InstanceWebhook) -> Endpoint:
        """The row of a session that is not there yet, to be written with it. Raises `CommandError`: target-not-allowed,
        invalid-value."""
        await self.check(asked)
        return self._after(self._new(session, asked), asked)

    async def put(self, session: Session, asked: InstanceWebhook) -> Endpoint:
        """Set it, in the place of the one before; what its events need beside those that are read here, the server is
        asked for. Raises `CommandError`: target-not-allowed, invalid-value, unknown-session."""
        await self.check(asked)
        while True:
            before = await self.of(session.name)
            try:
                put = await self._put(session, before, asked)
            except Exists:
                continue  # another request has made one meanwhile: it is written over that
            break
        self._addresses.forget(session.id)
        if session.kind == "evolution" and set(_asked_for(put)) - set(_asked_for(before)):
            await self._ask_server(session)
        self._wakeups.deliveries()
        log.info("endpoint.changed", endpoint=put.id, changed=["door"])
        return put

    async def _put(self, session: Session, before: Endpoint | None, asked: InstanceWebhook) -> Endpoint:
        new = msgspec.structs.replace(self._new(session.name, asked), tenant=session.tenant)
        after = self._after(before or new, asked)
        shown = None if before is None else endpoint_shown(before)
        action = "webhook.created" if before is None else "webhook.changed"
        with self._audit.records(
            action, session=session.name, target=after.id, before=shown, after=endpoint_shown(after)
        ):
            try:
                put = await self._webhook_endpoints.put_at_door(after)
            except QuotaExceeded as error:
                raise used_up(error.what, error.most) from error
        if put is None:
            raise unknown("session", session.name)
        return put

    async def _ask_server(self, session: Session) -> None:
        """By an act like any other, in its turn: the instance may not even have been made yet. What is lost of it, a
        later look finds missing."""
        await self._work.add([operator_act(self._clock, session, "set_webhook")])
        self._wakeups.work()

    def _new(self, session: str, asked: InstanceWebhook) -> Endpoint:
        endpoint_id = self._clock.new_id("wh")
        words = {SECRET: new_secret(self._clock.token())}
        return Endpoint(
            id=endpoint_id,
            url=asked.url,
            created_at=self._clock.now(),
            format="evolution",
            sessions=(session,),
            sealed=self._vault.seal(words, sealed_for.webhook(endpoint_id)),
            door_session=session,
        )

    def _after(self, before: Endpoint, asked: InstanceWebhook) -> Endpoint:
        moved = bool(asked.url) and not same_origin(before.url, asked.url)
        media = before.media if asked.base64 is None else "base64" if asked.base64 else "url"
        return msgspec.structs.replace(
            before,
            url=asked.url or before.url,
            enabled=asked.enabled,
            because="" if asked.enabled else ASKED,
            events=asked.events,
            types=evolution_format.subscription(asked.events),
            by_events=before.by_events if asked.by_events is None else asked.by_events,
            media=media,
            sealed=self._sealed(before, asked.headers, moved=moved),
            updated_at=self._clock.now(),
        )

    def _sealed(self, before: Endpoint, headers: Mapping[str, str] | None, *, moved: bool) -> bytes:
        """A header's value was meant for the host of before: it does not move to another one by itself."""
        place = sealed_for.webhook(before.id)
        words = self._vault.unseal(before.sealed, place)
        held = {} if moved else {name: word for name, word in words.items() if name.startswith(HEADER)}
        kept = {name: word for name, word in words.items() if not name.startswith(HEADER)}
        if headers is None:
            return self._vault.seal(kept | held, place)
        given = _sealed_headers(headers)
        blank = {name for name, word in given.items() if word == BLANK}
        if not blank <= held.keys():
            raise invalid("webhook.headers", "must hold the value of each header where the address is another")
        return self._vault.seal(kept | given | {name: held[name] for name in blank}, place)


def _asked_for(endpoint: Endpoint | None) -> tuple[str, ...]:
    return evolution_format.carried(endpoint.events) if endpoint is not None and endpoint.enabled else ()


def _sealed_headers(given: Mapping[str, str]) -> dict[str, str]:
    """What the connection and the signature need is left out: Evolution's clients like to name a content type."""
    return sealed_headers({name: word for name, word in given.items() if name.lower() not in NOT_THEIRS})
