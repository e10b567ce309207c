"""Deliver again: one event, everything since a time, or of that only what never arrived; counted before it is done.

Never lives here: which events a subscription wants (`core.webhooks.delivery_policy`).
"""

from __future__ import annotations

from esteio.api.dashboard.page import Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.dashboard.webhooks.change import mine
from esteio.api.http.request import ApiResponse
from esteio.core.views.documents import timestamp
from esteio.engine.commands.requests import ReplayRequest
from esteio.engine.delivery.dispatch import KEEP_EVENTS_S

MINUTES = (15, 60, 360, 1_440, 4_320, int(KEEP_EVENTS_S / 60))
"""How far back a replay may begin; the last is as long as events are kept."""


async def preview(visit: Visit) -> ApiResponse:
    """How many events would be delivered again, by the words of the query: `minutes`, `missing`. Raises
    `CommandError("unknown-webhook")`."""
    endpoint = await mine(visit)
    chosen, now = visit.request.query_word("minutes"), visit.api.clock.now()
    minutes = next((one for one in MINUTES if str(one) == chosen), MINUTES[1])
    missing = bool(visit.request.query_word("missing"))
    asked = ReplayRequest(timestamp(now - minutes * 60), timestamp(now))
    count = await visit.api.commands.webhooks.replay(endpoint.id, asked, missing=missing, dry_run=True)
    return visit.drawn(
        "webhooks/replay.html",
        webhook=endpoint,
        count=count,
        missing=missing,
        asked=asked,
        minutes=minutes,
    )


async def replay(visit: Visit) -> ApiResponse:
    """What was previewed goes into the queue, beside what is new. Raises `CommandError`."""
    words, endpoint = await visit.form(), await mine(visit)
    asked = ReplayRequest(words.word("from"), words.word("to"))
    await visit.api.commands.webhooks.replay(endpoint.id, asked, missing=bool(words.word("missing")))
    return moved(f"/webhooks/{endpoint.id}", done="webhook-replayed")


async def replay_one(visit: Visit) -> ApiResponse:
    """One event again. Raises `CommandError`."""
    await visit.form()
    endpoint, word = await mine(visit), visit.request.path["event"]
    seq = int(word) if word.isascii() and word.isdecimal() and len(word) < 19 else 0
    if await visit.api.commands.webhooks.replay_event(endpoint.id, seq):
        return moved(f"/webhooks/{endpoint.id}?event={seq}", done="webhook-event-replayed")
    return moved(f"/webhooks/{endpoint.id}?event={seq}", done="webhook-event-gone")


ROUTES = (
    PageRoute("GET", "/webhooks/{webhook}/replay", preview, "admin"),
    PageRoute("POST", "/webhooks/{webhook}/replay", replay, "admin"),
    PageRoute("POST", "/webhooks/{webhook}/events/{event}", replay_one, "admin"),
)
