"""Reading Evolution's webhooks: total, whatever comes, in whatever form (byEvents paths, UPPER_SNAKE, arrays, late).

**How an event is dated.** Messages carry WhatsApp's own time. Everything else has only the envelope's `date_time`: the
server's local time with a false `Z`, and the event may come up to 25 minutes late. Time zones differ from UTC by
multiples of 30 minutes and a delivery is never later than its ten retries allow (25 minutes), so what is left of
`now - date_time` after whole half hours is the lateness, and `now` less that is when it happened, whatever the zone.
A rest within a minute of the half hour is a clock that runs ahead: it counts as now. In the zones a quarter of an hour
beside (Nepal, Chatham) events look 15 minutes older than they are: too little proof, never too much, but for
deliveries later than 15 minutes. Without a readable `date_time` an event counts as old as a delivery may be.

**What proves.** `SERVER_ACK` never does: an update without a status of its own (an edit, a vote) comes by that word.
Never lives here: storage, a decision, a field name of another provider.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from esteio.core.model.evidence import Evidence, seen
from esteio.core.model.inbound import (
    AckState,
    CarriedEvent,
    DeletedMessage,
    EditedMessage,
    InboundEvent,
    Receipt,
    ReceivedMessage,
    ReceivedReaction,
    SendEcho,
)
from esteio.providers.base import QrCode, SessionEndpoint, WebhookReading
from esteio.providers.contents import asked_by, change_of, content_of, edited_text, is_traffic, quoted_id
from esteio.providers.evolution.client import claim, instance, qr_of, terminal
from esteio.providers.parsing import Json, at, decode, first, iso, items, moment, number, text, word
from esteio.providers.whatsapp import chat_of, key_of, phone_of

HALF_HOUR_S = 1800.0
LATEST_S = 1500.0
"""Ten retries of 5 s doubling to 300 s, with their jitter."""
AHEAD_S = 60.0
QR_LIVES_S = 120.0
"""A code lives 45 s; one that is surely older than this is not shown."""
MOST_ENVELOPES = 200

ACKS: Mapping[str, AckState] = {
    "ERROR": "error",
    "PENDING": "pending",
    "SERVER_ACK": "server",
    "DELIVERY_ACK": "device",
    "READ": "read",
    "PLAYED": "played",
}
CARRIED: Final[Mapping[str, str]] = {
    re.sub(r"[^a-z]", "", name): name
    for name in (
        "contacts.upsert",
        "contacts.update",
        "presence.update",
        "chats.upsert",
        "chats.update",
        "chats.delete",
        "groups.upsert",
        "group-participants.update",
        "labels.edit",
        "labels.association",
        "call",
        "typebot.start",
        "typebot.change-status",
    )
}
"""Plain name → as Evolution says it: what is handed on as it came."""
CARRIED_BYTES: Final = 65_536
_ACK_NUMBERS = tuple(ACKS)
"""Baileys' numbers, 0 to 5, are the places in this order."""


class Envelope(msgspec.Struct, frozen=True):
    """One event out of a webhook's body: its name, its data, when it happened and when it was received (epoch
    seconds)."""

    event: str
    data: Json
    when: float
    now: float


Found = tuple[tuple[Evidence, ...], tuple[InboundEvent, ...]]
NOTHING: Found = ((), ())


def read_webhook(where: SessionEndpoint, body: bytes, path: str, now: float) -> WebhookReading:
    """Pure and total. An event for another instance is not ours to act on: empty, with a note."""
    decoded = decode(body)
    readings = [_read_one(where, one, path, now) for one in items(decoded)[:MOST_ENVELOPES]]
    if not readings:
        return WebhookReading(readable=False, note="not JSON")
    if len(readings) == 1:
        return readings[0]
    return WebhookReading(
        readable=any(one.readable for one in readings),
        evidence=tuple(evidence for one in readings for evidence in one.evidence),
        events=tuple(event for one in readings for event in one.events),
        carried=tuple(event for one in readings for event in one.carried),
        qr=next((one.qr for one in reversed(readings) if one.qr), None),
        note="; ".join(sorted({one.note for one in readings if one.note}))[:200],
    )


