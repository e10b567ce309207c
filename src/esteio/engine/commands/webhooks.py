"""Subscriptions: made, changed, deleted; secrets rotated; tested; a range of events queued again.

A target inside a private network is refused here and again at every connect (see `engine.url_guard`). Never lives
here: the
delivery (`relay`, `courier`), a secret in clear at rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET

from esteio.config import nearest
from esteio.core.webhooks import evolution_format
from esteio.core.webhooks.delivery_policy import EVENT_TYPES, Format
from esteio.engine.commands.base import Desk
from esteio.engine.commands.requests import EndpointChange, EndpointRequest, ReplayRequest, RotateRequest
from esteio.engine.delivery.client import HEADER, SECRET, new_secret, rotated
from esteio.engine.errors import CommandError, invalid, unknown
from esteio.engine.key_scope import EVERYTHING, Scope
from esteio.engine.url_guard import check_target
from esteio.log import logger
from esteio.store.delivery import Delivery, Endpoint

REPLAY_AT_ONCE = 1000
_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}")
_HEADER_WORD = re.compile(r"[\x20-\x7e]*")
_NOT_THEIRS = frozenset(
    {"host", "connection", "keep-alive", "te", "trailer", "upgrade", "expect", "transfer-encoding"}
    | {"content-length", "content-type", "content-encoding", "webhook-id", "webhook-timestamp", "webhook-signature"}
)
"""What the connection needs, and what we sign."""
log = logger("commands")


class EndpointCommands(Desk):
    """What a caller may ask about webhooks out."""

    async def endpoints(self, scope: Scope = EVERYTHING) -> Sequence[Endpoint]:
        """Those that lie inside a scope."""
        return [endpoint for endpoint in await self.store.endpoints() if scope.holds(endpoint.sessions)]

    async def endpoint(self, endpoint_id: str, scope: Scope = EVERYTHING) -> Endpoint:
        """Raises `CommandError("unknown-webhook")`, also for one that does not lie inside the scope."""
        endpoint = await self.store.endpoint(endpoint_id)
        if endpoint is None or not scope.holds(endpoint.sessions):
            raise unknown("webhook", endpoint_id)
        return endpoint

    async def add_endpoint(
        self, ask: EndpointRequest, scope: Scope = EVERYTHING, *, by_events: bool = False
    ) -> tuple[Endpoint, str]:
        """A new subscription from now on, inside its maker's scope, and its secret, which is shown this once. Raises
        `CommandError`.

        `by_events` is what an Evolution client may set; the door passes it.
        """
        globs = scope.narrowed(ask.sessions)
        await self._check_url(ask.url)
        secret = new_secret(self.clock.token())
        words = {SECRET: secret, **_headers(ask.headers)}
        endpoint = Endpoint(
            id=self.clock.new_id("wh"),
            url=ask.url,
            created_at=self.clock.now(),
            format=ask.format,
            events=ask.events,
            types=types_of(ask.format, ask.events),
            sessions=globs,
            sealed=self.vault.seal(words),
            by_events=by_events,
            media=ask.media,
        )
        added = await self.store.add_endpoint(endpoint)
        log.info("endpoint.created", endpoint=added.id)
        return added, secret

    async def change_endpoint(self, endpoint_id: str, change: EndpointChange, scope: Scope = EVERYTHING) -> Endpoint:
        """Raises `CommandError`: unknown-webhook, invalid-value, target-not-allowed, session-out-of-reach."""
        endpoint = await self.endpoint(endpoint_id, scope)
        given = change.given()
        if "sessions" in given:
            given["sessions"] = scope.narrowed(UNSET if change.sessions is None else change.sessions)
        if change.url is not UNSET:
            await self._check_url(change.url)
        if change.url is not UNSET and not _same_origin(endpoint.url, change.url):
            # They may hold a password that was meant for the host of before.
            given.setdefault("headers", {})
        if "headers" in given:
            given["sealed"] = self._with_headers(endpoint, given.pop("headers"))
        changed = msgspec.structs.replace(endpoint, **given)
        changed = msgspec.structs.replace(
            changed,
            types=types_of(changed.format, changed.events),
            because="" if changed.enabled else (endpoint.because or "asked"),
        )
        changed = await self._write_endpoint(changed)
        log.info("endpoint.changed", endpoint=changed.id, changed=sorted(change.given()))
        return changed

    async def rotate_endpoint(self, endpoint_id: str, ask: RotateRequest) -> tuple[Endpoint, str]:
        """A new secret; the old one signs too until the overlap is over. Raises `CommandError("unknown-webhook")`."""
        endpoint = await self.endpoint(endpoint_id)
        secret = new_secret(self.clock.token())
        words = rotated(self.vault.unseal(endpoint.sealed), secret, self.clock.now(), ask.overlap_s)
        changed = await self._write_endpoint(msgspec.structs.replace(endpoint, sealed=self.vault.seal(words)))
        log.info("endpoint.changed", endpoint=endpoint_id, changed=["secret"])
        return changed, secret

    async def delete_endpoint(self, endpoint_id: str) -> None:
        """With its queue, log and dead letters. Raises `CommandError("unknown-webhook")`."""
        if not await self.store.delete_endpoint(endpoint_id):
            raise unknown("webhook", endpoint_id)
        log.info("endpoint.deleted", endpoint=endpoint_id)

    async def test_endpoint(self, endpoint_id: str) -> Delivery:
        """One call with an event of the type `webhook.test`; it stands in the log of deliveries."""
        return await self.store.log_delivery(await self.courier.test(await self.endpoint(endpoint_id)))

    async def replay_endpoint(self, endpoint_id: str, ask: ReplayRequest) -> int:
        """Queue what it wants of that time again, beside what is new; how many events. Raises `CommandError`."""
        await self.endpoint(endpoint_id)
        since, until = moment("from", ask.since), moment("to", ask.until)
        if until < since:
            raise invalid("to", "must not lie before from")
        queued, place = 0, 0
        while True:
            found, last = await self.store.replay_events(
                endpoint_id, since, until, place, REPLAY_AT_ONCE, self.clock.now()
            )
            queued += found
            if last is None:
                break
            place = last
        self.wakeups.relay()
        return queued

    def _with_headers(self, endpoint: Endpoint, headers: Mapping[str, str]) -> bytes:
        words = self.vault.unseal(endpoint.sealed)
        kept = {name: word for name, word in words.items() if not name.startswith(HEADER)}
        return self.vault.seal({**kept, **_headers(headers)})

    async def _write_endpoint(self, endpoint: Endpoint) -> Endpoint:
        if not await self.store.change_endpoint(endpoint):
            raise unknown("webhook", endpoint.id)
        self.wakeups.relay()
        return await self.endpoint(endpoint.id)

    async def _check_url(self, url: str) -> None:
        await check_target(url, "url", self.settings.allowed_networks, self.resolve)
        if urlsplit(url).username is not None or "#" in url:
            raise invalid("url", "must hold neither a user nor a fragment")


def _same_origin(one: str, other: str) -> bool:
    return urlsplit(one)[:2] == urlsplit(other)[:2]


def _headers(given: Mapping[str, str]) -> dict[str, str]:
    """As they are kept with the secrets. Raises `CommandError("invalid-value")`."""
    named = {name.lower(): word for name, word in given.items()}
    for name, word in named.items():
        if not _HEADER_NAME.fullmatch(name) or name in _NOT_THEIRS or not _HEADER_WORD.fullmatch(word):
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


def moment(field: str, text: str) -> float:
    """An RFC 3339 time as epoch seconds. Raises `CommandError("invalid-value")`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid(field, "must be an RFC 3339 time") from error
    if found.tzinfo is None:
        raise invalid(field, "must be an RFC 3339 time with its offset (Z)")
    return found.timestamp()
