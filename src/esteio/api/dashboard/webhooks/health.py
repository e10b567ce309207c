"""A subscription as its pages show it: where it leads, how it fares, what waits for it. Never a secret.

Never lives here: when an attempt is made (`core.webhooks.delivery_policy`).
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from esteio.api.dashboard.page import Moment, Visit
from esteio.api.http.problems import of_command_error
from esteio.engine.errors import CommandError
from esteio.store.delivery import Endpoint, Lane


class Shown(NamedTuple):
    """`state`: `ok`, `failing`, `disabled`, or `new` before the first delivery; `cause`: what the last attempt came to;
    `action`: what permits an address that is refused; `chats`: how many have something to deliver."""

    endpoint: Endpoint
    host: str
    state: str
    cause: str
    action: str
    succeeded: Moment | None
    failing_since: Moment | None
    next_at: Moment | None
    chats: int
    oldest: Moment | None
    lanes: list[Waiting]


class Waiting(NamedTuple):
    """One chat's next event."""

    lane: Lane
    happened: Moment | None
    due: Moment | None


LANES = 10
"""So many waiting chats are shown one by one."""


async def shown(visit: Visit, endpoint: Endpoint) -> Shown:
    """As it is now."""
    health, endpoints = endpoint.health, visit.api.store.webhook_endpoints
    chats, oldest_at = await endpoints.waiting(endpoint.id)
    lanes = await endpoints.lanes(endpoint.id, limit=LANES)
    due = health.probe_at if health.opened else min((one.due_at for one in lanes if one.due_at), default=None)
    return Shown(
        endpoint=endpoint,
        host=urlsplit(endpoint.url).hostname or endpoint.url,
        state=_state(endpoint),
        cause=cause(visit, health.last_status, health.last_detail) if health.failures else "",
        action=await _advice(visit, endpoint),
        succeeded=visit.moment(health.last_ok_at),
        failing_since=visit.moment(health.failing_since),
        next_at=visit.moment(due) if endpoint.enabled and chats and health.failures else None,
        chats=chats,
        oldest=visit.moment(oldest_at),
        lanes=[Waiting(one, visit.moment(one.event_at), visit.moment(one.due_at)) for one in lanes],
    )


def _state(endpoint: Endpoint) -> str:
    if not endpoint.enabled:
        return "disabled"
    if endpoint.health.failures:
        return "failing"
    return "ok" if endpoint.health.last_ok_at else "new"


def cause(visit: Visit, status: int | None, detail: str) -> str:
    """What an attempt came to: `503 try later`, or why there was no answer."""
    told = visit.texts.translated("detail in English", detail)
    return " ".join(word for word in (str(status or ""), told) if word)


async def _advice(visit: Visit, endpoint: Endpoint) -> str:
    """Why no socket may be opened to it, and the line that would permit it; "" where that is not so."""
    if not endpoint.health.failures or endpoint.health.last_status is not None:
        return ""
    try:
        await visit.api.commands.webhooks.check_url(endpoint.url)
    except CommandError as error:
        return of_command_error(error, visit.texts).detail
    return ""
