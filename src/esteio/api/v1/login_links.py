"""`POST /v1/login-links`: a link that lets a browser into the dashboard once. Never lives here: the dashboard."""

from __future__ import annotations

import msgspec

from esteio.api.http import scopes
from esteio.api.http.request import ApiRequest, ApiResponse, answer
from esteio.api.http.route import ApiContext, Route
from esteio.core.views.documents import timestamp
from esteio.engine.commands.requests import EmptyRequest


class LoginLink(msgspec.Struct, frozen=True):
    """Lets a browser in once, with the rights of the key that asked. `url` is null where `public_url` is not set: then
    `path` stands at whatever address the gateway is reached by."""

    path: str
    url: str | None
    expires_at: str


async def give(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """201 with a link for the caller's own key."""
    await call.ask(EmptyRequest)
    call.scope_read = True  # the login has the key's own scope
    await api.commands.audit.note("login.link_created")
    path, until = await api.short_lived_tokens.login_link(call.secret or "")
    url = f"{api.settings.base_url}{path}" if api.settings.public_url else None
    return answer(LoginLink(path, url, timestamp(until)), 201, cache_control="no-store")


ROUTES = (
    Route(
        "POST",
        "/v1/login-links",
        give,
        "read",
        "A link that lets a browser into the dashboard, once, within five minutes",
        {201: LoginLink},
        body=EmptyRequest,
        scope=scopes.ITEMS,
    ),
)
