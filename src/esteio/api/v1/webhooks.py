"""`/v1/webhooks`: who is told what happens, and what became of it. A secret is shown once, when it is made.

Never lives here: a delivery (`engine.delivery.dispatch`, `engine.delivery.client`).
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from esteio.api.http import scopes
from esteio.api.http.request import NOTHING, ApiRequest, ApiResponse, answer, page_size, whole_number
from esteio.api.http.route import ApiContext, Route, page_parameters
from esteio.api.v1.keys import tenant_told
from esteio.core.views.documents import timestamp
from esteio.core.webhooks.delivery_policy import EndpointHealth, Format
from esteio.core.webhooks.event_formats import event_id
from esteio.engine.commands.requests import EmptyRequest, EndpointChange, EndpointRequest, ReplayRequest, RotateRequest
from esteio.store.delivery import Delivery, Endpoint


class Waiting(msgspec.Struct, frozen=True):
    """Chats with something to deliver, and the oldest event of them. What is not dealt out yet is not counted."""

    chats: int
    oldest_at: str | None


class WebhookDocument(msgspec.Struct, frozen=True):
    """One subscription. `because`: `gone` (it answered 410) or `asked` when it is disabled; what the last attempt
    came to when it is failing."""

    id: str
    url: str
    format: Format
    events: tuple[str, ...]
    sessions: tuple[str, ...]
    media: Literal["url", "base64"]
    enabled: bool
    state: Literal["ok", "failing", "disabled"]
    because: str | None
    failing_since: str | None
    last_delivered_at: str | None
    last_failed_at: str | None
    waiting: Waiting
    created_at: str
    tenant: str | UnsetType = UNSET
    """Whose events it hears; not there: of all tenants, or of `default` where it is for some sessions."""


class NewWebhook(WebhookDocument, frozen=True, kw_only=True):
    """`secret` signs every delivery; it is shown this once."""

    secret: str


class WebhookPage(msgspec.Struct, frozen=True):
    """All subscriptions, without their secrets, in one page, so `next` is null."""

    items: tuple[WebhookDocument, ...]
    next: str | None = None


class DeliveryDocument(msgspec.Struct, frozen=True):
    """One attempt. `event` is the `webhook-id` that was sent; `outcome` `dead` was the last attempt."""

    id: int
    event: str
    seq: int
    type: str
    session: str | None
    attempt: int
    at: str
    took_ms: int
    outcome: Literal["delivered", "failed", "gone", "skipped", "dead"]
    status: int | None
    detail: str


class DeliveryPage(msgspec.Struct, frozen=True):
    """A page of a subscription's deliveries, newest first; `next` is the place to ask from, or null at the end."""

    items: tuple[DeliveryDocument, ...]
    next: str | None = None


class Queued(msgspec.Struct, frozen=True):
    """How many events were queued again."""

    queued: int


