"""WhatsApp's message contents, as every server built on Baileys passes them on, in our normal form.

Shared by the dialects that hand WhatsApp's message through (Evolution, W-API). Field names are compared without case.
Three things come in the place of a message: a content, a change of another message (`change_of`), and traffic between
devices that says nothing to people (`is_traffic`). Total: a content that is not known becomes `kind="unknown"`, with
whatever text it has. Never lives here: an envelope, an event name, whose message it is (`whatsapp`), what a content
with buttons or goods says (`offers`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from esteio.core.model.content import Contact, Content, Kind, Location, Media, Poll, Reaction
from esteio.providers import offers
from esteio.providers.parsing import Json, at, digits, first, items, number, text, whole

WRAPPERS: frozenset[str] = frozenset(
    name.lower()
    for name in (
        # The 23 fields of the type FutureProofMessage in WAProto (read in baileys 7.0.0-rc.9) …
        "viewOnceMessage",
        "ephemeralMessage",
        "documentWithCaptionMessage",
        "viewOnceMessageV2",
        "editedMessage",
        "viewOnceMessageV2Extension",
        "groupMentionedMessage",
        "botInvokeMessage",
        "lottieStickerMessage",
        "eventCoverImage",
        "statusMentionMessage",
        "pollCreationOptionImageMessage",
        "associatedChildMessage",
        "groupStatusMentionMessage",
        "pollCreationMessageV4",
        "statusAddYours",
        "groupStatusMessage",
        "limitSharingMessage",
        "botTaskMessage",
        "questionMessage",
        "groupStatusMessageV2",
        "botForwardedMessage",
        "questionReplyMessage",
        # … and two that hold a message beside something else.
        "deviceSentMessage",
        "commentMessage",
    )
)
_BESIDE: frozenset[str] = frozenset(
    {
        "messagecontextinfo",
        "senderkeydistributionmessage",
        "fastratchetkeysenderkeydistributionmessage",
        "base64",
        "mediaurl",
        "filelink",
    }
)
"""What stands beside a content, and is none."""
_TRAFFIC: frozenset[str] = frozenset(
    name.lower()
    for name in (
        "protocolMessage",
        "secretEncryptedMessage",
        "encReactionMessage",
        "encCommentMessage",
        "encEventResponseMessage",
        "encEventUpdateMessage",
        "pollUpdateMessage",
        "albumMessage",
        "pinInChatMessage",
        "keepInChatMessage",
        "placeholderMessage",
        "stickerSyncRmrMessage",
        "messageHistoryBundle",
        "messageHistoryNotice",
        "statusNotificationMessage",
        "requestPhoneNumberMessage",
        "scheduledCallEditMessage",
        "callLogMesssage",
        "callLogMessage",
        "bcallMessage",
        "call",
        "chat",
    )
)
"""Notices between devices, what is sealed for another reader, and marks that announce what comes apart."""
_DEEPEST = 8


# -- which of the three ------------------------------------------------------------------------------------------


def unwrap(message: Json) -> Json:
    """The message inside its envelopes (view once, disappearing …)."""
    for _ in range(_DEEPEST):
        inner = _wrapped(message)
        if inner is None:
            return message
        message = inner
    return message


def _wrapped(message: Json) -> Json:
    if isinstance(message, dict):
        for name, held in message.items():
            if name.lower() in WRAPPERS and (inner := at(held, "message")) is not None:
                return inner
    return None


def is_traffic(message: Json) -> bool:
    """Whether a message says nothing to people: keys, notices, context alone, or nothing at all."""
    inner = unwrap(message)
    if not isinstance(inner, dict):
        return True
    said = {name.lower() for name, held in inner.items() if held is not None and held != ""} - _BESIDE
    return said <= _TRAFFIC


_QUIET = frozenset(
    {"text", "protocol", "ciphertext", "e2e_notification", "notification", "notification_template", "gp2"}
)


def is_quiet(kind: Json) -> bool:
    """Whether a message of this name (a client's own word, or WhatsApp's), without words and media, says nothing."""
    if not isinstance(kind, str):
        return kind is None
    return kind in _QUIET or is_traffic({kind: {}})


class Change(msgspec.Struct, frozen=True):
    """An edit or a revoke that came inside a message. `text` is None for a revoke or an edit without words."""

    target: str
    deleted: bool
    text: str | None = None


def change_of(message: Json) -> Change | None:
    """The edit or revoke that a message carries instead of a content."""
    inner = unwrap(message)
    protocol = at(inner, "protocolMessage")
    target = text(at(protocol, "key", "id"))
    if target is None:
        return _sealed_change(at(inner, "secretEncryptedMessage"))
    match at(protocol, "type"):
        case "REVOKE" | 0:
            return Change(target, deleted=True)
        case "MESSAGE_EDIT" | 14:
            return Change(target, deleted=False, text=content_of(at(protocol, "editedMessage")).text)
    return None


_SEALED_EDITS: tuple[Json, ...] = ("MESSAGE_EDIT", 2, "EVENT_EDIT", 1, "POLL_EDIT", 4, "POLL_ADD_OPTION", 5)


def _sealed_change(sealed: Json) -> Change | None:
    """An edit whose new words only the phone can read: that it was edited is known."""
    target = text(at(sealed, "targetMessageKey", "id"))
    kind = at(sealed, "secretEncType")
    if target is None or isinstance(kind, bool) or kind not in _SEALED_EDITS:
        return None
    return Change(target, deleted=False)


def edited_text(update: Json) -> str | None:
    """The new words in an update that carries an edited message."""
    edited = at(update, "editedMessage", "message")
    if edited is None:
        return None
    change = change_of(edited)
    return content_of(edited).text if change is None else change.text


def quoted_id(message: Json, envelope: Json = None) -> str | None:
    """The id of the message that this one answers, from wherever the context stands."""
    if found := text(at(envelope, "contextInfo", "stanzaId")):
        return found
    inner = unwrap(message)
    if not isinstance(inner, dict):
        return None
    return next((found for part in inner.values() if (found := text(at(part, "contextInfo", "stanzaId")))), None)


# -- contents ----------------------------------------------------------------------------------------------------


def content_of(message: Json) -> Content:
    """What a message says, in our normal form. Total."""
    inner = unwrap(message)
    for name, read in _READERS.items():
        part = at(inner, name)
        if part is not None and (content := read(part)) is not None:
            return _with_bytes(content, message, inner)
    return Content("unknown", text=offers.any_words(inner))


def _with_bytes(content: Content, *places: Json) -> Content:
    """The media with its bytes, which servers put beside the message: base64 first, then their own copy's address."""
    if content.media is None:
        return content
    base64 = next((found for place in places if (found := text(at(place, "base64")))), None)
    url = next((found for place in places if (found := first(place, "mediaUrl", "fileLink"))), content.media.url)
    if base64 is not None:
        base64, url = base64.partition("base64,")[2] or base64, None
    return msgspec.structs.replace(content, media=msgspec.structs.replace(content.media, base64=base64, url=url))


