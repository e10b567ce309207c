"""`/v1/approvals`: destructive rungs that wait for a person.

Never lives here: what a rung costs (`core.judge.ladder`).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from esteio.api.http import scopes
from esteio.api.http.request import ApiRequest, ApiResponse, answer
from esteio.api.http.route import ApiContext, Route, speaker
from esteio.core.views import documents
from esteio.core.views.documents import ApprovalDocument
from esteio.engine.commands.requests import EmptyRequest


class ApprovalPage(msgspec.Struct, frozen=True):
    """The approvals that wait for a person, of the sessions that the key reaches; one page, so `next` is null."""

    items: tuple[ApprovalDocument, ...]
    next: str | None = None


async def list_open(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """Those that wait, of sessions that the key reaches."""
    call.query()
    say = speaker(call.texts)
    scope = call.scope
    shown = [one for one in await api.store.approvals.by_state(reach=scope) if scope.named(one.session)]
    return answer(ApprovalPage(tuple(documents.approval(one, say) for one in shown)))


async def approve(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """The rung is taken."""
    return await _decide(api, call, "approved")


async def reject(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """The rung is not taken."""
    return await _decide(api, call, "rejected")


async def _decide(api: ApiContext, call: ApiRequest, decision: Literal["approved", "rejected"]) -> ApiResponse:
    await call.ask(EmptyRequest)
    decided = await api.commands.approvals.decide(call.path["id"], decision, call.who)
    return answer(documents.approval(decided, speaker(call.texts)))


ROUTES = (
    Route(
        "GET", "/v1/approvals", list_open, "read", "What waits for a person", {200: ApprovalPage}, scope=scopes.ITEMS
    ),
    Route(
        "POST",
        "/v1/approvals/{id}/approve",
        approve,
        "operate",
        "Agree to a destructive rung",
        {200: ApprovalDocument},
        body=EmptyRequest,
        errors=("approval-decided",),
        scope=scopes.APPROVAL,
    ),
    Route(
        "POST",
        "/v1/approvals/{id}/reject",
        reject,
        "operate",
        "Refuse a destructive rung",
        {200: ApprovalDocument},
        body=EmptyRequest,
        errors=("approval-decided",),
        scope=scopes.APPROVAL,
    ),
)
