"""Where people are told, and a test of it. Targets stand in the settings file; here is their kind, never an address.

Never lives here: when somebody is told (`engine.delivery.notices`).
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.api.dashboard.page import Visit
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.engine.commands.notices import NoticeTest


async def shown(visit: Visit) -> ApiResponse:
    """The targets. Raises `CommandError("outside-scope")` for a key of some sessions."""
    return _page(visit)


async def test(visit: Visit) -> ApiResponse:
    """One test notice to each, and which took it."""
    await visit.form()
    visit.request.scope.check_everything()
    return _page(visit, await visit.api.commands.notices.test())


def _page(visit: Visit, results: Sequence[NoticeTest] = ()) -> ApiResponse:
    visit.request.scope.check_everything()
    policies = visit.api.settings.policies
    return visit.drawn(
        "notices.html",
        targets=list(visit.api.commands.notices.labels),
        results={one.target: one.delivered for one in results},
        after_s=policies["default"].notify_after_s,
    )


ROUTES = (
    PageRoute("GET", "/notices", shown, "admin"),
    PageRoute("POST", "/notices", test, "admin"),
)
