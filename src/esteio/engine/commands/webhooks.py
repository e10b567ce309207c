"""Subscriptions: made, changed, deleted; secrets rotated; tested; a range of events queued again.

A target inside a private network is refused here and again at every connect (see `engine.url_guard`). Never lives
here: the delivery (`engine.delivery`), a secret in clear at rest.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET

from esteio.clock import Clock
from esteio.config import nearest
from esteio.core.model.networks import Network
from esteio.core.model.tenant import DEFAULT
from esteio.core.webhooks import evolution_format
from esteio.core.webhooks.delivery_policy import EVENT_TYPES, Format
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.checks import moment
from esteio.engine.commands.requests import EndpointChange, EndpointRequest, ReplayRequest, RotateRequest
from esteio.engine.delivery.client import HEADER, SECRET, WebhookClient, new_secret, rotated
from esteio.engine.errors import CommandError, invalid, unknown, unknown_tenant, used_up
from esteio.engine.key_scope import EVERYTHING, Scope, home_of
from esteio.engine.runtime import sealed_for
from esteio.engine.runtime.ports import Wakeups
from esteio.engine.url_guard import Resolver, check_target, host_of
from esteio.log import logger
from esteio.store.base import QuotaExceeded
from esteio.store.delivery import ASKED, Delivery, Endpoint
from esteio.store.ports.delivery import WebhookEndpoints
from esteio.vault import Vault

REPLAY_AT_ONCE = 1000
_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}")
_HEADER_WORD = re.compile(r"[\x20-\x7e]*")
NOT_THEIRS = frozenset(
    {"host", "connection", "keep-alive", "te", "trailer", "upgrade", "expect", "transfer-encoding"}
    | {"content-length", "content-type", "content-encoding", "webhook-id", "webhook-timestamp", "webhook-signature"}
)
"""What the connection needs, and what we sign."""
log = logger("commands")


class WebhookCommands:
    """Subscriptions to our events. `allowed`: private networks that targets may point into; `resolve`: where a host
    name leads."""

    def __init__(
        self,
        webhook_endpoints: WebhookEndpoints,
        clock: Clock,
        *,
        vault: Vault,
        audit: AuditLog,
        webhook_client: WebhookClient,
        wakeups: Wakeups,
        allowed: Sequence[Network],
        resolve: Resolver,
    ) -> None:
        self._webhook_endpoints, self._clock, self._vault, self._audit = webhook_endpoints, clock, vault, audit
        self._webhook_client, self._wakeups = webhook_client, wakeups
        self._allowed, self._resolve = allowed, resolve

    async def within(self, scope: Scope = EVERYTHING) -> Sequence[Endpoint]:
        """Those that lie inside a scope."""
        found = await self._webhook_endpoints.within(scope)
        return [endpoint for endpoint in found if scope.holds(endpoint.sessions, endpoint.tenant)]

    async def get(self, endpoint_id: str, scope: Scope = EVERYTHING) -> Endpoint:
        """Raises `CommandError("unknown-webhook")`, also for one that does not lie inside the scope."""
        endpoint = await self._webhook_endpoints.get(endpoint_id)
        if endpoint is None or not scope.holds(endpoint.sessions, endpoint.tenant):
            raise unknown("webhook", endpoint_id)
        return endpoint

    async def add(self, request: EndpointRequest, scope: Scope = EVERYTHING) -> tuple[Endpoint, str]:
        """A new subscription from now on, inside its maker's scope, and its secret, which is shown this once. Raises
        `CommandError`."""
        globs = scope.narrowed(request.sessions)
        tenant = home_of(scope.named_tenant(request.tenant), globs)
        await self.check_url(request.url)
        secret = new_secret(self._clock.token())
        words = {SECRET: secret, **sealed_headers(request.headers)}
        endpoint_id = self._clock.new_id("wh")
        endpoint = Endpoint(
            id=endpoint_id,
            url=request.url,
            created_at=self._clock.now(),
            format=request.format,
            events=request.events,
            types=types_of(request.format, request.events),
            sessions=globs,
            sealed=self._vault.seal(words, sealed_for.webhook(endpoint_id)),
            media=request.media,
            tenant=tenant,
        )
        with self._audit.records("webhook.created", target=endpoint.id, after=endpoint_shown(endpoint), tenant=tenant):
            try:
                added = await self._webhook_endpoints.add(endpoint)
            except LookupError as error:
                raise unknown_tenant(str(tenant)) from error
            except QuotaExceeded as error:
                raise used_up(error.what, error.most) from error
        log.info("endpoint.created", endpoint=added.id)
        return added, secret

    async def change(self, endpoint_id: str, change: EndpointChange, scope: Scope = EVERYTHING) -> Endpoint:
        """Raises `CommandError`: unknown-webhook, invalid-value, target-not-allowed, session-out-of-reach."""
        endpoint = await self.get(endpoint_id, scope)
        given = change.given()
        if "sessions" in given:
            given["sessions"] = scope.narrowed(UNSET if change.sessions is None else change.sessions)
        if change.url is not UNSET:
            await self.check_url(change.url)
        elif change.enabled is True:
            # An Evolution client may have switched it off with an address that is none.
            host_of(endpoint.url, "url")
        if change.url is not UNSET and not same_origin(endpoint.url, change.url):
            # They may hold a password that was meant for the host of before.
            given.setdefault("headers", {})
        secret = {"headers": "set"} if "headers" in given else {}
        if "headers" in given:
            given["sealed"] = self._with_headers(endpoint, given.pop("headers"))
        changed = msgspec.structs.replace(endpoint, **given)
        if scope.everything and endpoint.tenant in (None, DEFAULT):
            changed = msgspec.structs.replace(changed, tenant=home_of(None, changed.sessions))
        changed = msgspec.structs.replace(
            changed,
            types=types_of(changed.format, changed.events),
            because="" if changed.enabled else (endpoint.because or ASKED),
            updated_at=self._clock.now(),
        )
        shown = endpoint_shown(changed) | secret
        with self._audit.records(
            "webhook.changed",
            target=endpoint_id,
            before=endpoint_shown(endpoint),
            after=shown,
            tenant=endpoint.tenant,
        ):
            changed = await self._write_endpoint(changed)
        log.info("endpoint.changed", endpoint=changed.id, changed=sorted(change.given()))
        return changed

    async def rotate_secret(self, endpoint_id: str, request: RotateRequest) -> tuple[Endpoint, str]:
        """A new secret; the old one signs too until the overlap is over. Raises `CommandError("unknown-webhook")`."""
        endpoint = await self.get(endpoint_id)
        secret = new_secret(self._clock.token())
        place = sealed_for.webhook(endpoint_id)
        words = rotated(self._vault.unseal(endpoint.sealed, place), secret, self._clock.now(), request.overlap_s)
        sealed = self._vault.seal(words, place)
        with self._audit.records(
            "webhook.secret_rotated",
            target=endpoint_id,
            after={"overlap_s": request.overlap_s},
            tenant=endpoint.tenant,
        ):
            changed = await self._write_endpoint(msgspec.structs.replace(endpoint, sealed=sealed))
        log.info("endpoint.changed", endpoint=endpoint_id, changed=["secret"])
        return changed, secret

    async def delete(self, endpoint_id: str) -> None:
        """With its queue, log and dead letters. Raises `CommandError("unknown-webhook")`."""
        endpoint = await self.get(endpoint_id)
        with self._audit.records("webhook.deleted", target=endpoint_id, tenant=endpoint.tenant):
            deleted = await self._webhook_endpoints.delete(endpoint_id)
        if not deleted:
            raise unknown("webhook", endpoint_id)
        log.info("endpoint.deleted", endpoint=endpoint_id)

    async def test(self, endpoint_id: str) -> Delivery:
        """One call with an event of the type `webhook.test`; it stands in the log of deliveries."""
        endpoint = await self.get(endpoint_id)
        tested = await self._webhook_client.test(endpoint)
        after = {"outcome": tested.outcome}
        with self._audit.records("webhook.tested", target=endpoint_id, after=after, tenant=endpoint.tenant):
            return await self._webhook_endpoints.log_delivery(tested)

    async def replay(
        self, endpoint_id: str, request: ReplayRequest, *, missing: bool = False, dry_run: bool = False
    ) -> int:
        """Queue what it wants of that time again, beside what is new; how many events. `missing`: only what it never
        took and what does not wait either; `dry_run`: only count. Raises `CommandError`."""
        endpoint = await self.get(endpoint_id)
        since, until = moment("from", request.since), moment("to", request.until)
        if until < since:
            raise invalid("to", "must not lie before from")
        asked = {"from": request.since, "to": request.until, "missing": missing}
        record = self._audit.records("webhook.replayed", target=endpoint_id, after=asked, tenant=endpoint.tenant)
        queued, place = 0, 0
        with nullcontext() if dry_run else record:
            while True:
                found, last = await self._webhook_endpoints.replay(
                    endpoint_id,
                    since,
                    until,
                    place,
                    REPLAY_AT_ONCE,
                    self._clock.now(),
                    missing=missing,
                    dry_run=dry_run,
                )
                queued += found
                if last is None:
                    break
                place = last
                # A count reads in the loop: others get their turns between its pages.
                await asyncio.sleep(0)
        if not dry_run:
            self._wakeups.deliveries()
        return queued

    async def replay_event(self, endpoint_id: str, event: int) -> bool:
        """Queue one event again; False when it is no longer kept. Raises `CommandError("unknown-webhook")`."""
        endpoint = await self.get(endpoint_id)
        after = {"event": event}
        with self._audit.records("webhook.replayed", target=endpoint_id, after=after, tenant=endpoint.tenant):
            found = await self._webhook_endpoints.replay_event(endpoint_id, event, self._clock.now())
        self._wakeups.deliveries()
        return found

    def _with_headers(self, endpoint: Endpoint, headers: Mapping[str, str]) -> bytes:
        place = sealed_for.webhook(endpoint.id)
        words = self._vault.unseal(endpoint.sealed, place)
        kept = {name: word for name, word in words.items() if not name.startswith(HEADER)}
        return self._vault.seal({**kept, **sealed_headers(headers)}, place)

    async def _write_endpoint(self, endpoint: Endpoint) -> Endpoint:
        if not await self._webhook_endpoints.change(endpoint):
            raise unknown("webhook", endpoint.id)
        self._wakeups.deliveries()
        return await self.get(endpoint.id)

    async def check_url(self, url: str) -> None:
        """Raises `CommandError`: target-not-allowed, invalid-value."""
        await check_target(url, "url", self._allowed, self._resolve)
        if urlsplit(url).username is not None or "#" in url:
            raise invalid("url", "must hold neither a user nor a fragment")


def endpoint_shown(endpoint: Endpoint) -> dict[str, object]:
    """What the audit log holds of it: of its address, which may hold a token, only where it leads."""
    address = urlsplit(endpoint.url)
    return {
        "to": f"{address.scheme}://{address.netloc.rpartition('@')[2]}",
        "format": endpoint.format,
        "events": list(endpoint.events),
        "sessions": list(endpoint.sessions),
        "media": endpoint.media,
        "enabled": endpoint.enabled,
    }


def same_origin(one: str, other: str) -> bool:
    """Whether what was meant for one may be told to the other."""
    return urlsplit(one)[:2] == urlsplit(other)[:2]


def sealed_headers(given: Mapping[str, str]) -> dict[str, str]:
    """As they are kept with the secrets. Raises `CommandError("invalid-value")`."""
    named = {name.lower(): word for name, word in given.items()}
    for name, word in named.items():
        if not _HEADER_NAME.fullmatch(name) or name in NOT_THEIRS or not _HEADER_WORD.fullmatch(word):
            raise invalid("headers", "holds a header that cannot be sent, or that we set ourselves")
    return {HEADER + name: word for name, word in named.items()}


def types_of(form: Format, names: Sequence[str]) -> tuple[str, ...]:
    """The log's types behind a subscription's names. Raises `CommandError("invalid-value")` for one that does not
    exist."""
    known = {*EVENT_TYPES, *(evolution_format.NAMES if form == "evolution" else ())}
    for name in names:
        if name not in known:
            near = nearest(name, known)
            raise CommandError(
                "invalid-value", field="events", near=near, in_body=True, allowed=", ".join(sorted(known))
            )
    return evolution_format.subscription(names) if form == "evolution" else tuple(dict.fromkeys(names))
