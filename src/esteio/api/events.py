"""`GET /v1/events`: the stream of events (server-sent events), resumable by place, across restarts too.

Each reader pulls at their own pace, so nobody waits for anybody. One that does not take what is written for
`STALLED_S` is dropped; it may come back with `Last-Event-ID` and misses nothing. Never lives here: reading and
rendering events (`engine.feed`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from esteio.api import scopes
from esteio.api.call import Answer, Call, ClientGone, whole_number
from esteio.api.routes import Api, Parameter, Route
from esteio.engine.feed import Told
from esteio.engine.key_commands import has_role
from esteio.engine.refusals import Refusal

STALLED_S = 30.0
"""A reader that takes nothing for so long is dropped."""
LOOK_EVERY_S = 1.0
ALIVE_EVERY_S = 15.0
"""A comment is sent so often when nothing happens; the key is asked again, too."""
NEEDS_OPERATE = frozenset({"session.qr"})
"""Who may not see a session's code elsewhere does not see it here."""
_MOST = 2**62
_HELLO = b"retry: 3000\n\n"
_ALIVE = b": alive\n\n"
Write = Callable[[bytes], Awaitable[None]]


async def stream(api: Api, call: Call) -> Answer:
    """200 without end. Without a place, what happens from now on."""
    words = call.query("after")
    call.scope_read = True  # asked about each event
    place = await _place(api, call, words)

    async def run(write: Write) -> None:
        await _run(api, call, place, write)

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return Answer(200, kind="text/event-stream", headers=headers, stream=run)


async def _place(api: Api, call: Call, words: dict[str, str]) -> int:
    """`Last-Event-ID` goes before `after`: a browser that comes back repeats the address it began with."""
    last = await api.feed.last()
    came_with = call.headers.get("last-event-id", "")
    if came_with:
        words = {"last-event-id": came_with}
        return min(whole_number(words, "last-event-id", 0, 0, _MOST), last)
    # A place that lies ahead belongs to another database: begin at the end rather than wait for years.
    return min(whole_number(words, "after", last, 0, _MOST), last)


async def _run(api: Api, call: Call, place: int, write: Write) -> None:
    try:
        await _written(write, _HELLO)
        loop = asyncio.get_running_loop()
        alive_at = loop.time() + ALIVE_EVERY_S
        while not api.closing:
            found = await api.feed.after(place)
            if found:
                place = found[-1].seq
                await _written(write, b"".join(_frame(told) for told in found if _may_see(call, told)))
            elif loop.time() < alive_at:
                await api.hub.wait_news(LOOK_EVERY_S)
                continue
            if loop.time() >= alive_at:
                await _still_welcome(api, call)
                await _written(write, _ALIVE)
                alive_at = loop.time() + ALIVE_EVERY_S
    except Refusal:
        return


async def _written(write: Write, piece: bytes) -> None:
    """Raises `ClientGone` when the reader takes nothing any more."""
    if not piece:
        return
    try:
        async with asyncio.timeout(STALLED_S):
            await write(piece)
    except (TimeoutError, OSError) as error:
        raise ClientGone from error


async def _still_welcome(api: Api, call: Call) -> None:
    """A key that was revoked while its holder listened. Raises `Refusal`."""
    key = await api.commands.authenticate(call.secret or "")
    if key is None:
        raise Refusal("unauthorized")


def _may_see(call: Call, told: Told) -> bool:
    """A key for some sessions sees those, and no server's events."""
    if told.type in NEEDS_OPERATE and not has_role(call.key, "operate"):
        return False
    return call.scope.reaches(told.session)


def _frame(told: Told) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (told.seq, told.type.encode(), told.body)


STREAM = Route(
    "GET",
    "/v1/events",
    stream,
    "read",
    "Events as they happen (text/event-stream)",
    {200: None},
    parameters=(
        Parameter("after", "the place after which to begin", schema={"type": "integer", "minimum": 0}),
        Parameter("Last-Event-ID", "the same, as browsers send it", where="header", schema={"type": "integer"}),
    ),
    scope=scopes.ITEMS,
)
ROUTES = (STREAM,)
