"""From a caller's words to a message's normal form: kinds and sizes.

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
from esteio.engine.commands.requests import ContactRequest, MediaRequest, MessageRequest
from esteio.engine.errors import CommandError, invalid
from esteio.engine.media import file_names

_PARTS = ("text", "media", "location", "contacts", "poll", "reaction")


def content(ask: MessageRequest, max_media_bytes: int, phones: Sequence[str] = ()) -> Content:
    """What the message says; `phones`: the digits of its contacts' numbers, in order. Raises `CommandError` for none or
    several parts, or a part that cannot be."""
    given = [part for part in _PARTS if getattr(ask, part) is not None]
    if len(given) != 1:
        raise invalid(given[1] if given else "text", f"exactly one of {', '.join(_PARTS)} is needed")
    if ask.caption is not None and ask.media is None:
        raise invalid("caption", "belongs to media only")
    if ask.media is not None:
        return Content(ask.media.kind, text=ask.caption or None, media=_media(ask.media, max_media_bytes))
    if ask.location is not None:
        place = ask.location
        return Content("location", location=Location(place.latitude, place.longitude, place.name, place.address))
    if ask.contacts is not None:
        return Content("contacts", contacts=tuple(map(_contact, ask.contacts, phones)))
    if ask.poll is not None:
        return Content("poll", poll=_poll(ask.poll.question, ask.poll.options, ask.poll.choices))
    if ask.reaction is not None:
        return Content("reaction", reaction=Reaction(ask.reaction.message, ask.reaction.emoji))
    return Content("text", text=ask.text)


def fingerprint(ask: MessageRequest) -> str:
    """The same for two bodies that ask for the same, whatever the order of their fields."""
    return hashlib.sha256(msgspec.json.encode(ask)).hexdigest()


def _contact(ask: ContactRequest, phone: str) -> Contact:
    return Contact(ask.name, phone)


def _poll(question: str, options: tuple[str, ...], choices: int) -> Poll:
    if len(set(options)) != len(options):
        raise invalid("poll.options", "must differ from each other")
    if choices > len(options):
        raise invalid("poll.choices", "must not be more than there are options")
    return Poll(question, options, choices)


def _media(ask: MediaRequest, max_bytes: int) -> Media:
    if (ask.url is None) == (ask.base64 is None):
        raise invalid("media", "exactly one of url, base64 is needed")
    if ask.base64 is None:
        return Media(ask.kind, url=ask.url, mime=ask.mime, filename=ask.filename)
    head, comma, tail = ask.base64[:256].partition(",")
    text = ask.base64[len(head) + 1 :] if comma and head.startswith("data:") else ask.base64
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
    name = file_names.clean(ask.filename or "")
    mime = mime_sniff.type_of(ask.kind, ask.mime or declared or None, "", data) or file_names.type_of(name)
    return Media(ask.kind, base64=text, mime=mime, filename=file_names.named(ask.kind, name, mime), size=len(data))
