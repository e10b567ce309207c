"""`/v1/tenants`: the customers of this gateway, what each may hold and what it holds. The operator's alone.

Never lives here: a rule about tenants (`engine.commands.tenants`).
"""

from __future__ import annotations

import msgspec

from esteio.api.http import scopes
from esteio.api.http.request import NOTHING, ApiRequest, ApiResponse, answer
from esteio.api.http.route import ApiContext, Route
from esteio.core.model.tenant import Tenant, Usage, next_day
from esteio.core.views.documents import timestamp
from esteio.engine.commands.requests import TenantChange, TenantRequest

_ONE = "/v1/tenants/{name}"


class QuotasDocument(msgspec.Struct, frozen=True):
    """How much a tenant may hold; null: no bound. `messages_per_day` counts by days of UTC."""

    sessions: int | None
    messages_per_day: int | None
    webhooks: int | None
    servers: int | None


class UsageDocument(msgspec.Struct, frozen=True):
    """What it holds now. `messages_today`: accepted for sending since the last midnight of UTC; that of a tenant with a
    bound begins anew at `resets_at`."""

    sessions: int
    messages_today: int
    webhooks: int
    servers: int
    keys: int
    status_pages: int
    resets_at: str


class TenantDocument(msgspec.Struct, frozen=True):
    """One customer. One that is not `enabled` has no way in, and nothing leaves for it; its sessions stay linked."""

    name: str
    title: str
    enabled: bool
    quotas: QuotasDocument
    usage: UsageDocument
    created_at: str | None
    """Null for `default`, which every gateway has."""


class TenantPage(msgspec.Struct, frozen=True):
    """All tenants by name, in one page, so `next` is null."""

    items: tuple[TenantDocument, ...]
    next: str | None = None


async def create(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """201 with the tenant, which holds nothing yet."""
    tenant = await api.commands.tenants.create(await call.ask(TenantRequest))
    return answer(_document(api, tenant, Usage()), 201)


async def list_all(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """All of them: there are few."""
    call.query()
    held = await api.commands.tenants.all()
    return answer(TenantPage(tuple(_document(api, one.tenant, one.usage) for one in held)))


async def one(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """One tenant, with what it holds."""
    call.query()
    return await _shown(api, await api.commands.tenants.get(call.path["name"]))


async def change(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """What is left out stays; what it holds beyond a new quota stays too."""
    return await _shown(api, await api.commands.tenants.change(call.path["name"], await call.ask(TenantChange)))


async def delete(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """Only one that holds nothing: no session, server, webhook, status page, and no key that opens."""
    await api.commands.tenants.delete(call.path["name"])
    return NOTHING


async def _shown(api: ApiContext, tenant: Tenant) -> ApiResponse:
    return answer(_document(api, tenant, await api.commands.tenants.usage(tenant.name)))


def _document(api: ApiContext, tenant: Tenant, usage: Usage) -> TenantDocument:
    return TenantDocument(
        name=tenant.name,
        title=tenant.title,
        enabled=tenant.enabled,
        quotas=QuotasDocument(
            tenant.quotas.sessions,
            tenant.quotas.messages_per_day,
            tenant.quotas.webhooks,
            tenant.quotas.servers,
        ),
        usage=UsageDocument(**msgspec.structs.asdict(usage), resets_at=timestamp(next_day(api.clock.now()))),
        created_at=timestamp(tenant.created_at) if tenant.created_at else None,
    )


ROUTES = (
    Route(
        "POST",
        "/v1/tenants",
        create,
        "admin",
        "Make a tenant",
        {201: TenantDocument},
        body=TenantRequest,
        errors=("name-taken",),
        scope=scopes.GATEWAY,
    ),
    Route("GET", "/v1/tenants", list_all, "admin", "List the tenants", {200: TenantPage}, scope=scopes.GATEWAY),
    Route("GET", _ONE, one, "admin", "One tenant", {200: TenantDocument}, scope=scopes.GATEWAY),
    Route(
        "PATCH",
        _ONE,
        change,
        "admin",
        "Change, suspend or resume a tenant",
        {200: TenantDocument},
        body=TenantChange,
        scope=scopes.GATEWAY,
    ),
    Route(
        "DELETE",
        _ONE,
        delete,
        "admin",
        "Delete an empty tenant",
        {204: None},
        errors=("tenant-in-use",),
        scope=scopes.GATEWAY,
    ),
)
