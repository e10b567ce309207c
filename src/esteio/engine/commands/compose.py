"""Turns a caller's request into a message in normal form: kinds and sizes.

Pure: no store, no network. What the words name elsewhere (a quoted message, a media URL) is checked by `commands`, and
addresses are read there (`addressing`). Never lives here: a provider's field.
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode
from collections.abc import Sequence

import msgspec

from esteio.core.messages import mime_sniff
from esteio.core.model.content import Contact, Content, Location, Media, Poll, Reaction
from esteio.engine.commands.requests import ContactRequest, MediaRequest, MessageRequest, NativeRequest
from esteio.engine.errors import CommandError, invalid
from esteio.engine.media import file_names

_PARTS = ("text", "media", "location", "contacts", "poll", "reaction")


def content(request: MessageRequest, max_media_bytes: int, phones: Sequence[str] = ()) -> Content:
    """What the message says; `phones`: the digits of its contacts' numbers, in order. Raises `CommandError` for none or
    several parts, or a part that cannot be."""
    if not isinstance(request, NativeRequest):
        return _content(request, max_media_bytes, phones)
    if request.kind is None:
        said = _content(request, max_media_bytes, phones)
        return msgspec.structs.replace(said, native=request.native, reaction=_unknown_target(request) or said.reaction)
    media = None if request.media is None else _media(request.media, max_media_bytes)
    text = request.text or request.caption
    return Content(request.kind, text=text, media=media, buttons=request.buttons, native=request.native)


def _unknown_target(request: NativeRequest) -> Reaction | None:
    """A reaction to what only the provider knows: its key is among the native fields."""
    key = None if request.native is None else request.native.fields.get("key")
    if request.reaction is None or key is None:
        return None
    return Reaction("", request.reaction.emoji, provider_id=request.reaction.message, from_me=key.get("fromMe") is True)


def _content(request: MessageRequest, max_media_bytes: int, phones: Sequence[str]) -> Content:
    given = [part for part in _PARTS if getattr(request, part) is not None]
    if len(given) != 1:
        raise invalid(given[1] if given else "text", f"exactly one of {', '.join(_PARTS)} is needed")
    if request.caption is not None and request.media is None:
        raise invalid("caption", "belongs to media only")
    if request.media is not None:
        return Content(request.media.kind, text=request.caption or None, media=_media(request.media, max_media_bytes))
    if request.location is not None:
        place = request.location
        return Content("location", location=Location(place.latitude, place.longitude, place.name, place.address))
    if request.contacts is not None:
        return Content("contacts", contacts=tuple(map(_contact, request.contacts, phones)))
    if request.poll is not None:
        return Content("poll", poll=_poll(request.poll.question, request.poll.options, request.poll.choices))
    if request.reaction is not None:
        return Content("reaction", reaction=Reaction(request.reaction.message, request.reaction.emoji))
    return Content("text", text=request.text)


def fingerprint(request: MessageRequest) -> str:
    """The same for two bodies that ask for the same, whatever the order of their fields."""
    return hashlib.sha256(msgspec.json.encode(request)).hexdigest()


def _contact(request: ContactRequest, phone: str) -> Contact:
    return Contact(request.name, phone)


def _poll(question: str, options: tuple[str, ...], choices: int) -> Poll:
    if len(set(options)) != len(options):
        raise invalid("poll.options", "must differ from each other")
    if choices > len(options):
        raise invalid("poll.choices", "must not be more than there are options")
    return Poll(question, options, choices)


def _media(request: MediaRequest, max_bytes: int) -> Media:
    if (request.url is None) == (request.base64 is None):
        raise invalid("media", "exactly one of url, base64 is needed")
    if request.base64 is None:
        return Media(request.kind, url=request.url, mime=request.mime, filename=request.filename)
    head, comma, tail = request.base64[:256].partition(",")
    text = request.base64[len(head) + 1 :] if comma and head.startswith("data:") else request.base64
    del tail
    if len(text) // 4 * 3 > max_bytes + 2:
        raise CommandError("too-large", field="media.base64", limit=str(max_bytes))
    try:
        data = b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("media.base64", "is not valid base64") from error
    if not data:
        raise invalid("media.base64", "is empty")
    if len(data) > max_bytes:
        raise CommandError("too-large", field="media.base64", limit=str(max_bytes))
    declared = head[5:].split(";")[0].strip().lower() if comma and head.startswith("data:") else ""
    name = file_names.clean(request.filename or "")
    mime = mime_sniff.type_of(request.kind, request.mime or declared or None, "", data) or file_names.type_of(name)
    return Media(
        request.kind, base64=text, mime=mime, filename=file_names.named(request.kind, name, mime), size=len(data)
    )