def _read_one(where: SessionEndpoint, body: Json, path: str, now: float) -> WebhookReading:
    if not isinstance(body, dict):
        return WebhookReading(readable=False, note="not an object")
    event = _event_of(body, path)
    if not event:
        return WebhookReading(readable=False, note="no event name, and the body does not tell")
    whose = text(at(body, "instance"))
    if whose is not None and whose.strip() != instance(where).strip():
        return WebhookReading(readable=True, note="for another instance")
    envelope = Envelope(event, at(body, "data"), dated(at(body, "date_time"), now), now)
    if event == "qrcodeupdated":
        return _qr(envelope)
    reader = _READERS.get(event)
    if reader is None:
        carried = _carried(event, envelope.data)
        return WebhookReading(readable=True, carried=carried, note=f"nothing to read in {event!r}"[:80])
    evidence, events = reader(envelope)
    note = "" if evidence or events else f"nothing understood in {event!r}"[:80]
    return WebhookReading(readable=True, evidence=evidence, events=events, note=note)


def dated(date_time: Json, now: float) -> float:
    """When an event happened, from the envelope's false UTC; see the module's head."""
    claimed = iso(date_time)
    if claimed is None:
        return now - LATEST_S
    late = (now - claimed) % HALF_HOUR_S
    return now if late > HALF_HOUR_S - AHEAD_S else now - late


# -- which event -------------------------------------------------------------------------------------------------


def _plain(name: str) -> str:
    """`messages.upsert`, `MESSAGES_UPSERT` and `messages-upsert` are one name."""
    return re.sub(r"[^a-z]", "", name.lower())


def _event_of(body: Json, path: str) -> str:
    named = text(at(body, "event")) or text(at(body, "type"))
    if named:
        return _plain(named)
    last = _plain(path.rstrip("/").rpartition("/")[2])
    return last if last in _KNOWN else _by_shape(at(body, "data"))


def _by_shape(data: Json) -> str:
    """The event's name from what the data looks like, when neither the body nor the path says it."""
    one = items(data)[0] if items(data) else None
    if at(one, "qrcode") is not None:
        return "qrcodeupdated"
    if text(at(one, "keyId")):
        return "messagesupdate"
    if at(one, "key") is not None and at(one, "message") is not None:
        return "sendmessage" if at(one, "status") == "PENDING" else "messagesupsert"
    if text(at(one, "state")) and at(one, "statusReason") is not None:
        return "connectionupdate"
    return ""


def _carried(event: str, data: Json) -> tuple[CarriedEvent, ...]:
    """What is too large is nobody's: it stands in the raw body alone."""
    name = CARRIED.get(event)
    if name is None or len(msgspec.json.encode(data)) > CARRIED_BYTES:
        return ()
    return (CarriedEvent(name, data),)


# -- the session -------------------------------------------------------------------------------------------------


def _qr(envelope: Envelope) -> WebhookReading:
    shown = at(envelope.data, "qrcode")
    found = qr_of(shown) or qr_of(envelope.data)
    if found is None:
        words = first(envelope.data, "message") or ""
        limit = "limit" in words.lower() or number(at(envelope.data, "statusCode")) == 500
        evidence = (seen("qr_limit", envelope.now, "webhook", happened_at=envelope.when),) if limit else ()
        return WebhookReading(readable=True, evidence=evidence, note=words[:80] or "no code in it")
    evidence = (seen("qr_shown", envelope.now, "webhook", happened_at=envelope.when),)
    qr: QrCode | None = found
    # Near a quarter of an hour the rest may be a time zone's and not lateness: then the code is shown.
    if QR_LIVES_S < (envelope.now - envelope.when) % 900.0 < 900.0 - AHEAD_S:
        qr = None
    return WebhookReading(readable=True, evidence=evidence, qr=qr, note="" if qr else "a code that came too late")