async def create(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """201 with the secret."""
    endpoint, secret = await api.commands.webhooks.add(await call.ask(EndpointRequest), call.scope)
    return await _with_secret(api, endpoint, secret, 201)


async def list_all(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """All that lie inside the caller's scope."""
    call.query()
    found = await api.commands.webhooks.within(call.scope)
    return answer(WebhookPage(tuple([await _document(api, one) for one in found])))


async def show(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """One subscription by its id, without its secret."""
    call.query()
    return answer(await _document(api, await api.commands.webhooks.get(call.path["id"])))


async def change(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """What is given; enabling goes on where it stopped."""
    change = await call.ask(EndpointChange)
    return answer(await _document(api, await api.commands.webhooks.change(call.path["id"], change, call.scope)))


async def delete(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """Its queue, log and dead letters go with it."""
    await api.commands.webhooks.delete(call.path["id"])
    return NOTHING


async def test(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """200 with what the endpoint answered, also when that was bad."""
    await call.ask(EmptyRequest)
    return answer(_delivery(await api.commands.webhooks.test(call.path["id"])))


async def rotate(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """200 with the new secret; both sign during the overlap."""
    endpoint, secret = await api.commands.webhooks.rotate_secret(call.path["id"], await call.ask(RotateRequest))
    return await _with_secret(api, endpoint, secret, 200)


async def deliveries(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """What was delivered to one subscription and what became of it, newest first, one page at a time."""
    words = call.query("limit", "after")
    endpoint = await api.commands.webhooks.get(call.path["id"])
    limit = page_size(words)
    before = whole_number(words, "after", 0, 1, 2**62) if "after" in words else None
    found = await api.store.webhook_endpoints.deliveries(endpoint.id, limit=limit, before=before)
    following = str(found[-1].id) if len(found) == limit else None
    return answer(DeliveryPage(tuple(_delivery(one) for one in found), following))


async def replay(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """202 with how many events were queued again."""
    return answer(Queued(await api.commands.webhooks.replay(call.path["id"], await call.ask(ReplayRequest))), 202)


async def _with_secret(api: ApiContext, endpoint: Endpoint, secret: str, status: int) -> ApiResponse:
    shown = msgspec.structs.asdict(await _document(api, endpoint))
    return answer(NewWebhook(**shown, secret=secret), status, cache_control="no-store")


async def _document(api: ApiContext, endpoint: Endpoint) -> WebhookDocument:
    chats, oldest_at = await api.store.webhook_endpoints.waiting(endpoint.id)
    health = endpoint.health
    return WebhookDocument(
        id=endpoint.id,
        url=endpoint.url,
        format=endpoint.format,
        events=endpoint.events,
        sessions=endpoint.sessions,
        media=endpoint.media,
        enabled=endpoint.enabled,
        state="disabled" if not endpoint.enabled else "failing" if health.failures else "ok",
        because=endpoint.because or _cause(health) or None,
        failing_since=_maybe(health.failing_since),
        last_delivered_at=_maybe(health.last_ok_at),
        last_failed_at=_maybe(health.last_failed_at),
        waiting=Waiting(chats, _maybe(oldest_at)),
        created_at=timestamp(endpoint.created_at),
        tenant=tenant_told(endpoint.tenant, endpoint.sessions),
    )


def _cause(health: EndpointHealth) -> str:
    """What the last attempt of a failing endpoint came to: `503 try later`, or why there was no answer."""
    if not health.failures:
        return ""
    return " ".join(word for word in (str(health.last_status or ""), health.last_detail) if word)


def _delivery(one: Delivery) -> DeliveryDocument:
    return DeliveryDocument(
        id=one.id,
        event=event_id(one.event, one.event_at),
        seq=one.event,
        type=one.type,
        session=one.session or None,
        attempt=one.attempt,
        at=timestamp(one.at),
        took_ms=one.took_ms,
        outcome=one.outcome,  # type: ignore[arg-type]  # the store writes nothing else
        status=one.status,
        detail=one.detail,
    )


def _maybe(at: float | None) -> str | None:
    return timestamp(at) if at else None


_ONE = "/v1/webhooks/{id}"
_MINE = scopes.WEBHOOK
ROUTES = (
    Route(
        "POST",
        "/v1/webhooks",
        create,
        "admin",
        "Subscribe to events",
        {201: NewWebhook},
        body=EndpointRequest,
        errors=("target-not-allowed", "quota-webhooks", "unknown-tenant"),
        scope=scopes.BODY,
    ),
    Route("GET", "/v1/webhooks", list_all, "admin", "List the webhooks", {200: WebhookPage}, scope=scopes.ITEMS),
    Route("GET", _ONE, show, "admin", "One webhook", {200: WebhookDocument}, scope=_MINE),
    Route(
        "PATCH",
        _ONE,
        change,
        "admin",
        "Change a webhook",
        {200: WebhookDocument},
        body=EndpointChange,
        errors=("target-not-allowed", "session-out-of-reach"),
        scope=_MINE,
    ),
    Route("DELETE", _ONE, delete, "admin", "Delete a webhook", {204: None}, scope=_MINE),
    Route(
        "POST", f"{_ONE}/test", test, "admin", "Call it once", {200: DeliveryDocument}, body=EmptyRequest, scope=_MINE
    ),
    Route(
        "POST",
        f"{_ONE}/rotate",
        rotate,
        "admin",
        "Give it a new secret",
        {200: NewWebhook},
        body=RotateRequest,
        scope=_MINE,
    ),
    Route(
        "GET",
        f"{_ONE}/deliveries",
        deliveries,
        "admin",
        "What was delivered, newest first",
        {200: DeliveryPage},
        parameters=page_parameters(),
        scope=_MINE,
    ),
    Route(
        "POST",
        f"{_ONE}/replay",
        replay,
        "admin",
        "Deliver a range again",
        {202: Queued},
        body=ReplayRequest,
        scope=_MINE,
    ),
)
