"""WhatsApp's own message shapes, as every server built on Baileys passes them on: JIDs, keys and contents.

Shared by the dialects that hand WhatsApp's message through (Evolution, W-API). Field names are compared without case.
Total: a shape that is not known becomes `kind="unknown"`, with whatever text it has. Never lives here: an envelope, an
event name, a URL of a provider.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from esteio.core import address
from esteio.core.evidence import Evidence, seen
from esteio.core.model import Contact, Content, Kind, Location, Media, Poll, Reaction
from esteio.providers.base import Json
from esteio.providers.reading import Heard, at, digits, first, items, number, text

QUESTION_S = 5.0
"""How long we wait for what a closed socket refuses: it refuses at once. A half-open one keeps us waiting for a minute,
at every look, in one of the places that a server's looks share."""

_TIMED_OUT = re.compile(r'"(?:error: )?timed out"')


def timed_out(words: str) -> bool:
    """Whether these (lower-case) words are Baileys' own error: WhatsApp did not answer it in time. The whole error and
    no more; a database pool says "Timed out fetching a new connection …"."""
    return _TIMED_OUT.search(words) is not None


def questioned(
    heard: Heard, exists: Json, claims: tuple[Evidence, ...], now: float, *, refused: bool
) -> tuple[Evidence, ...]:
    """`claims`, and what is learned from a question that WhatsApp could answer (does our own number exist?), asked
    right after them. A closed socket refuses it; an answer may come from a cache; what else is said may be of the path,
    or of somebody in between. A refusal stands before the claim that it refutes."""
    asked = seen("question_asked", now, "probe")
    if refused:
        return (asked, seen("socket_closed", now, "probe"), *claims)
    if isinstance(exists, bool):
        return (*claims, asked, seen("question_answered", now, "probe"))
    if heard.kind in _UNANSWERABLE or "rate-overlimit" in heard.words:
        return (*claims, asked, seen("question_unanswerable", now, "probe"))
    if heard.kind in ("late", "cut"):
        return (*claims, asked, seen("question_unanswered", now, "probe"))
    return (*claims, asked)


_UNANSWERABLE = frozenset({"ok", "no", "router", "limited"})
"""Words of the server itself. A page for people, a 5xx or silence may be of somebody in between, and pass."""


# -- who ---------------------------------------------------------------------------------------------------------


def phone_of(jid: Json) -> str | None:
    """The digits of a phone's JID (`5511…:12@s.whatsapp.net`, `5511…@c.us`) or of bare digits; None for all others."""
    return address.phone_of_jid(jid) if isinstance(jid, str) else None


def chat_of(jid: str) -> str:
    """The address that a JID or bare digits mean."""
    return address.of_jid(jid)


def person_of(jid: str, *others: Json) -> str:
    """The address of a person who is named by a LID or a phone, and perhaps by more JIDs beside it: the phone where
    one of them is one. Digits equal to those of a LID beside them are that LID's, and no phone."""
    named = [address.of_jid(one) for one in (jid, *others) if isinstance(one, str) and one]
    lids = {one.partition("@")[0]: one for one in named if one.endswith("@lid")}
    found = [lids.get(one, one) for one in named]
    return next((one for one in found if address.kind_of(one) == "phone"), found[0])


def lid_of(*jids: Json) -> str | None:
    """The first LID among these, without its device."""
    found = (address.of_jid(one) for one in jids if isinstance(one, str))
    return next((one for one in found if one.endswith("@lid")), None)


class Origin(msgspec.Struct, frozen=True):
    """The chat and the author of a message. `author`: the JID in WhatsApp's own key, None in a direct chat."""

    chat: str
    sender: str
    author: str | None = None


def origin_of(chat: str, participant: str | None, others: tuple[Json, ...], *, from_me: bool) -> Origin:
    """A message that came by a broadcast list is a direct message of its sender. `others`: more names of them."""
    if participant is None or not address.has_many_authors(chat):
        return Origin(chat, chat)
    sender = person_of(participant, *others)
    if address.kind_of(chat) == "list" and not from_me:
        return Origin(sender, sender)
    return Origin(chat, sender, address.jid_of(chat_of(participant)))


class Key(msgspec.Struct, frozen=True):
    """Whose message it is. `chat` and `sender` are digits where any of the named JIDs is a phone."""

    id: str
    chat: str
    sender: str
    from_me: bool
    chat_lid: str | None = None
    author: str | None = None


def key_of(key: Json) -> Key | None:
    """A WhatsApp message key; None without an id and a chat."""
    message_id, remote = text(at(key, "id")), text(at(key, "remoteJid"))
    if message_id is None or remote is None:
        return None
    alternative, mine = first(key, "remoteJidAlt", "senderPn"), at(key, "fromMe") is True
    chat, lid = chat_of(remote), lid_of(remote, alternative, at(key, "senderLid"))
    if address.kind_of(chat) in ("phone", "lid"):
        chat = person_of(remote, alternative, lid)
    others = (first(key, "participantAlt", "participantPn"), at(key, "participantLid"))
    participant = text(at(key, "participant"))
    if participant is None and address.kind_of(chat) == "list":
        participant = alternative
    origin = origin_of(chat, participant, others, from_me=mine)
    if origin.chat != chat:
        lid = lid_of(participant, *others)
    return Key(message_id, origin.chat, origin.sender, mine, lid, origin.author)