def _connection(envelope: Envelope) -> Found:
    state, reason = at(envelope.data, "state"), number(at(envelope.data, "statusReason"))
    now, when = envelope.now, envelope.when
    if state == "refused":
        return (seen("qr_limit", now, "webhook", happened_at=when),), ()
    found = [claim(state, now, "webhook", when)]
    if state == "close" and (ended := terminal(reason, now, "webhook", when)):
        found.append(ended)
    if phone := phone_of(at(envelope.data, "wuid")):
        named = "yes" if text(at(envelope.data, "profileName")) else "no"
        found.append(seen("identity_seen", now, "webhook", happened_at=when, phone=phone, named=named))
    return tuple(found), ()


def _status(envelope: Envelope) -> Found:
    """`disconnectionAt` is a true UTC time, unlike the envelope's."""
    when = iso(at(envelope.data, "disconnectionAt"))
    when = envelope.when if when is None else when
    found = [seen("said_closed", envelope.now, "webhook", happened_at=when)]
    if ended := terminal(at(envelope.data, "disconnectionReasonCode"), envelope.now, "webhook", when):
        found.append(ended)
    return tuple(found), ()


def _closed(envelope: Envelope) -> Found:
    return (seen("said_closed", envelope.now, "webhook", happened_at=envelope.when, detail=envelope.event),), ()


def _booted(envelope: Envelope) -> Found:
    return (seen("server_booted", envelope.now, "webhook", happened_at=envelope.when),), ()


# -- messages ----------------------------------------------------------------------------------------------------


def received(data: Json, now: float) -> InboundEvent | None:
    """One message of the wire or of the list, in normal form; None for what is none, traffic without content too."""
    key = key_of(at(data, "key"))
    message = at(data, "message")
    if key is None or not isinstance(message, dict):
        return None
    when = moment(at(data, "messageTimestamp"), now)
    when = now - LATEST_S if when is None else when
    change = change_of(message)
    if change is not None and change.deleted:
        return DeletedMessage(change.target, key.chat, when)
    if change is not None:
        return EditedMessage(change.target, key.chat, when, change.text)
    if is_traffic(message):
        return None
    content = content_of(message)
    if content.reaction is not None and content.reaction.provider_id:
        reaction = content.reaction
        target = content.reaction.provider_id
        return ReceivedReaction(key.id, target, key.chat, key.sender, when, reaction.emoji, key.from_me)
    return ReceivedMessage(
        provider_id=key.id,
        chat=key.chat,
        sender=key.sender,
        happened_at=when,
        content=asked_by(content, id=key.id),
        from_me=key.from_me,
        push_name=text(at(data, "pushName")),
        chat_lid=key.chat_lid,
        quoted_provider_id=quoted_id(message, data),
        author=key.author,
    )


def _messages(data: Json) -> list[Json]:
    return items(at(data, "messages")) if at(data, "messages") is not None else items(data)


def _upsert(envelope: Envelope) -> Found:
    """Messages sent through the API never come this way, so one of ours was typed on the phone: it receives as well."""
    evidence: list[Evidence] = []
    events: list[InboundEvent] = []
    for one in _messages(envelope.data):
        event = received(one, envelope.now)
        if event is not None:
            events.append(event)
        elif key_of(at(one, "key")) is None or not isinstance(at(one, "message"), dict):
            continue
        mine = at(one, "key", "fromMe") is True
        # What has no time of its own proves nothing: nobody knows how long it was under way. Traffic without content
        # came over the line as well.
        when = moment(at(one, "messageTimestamp"), envelope.now)
        if when is not None:
            kind = "phone_echo_received" if mine else "message_received"
            evidence.append(seen(kind, envelope.now, "webhook", happened_at=when))
    return tuple(evidence), tuple(events)


def _sent(envelope: Envelope) -> Found:
    evidence: list[Evidence] = []
    events: list[InboundEvent] = []
    for one in _messages(envelope.data):
        key = key_of(at(one, "key"))
        if key is None:
            continue
        own = moment(at(one, "messageTimestamp"), envelope.now)
        when = envelope.when if own is None else own
        events.append(SendEcho(key.id, key.chat, when, content_of(at(one, "message"))))
        evidence.append(seen("send_accepted", envelope.now, "webhook", happened_at=when))
    return tuple(evidence), tuple(events)


