"""`/live`: the stream that tells open pages that something changed, so that they are drawn anew.

It names kinds and sessions only, and tells what happens within `REST_S` together: in a mass fall a page hears a few
times a second, however many sessions fall, and the first of it at once. Programs read `/v1/events` instead. Never lives
here: an event's content, what a page does with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from esteio.api.dashboard.page import SAFE, Visit
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.api.v1.events import ALIVE_EVERY_S, LOOK_EVERY_S, Write, may_see, written
from esteio.engine.delivery.event_log import StreamedEvent
from esteio.engine.errors import CommandError

REST_S = 0.15
"""Between two tellings."""
MOST_NAMES = 50
"""Beyond that it is said of all."""
_HELLO = b"retry: 2000\n\n"
_ALIVE = b"event: alive\ndata: \n\n"
"""Not a comment: the page has to notice when it stops."""
_encode = msgspec.json.Encoder().encode


async def live(visit: Visit) -> ApiResponse:
    """200 without end: what happens from now on, for the page is drawn when it begins to listen."""
    place = await visit.api.feed.last()

    async def run(write: Write) -> None:
        try:
            await _run(visit, place, write)
        except CommandError:
            return

    headers = {**SAFE, "cache-control": "no-store", "x-accel-buffering": "no"}
    return ApiResponse(200, kind="text/event-stream", headers=headers, stream=run)


async def _run(visit: Visit, place: int, write: Write) -> None:
    feed, loop = visit.api.feed, asyncio.get_running_loop()
    await written(write, _HELLO)
    alive_at = loop.time() + ALIVE_EVERY_S
    while not visit.api.closing:
        found = await feed.after(place, tenant=visit.request.scope.tenant)
        if found:
            place = found[-1].seq
            seen = [told for told in found if may_see(visit.request, told)]
            if seen:
                await written(write, _frame(seen))
                await asyncio.sleep(REST_S)
        else:
            place = max(place, feed.reached)
            await feed.wait(place, min(LOOK_EVERY_S, max(0.0, alive_at - loop.time())))
        if loop.time() >= alive_at:
            await _still_welcome(visit)
            await written(write, _ALIVE)
            alive_at = loop.time() + ALIVE_EVERY_S


async def _still_welcome(visit: Visit) -> None:
    """A login that is over, or whose key was revoked. Raises `CommandError`."""
    login = visit.api.logins.found(visit.cookies)
    if login is None or await visit.api.commands.keys.authenticate(login.secret) is None:
        raise CommandError("unauthorized")


def _frame(seen: Sequence[StreamedEvent]) -> bytes:
    """`kinds`, and the names of the sessions; null when it concerns more than sessions, or very many."""
    names = {told.session for told in seen}
    everything = None in names or len(names) > MOST_NAMES
    told = {"kinds": sorted({told.type for told in seen}), "sessions": None if everything else sorted(map(str, names))}
    return b"data: %s\n\n" % _encode(told)


ROUTE = PageRoute("GET", "/live", live, "read")
