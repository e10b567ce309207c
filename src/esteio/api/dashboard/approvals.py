"""What waits for a person: destructive steps, with what each would cost. Never lives here: when one is asked for."""

from __future__ import annotations

from typing import Any, NamedTuple

from esteio.api.dashboard.page import Moment, Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.api.http.route import speaker
from esteio.core.model.recovery import Approval
from esteio.core.model.state import Reason
from esteio.engine.errors import CommandError


class Waiting(NamedTuple):
    """A destructive step that waits for a person, with what it would cost."""

    approval: Approval
    because: str
    cost: str
    at: Moment | None


async def page(visit: Visit) -> ApiResponse:
    """The list."""
    return visit.drawn("approvals.html", approvals=await waiting(visit))


async def waiting(visit: Visit, session: str | None = None) -> list[Waiting]:
    """What waits for a person, of one session or of all that the caller reaches."""
    say = speaker(visit.texts)
    return [
        Waiting(one, say(Reason(one.because)).text, say(one.cost).text, visit.moment(one.created_at))
        for one in await _reached(visit)
        if session in (None, one.session)
    ]


async def count(visit: Visit) -> int:
    """How many wait of all that the caller reaches."""
    return len(await _reached(visit))


async def _reached(visit: Visit) -> list[Approval]:
    scope = visit.request.scope
    found = await visit.api.store.approvals.by_state(reach=scope)
    return [one for one in found if scope.named(one.session)]  # guard: approvals-shown-in-scope


async def decide(visit: Visit) -> ApiResponse:
    """A person's word about a destructive step, then its session's page. Raises `CommandError`."""
    await visit.form()
    api, path = visit.api, visit.request.path
    if path["decision"] not in ("approve", "reject"):
        raise CommandError("not-found")
    found = await api.commands.lookup.approval(path["id"], visit.request.scope)  # guard: decision-in-scope
    decision: Any = "approved" if path["decision"] == "approve" else "rejected"
    await api.commands.approvals.decide(found.id, decision, visit.request.who)
    return moved(f"/sessions/{found.session}", done=decision)


ROUTES = (
    PageRoute("GET", "/approvals", page, "read"),
    PageRoute("POST", "/approvals/{id}/{decision}", decide, "operate"),
)
