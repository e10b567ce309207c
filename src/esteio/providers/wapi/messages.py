"""Messages through W-API: sends, its log of deliveries, its webhooks.

W-API keeps sends while the session is down and sends them later (`queue`): an accepted send proves no open socket.
Unrecorded: all shapes are from clients. Field names are compared without case, for both spellings were met.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import msgspec

from esteio.core.messages.outbox import Certainty, Fault
from esteio.core.model import address
from esteio.core.model.content import Content, Kind, Media
from esteio.core.model.evidence import Evidence, seen
from esteio.core.model.inbound import (
    AckState,
    DeletedMessage,
    EditedMessage,
    InboundEvent,
    Receipt,
    ReceivedMessage,
    ReceivedReaction,
    SendEcho,
)
from esteio.providers.base import Flow, OutgoingMessage, SendOutcome, SessionEndpoint, WebhookReading
from esteio.providers.classify import Heard, server_news
from esteio.providers.contents import asked_by, change_of, content_of, is_traffic, quoted_id
from esteio.providers.parsing import Json, at, decode, first, items, moment, number, packed, text, word
from esteio.providers.send_errors import is_validation, not_stored, refused_for_size, too_large
from esteio.providers.wapi.client import ACT_S, call, dead_socket, hear_from, missing, qr_of
from esteio.providers.whatsapp import Origin, chat_of, lid_of, origin_of, person_of, phone_of

LOG_PAGE = 100
LOG_PAGES = 20


# -- out ---------------------------------------------------------------------------------------------------------


def send(where: SessionEndpoint, now: float, message: OutgoingMessage, timeout_s: float) -> Flow[SendOutcome]:
    """One request; accepted means queued or sent."""
    wrong, path, body = translate(message)
    if wrong:
        return SendOutcome("refused", fault="request", detail=wrong)
    request = call(where, "POST", path, body, timeout_s=timeout_s)
    heard = yield from hear_from(where, request)
    return refused_for_size(heard, request) if too_large(heard) else outcome(heard, now)


Body = dict[str, Json]
Translated = tuple[str, str, Body]
"""What is wrong (or ""), the path, the body."""


def translate(message: OutgoingMessage) -> Translated:
    """Our content in W-API's bodies; a group's JID goes where the phone does."""
    content = message.content
    if message.mentions:
        return "W-API has no mentions", "", {}
    if message.quote_provider_id and content.kind != "text":
        return "W-API can quote only in a text", "", {}
    write = _WRITERS.get(content.kind)
    if write is None:
        return f"W-API has no call for a message of kind {content.kind!r}", "", {}
    wrong, path, body = write(content)
    body["phone"] = message.to
    if message.quote_provider_id:
        body["messageId"] = message.quote_provider_id
    return wrong, f"/message/{path}", body


def _text(content: Content) -> Translated:
    return ("" if content.text else "a text message needs text"), "send-text", {"message": content.text or ""}


def _bytes(media: Media | None, mime: str) -> str:
    if media is None:
        return ""
    return media.url or (f"data:{media.mime or mime};base64,{media.base64}" if media.base64 else "")


def _picture(field: str, mime: str) -> Callable[[Content], Translated]:
    def write(content: Content) -> Translated:
        found = _bytes(content.media, mime)
        body: Body = {field: found}
        if content.text:
            body["caption"] = content.text
        return ("" if found else "a media message needs a URL or base64 bytes"), f"send-{field}", body

    return write


def _audio(content: Content) -> Translated:
    found = _bytes(content.media, "audio/ogg")
    address = found.partition("?")[0].lower()
    if not found.startswith("data:") and not address.endswith((".mp3", ".ogg")):
        return "W-API takes audio as base64, or by a URL that ends in .mp3 or .ogg", "", {}
    return "", "send-audio", {"audio": found}


def _document(content: Content) -> Translated:
    found = _bytes(content.media, "application/octet-stream")
    name = (content.media and content.media.filename) or "document"
    body: Body = {"document": found, "fileName": name, "extension": name.rpartition(".")[2] if "." in name else "bin"}
    if content.text:
        body["caption"] = content.text
    return ("" if found else "a media message needs a URL or base64 bytes"), "send-document", body


_WRITERS: Mapping[Kind, Callable[[Content], Translated]] = {
    "text": _text,
    "image": _picture("image", "image/jpeg"),
    "video": _picture("video", "video/mp4"),
    "audio": _audio,
    "document": _document,
}

_CLOSED = re.compile(r"connection closed|desconectad|n[ãa]o (?:est[áa] )?conectad|not connected|deslogad")
# A LITE instance that the vendor has given no address to work at: the account's trouble.
_UNPLACED = re.compile(r"\bip ou (?:a )?porta\b")
_NO_NUMBER = re.compile(r"(?:número|numero|phone|number)[^\"]{0,40}(?:inválid|invalid|não existe|nao existe|not exist)")

_BY_KIND: Mapping[str, tuple[Certainty, Fault]] = {
    "unreachable": ("not_sent", "server"),
    "crowded": ("not_sent", "server"),
    "wall": ("not_sent", "server"),
    "auth": ("not_sent", "server"),
    "limited": ("not_sent", "rate"),
    "late": ("in_doubt", "timeout"),
}


def outcome(heard: Heard, now: float) -> SendOutcome:
    """Only an id makes it accepted, and that W-API took it, not that a socket did."""
    news = server_news(heard, now, "send")
    provider_id = text(at(heard.body, "messageId")) if heard.kind == "ok" else None
    if provider_id is not None:
        queue_ref = first(heard.body, "insertedId")
        # guard: wapi-accepts-into-queue
        return SendOutcome("accepted", provider_id, evidence=news, queue_ref=queue_ref, queued=True)
    if not_stored(heard):
        # First of all: such an error may quote the message's own words.
        return SendOutcome("in_doubt", fault="store", detail=heard.detail, evidence=news, over=True)
    if heard.kind == "no" or dead_socket(heard):
        return _refused(heard, now)
    if heard.no_route:  # guard: wapi-router-404-is-not-the-message
        # One address that it does not know; whether another program stands there, looks tell.
        return SendOutcome("not_sent", fault="route", detail=heard.detail)
    if heard.kind in _BY_KIND:
        certainty, fault = _BY_KIND[heard.kind]
    else:
        certainty, fault = ("not_sent" if heard.certain_no else "in_doubt"), "server"
    over, gateway = heard.kind == "failed", heard.away
    return SendOutcome(certainty, fault=fault, detail=heard.detail, evidence=news, over=over, gateway=gateway)


def _refused(heard: Heard, now: float) -> SendOutcome:
    answered = seen("server_answered", now, "send")
    if missing(heard):
        evidence = (answered, seen("instance_missing", now, "send"))
        return SendOutcome("not_sent", fault="missing", detail=heard.detail, evidence=evidence)
    if dead_socket(heard) or _CLOSED.search(heard.words):
        evidence = (answered, seen("send_closed", now, "send"))
        return SendOutcome("not_sent", fault="socket", detail=heard.detail, evidence=evidence)
    # guard: wapi-404-unknown-is-doubt, wapi-no-instance-is-session-fault
    if heard.status == 404 or _UNPLACED.search(heard.words):
        # A path or an instance, in words that we do not know, or an instance without a place; never the message.
        return SendOutcome("not_sent", fault="server", detail=heard.detail, evidence=(answered,))
    if _NO_NUMBER.search(heard.words):
        return SendOutcome("refused", fault="invalid-number", detail=heard.detail, evidence=(answered,))
    certainty: Certainty = "refused" if is_validation(heard) else "in_doubt"
    return SendOutcome(certainty, fault="request", detail=heard.detail, evidence=(answered,), over=True)


# -- what came while nobody listened -----------------------------------------------------------------------------


def history(where: SessionEndpoint, now: float, since: float) -> Flow[WebhookReading]:
    """W-API's log of its own deliveries (30 days), read like webhooks, oldest first."""
    found: list[InboundEvent] = []
    for page in range(1, LOG_PAGES + 1):
        request = call(
            where, "GET", "/webhook/fetch-webhook-logs", timeout_s=ACT_S, perPage=str(LOG_PAGE), page=str(page)
        )
        heard = yield from hear_from(where, request)
        if heard.kind != "ok":
            if not found:
                return WebhookReading(readable=False, evidence=server_news(heard, now, "list"), note=heard.detail)
            break
        deliveries = list(_deliveries(heard.body))
        if page == 1 and not deliveries:
            # This very line was connected by webhook once: a log that shows nothing is none.
            return WebhookReading(readable=True, note="its log of deliveries shows nothing", kept=False)
        events = [event for body in deliveries for event in _logged(where, body, now)]
        found += [event for event in events if event.happened_at >= since]
        if not events or min(event.happened_at for event in events) < since:
            break
    found.sort(key=lambda event: event.happened_at)
    return WebhookReading(readable=True, events=tuple(found))


