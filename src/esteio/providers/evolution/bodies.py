"""Our content in the bodies of Evolution's send calls.

What a client of the Evolution door asked for beside the content (`Native`) goes into the body as it said it. Never
lives here: a request, what an answer means (`send`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from esteio.core.model.address import jid_of
from esteio.core.model.content import Content, Kind, Media
from esteio.providers.base import OutgoingMessage
from esteio.providers.parsing import Json, digits

DIALECT: Final = "evolution"
MOST_DELAY_MS: Final = 15_000
"""A send lasts as long as the typing that it shows, after which it may still take a minute (`send`): longer typing
would look like a lost answer."""


class Untranslatable(Exception):
    """This message cannot be said in this dialect; the sentence says why."""


def translate(message: OutgoingMessage) -> tuple[str, Mapping[str, Json]]:
    """The path and the body. Raises `Untranslatable`."""
    content = message.content
    native = content.native if content.native is not None and content.native.dialect == DIALECT else None
    call = _CALLS.get(content.kind, "") if native is None else native.call
    write = _WRITERS.get(call)
    if write is None:
        raise Untranslatable(f"Evolution has no call for a message of kind {content.kind!r}")
    body = write(message, content)
    if call not in _WITHOUT_NUMBER:
        _addressed(body, message)
    if native is not None:
        _add_said(body, native.fields)
    return f"/message/{call}/{{}}", body


Body = dict[str, Json]


def _addressed(body: Body, message: OutgoingMessage) -> None:
    body["number"] = message.to
    if message.quote_provider_id:
        body["quoted"] = {"key": _key_of(message, message.quote_provider_id, message.quote_author)}
    if message.mentions:
        body["mentioned"] = [one if "@" in one else digits(one) for one in message.mentions]


def _add_said(body: Body, fields: Mapping[str, Json]) -> None:
    """In the client's own words; a quoted message that we know stays named by the provider's id."""
    body |= {name: value for name, value in fields.items() if not (name == "quoted" and name in body)}
    if isinstance(body.get("delay"), int):
        body["delay"] = min(body["delay"], MOST_DELAY_MS)


def _text(_message: OutgoingMessage, content: Content) -> Body:
    if not content.text:
        raise Untranslatable("a text message needs text")
    return {"text": content.text}


def _bytes(media: Media | None) -> str:
    found = media and (media.url or media.base64)
    if not found:
        raise Untranslatable("a media message needs a URL or base64 bytes")
    return found


def _file(_message: OutgoingMessage, content: Content) -> Body:
    media = content.media
    body: Body = {"mediatype": content.kind, "media": _bytes(media)}
    if media and media.mime:
        body["mimetype"] = media.mime
    # A document in base64 without a name is refused.
    name = (media and media.filename) or ("document" if content.kind == "document" else None)
    if name:
        body["fileName"] = name
    if content.text:
        body["caption"] = content.text
    return body


def _bytes_as(field: str) -> Callable[[OutgoingMessage, Content], Body]:
    """The calls that take nothing but the bytes."""

    def write(_message: OutgoingMessage, content: Content) -> Body:
        return {field: _bytes(content.media)}

    return write


def _status(_message: OutgoingMessage, content: Content) -> Body:
    return {"content": content.text or "" if content.media is None else _bytes(content.media)}


def _said_alone(_message: OutgoingMessage, _content: Content) -> Body:
    """An offer has no normal form: it is the client's own words."""
    return {}


def _location(_message: OutgoingMessage, content: Content) -> Body:
    place = content.location
    if place is None:
        raise Untranslatable("a location message needs a place")
    return {
        "latitude": place.latitude,
        "longitude": place.longitude,
        "name": place.name or "",
        "address": place.address or "",
    }


def _contacts(_message: OutgoingMessage, content: Content) -> Body:
    if not content.contacts:
        raise Untranslatable("a contacts message needs a contact")
    return {
        "contact": [
            {"fullName": one.name, "wuid": digits(one.phone), "phoneNumber": one.phone} for one in content.contacts
        ]
    }


def _poll(_message: OutgoingMessage, content: Content) -> Body:
    poll = content.poll
    if poll is None:
        raise Untranslatable("a poll message needs a question")
    return {"name": poll.question, "selectableCount": poll.choices, "values": list(poll.options)}


def _reaction(message: OutgoingMessage, content: Content) -> Body:
    reaction = content.reaction
    if reaction is None or not reaction.provider_id:
        raise Untranslatable("a reaction needs the provider's id of the message it answers")
    key: Body = {"id": reaction.provider_id, "remoteJid": jid_of(message.to), "fromMe": reaction.from_me}
    if message.reaction_author:
        key["participant"] = message.reaction_author
    return {"key": key, "reaction": reaction.emoji}


def _key_of(message: OutgoingMessage, provider_id: str, author: str | None) -> Body:
    """What a quote names. Evolution looks the message up by its id; the author is for what it does not keep."""
    if author is None:
        return {"id": provider_id}
    return {"id": provider_id, "remoteJid": jid_of(message.to), "fromMe": False, "participant": author}


_WRITERS: Mapping[str, Callable[[OutgoingMessage, Content], Body]] = {
    "sendText": _text,
    "sendMedia": _file,
    "sendPtv": _bytes_as("video"),
    "sendWhatsAppAudio": _bytes_as("audio"),
    "sendSticker": _bytes_as("sticker"),
    "sendLocation": _location,
    "sendContact": _contacts,
    "sendPoll": _poll,
    "sendReaction": _reaction,
    "sendStatus": _status,
    "sendList": _said_alone,
    "sendButtons": _said_alone,
    "sendTemplate": _said_alone,
}
_WITHOUT_NUMBER = frozenset({"sendReaction", "sendStatus"})
"""The first names its chat in the key of the message that it answers, the second goes to all."""
_CALLS: Mapping[Kind, str] = {
    "text": "sendText",
    "image": "sendMedia",
    "video": "sendMedia",
    "document": "sendMedia",
    "audio": "sendWhatsAppAudio",
    "sticker": "sendSticker",
    "location": "sendLocation",
    "contacts": "sendContact",
    "poll": "sendPoll",
    "reaction": "sendReaction",
}
