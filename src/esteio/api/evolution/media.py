"""`chat/getBase64FromMediaMessage`: the bytes of a message's media, from what is kept here, else from the server.

Never lives here: where the bytes lie (`store.media`), when they are fetched (`engine.media.fetch`).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from esteio.api.evolution.answers import EvolutionError
from esteio.api.evolution.passed import handed_on
from esteio.api.evolution.route import Door, DoorCall, DoorRoute
from esteio.api.evolution.translated import known, written
from esteio.api.http.request import JSON, ApiResponse, Stream
from esteio.core.messages import media_fetch
from esteio.core.model.content import MEDIA_KINDS, Media
from esteio.core.model.message import Message
from esteio.core.views.sentences import sentence
from esteio.core.webhooks import evolution_ids
from esteio.engine.errors import CommandError
from esteio.engine.media.links import name_of
from esteio.providers.pass_through import INSTANCE, PassedCall
from esteio.store.media import PIECE, MediaStore

Json = Any
_PIECE = PIECE // 3 * 3
"""Base64 of such pieces can be put behind each other."""


async def media(door: Door, call: DoorCall) -> ApiResponse:
    """A film for a sound (`convertToMp4`) is the server's work, whatever is kept."""
    body = await call.document()
    messages = await known(door, call, body)
    message = _meant(messages, body)
    if message is not None:
        if message.content.kind not in MEDIA_KINDS:
            raise EvolutionError(400, ["The message is not of the media type"])
        found = None if body.get("convertToMp4") else await _kept(door.api.media_store, message)
        if found is not None:
            return found
    wanted = written(evolution_ids.asked(body, evolution_ids.to_provider(messages)))
    passed = PassedCall("POST", f"/chat/getBase64FromMediaMessage/{INSTANCE}", "", {"content-type": JSON}, wanted)
    try:
        # As it comes: it names no message, and may be large.
        return await handed_on(door, call, passed)
    except CommandError as error:
        if message is None or error.code != "not-passed":
            raise
        raise _not_here(call, message) from error


def _meant(messages: Sequence[Message], body: dict[str, Json]) -> Message | None:
    """The one that `message.key` names; what else may stand in `message` (a quote) is not asked for. Of two with one id
    the one that came in."""
    said = body.get("message")
    key = said.get("key") if isinstance(said, dict) else None
    named = key.get("id") if isinstance(key, dict) else None
    found = [one for one in messages if named in (one.id, one.provider_id)]
    return min(found, key=lambda one: (one.id != named, one.direction), default=None)


async def _kept(store: MediaStore, message: Message) -> ApiResponse | None:
    """201 with the bytes; None where they are not here."""
    kept = message.content.media
    if kept is not None and kept.base64 is not None:
        text = kept.base64.encode()
        head, tail = _around(message, kept, len(text) // 4 * 3 - text[-2:].count(b"="))
        return ApiResponse(201, head + text + tail)
    size = None if kept is None or kept.stored is None else await store.size(kept.stored)
    if kept is None or kept.stored is None or size is None:
        return None
    head, tail = _around(message, kept, size)
    length = len(head) + (size + 2) // 3 * 4 + len(tail)
    stream = _stream(store, kept.stored, size, head, tail)
    return ApiResponse(201, headers={"content-length": str(length)}, stream=stream)


def _stream(store: MediaStore, name: str, size: int, head: bytes, tail: bytes) -> Stream:
    async def run(write: Callable[[bytes], Awaitable[None]]) -> None:
        await write(head)
        for place in range(0, size, _PIECE):
            piece = await store.piece(name, place, min(_PIECE, size - place))
            if not piece:
                # Removed meanwhile: the length is promised, and the connection breaks off.
                raise EOFError("the file went while it was read")
            await write(b64encode(piece))
        await write(tail)

    return run


def _around(message: Message, kept: Media, size: int) -> tuple[bytes, bytes]:
    """What stands before and behind the base64, in Evolution's order of keys."""
    document = {
        "mediaType": f"{kept.kind}Message",
        "fileName": name_of(kept.kind, kept.filename, kept.mime),
        "caption": message.content.text,
        "size": {"fileLength": str(size), "height": None, "width": None},
        "mimetype": kept.mime,
    }
    return msgspec.json.encode(document)[:-1] + b',"base64":"', b'","buffer":null}'


def _not_here(call: DoorCall, message: Message) -> CommandError:
    """Why there are no bytes, where no server can be asked in their place."""
    kept = message.content.media
    state, why = ("gone", media_fetch.EXPIRED) if kept is None else media_fetch.shown(kept, message.state)
    if state == "fetching":
        return CommandError("media-fetching")
    return CommandError("media-gone", because=sentence(why or media_fetch.EXPIRED, call.texts).text)


ROUTES = (DoorRoute("POST", "/chat/getBase64FromMediaMessage/{instance}", media, "read"),)
