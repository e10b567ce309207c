"""One subscription: its health, every attempt with what was answered, and what can be done with it.

Never lives here: its form (`change`), a replay of many (`replay`).
"""

from __future__ import annotations

from typing import NamedTuple

from esteio.api.dashboard.page import Moment, Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.dashboard.webhooks.change import OVERLAPS_S, mine
from esteio.api.dashboard.webhooks.health import cause, shown
from esteio.api.dashboard.webhooks.replay import MINUTES
from esteio.api.http.request import ApiResponse
from esteio.engine.commands.requests import EndpointChange
from esteio.engine.errors import CommandError
from esteio.store.delivery import Delivery

PAGE = 50
SWITCHED = {"enable": "webhook-enabled", "disable": "webhook-disabled"}


class Attempt(NamedTuple):
    """One call. `told`: what was answered, or why nothing was."""

    delivery: Delivery
    at: Moment | None
    told: str


async def show(visit: Visit) -> ApiResponse:
    """The page, by the words of its query: `event`, `failed`, `after`, `tested`. Raises `CommandError`."""
    endpoint = await mine(visit)
    event, before = _number(visit, "event"), _number(visit, "after")
    failed = bool(visit.request.query_word("failed"))
    found = await visit.api.store.webhook_endpoints.deliveries(
        endpoint.id, limit=PAGE, before=before, event=event, failed=failed
    )
    more = f"?{'failed=1&' * failed}after={found[-1].id}" if len(found) == PAGE and event is None else None
    return visit.drawn(
        "webhooks/webhook.html",
        it=await shown(visit, endpoint),
        attempts=[_attempt(visit, one) for one in found],
        event=event,
        failed=failed,
        first=before is None,
        following=more,
        tested=await _tested(visit, endpoint.id),
        overlaps=OVERLAPS_S,
        minutes=MINUTES,
    )


async def act(visit: Visit) -> ApiResponse:
    """A button: test, enable, disable, delete; then where its outcome stands. Raises `CommandError`."""
    await visit.form()
    endpoint, wish, commands = await mine(visit), visit.request.path["act"], visit.api.commands.webhooks
    if wish == "test":
        delivery = await commands.test(endpoint.id)
        return moved(f"/webhooks/{endpoint.id}?tested={delivery.id}")
    if wish == "delete":
        await commands.delete(endpoint.id)
        return moved("/webhooks", done="webhook-deleted")
    if wish in SWITCHED:
        await commands.change(endpoint.id, EndpointChange(enabled=wish == "enable"), visit.request.scope)
        return moved(f"/webhooks/{endpoint.id}", done=SWITCHED[wish])
    raise CommandError("not-found")


def _attempt(visit: Visit, one: Delivery) -> Attempt:
    return Attempt(one, visit.moment(one.at), cause(visit, one.status, one.detail))


async def _tested(visit: Visit, endpoint_id: str) -> Attempt | None:
    """The test call that a button has just made."""
    delivery_id = _number(visit, "tested")
    if delivery_id is None:
        return None
    found = await visit.api.store.webhook_endpoints.deliveries(endpoint_id, limit=1, before=delivery_id + 1)
    return _attempt(visit, found[0]) if found and found[0].id == delivery_id else None


def _number(visit: Visit, name: str) -> int | None:
    word = visit.request.query_word(name)
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 19 else None


ROUTES = (
    PageRoute("GET", "/webhooks/{webhook}", show, "admin"),
    PageRoute("POST", "/webhooks/{webhook}/{act}", act, "admin"),
)
