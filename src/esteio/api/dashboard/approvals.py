"""What waits for a person: destructive steps, with what each would cost. Never lives here: when one is asked for."""

from __future__ import annotations

from esteio.api.dashboard import fleet
from esteio.api.dashboard.page import Visit
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse


async def waiting(visit: Visit) -> ApiResponse:
    """The list; a decision is the first page's form too (`fleet.decide`)."""
    return visit.drawn("approvals.html", approvals=await fleet.waiting(visit))


ROUTES = (PageRoute("GET", "/approvals", waiting, "read"),)