def _logged(where: SessionEndpoint, body: Json, now: float) -> Iterator[InboundEvent]:
    """The events of one delivery, messages with the delivery itself."""
    for event in _read(where, body, now)[1]:
        kept = isinstance(event, ReceivedMessage)
        yield msgspec.structs.replace(event, source=packed(body)) if kept else event


def _objects(body: Json, depth: int = 0) -> Iterator[Json]:
    """Every object in a body, whatever it is wrapped in."""
    if isinstance(body, list) and depth < 5:
        for one in body[:1000]:
            yield from _objects(one, depth + 1)
    elif isinstance(body, dict):
        yield body
        if depth < 5:
            for one in body.values():
                yield from _objects(one, depth + 1)


def _deliveries(body: Json) -> Iterator[Json]:
    """What looks like one of our webhooks; a body may be JSON inside a string."""
    for one in _objects(body):
        if at(one, "msgContent") is not None or word(at(one, "event")).lower().startswith("webhook"):
            yield one
        for name in ("body", "payload", "request", "data"):
            packed = at(one, name)
            if isinstance(packed, str) and packed.lstrip().startswith("{"):
                yield decode(packed.encode())


# -- webhooks ----------------------------------------------------------------------------------------------------

Found = tuple[tuple[Evidence, ...], tuple[InboundEvent, ...], str]


