"""`/v1/keys`: make, list, revoke. A secret is shown once, in the answer that makes it.

Never lives here: whether a key opens (`engine.commands.keys`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from esteio.api.http import scopes
from esteio.api.http.request import NOTHING, ApiRequest, ApiResponse, answer
from esteio.api.http.route import ApiContext, Route
from esteio.core.model.tenant import DEFAULT
from esteio.core.views.documents import timestamp
from esteio.engine.commands.requests import KeyRequest, Role
from esteio.store.base import ApiKey


class NewKey(msgspec.Struct, frozen=True):
    """`key` is the secret: it is shown this once."""

    id: str
    key: str
    name: str
    role: Role
    sessions: tuple[str, ...]
    expires_at: str | None
    tenant: str | UnsetType = UNSET
    """Whose it is; not there: the operator's, or of `default` where it is for some sessions."""


class KeyDocument(msgspec.Struct, frozen=True):
    """An API key without its secret. `sessions` are patterns of names, none reaches every session; times are ISO 8601
    in UTC."""

    id: str
    name: str
    role: Role
    sessions: tuple[str, ...]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    tenant: str | UnsetType = UNSET


class KeyPage(msgspec.Struct, frozen=True):
    """All API keys, revoked ones too; one page, so `next` is null."""

    items: tuple[KeyDocument, ...]
    next: str | None = None


async def create(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """201 with the secret."""
    key, secret = await api.commands.keys.create(await call.ask(KeyRequest), call.scope)
    document = NewKey(
        key.id, secret, key.name, key.role, key.sessions, _maybe(key.expires_at), tenant_told(key.tenant, key.sessions)
    )
    return answer(document, 201, cache_control="no-store")


async def list_all(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """Revoked ones too; those that lie inside the caller's scope."""
    call.query()
    return answer(KeyPage(tuple(_document(key) for key in await api.commands.keys.within(call.scope))))


async def revoke(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """From now on it opens nothing."""
    await api.commands.keys.revoke(call.path["id"])
    return NOTHING


def _document(key: ApiKey) -> KeyDocument:
    return KeyDocument(
        key.id,
        key.name,
        key.role,
        key.sessions,
        timestamp(key.created_at),
        _maybe(key.expires_at),
        _maybe(key.revoked_at),
        tenant_told(key.tenant, key.sessions),
    )


def tenant_told(tenant: str | None, globs: Sequence[str]) -> str | UnsetType:
    """Whose a key or a webhook is, where that tells something to a gateway of one tenant too."""
    return UNSET if tenant is None or (tenant == DEFAULT and globs) else tenant


def _maybe(at: float | None) -> str | None:
    return None if at is None else timestamp(at)


ROUTES = (
    Route(
        "POST",
        "/v1/keys",
        create,
        "admin",
        "Make an API key",
        {201: NewKey},
        body=KeyRequest,
        errors=("unknown-tenant",),
        scope=scopes.BODY,
    ),
    Route("GET", "/v1/keys", list_all, "admin", "List the API keys", {200: KeyPage}, scope=scopes.ITEMS),
    Route("DELETE", "/v1/keys/{id}", revoke, "admin", "Revoke an API key", {204: None}, scope=scopes.KEY),
)
