"""Reading the messages that a Baileys REST server pushes.

Never lives here: its calls and its other events (`baileys`).
"""

from __future__ import annotations

from collections.abc import Mapping

from esteio.core.model import address
from esteio.core.model.content import Content, Kind, Media
from esteio.core.model.evidence import seen
from esteio.core.model.inbound import InboundEvent, ReceivedMessage
from esteio.providers.base import WebhookReading
from esteio.providers.contents import asked_by, is_quiet
from esteio.providers.parsing import Json, at, moment, text
from esteio.providers.whatsapp import Origin, chat_of, lid_of, origin_of, person_of

_KINDS: Mapping[str, Kind] = {
    "text": "text",
    "image": "image",
    "video": "video",
    "audio": "audio",
    "document": "document",
    "sticker": "sticker",
}


def read_message(payload: Json, now: float) -> WebhookReading:
    """One `message` event. Total."""
    message_id, sender = text(at(payload, "id")), text(at(payload, "from"))
    if message_id is None or sender is None:
        return WebhookReading(readable=True, note="a message without id or sender")
    own_time = moment(at(payload, "timestamp"), now)
    mine = at(payload, "fromMe") is True
    proves = not mine and own_time is not None
    evidence = (seen("message_received", now, "webhook", happened_at=own_time),) if proves else ()
    if _says_nothing(payload):
        return WebhookReading(readable=True, evidence=evidence, note="no content")
    origin, lid = _origin(payload, sender, mine)
    event: InboundEvent = ReceivedMessage(
        provider_id=message_id,
        chat=origin.chat,
        sender=origin.sender,
        happened_at=now if own_time is None else own_time,
        content=asked_by(_content(payload), id=message_id),
        from_me=mine,
        push_name=text(at(payload, "pushName")),
        chat_lid=lid,
        author=origin.author,
    )
    return WebhookReading(readable=True, evidence=evidence, events=(event,))


def _origin(payload: Json, sender: str, mine: bool) -> tuple[Origin, str | None]:
    """The chat and its LID. `from` is what stands before the @ of `rawJid`, or the phone behind a LID."""
    host = "g.us" if at(payload, "isGroup") is True else "lid" if at(payload, "isLid") is True else ""
    raw = text(at(payload, "rawJid")) or (f"{sender}@{host}" if host and "@" not in sender else sender)
    participant, chat = text(at(payload, "participant")), chat_of(raw)
    if address.kind_of(chat) in ("phone", "lid"):
        return Origin(person := person_of(raw, sender), person), lid_of(raw)
    origin = origin_of(chat, participant, (), from_me=mine)
    return origin, None if origin.chat == chat else lid_of(participant)


def _says_nothing(payload: Json) -> bool:
    """Traffic between devices, or a text without one: no message of a person."""
    if text(at(payload, "body")) or text(at(payload, "mediaUrl")) or at(payload, "hasMedia") is True:
        return False
    return is_quiet(at(payload, "type"))


def _content(payload: Json) -> Content:
    kind, words = at(payload, "type"), text(at(payload, "body"))
    if not isinstance(kind, str) or kind not in _KINDS:
        return Content("unknown", text=words)
    if kind == "text":
        return Content("text", text=words)
    media = Media(
        kind,
        url=text(at(payload, "mediaUrl")),
        mime=text(at(payload, "mimetype")),
        filename=text(at(payload, "filename")),
    )
    return Content(_KINDS[kind], text=words, media=media)