def read_webhook(where: SessionEndpoint, body: bytes, now: float) -> WebhookReading:
    """What one webhook's body says, whatever the bytes are: never raises, and names in `note` why it cannot be read."""
    decoded = decode(body)
    if not isinstance(decoded, dict):
        return WebhookReading(readable=False, note="not an object")
    event = _event(decoded)
    if not event:
        return WebhookReading(readable=False, note="no event, and the body does not tell")
    if event == "webhookqrcode":
        qr = qr_of(decoded)
        return WebhookReading(readable=True, evidence=(seen("qr_shown", now, "webhook"),) if qr else (), qr=qr)
    evidence, events, note = _read(where, decoded, now)
    return WebhookReading(readable=True, evidence=evidence, events=events, note=note)


def _event(body: Json) -> str:
    named = text(at(body, "event"))
    if named:
        return named.lower()
    if at(body, "msgContent") is not None:
        return "webhookdelivery" if at(body, "fromApi") is True else "webhookreceived"
    if text(at(body, "status")) and (text(at(body, "messageId")) or at(body, "chat") is not None):
        return "webhookstatus"
    if at(body, "connected") is True:
        return "webhookconnected"
    return "webhookdisconnected" if at(body, "connected") is False else ""


def _read(where: SessionEndpoint, body: Json, now: float) -> Found:
    whose = text(at(body, "instanceId"))
    if whose is not None and where.ref.get("instance_id") and whose != where.ref["instance_id"]:
        return (), (), "for another instance"
    event = _event(body)
    reader = _READERS.get(event)
    if reader is None:
        return (), (), f"nothing to read in {event!r}"[:80]
    evidence, events = reader(body, now)
    return evidence, events, "" if evidence or events else f"nothing understood in {event!r}"[:80]


Read = tuple[tuple[Evidence, ...], tuple[InboundEvent, ...]]


def _when(body: Json, now: float) -> float | None:
    return moment(at(body, "moment"), now)


def _connected(body: Json, now: float) -> Read:
    when = _when(body, now)
    phone = phone_of(at(body, "connectedPhone"))
    identity = (seen("identity_seen", now, "webhook", happened_at=when, phone=phone),) if phone else ()
    return (seen("said_open", now, "webhook", happened_at=when), *identity), ()


def _disconnected(body: Json, now: float) -> Read:
    return (seen("said_closed", now, "webhook", happened_at=_when(body, now)),), ()


def _message(body: Json, now: float) -> Read:
    """One message of either direction. Ours through the API is an echo; ours otherwise was typed on the phone, which
    only an explicit `fromApi: false` says."""
    message_id = text(at(body, "messageId"))
    chat_id = _chat_id(body)
    if message_id is None or chat_id is None:
        return (), ()
    own = _when(body, now)
    when = now if own is None else own
    message = at(body, "msgContent")
    change = change_of(message)
    content = content_of(message)
    if at(body, "fromApi") is True and change is None:
        return (), (SendEcho(message_id, chat_of(chat_id), when, content),)
    mine = at(body, "fromMe") is True
    kind = "message_received" if not mine else "phone_echo_received" if at(body, "fromApi") is False else None
    evidence = (seen(kind, now, "webhook", happened_at=when),) if kind and own is not None else ()
    if change is not None and change.deleted:
        return evidence, (DeletedMessage(change.target, _origin(body, chat_id, mine)[0].chat, when),)
    if change is not None:
        return evidence, (EditedMessage(change.target, _origin(body, chat_id, mine)[0].chat, when, change.text),)
    if is_traffic(message):
        return evidence, ()
    return evidence, (_received(body, chat_id, when, content),)


