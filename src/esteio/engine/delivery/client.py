"""One event to one endpoint: the body in its format, the signatures, the call, and what the answer means.

Signatures are Standard Webhooks 1.0.0; while a rotation overlaps, each secret that still counts signs.
Never lives here: when and how often (`dispatch`), a queue.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec
from standardwebhooks import Webhook

from esteio.clock import Clock
from esteio.core.views.catalogue import Catalogue
from esteio.core.views.server_documents import without_address
from esteio.core.webhooks import event_formats, evolution_format
from esteio.core.webhooks.delivery_policy import hears, wants
from esteio.core.webhooks.evolution_names import Instance
from esteio.engine.media.links import MediaLinks
from esteio.engine.runtime import sealed_for
from esteio.log import clean_text
from esteio.providers.base import HttpRequest, HttpResponse, Transport, TransportFailed
from esteio.providers.driver import NOT_ALLOWED
from esteio.store.delivery import Delivery, DeliveryClaim, DeliveryOutcome, DeliverySettlement, Endpoint
from esteio.tracing.context import headers_of
from esteio.vault import Vault

TIMEOUT_S = 15.0
SECRET_PREFIX = "whsec_"  # noqa: S105 - the standard's mark of a secret, not one
SECRET, OLD, HEADER = "secret", "old:", "header:"
"""Names in an endpoint's sealed words; `old:UNTIL` is a secret before this one, that signs too until that epoch second;
`header:NAME` is sent along (what an Evolution client set)."""
JWT_KEY: Final = "jwt_key"
"""A header that is not sent: it signs a token (`evolution_token`)."""
CARRIES: Final = frozenset({"message.received", "message.media_changed"})
"""Events that carry the bytes where an endpoint asked for base64."""
CARRIED_AT_ONCE = 4
MEDIA_WAITS_S = 60.0
"""So long such an event waits for bytes that are under way; then it goes with the address alone."""
TEST_TYPE: Final = "webhook.test"
DOOR: Final = "/evolution"
"""Below our own address: where a client of Evolution finds us."""
_CAUSES: Final[Mapping[str, str]] = {"name": "name-not-resolved", "certificate": "certificate", "tls": "tls"}
_DETAIL = 300
_REMEMBERED = 512
_encode = msgspec.json.Encoder().encode


class _Said(msgspec.Struct, frozen=True):
    """What an endpoint's answer came to."""

    outcome: DeliveryOutcome
    status: int | None
    detail: str = ""
    retry_after_s: float | None = None
    reason: str = ""
    """See `RelaySettlement.reason`."""


