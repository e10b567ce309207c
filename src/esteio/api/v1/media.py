"""`/v1/messages/{id}/media` and the signed `/media/{id}/{filename}`: the bytes of a message's media, whole or in part.

What people sent is never shown as a page of ours: pictures, sounds and films may open in place, all else is saved.
Never lives here: who may sign an address (`engine.media.links`), where the bytes lie (`store.media`).
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping

from esteio.api.http import scopes
from esteio.api.http.request import ApiRequest, ApiResponse
from esteio.api.http.route import ApiContext, Parameter, Route
from esteio.core.messages import media_fetch
from esteio.core.model.content import MEDIA_KINDS, Media
from esteio.core.model.message import Message
from esteio.core.model.state import Reason
from esteio.core.views.sentences import sentence
from esteio.engine.errors import CommandError
from esteio.engine.key_scope import EVERYTHING
from esteio.engine.media import file_names
from esteio.engine.media.links import name_of
from esteio.store.media import PIECE

_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:\s*;\s*[\w-]+=[\w.+-]+)*", re.ASCII)
_OPENS_IN_PLACE = re.compile(r"(?:audio|video)/|image/(?!svg)")
_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)
_HARMLESS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": "private, no-cache",
    "accept-ranges": "bytes",
}
SIGNED = EVERYTHING
"""An address that we signed names its message: whoever holds it was shown it."""
Write = Callable[[bytes], Awaitable[None]]
Read = Callable[[int, int], Awaitable[bytes]]


async def by_key(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """200 or 206 with the bytes; 409 while they are fetched, 410 when they are gone."""
    call.query()
    message = await api.commands.lookup.message(call.path["id"], call.scope)
    return await _handed_out(api, call, message)


async def by_link(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """The same for whoever holds a signed address."""
    words = call.query("expires", "signature")
    api.links.check(call.path["id"], words.get("expires", ""), words.get("signature", ""))
    message = await api.commands.lookup.message(call.path["id"], SIGNED)
    await api.commands.suspensions.check_session(message.session_id)  # guard: suspended-tenants-media-closed
    return await _handed_out(api, call, message)


async def _handed_out(api: ApiContext, call: ApiRequest, message: Message) -> ApiResponse:
    media = message.content.media
    if media is None:
        raise _gone(call, media_fetch.EXPIRED) if message.content.kind in MEDIA_KINDS else CommandError("no-media")
    state, why = media_fetch.shown(media, message.state)
    if state != "kept":
        raise CommandError("media-fetching") if why is None else _gone(call, why)
    found = await _bytes(api, media)
    if found is None:
        raise _gone(call, media_fetch.EXPIRED)
    read, size, tag = found
    headers = {**_HARMLESS, "etag": tag, "content-disposition": _disposition(media)}
    if _matches(call.headers.get("if-none-match", ""), tag):
        return ApiResponse(304, headers=headers)
    part = _part(call.headers, size, tag)
    start, end = (0, size) if part is None else part
    if part is not None and start >= end:
        return ApiResponse(416, headers={**headers, "content-range": f"bytes */{size}"})
    if part is not None:
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    headers["content-length"] = str(end - start)
    return ApiResponse(
        200 if part is None else 206, kind=_kind(media), headers=headers, stream=_stream(read, start, end)
    )


def _gone(call: ApiRequest, why: Reason) -> CommandError:
    return CommandError("media-gone", because=sentence(why, call.texts).text)


async def _bytes(api: ApiContext, media: Media) -> tuple[Read, int, str] | None:
    """How to read them, how many there are, and their mark; None when the file is not there."""
    if media.stored is None:
        data = b64decode(media.base64 or "")

        async def from_row(start: int, length: int) -> bytes:
            return data[start : start + length]

        return from_row, len(data), f'"{len(data)}"'
    name, media_store = media.stored, api.media_store
    size = await media_store.size(name)
    if size is None:
        return None

    async def from_store(start: int, length: int) -> bytes:
        return await media_store.piece(name, start, length)

    return from_store, size, f'"{name}"'


def _stream(read: Read, start: int, end: int) -> Callable[[Write], Awaitable[None]]:
    async def run(write: Write) -> None:
        place = start
        while place < end:
            piece = await read(place, min(PIECE, end - place))
            if not piece:
                # Removed meanwhile: what was promised cannot be kept, and the connection says so by breaking off.
                raise EOFError("the file went while it was read")
            await write(piece)
            place += len(piece)

    return run


def _matches(header: str, tag: str) -> bool:
    """If-None-Match: any of its tags, weak ones too."""
    return any(word.strip().removeprefix("W/") in (tag, "*") for word in header.split(","))


def _part(headers: Mapping[str, str], size: int, tag: str) -> tuple[int, int] | None:
    """[start, end) that is asked for, empty when it lies beyond the end; None for all: no single range that can be read
    is named, or `If-Range` does not agree."""
    found = _RANGE.fullmatch(headers.get("range", ""))
    if found is None or found[1] == found[2] == "" or headers.get("if-range", tag) != tag:
        return None
    if found[1] == "":
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2]) + 1 if found[2] else size)
        if found[2] and int(found[2]) < start:
            return None
    return start, end


def _kind(media: Media) -> str:
    return media.mime if media.mime and _TYPE.fullmatch(media.mime) else "application/octet-stream"


def _disposition(media: Media) -> str:
    name = name_of(media.kind, media.filename, media.mime)
    return file_names.disposition(name, inline=_OPENS_IN_PLACE.match(_kind(media)) is not None)


_PARAMETERS = (
    Parameter("Range", "`bytes=A-B`: a part of it", "header"),
    Parameter("If-None-Match", "the `ETag` that is known: 304 when it is still the same", "header"),
)
_ERRORS = ("no-media", "media-fetching", "media-gone")
BY_KEY = Route(
    "GET",
    "/v1/messages/{id}/media",
    by_key,
    "read",
    "The bytes of a message's media",
    {200: None, 206: None, 304: None, 416: None},
    parameters=_PARAMETERS,
    scope=scopes.MESSAGE,
    errors=_ERRORS,
    tag="messages",
)
BY_LINK = Route(
    "GET",
    "/media/{id}/{filename}",
    by_link,
    None,
    "The same by a signed address",
    {200: None, 206: None, 304: None, 416: None},
    errors=("unknown-field", "unknown-message", "link-invalid", "link-expired", "tenant-suspended", *_ERRORS),
    tag="messages",
    parameters=(
        Parameter("expires", "until when the address is good"),
        Parameter("signature", "who made it"),
        *_PARAMETERS,
    ),
)
ROUTES = (BY_KEY, BY_LINK)