def _received(body: Json, chat_id: str, when: float, content: Content) -> InboundEvent:
    message_id, mine = text(at(body, "messageId")) or "", at(body, "fromMe") is True
    origin, lid = _origin(body, chat_id, mine)
    if content.reaction is not None and content.reaction.provider_id:
        target, emoji = content.reaction.provider_id, content.reaction.emoji
        return ReceivedReaction(message_id, target, origin.chat, origin.sender, when, emoji, mine)
    return ReceivedMessage(
        provider_id=message_id,
        chat=origin.chat,
        sender=origin.sender,
        happened_at=when,
        content=_asked_by(content, message_id),
        from_me=mine,
        push_name=text(at(body, "sender", "pushName")),
        chat_lid=lid,
        quoted_provider_id=quoted_id(at(body, "msgContent")),
        author=origin.author,
    )


def _chat_id(body: Json) -> str | None:
    """What names the chat; a group's id may come without its host."""
    named = text(at(body, "chat", "id")) or text(at(body, "sender", "id"))
    return f"{named}@g.us" if named and "@" not in named and at(body, "isGroup") is True else named


def _origin(body: Json, chat_id: str, mine: bool) -> tuple[Origin, str | None]:
    """The chat and its LID. What stands in `sender` is of the sender, who in a direct chat may be ourselves."""
    sender, chat = at(body, "sender"), chat_of(chat_id)
    sender_id, sender_lid = text(at(sender, "id")), first(sender, "senderLid", "lid")
    if address.kind_of(chat) not in ("phone", "lid"):
        origin = origin_of(chat, sender_id or sender_lid, (sender_lid,), from_me=mine)
        return origin, None if origin.chat == chat else lid_of(sender_lid, sender_id)
    others = (None, None) if mine else (sender_id, sender_lid)
    person = person_of(chat_id, *others)
    return Origin(person, person), lid_of(chat_id, *others)


def _asked_by(content: Content, message_id: str) -> Content:
    mime = content.media.mime if content.media is not None else None
    return asked_by(content, id=message_id, **({"mimetype": mime} if mime else {}))


_ACKS: tuple[tuple[str, AckState], ...] = (
    ("ERROR", "error"),
    ("PENDING", "pending"),
    ("SERVER", "server"),
    ("DELIVERY", "device"),
    ("READ", "read"),
    ("PLAYED", "played"),
)


def _status(body: Json, now: float) -> Read:
    word = (text(at(body, "status")) or "").upper()
    state = next((found for prefix, found in _ACKS if word.startswith(prefix)), None)
    ids = [one for one in (*items(at(body, "messageId")), *items(at(body, "ids"))) if isinstance(one, str) and one]
    own = _when(body, now)
    when = now if own is None else own
    chat_id = text(at(body, "chat", "id"))
    if state is None or not ids:
        return (), ()
    mine = at(body, "fromMe") is not False
    code = number(first(body, "code", "errorCode"))
    events = tuple(
        Receipt(
            one,
            state,
            when,
            chat_of(chat_id) if chat_id else None,
            from_me=mine,
            error_code=str(int(code)) if code is not None and state == "error" else None,
        )
        for one in ids
    )
    return _proof(state, mine, own, now), events


def _proof(state: AckState, mine: bool, own: float | None, now: float) -> tuple[Evidence, ...]:
    """Acknowledgements of ours prove that it sends, at their own time; without one nobody knows when."""
    if state == "error" and mine:
        return (seen("ack_error", now, "receipt", happened_at=own),)
    if not mine or own is None or state == "pending":
        return ()
    kind = "server_ack_received" if state == "server" else "receipt_received"
    return (seen(kind, now, "receipt", happened_at=own),)


_READERS: Mapping[str, Callable[[Json, float], Read]] = {
    "webhookreceived": _message,
    "webhookdelivery": _message,
    "webhookstatus": _status,
    "webhookmessagestatus": _status,
    "webhookconnected": _connected,
    "webhookdisconnected": _disconnected,
}
