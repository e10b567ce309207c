"""All subscriptions that lie inside the caller's scope, with their health. Never lives here: one of them whole."""

from __future__ import annotations

from esteio.api.dashboard.page import Visit
from esteio.api.dashboard.route import PageRoute
from esteio.api.dashboard.webhooks.health import shown
from esteio.api.http.request import ApiResponse

ORDER = ("failing", "disabled", "new", "ok")
"""What needs a person stands on top."""


async def show(visit: Visit) -> ApiResponse:
    """The page."""
    # guard: webhooks-listed-in-scope
    listed = [await shown(visit, one) for one in await visit.api.commands.webhooks.within(visit.request.scope)]
    listed.sort(key=lambda one: ORDER.index(one.state))
    return visit.drawn("webhooks/list.html", webhooks=listed)


ROUTES = (PageRoute("GET", "/webhooks", show, "admin"),)