# -- what --------------------------------------------------------------------------------------------------------

_WRAPPERS = frozenset(
    {
        "ephemeralmessage",
        "viewoncemessage",
        "viewoncemessagev2",
        "viewoncemessagev2extension",
        "documentwithcaptionmessage",
        "devicesentmessage",
        "groupmentionedmessage",
    }
)


def unwrap(message: Json) -> Json:
    """The message inside its envelopes (view once, disappearing …)."""
    for _ in range(8):
        inner = _wrapped(message)
        if inner is None:
            return message
        message = inner
    return message


def _wrapped(message: Json) -> Json:
    if isinstance(message, dict):
        for name, held in message.items():
            if name.lower() in _WRAPPERS and (inner := at(held, "message")) is not None:
                return inner
    return None


def quoted_id(message: Json, envelope: Json = None) -> str | None:
    """The id of the message that this one answers, from wherever the context stands."""
    if found := text(at(envelope, "contextInfo", "stanzaId")):
        return found
    inner = unwrap(message)
    if not isinstance(inner, dict):
        return None
    return next((found for part in inner.values() if (found := text(at(part, "contextInfo", "stanzaId")))), None)


def content_of(message: Json) -> Content:
    """What a message says, in our normal form. Total."""
    inner = unwrap(message)
    for name, read in _READERS.items():
        part = at(inner, name)
        if part is not None and (content := read(part)) is not None:
            return _with_bytes(content, message, inner)
    return Content("unknown", text=_any_text(inner))


def _with_bytes(content: Content, *places: Json) -> Content:
    """The media with its bytes, which servers put beside the message: base64 first, then their own copy's address."""
    if content.media is None:
        return content
    base64 = next((found for place in places if (found := text(at(place, "base64")))), None)
    url = next((found for place in places if (found := first(place, "mediaUrl", "fileLink"))), content.media.url)
    if base64 is not None:
        base64, url = base64.partition("base64,")[2] or base64, None
    return msgspec.structs.replace(content, media=msgspec.structs.replace(content.media, base64=base64, url=url))


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
            url=None if url is None or ".enc" in url else url,
            mime=text(at(part, "mimetype")),
            filename=first(part, "fileName", "title"),
            size=None if size is None or size < 0 else int(size),
        )
        return Content(kind, text=text(at(part, "caption")), media=media)

    return read


def _location(part: Json) -> Content | None:
    latitude, longitude = number(at(part, "degreesLatitude")), number(at(part, "degreesLongitude"))
    if latitude is None or longitude is None:
        return None
    place = Location(latitude, longitude, text(at(part, "name")), text(at(part, "address")))
    return Content("location", text=text(at(part, "caption")), location=place)


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
    return Content("poll", poll=Poll(question, options, int(number(at(part, "selectableOptionsCount")) or 1)))


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


def _choice(*path: str) -> Callable[[Json], Content | None]:
    """An answer to buttons or a list: the words the person chose."""

    def read(part: Json) -> Content | None:
        found = text(at(part, *path))
        return Content("text", text=found) if found else None

    return read


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
    "reactionMessage": _reaction,
    "buttonsResponseMessage": _choice("selectedDisplayText"),
    "templateButtonReplyMessage": _choice("selectedDisplayText"),
    "listResponseMessage": _choice("title"),
}


def _any_text(inner: Json) -> str | None:
    """Words of a shape that we do not know, so that a person sees something."""
    if not isinstance(inner, dict):
        return None
    for part in inner.values():
        for path in (("text",), ("caption",), ("body", "text"), ("contentText",), ("hydratedContentText",)):
            if found := text(at(part, *path)):
                return found
    return None


# -- changes of a message ----------------------------------------------------------------------------------------


class Change(msgspec.Struct, frozen=True):
    """An edit or a revoke that came inside a message. `text` is None for a revoke or an edit without words."""

    target: str
    deleted: bool
    text: str | None = None


def change_of(message: Json) -> Change | None:
    """The edit or revoke that a message carries instead of a content."""
    inner = unwrap(message)
    wrapped = at(inner, "editedMessage", "message")
    protocol = at(wrapped, "protocolMessage") or at(inner, "protocolMessage")
    target = text(at(protocol, "key", "id"))
    if target is None:
        return None
    match at(protocol, "type"):
        case "REVOKE" | 0:
            return Change(target, deleted=True)
        case "MESSAGE_EDIT" | 14:
            return Change(target, deleted=False, text=content_of(at(protocol, "editedMessage")).text)
    return None


def edited_text(update: Json) -> str | None:
    """The new words in an update that carries an edited message."""
    return content_of(at(update, "editedMessage", "message")).text if at(update, "editedMessage") else None