def asked_by(content: Content, **words: str) -> Content:
    """The content with what its provider is asked with for the bytes of its media."""
    if content.media is None:
        return content
    source = {**(content.media.source or {}), **words}
    return msgspec.structs.replace(content, media=msgspec.structs.replace(content.media, source=source))


def _words(part: Json) -> Content | None:
    found = text(part) or first(part, "text", "conversation")
    return Content("text", text=found) if found else None


def _media(kind: Kind) -> Callable[[Json], Content | None]:
    def read(part: Json) -> Content | None:
        if not isinstance(part, dict):
            return None
        url = text(at(part, "url"))
        size = number(at(part, "fileLength"))
        media = Media(
            kind,
            # WhatsApp's own address holds cipher text: without the key it names no bytes.
            url=None if url is None or ".enc" in url or ".whatsapp.net/" in url else url,
            mime=text(at(part, "mimetype")),
            filename=first(part, "fileName", "title"),
            size=None if size is None or size < 0 else int(size),
            source={name: word for name in ("mediaKey", "directPath") if (word := text(at(part, name)))} or None,
        )
        return Content(kind, text=text(at(part, "caption")), media=media)

    return read


def _location(part: Json) -> Content | None:
    latitude, longitude = number(at(part, "degreesLatitude")), number(at(part, "degreesLongitude"))
    if latitude is None or longitude is None:
        return None
    place = Location(latitude, longitude, text(at(part, "name")), text(at(part, "address")))
    return Content("location", text=first(part, "caption", "comment"), location=place)


