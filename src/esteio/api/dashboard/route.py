"""One address of the dashboard, as each page's module declares it. Never lives here: who is let in (`app`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from esteio.api.dashboard.page import Visit
from esteio.api.http.request import ApiResponse
from esteio.api.http.route import Method
from esteio.engine.commands.requests import Role

Handler = Callable[[Visit], Awaitable[ApiResponse]]


class PageRoute(msgspec.Struct, frozen=True):
    """One address of a page. `role` None: shown to everybody; `{name}` in the path is a session, and is asked of the
    caller's scope before the handler runs."""

    method: Method
    path: str
    handler: Handler
    role: Role | None
