"""`GET /v1/events`: the stream of events (server-sent events), resumable by place, across restarts too.

Each reader pulls at their own pace, so nobody waits for anybody. One that does not take what is written for
`STALLED_S` is dropped; it may come back with `Last-Event-ID` and misses nothing. Never lives here: reading and
rendering events (`engine.delivery.event_log`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from esteio.api.http import scopes
from esteio.api.http.request import ApiRequest, ApiResponse, ClientGone, answer, whole_number
from esteio.api.http.route import ApiContext, Parameter, Route
from esteio.api.login.short_lived_tokens import OPEN_S, RESUME_S
from esteio.core.views.documents import timestamp
from esteio.engine.commands.keys import has_role
from esteio.engine.commands.requests import EmptyRequest
from esteio.engine.delivery.event_log import StreamedEvent
from esteio.engine.errors import CommandError

STALLED_S = 30.0
"""A reader that takes nothing for so long is dropped."""
LOOK_EVERY_S = 1.0
ALIVE_EVERY_S = 15.0
"""A comment is sent so often when nothing happens; the key is asked again, too."""
NEEDS_OPERATE = frozenset({"session.qr"})
"""Who may not see a session's code elsewhere does not see it here."""
_MOST = 2**62
_RETRY = b"retry: 3000\n"
_HELLO = b": esteio\n"
_ALIVE = b": alive\n"
"""Comments stand alone, without the blank line that ends an event: some clients make an empty event of that."""
Write = Callable[[bytes], Awaitable[None]]


class EventToken(msgspec.Struct, frozen=True):
    """For `?token=`: opens a stream until `open_until`; the stream may come back with it until `resume_until`."""

    token: str
    open_until: str
    resume_until: str


async def lend(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """201 with a token that stands for the caller's key, in the stream only."""
    await call.ask(EmptyRequest)
    call.scope_read = True  # the token has the key's own scope
    token, now = await api.short_lived_tokens.for_stream(call.secret or "")
    shown = EventToken(token, timestamp(now + OPEN_S), timestamp(now + RESUME_S))
    return answer(shown, 201, cache_control="no-store")


async def stream(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """200 without end. Without a place, what happens from now on."""
    words = call.query("after", "token")
    call.scope_read = True  # asked about each event
    place, hello = await _place(api, call, words)

    async def run(write: Write) -> None:
        await _run(api, call, place, hello, write)

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return ApiResponse(200, kind="text/event-stream", headers=headers, stream=run)


async def _place(api: ApiContext, call: ApiRequest, words: dict[str, str]) -> tuple[int, bytes]:
    """Where to begin, and the comment to begin with. Raises `CommandError`: invalid-value, place-ahead.

    `Last-Event-ID` goes before `after`: a browser that comes back repeats the address it began with. A place that lies
    ahead belongs to another database: `after` is refused, a browser, which would give up, begins at the end.
    """
    last = await api.feed.last()
    came_with = call.headers.get("last-event-id", "")
    if came_with:
        place = whole_number({"last-event-id": came_with}, "last-event-id", 0, 0, _MOST)
        ahead = b": last-event-id %d lies ahead of the newest event, %d; beginning after that\n" % (place, last)
        return min(place, last), _HELLO if place <= last else ahead
    place = whole_number(words, "after", last, 0, _MOST)
    if place > last:
        raise CommandError("place-ahead", field="after", last=str(last))
    return place, _HELLO


async def _run(api: ApiContext, call: ApiRequest, place: int, hello: bytes, write: Write) -> None:
    try:
        await written(write, hello)
        retry = _RETRY
        loop = asyncio.get_running_loop()
        alive_at = loop.time() + ALIVE_EVERY_S
        while not api.closing:
            found = await api.feed.after(place, tenant=call.scope.tenant)
            if found:
                place = found[-1].seq
                if frames := b"".join(_frame(told) for told in found if may_see(call, told)):
                    await written(write, retry + frames)
                    retry = b""
            elif loop.time() < alive_at:
                place = max(place, api.feed.reached)
                await api.feed.wait(place, min(LOOK_EVERY_S, alive_at - loop.time()))
                continue
            if loop.time() >= alive_at:
                await still_welcome(api, call)
                await written(write, _ALIVE)
                alive_at = loop.time() + ALIVE_EVERY_S
    except CommandError:
        return


async def written(write: Write, piece: bytes) -> None:
    """Raises `ClientGone` when the reader takes nothing any more."""
    try:
        async with asyncio.timeout(STALLED_S):
            await write(piece)
    except (TimeoutError, OSError) as error:
        raise ClientGone from error


async def still_welcome(api: ApiContext, call: ApiRequest) -> None:
    """A key that was revoked while its holder listened. Raises `CommandError`."""
    key = await api.commands.keys.authenticate(call.secret or "")
    if key is None:
        raise CommandError("unauthorized")


def may_see(call: ApiRequest, told: StreamedEvent) -> bool:
    """A key sees its tenant's, of them those of its sessions; what concerns no session, only a key of no patterns."""
    if told.type in NEEDS_OPERATE and not has_role(call.key, "operate"):
        return False
    return call.scope.reaches(told.session, told.tenant)


def _frame(told: StreamedEvent) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (told.seq, told.type.encode(), told.body)


_FRAMES = {
    "type": "string",
    "description": "Frames of `id`, `event` and `data`; `data` is an Event.",
    "contentMediaType": "application/json",
    "contentSchema": {"$ref": "#/components/schemas/Event"},
}
STREAM = Route(
    "GET",
    "/v1/events",
    stream,
    "read",
    "Events as they happen (text/event-stream)",
    {200: None},
    parameters=(
        Parameter("after", "the place after which to begin", schema={"type": "integer", "minimum": 0}),
        Parameter("token", "a token of `POST /v1/events/token`, for programs that cannot send a header"),
        Parameter("Last-Event-ID", "the same, as browsers send it", where="header", schema={"type": "integer"}),
    ),
    errors=("place-ahead",),
    contents={"text/event-stream": {"schema": _FRAMES}},
    scope=scopes.ITEMS,
    by_token=True,
)
TOKEN = Route(
    "POST",
    "/v1/events/token",
    lend,
    "read",
    "A short-lived token for the stream",
    {201: EventToken},
    body=EmptyRequest,
    scope=scopes.ITEMS,
)
ROUTES = (STREAM, TOKEN)