class WebhookClient:
    """Delivers; knows nothing of queues. Never raises for what an endpoint does."""

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        vault: Vault,
        *,
        texts: Catalogue,
        source: str,
        instance_of: Callable[[str], Awaitable[Instance]] | None = None,
        links: MediaLinks,
        loaded: Callable[[str, Mapping[str, Any]], Awaitable[tuple[Mapping[str, Any], bool]]],
    ) -> None:
        """`instance_of`: a session of this name in Evolution's words. `loaded`: an event's media document by its
        message → the same with `base64` where its bytes are at hand, and whether they are still under way."""
        self._transport, self._clock, self._vault = transport, clock, vault
        self._texts, self._source, self._instance_of = texts, source, instance_of
        self._links, self._loaded, self._carrying = links, loaded, 0
        self._opened: dict[tuple[str, bytes], Mapping[str, str]] = {}

    def __repr__(self) -> str:
        return f"WebhookClient({self._source!r})"

    async def deliver(self, claim: DeliveryClaim) -> DeliverySettlement:
        """One attempt at one event; what came of it, an unreachable subscriber included, is in the settlement."""
        began_at = self._clock.now()
        if claim.endpoint.media == "base64" and _may_carry(claim):
            return await self._deliver_with_bytes(claim, began_at)
        return await self._delivered(claim, began_at)

    async def _delivered(self, claim: DeliveryClaim, began_at: float) -> DeliverySettlement:
        requests = self._requests(claim, began_at, await self._instance(claim))
        if not requests:
            return DeliverySettlement(claim, "skipped", began_at, began_at)
        said = _Said("delivered", None)
        for request in requests:
            said = await self._call(request)
            if said.outcome != "delivered":
                break
        now = self._clock.now()
        return DeliverySettlement(
            claim, said.outcome, began_at, now, said.status, said.detail, said.retry_after_s, said.reason
        )

    async def _deliver_with_bytes(self, claim: DeliveryClaim, began_at: float) -> DeliverySettlement:
        """With the media as it is now; while it is still under way, or too many are in the air, the event waits."""
        if self._carrying >= CARRIED_AT_ONCE:
            return DeliverySettlement(claim, "waits", began_at, began_at, reason="too-many-with-media")
        self._carrying += 1
        try:
            media, under_way = await self._loaded(str(claim.data.get("id")), claim.data["media"])
            if under_way and began_at - claim.at < MEDIA_WAITS_S:
                return DeliverySettlement(claim, "waits", began_at, began_at, reason="media-under-way")
            filled = msgspec.structs.replace(claim, data={**claim.data, "media": media})
            return await self._delivered(filled, began_at)
        finally:
            self._carrying -= 1

    async def test(self, endpoint: Endpoint) -> Delivery:
        """A call with an event of the type `webhook.test`, once, whatever state the endpoint is in."""
        began_at = self._clock.now()
        data = {"webhook": endpoint.id, "text": "Esteio"}
        claim = DeliveryClaim(endpoint, "live", "", "", 0, TEST_TYPE, began_at, data, attempt=1, fence=0)
        said = await self._call(self._signed(claim, began_at, self._test_body(claim)))
        took_ms = round((self._clock.now() - began_at) * 1000)
        return Delivery(
            0, endpoint.id, 0, began_at, TEST_TYPE, "", 1, began_at, took_ms, said.outcome, said.status, said.detail
        )

    async def aclose(self) -> None:
        """Closes the transport and its kept connections; closing twice is harmless."""
        await self._transport.aclose()

    async def _instance(self, claim: DeliveryClaim) -> Instance:
        if claim.type == "session.deleted":
            return Instance(claim.data["instance"], claim.data["instance_id"])
        if self._instance_of is None or not claim.session or claim.endpoint.format != "evolution":
            return Instance(claim.session, claim.session)
        return await self._instance_of(claim.session)

    # -- the request ----------------------------------------------------------------------------------------------

    def _requests(self, claim: DeliveryClaim, now: float, instance: Instance) -> Sequence[HttpRequest]:
        """What one event comes to, in order: a call, or in Evolution's words none or several."""
        endpoint = claim.endpoint
        if not (wants(endpoint.types, claim.type) and hears(None, endpoint.sessions, None, claim.session or None)):
            # The subscription was changed after this was dealt.
            return ()
        document = event_formats.worded(self._links.into(claim.data), claim.session or None, self._texts)
        if (endpoint.sessions or endpoint.tenant is not None) and not claim.session:
            document = without_address(document)
        if endpoint.format == "evolution":
            return self._evolution(claim, document, now, instance)
        if endpoint.format == "cloudevents":
            ident = event_formats.event_id(claim.seq, claim.at)
            event = event_formats.cloudevent(
                ident, claim.type, claim.at, document, self._source, trace=headers_of(claim.trace_context)
            )
            return (self._signed(claim, now, event),)
        return (self._signed(claim, now, event_formats.standard(claim.type, claim.at, document)),)

    def _evolution(
        self, claim: DeliveryClaim, document: Mapping[str, Any], now: float, instance: Instance
    ) -> Sequence[HttpRequest]:
        return [
            self._signed(
                claim,
                now,
                self._enveloped(claim, name, data, instance),
                suffix=evolution_format.path_of(name) if claim.endpoint.by_events else "",
                part=part,
            )
            for part, (name, data) in enumerate(evolution_format.said(claim.type, document, instance))
            if evolution_format.wanted(claim.endpoint.events, name)
        ]

    def _enveloped(self, claim: DeliveryClaim, name: str, data: Any, instance: Instance) -> dict[str, Any]:
        return evolution_format.envelope(
            name, data, instance=instance, url=claim.endpoint.url, at=claim.at, server_url=f"{self._source}{DOOR}"
        )

    def _test_body(self, claim: DeliveryClaim) -> dict[str, Any]:
        data = dict(claim.data)
        if claim.endpoint.format == "evolution":
            return self._enveloped(claim, claim.type, data, Instance("", ""))
        if claim.endpoint.format == "cloudevents":
            return event_formats.cloudevent(
                event_formats.event_id(0, claim.at), claim.type, claim.at, data, self._source
            )
        return event_formats.standard(claim.type, claim.at, data)

    def _signed(
        self, claim: DeliveryClaim, now: float, document: Mapping[str, Any], *, suffix: str = "", part: int = 0
    ) -> HttpRequest:
        """`part`: of the calls that one event comes to, each has an id of its own."""
        endpoint = claim.endpoint
        words = self._words(endpoint)
        body = _encode(document)
        ident = event_formats.event_id(claim.seq, claim.at) + (f"_{part}" if part else "")
        headers = {name.removeprefix(HEADER): word for name, word in words.items() if name.startswith(HEADER)}
        if JWT_KEY in headers:
            headers["authorization"] = f"Bearer {evolution_token(headers.pop(JWT_KEY), now)}"
        kind = "application/cloudevents+json" if endpoint.format == "cloudevents" else "application/json"
        headers |= {
            "content-type": f"{kind}; charset=utf-8",
            "webhook-id": ident,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": signatures(words, ident, now, body),
            **headers_of(claim.trace_context),
        }
        return HttpRequest("POST", endpoint.url + suffix, headers, body, TIMEOUT_S)

    def _words(self, endpoint: Endpoint) -> Mapping[str, str]:
        words = self._opened.get((endpoint.id, endpoint.sealed))
        if words is None:
            if len(self._opened) >= _REMEMBERED:
                self._opened.clear()
            words = self._vault.unseal(endpoint.sealed, sealed_for.webhook(endpoint.id))
            self._opened[endpoint.id, endpoint.sealed] = words
        return words

    # -- the call -------------------------------------------------------------------------------------------------

    async def _call(self, request: HttpRequest) -> _Said:
        try:
            response = await self._transport.exchange(request)
        except TransportFailed as failed:
            return _Said("failed", None, failed.reason, reason=_reason(failed))
        return _meaning(response, self._clock.now())


