"""A pairing page as a stream (server-sent events): what it shows, drawn anew and pushed with every change.

One frame `drawn` when the stream opens, one for each change after it, and `over` when there is nothing more to be told.
Never lives here: what is shown (`view`), who may open the stream.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from esteio.api.dashboard.page import SAFE
from esteio.api.http.request import ApiResponse
from esteio.api.http.route import ApiContext
from esteio.api.v1.events import Write, written
from esteio.core.model.ids import SessionId
from esteio.engine.errors import CommandError

T = TypeVar("T")
OVER = b"event: over\ndata: {}\n\n"
ALIVE = b"event: alive\ndata: {}\n\n"
"""Not a comment: the page covers a code of which it hears nothing."""
ALIVE_EVERY_S = 5.0
HEADERS = {**SAFE, "cache-control": "no-store", "x-accel-buffering": "no"}
_encode = msgspec.json.Encoder().encode


class Source(NamedTuple, Generic[T]):
    """`look` sees what is the case, at every commit of the session and once a second; what differs is drawn by `draw`.
    `welcome` is asked now and then whether the reader still may. A `CommandError` of `look`: what was shown is gone."""

    look: Callable[[], Awaitable[T]]
    draw: Callable[[T], dict[str, Any]]
    welcome: Callable[[], Awaitable[bool]]


def pushed(
    api: ApiContext, session_id: SessionId, source: Source[T], ended: Callable[[], None] = lambda: None
) -> ApiResponse:
    """What `source` shows of a session. `ended` is called when the stream is over."""

    async def run(write: Write) -> None:
        try:
            await _run(api, session_id, source, write)
        except CommandError:
            await written(write, OVER)
        finally:
            ended()

    return ApiResponse(200, kind="text/event-stream", headers=HEADERS, stream=run)


async def _run(api: ApiContext, session_id: SessionId, source: Source[T], write: Write) -> None:
    shown: T | None = None
    seen: T | None = None

    async def differs() -> bool:
        nonlocal seen
        seen = await source.look()
        return seen != shown

    await written(write, b"retry: 1000\n")
    while not api.closing:
        if await api.waiters.wait_look(session_id, differs, ALIVE_EVERY_S) and seen is not None:
            shown = seen
            await written(write, b"event: drawn\ndata: %s\n\n" % _encode(source.draw(shown)))
            continue
        if not await source.welcome():
            await written(write, OVER)
            return
        await written(write, ALIVE)