def _contact(part: Json) -> Contact | None:
    vcard = text(at(part, "vcard")) or ""
    found = re.search(r"waid=(\d+)", vcard) or re.search(r"TEL[^:\r\n]*:([^\r\n]+)", vcard)
    phone = digits(found.group(1)) if found else ""
    name = text(at(part, "displayName"))
    return Contact(name or phone, phone) if name or phone else None


def _contacts(part: Json) -> Content | None:
    listed = items(at(part, "contacts")) or [part]
    found = tuple(contact for one in listed[:100] if (contact := _contact(one)))
    return Content("contacts", contacts=found) if found else None


def _poll(part: Json) -> Content | None:
    question = text(at(part, "name"))
    if question is None:
        return None
    options = tuple(name for one in items(at(part, "options")) if (name := text(at(one, "optionName"))))
    return Content("poll", poll=Poll(question, options, whole(at(part, "selectableOptionsCount")) or 1))


def _reaction(part: Json) -> Content | None:
    target = text(at(part, "key", "id"))
    if target is None:
        return None
    emoji = at(part, "text")
    reaction = Reaction(
        message="",
        emoji=emoji if isinstance(emoji, str) else "",
        provider_id=target,
        from_me=at(part, "key", "fromMe") is True,
    )
    return Content("reaction", reaction=reaction)


def _headed(read: Callable[[Json], offers.Offer]) -> Callable[[Json], Content | None]:
    """An offer may have a picture, a film, a paper or a place at its head: then it is that, with the words below it."""

    def content(part: Json) -> Content | None:
        if not isinstance(part, dict):
            return None
        offer = read(part)
        for name in ("imageMessage", "videoMessage", "documentMessage", "locationMessage"):
            head = at(offer.head, name)
            if isinstance(head, dict) and (found := _READERS[name](head)) is not None:
                return msgspec.structs.replace(found, text=offer.text or found.text, buttons=offer.buttons)
        return Content("text", text=offer.text, buttons=offer.buttons) if offer.text or offer.buttons else None

    return content


_READERS: Mapping[str, Callable[[Json], Content | None]] = {
    "conversation": _words,
    "extendedTextMessage": _words,
    "imageMessage": _media("image"),
    "videoMessage": _media("video"),
    "ptvMessage": _media("video"),
    "audioMessage": _media("audio"),
    "documentMessage": _media("document"),
    "stickerMessage": _media("sticker"),
    "locationMessage": _location,
    "liveLocationMessage": _location,
    "contactMessage": _contacts,
    "contactsArrayMessage": _contacts,
    "pollCreationMessage": _poll,
    "pollCreationMessageV2": _poll,
    "pollCreationMessageV3": _poll,
    "pollCreationMessageV5": _poll,
    "pollCreationMessageV6": _poll,
    "reactionMessage": _reaction,
    "interactiveResponseMessage": offers.native_reply,
    "buttonsResponseMessage": offers.button_reply,
    "templateButtonReplyMessage": offers.template_reply,
    "listResponseMessage": offers.list_reply,
    "orderMessage": offers.order,
    "productMessage": offers.product,
    "templateMessage": _headed(offers.template),
    "highlyStructuredMessage": _headed(offers.structured),
    "interactiveMessage": _headed(offers.interactive),
    "buttonsMessage": _headed(offers.buttons),
    "listMessage": _headed(offers.listed),
    "groupInviteMessage": offers.invite,
}