def _may_carry(claim: DeliveryClaim) -> bool:
    return claim.type in CARRIES and isinstance(claim.data.get("media"), Mapping)


def _meaning(response: HttpResponse, now: float) -> _Said:
    """2xx took it; 410 wants no more, ever; all else is tried again. Redirects are not followed."""
    if 200 <= response.status < 300:
        return _Said("delivered", response.status)
    words = " ".join(clean_text(response.body[: 4 * _DETAIL].decode("utf-8", "replace")).split())[:_DETAIL]
    detail = words.replace("\x00", "")
    if response.status == 410:
        return _Said("gone", response.status, detail, reason="gone")
    again_s = retry_after(response.headers.get("retry-after", ""), now)
    if 300 <= response.status < 400:
        return _Said("failed", response.status, "redirects are not followed", again_s, "redirect")
    return _Said("failed", response.status, detail, again_s, "http-status")


def _reason(failed: TransportFailed) -> str:
    """Why no answer came, as a code."""
    if failed.timed_out:
        return "timeout"
    if failed.reason == NOT_ALLOWED:
        return "not-allowed"
    if failed.crowded:
        return "too-many-under-way"
    return _CAUSES.get(failed.cause) or ("not-reached" if failed.sent == "no" else "broken-off")


def retry_after(text: str, now: float) -> float | None:
    """Seconds that a `Retry-After` header (a number, or a date) asks for; None when it says nothing usable."""
    if text.isascii() and text.strip().isdecimal():
        return float(text.strip()[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now)


def new_secret(token: str) -> str:
    """A `whsec_` secret of 256 bits out of an unguessable word."""
    return SECRET_PREFIX + base64.b64encode(hashlib.sha256(token.encode()).digest()).decode()


def rotated(words: Mapping[str, str], secret: str, now: float, overlap_s: float) -> dict[str, str]:
    """The words with a new secret. Every secret before it signs until the end of its own overlap."""
    kept = {name: word for name, word in words.items() if not name.startswith(OLD) or float(name[len(OLD) :]) > now}
    if SECRET in words and overlap_s > 0:
        kept[f"{OLD}{now + overlap_s:.3f}"] = words[SECRET]
    return kept | {SECRET: secret}


def evolution_token(key: str, at: float) -> str:
    """What Evolution sends in the place of the header `jwt_key` (recording 085): a JSON web token, signed with it, that
    lasts ten minutes."""
    claims = {"iat": int(at), "exp": int(at) + 600, "app": "evolution", "action": "webhook"}
    parts = [_unpadded(_encode(part)) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    mark = hmac.digest(key.encode(), b".".join(parts), "sha256")
    return b".".join([*parts, _unpadded(mark)]).decode()


def _unpadded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def signatures(words: Mapping[str, str], ident: str, now: float, body: bytes) -> str:
    """`v1,…` by the secret, and by each one before it that still counts."""
    secrets = [words[SECRET]] if SECRET in words else []
    secrets += [word for name, word in words.items() if name.startswith(OLD) and now < float(name[len(OLD) :])]
    moment = datetime.fromtimestamp(int(now), UTC)
    return " ".join(Webhook(secret).sign(ident, moment, body.decode()) for secret in secrets)