def _update(envelope: Envelope) -> Found:
    evidence: list[Evidence] = []
    events: list[InboundEvent] = []
    for one in _messages(envelope.data):
        event, proof = _one_update(one, envelope)
        events += [event] if event else []
        evidence += [proof] if proof else []
    return tuple(evidence), tuple(events)


def _one_update(data: Json, envelope: Envelope) -> tuple[InboundEvent | None, Evidence | None]:
    message_id = text(at(data, "keyId")) or text(at(data, "key", "id"))
    remote = text(at(data, "remoteJid")) or text(at(data, "key", "remoteJid"))
    if message_id is None:
        return None, None
    chat = chat_of(remote) if remote else None
    words = edited_text(at(data, "message"))
    if words is not None:
        return EditedMessage(message_id, chat or "", envelope.when, words), None
    state = _ack(at(data, "status"))
    if state is None:
        return None, None
    mine = _mine(data)
    code = _stub_code(data) if state == "error" else None
    receipt = Receipt(
        message_id, state, envelope.when, chat, from_me=mine, error_code=code, proves=state not in ("server", "pending")
    )
    return receipt, _ack_evidence(state, mine, code, envelope)


def _mine(data: Json) -> bool:
    own = at(data, "fromMe")
    return own is True or (own is None and at(data, "key", "fromMe") is not False)


def _ack_evidence(state: AckState, mine: bool, code: str | None, envelope: Envelope) -> Evidence | None:
    if not mine:
        return None
    if state == "error":
        return seen("ack_error", envelope.now, "receipt", happened_at=envelope.when, code=code or "")
    if state in ("device", "read", "played"):
        return seen("receipt_received", envelope.now, "receipt", happened_at=envelope.when)
    return None


def _ack(status: Json) -> AckState | None:
    if isinstance(status, str):
        return ACKS.get(status.upper())
    found = number(status)
    return ACKS[_ACK_NUMBERS[int(found)]] if found is not None and found in range(len(_ACK_NUMBERS)) else None


def _stub_code(data: Json) -> str | None:
    """The number WhatsApp refused with, e.g. 463, where the server passes it on (the recorded one does not)."""
    for place in (data, at(data, "update"), at(data, "message")):
        for one in items(at(place, "messageStubParameters")):
            if re.fullmatch(r"\d{3}", word(one)):
                return word(one)
    return None


def _edited(envelope: Envelope) -> Found:
    """We never subscribe to this; others may have. A revoke comes this way too."""
    target = text(at(envelope.data, "key", "id"))
    remote = text(at(envelope.data, "key", "remoteJid"))
    if target is None:
        return NOTHING
    chat = chat_of(remote) if remote else ""
    if at(envelope.data, "type") in ("REVOKE", 0):
        return (), (DeletedMessage(target, chat, envelope.when),)
    words = content_of(at(envelope.data, "editedMessage")).text
    return (), (EditedMessage(target, chat, envelope.when, words),)


def _deleted(envelope: Envelope) -> Found:
    events: list[InboundEvent] = []
    for one in _messages(envelope.data):
        target = text(at(one, "id")) or text(at(one, "key", "id")) or text(at(one, "keyId"))
        remote = text(at(one, "remoteJid")) or text(at(one, "key", "remoteJid"))
        if target is not None:
            events.append(DeletedMessage(target, chat_of(remote) if remote else "", envelope.when))
    return (), tuple(events)


_READERS: Mapping[str, Callable[[Envelope], Found]] = {
    "connectionupdate": _connection,
    "statusinstance": _status,
    "logoutinstance": _closed,
    "removeinstance": _closed,
    "instancedelete": _closed,
    "applicationstartup": _booted,
    "messagesupsert": _upsert,
    "sendmessage": _sent,
    "messagesupdate": _update,
    "messagesedited": _edited,
    "messagesdelete": _deleted,
}
_KNOWN = frozenset(_READERS) | frozenset(CARRIED) | {"qrcodeupdated"}
