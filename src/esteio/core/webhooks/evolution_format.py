"""Our events in the words of an Evolution API v2 webhook, for consumers that were written for one.

Shapes as recorded (2.3.7). An event that Evolution has no word for is None: it is not delivered in this format. What
goes out is named by our id, which is the one a client of the door was given, with `providerId` beside it; what came in
by the provider's. Never lives here: reading Evolution's own webhooks (`providers.evolution`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from esteio.core.model.address import has_many_authors, jid_of
from esteio.core.model.message import Message
from esteio.core.views.documents import timestamp
from esteio.core.webhooks import evolution_ids, evolution_offers, evolution_states
from esteio.core.webhooks.delivery_policy import PROVIDER_EVENT
from esteio.core.webhooks.evolution_names import Instance

Document = dict[str, Any]
Said = tuple[str, Any]
"""(Evolution's event name, its `data`)."""

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "APPLICATION_STARTUP": (),
    "QRCODE_UPDATED": ("session.qr",),
    "MESSAGES_SET": (),
    "MESSAGES_UPSERT": ("message.received", "message.reaction"),
    "MESSAGES_EDITED": ("message.edited",),
    "MESSAGES_UPDATE": ("message.state_changed",),
    "MESSAGES_DELETE": ("message.deleted",),
    "SEND_MESSAGE": ("message.state_changed",),
    "SEND_MESSAGE_UPDATE": (),
    "CONTACTS_SET": (),
    "CONTACTS_UPSERT": (PROVIDER_EVENT,),
    "CONTACTS_UPDATE": (PROVIDER_EVENT,),
    "PRESENCE_UPDATE": (PROVIDER_EVENT,),
    "CHATS_SET": (),
    "CHATS_UPSERT": (PROVIDER_EVENT,),
    "CHATS_UPDATE": (PROVIDER_EVENT,),
    "CHATS_DELETE": (PROVIDER_EVENT,),
    "GROUPS_UPSERT": (PROVIDER_EVENT,),
    "GROUP_UPDATE": (),
    "GROUP_PARTICIPANTS_UPDATE": (PROVIDER_EVENT,),
    "CONNECTION_UPDATE": ("session.state_changed",),
    "LABELS_EDIT": (PROVIDER_EVENT,),
    "LABELS_ASSOCIATION": (PROVIDER_EVENT,),
    "CALL": (PROVIDER_EVENT,),
    "TYPEBOT_START": (PROVIDER_EVENT,),
    "TYPEBOT_CHANGE_STATUS": (PROVIDER_EVENT,),
    "REMOVE_INSTANCE": ("session.deleted",),
    "LOGOUT_INSTANCE": ("session.state_changed",),
    "INSTANCE_CREATE": (),
    "INSTANCE_DELETE": ("session.deleted",),
    "STATUS_INSTANCE": ("session.state_changed",),
}
"""Evolution's subscription names, in its order (recording 080), and the types of our log that they are made of; where
none is named, the event is not sent."""
CARRIED: Final = tuple(name for name, kinds in NAMES.items() if kinds == (PROVIDER_EVENT,))
"""What the session's server tells and Esteio does not model: handed on as it came, so it must be asked for there."""
TYPES: Final = tuple(sorted({kind for kinds in NAMES.values() for kind in kinds}))
_STATUS: Final = {"delivered": "DELIVERY_ACK", "read": "READ", "failed": "ERROR", "expired": "ERROR"}
_MEDIA_KEYS: Final = {
    "image": "imageMessage",
    "video": "videoMessage",
    "audio": "audioMessage",
    "document": "documentMessage",
    "sticker": "stickerMessage",
}
_ENDS: Final[Mapping[int, str]] = {401: "Unauthorized", 403: "Forbidden"}
"""The link is gone: the next one needs a new code."""


def subscription(names: Iterable[str]) -> tuple[str, ...]:
    """The types of our log behind these names (Evolution's or ours); all that the format has a word for when none."""
    wanted = [kind for name in names for kind in NAMES.get(name, (name,) if name in TYPES else ())]
    return tuple(dict.fromkeys(wanted)) or TYPES


def wanted(names: Iterable[str], event: str) -> bool:
    """Whether a subscription to these names wants Evolution's `event`; our own types were asked before."""
    evolution = {name for name in names if name in NAMES}
    return not evolution or event.upper().replace(".", "_").replace("-", "_") in evolution


def carried(names: Iterable[str]) -> tuple[str, ...]:
    """Of a subscription to these names (none: all), those that its session's server has to be asked for."""
    wanted = set(names)
    return tuple(name for name in CARRIED if not wanted or name in wanted)


def said(kind: str, document: Mapping[str, Any], instance: Instance) -> tuple[Said, ...]:
    """One event of ours in Evolution's words: none, one or several, in the order in which a client expects them.
    `document` as in the log, with `session` at the top."""
    match kind:
        case "message.received" | "message.reaction":
            return (("messages.upsert", _message(document, "DELIVERY_ACK", instance)),)
        case "message.state_changed":
            return _moved(document, instance)
        case "message.edited":
            return (("messages.edited", _edited(document)),)
        case "message.deleted":
            return (("messages.delete", {**_key(document), "status": "DELETED"}),)
    return _said_of_session(kind, document, instance)


def _said_of_session(kind: str, document: Mapping[str, Any], instance: Instance) -> tuple[Said, ...]:
    match kind:
        case "session.state_changed":
            return _connection(document, instance)
        case "session.qr":
            return (("qrcode.updated", _qr(document, instance)),)
        case "provider.event":
            return ((str(document.get("event")), evolution_ids.answered(document.get("data"), {}, instance.id)),)
        case "session.deleted":
            named = {"instanceName": instance.name, "instanceId": instance.id}
            return ("instance.delete", named), ("remove.instance", None)
    return ()


def envelope(event: str, data: Any, *, instance: Instance, url: str, at: float, server_url: str) -> Document:
    """The whole body. `apikey` is null: a token is nobody's who can read a webhook."""
    whose = {"sender": _jid(instance.number)} if instance.number else {}
    return {
        "event": event,
        "instance": instance.name,
        "data": data,
        "destination": url,
        "date_time": timestamp(at),
        **whose,
        "server_url": server_url,
        "apikey": None,
    }


def path_of(event: str) -> str:
    """What `byEvents` appends to the URL."""
    return "/" + event.replace(".", "-")


# -- messages ----------------------------------------------------------------------------------------------------


def _moved(document: Mapping[str, Any], instance: Instance) -> tuple[Said, ...]:
    state = document.get("state")
    if state == "sent":
        return (("send.message", _message(document, "PENDING", instance)),)
    status = _STATUS.get(str(state))
    if status is None or document.get("direction") != "out":
        return ()
    key = _key(document)
    update = {
        "keyId": key["id"],
        "remoteJid": key["remoteJid"],
        "fromMe": True,
        "status": status,
        "instanceId": instance.id,
        "messageId": document.get("id"),
    }
    return (("messages.update", _beside(update, document)),)


def row(document: Mapping[str, Any], instance_id: str) -> Document:
    """A message as a row of Evolution's own table (recordings 087, 088)."""
    kind, body = _content(document)
    body |= _bytes_of(document.get("media") or {})
    key = _key(document)
    shown: Document = {
        "id": document.get("id"),
        # In the order of the column's keys.
        "key": {"id": key.pop("id"), "fromMe": key.pop("fromMe"), **key},
        "pushName": document.get("push_name") or ("Você" if document.get("direction") == "out" else None),
        "messageType": kind,
        "message": body,
        "messageTimestamp": _seconds(document.get("created_at")),
        "instanceId": instance_id,
        "source": "unknown",
        "contextInfo": None,
        **_context(document),
    }
    return _beside(shown, document)


def _key(document: Mapping[str, Any]) -> Document:
    chat = _jid(str(document.get("chat") or ""))
    ours, theirs = document.get("id"), document.get("provider_id")
    outgoing = document.get("direction") == "out"
    key: Document = {"remoteJid": chat, "fromMe": outgoing, "id": (ours or theirs) if outgoing else (theirs or ours)}
    if not outgoing:
        key["participant"] = _jid(str(document.get("from") or "")) if has_many_authors(chat) else ""
        key["addressingMode"] = "lid" if chat.endswith("@lid") else "pn"
    return key


def _message(document: Mapping[str, Any], status: str, instance: Instance) -> Document:
    kind, body = _content(document)
    body |= _bytes_of(document.get("media") or {})
    message: Document = {
        "key": _key(document),
        "pushName": document.get("push_name") or ("Você" if document.get("direction") == "out" else None),
        "status": status,
        "message": body,
        **_context(document),
        "messageType": kind,
        "messageTimestamp": _seconds(document.get("created_at")),
        "instanceId": instance.id,
        "source": "unknown",
    }
    return _beside(message, document)


def _context(document: Mapping[str, Any]) -> Document:
    """What a reply answers. Ours is named by our id, like everywhere in this format."""
    if context := document.get("context"):
        return {"contextInfo": context}
    quoted = document.get("quoted")
    if not quoted:
        return {}
    mine = quoted.get("direction") == "out"
    context = {"stanzaId": (quoted.get("id") if mine else None) or quoted.get("provider_id")}
    if quoted.get("from"):
        context["participant"] = _jid(str(quoted["from"]))
    if quoted.get("kind"):
        context["quotedMessage"] = _content(quoted)[1]
    return {"contextInfo": context}


def _bytes_of(media: Mapping[str, Any]) -> Document:
    """A media's bytes where Evolution puts them: beside the message's own part, as base64 where asked, by address."""
    parts = {"base64": media.get("base64"), "mediaUrl": media.get("url")}
    return {name: value for name, value in parts.items() if value is not None}


def _beside(data: Document, document: Mapping[str, Any]) -> Document:
    """With the provider's own id, where ours stands in the key."""
    theirs = document.get("provider_id")
    return {**data, "providerId": theirs} if theirs and document.get("direction") == "out" else data


def _content(document: Mapping[str, Any]) -> tuple[str, Document]:
    """(messageType, message)."""
    kind, text = str(document.get("kind")), document.get("text")
    if kind in _MEDIA_KEYS:
        return _media(kind, text, document.get("media") or {})
    if kind == "location":
        place = document.get("location") or {}
        named = {name: place[name] for name in ("name", "address") if place.get(name)}
        where = {"degreesLatitude": place.get("latitude"), "degreesLongitude": place.get("longitude"), **named}
        return "locationMessage", {"locationMessage": where}
    if kind == "contacts":
        return _contacts(document.get("contacts") or ())
    if kind == "poll":
        poll = document.get("poll") or {}
        options = [{"optionName": option} for option in poll.get("options", ())]
        body = {"name": poll.get("question"), "selectableOptionsCount": poll.get("choices", 1), "options": options}
        return "pollCreationMessageV3", {"pollCreationMessageV3": body}
    if kind == "reaction":
        reaction = document.get("reaction") or {}
        target = {"remoteJid": _jid(str(document.get("chat") or "")), "fromMe": bool(reaction.get("from_me"))}
        target["id"] = reaction.get("provider_id") or reaction.get("message")
        return "reactionMessage", {"reactionMessage": {"key": target, "text": reaction.get("emoji", "")}}
    return _rest(kind, text, document)


def content(document: Mapping[str, Any]) -> Document:
    """What a message says, as the part `message`."""
    return _content(document)[1]


def sent_text(message: Message, instance: Instance, context: Mapping[str, Any]) -> Document:
    """The same as `sent` for a text, which is most of what is sent, without a document in between."""
    told: Document = {
        "key": {"remoteJid": jid_of(message.chat), "fromMe": True, "id": message.id},
        "pushName": "Você",
        "status": "PENDING",
        "message": {"conversation": message.content.text},
        "contextInfo": context,
        "messageType": "conversation",
        "messageTimestamp": int(message.created_at),
        "instanceId": instance.id,
        "source": "web",
    }
    if message.provider_id:
        told["providerId"] = message.provider_id
    return told


def sent(document: Mapping[str, Any], instance: Instance, context: Mapping[str, Any]) -> Document:
    """What Evolution answers to a send that it took (recordings 050 to 070): `document` is the message as it is now,
    `context` what its `contextInfo` says."""
    message = _message({**document, "context": context}, "PENDING", instance)
    message["source"] = "web"
    return message


def _rest(kind: str, text: Any, document: Mapping[str, Any]) -> tuple[str, Document]:
    if kind == "order":
        return _order(text, document.get("order") or {})
    if kind == "product":
        return _product(document.get("product") or {})
    if kind in evolution_offers.KINDS:
        return evolution_offers.offer(kind, text, document.get("buttons") or ())
    if kind == "status" and document.get("media"):
        return _media(document["media"]["kind"], text, document["media"])
    if kind == "unknown" and not text:
        # No empty text of a person: what it is stands at the document's `raw`.
        return "unknownMessage", {}
    return "conversation", _conversation(str(text or ""), document)


def _conversation(text: str, document: Mapping[str, Any]) -> Document:
    """Words, with the links below them, and beside them the id that was chosen."""
    links = [_link(button) for button in document.get("buttons") or ()]
    body: Document = {"conversation": "\n".join([*([text] if text else []), *filter(None, links)])}
    reply = document.get("reply")
    if reply:
        chosen = {"selectedId": reply.get("id"), "selectedDisplayText": reply.get("title")}
        body["templateButtonReplyMessage"] = {name: value for name, value in chosen.items() if value}
    return body


def _link(button: Mapping[str, Any]) -> str:
    target = button.get("url") or button.get("phone") or button.get("code")
    label = button.get("text")
    return "" if not target else f"{label}: {target}" if label else str(target)


def _order(text: Any, order: Mapping[str, Any]) -> tuple[str, Document]:
    parts = {
        "orderId": order.get("id"),
        "token": order.get("token"),
        "orderTitle": order.get("title"),
        "message": text,
        "itemCount": order.get("items"),
        "totalAmount1000": _thousandths(order.get("total")),
        "totalCurrencyCode": order.get("currency"),
    }
    return "orderMessage", {"orderMessage": {part: value for part, value in parts.items() if value is not None}}


def _product(product: Mapping[str, Any]) -> tuple[str, Document]:
    parts = {
        "productId": product.get("id"),
        "title": product.get("title"),
        "description": product.get("description"),
        "priceAmount1000": _thousandths(product.get("price")),
        "currencyCode": product.get("currency"),
        "url": product.get("url"),
        "retailerId": product.get("retailer_id"),
    }
    shown = {part: value for part, value in parts.items() if value is not None}
    return "productMessage", {"productMessage": {"product": shown}}


def _thousandths(amount: Any) -> str | None:
    return None if amount is None else str(round(amount * 1000))


def _media(kind: str, text: Any, media: Mapping[str, Any]) -> tuple[str, Document]:
    parts = {
        "url": media.get("url"),
        "mimetype": media.get("mime"),
        "caption": text,
        "fileName": media.get("filename"),
        "fileLength": None if media.get("size") is None else str(media["size"]),
    }
    name = _MEDIA_KEYS[kind]
    return name, {name: {part: value for part, value in parts.items() if value is not None}}


def _contacts(contacts: Iterable[Mapping[str, Any]]) -> tuple[str, Document]:
    cards = [{"displayName": one.get("name"), "vcard": _vcard(one)} for one in contacts]
    if len(cards) == 1:
        return "contactMessage", {"contactMessage": cards[0]}
    return "contactsArrayMessage", {"contactsArrayMessage": {"contacts": cards}}


def _vcard(contact: Mapping[str, Any]) -> str:
    phone = contact.get("phone") or ""
    lines = ("BEGIN:VCARD", "VERSION:3.0", f"FN:{contact.get('name') or ''}", f"TEL;waid={phone}:+{phone}", "END:VCARD")
    return "\n".join(lines)


def _edited(document: Mapping[str, Any]) -> Document:
    key = {name: value for name, value in _key(document).items() if name in ("remoteJid", "fromMe", "id")}
    edited_at = _seconds(document.get("edited_at"))
    return {
        "key": key,
        "type": "MESSAGE_EDIT",
        "editedMessage": {"conversation": document.get("text") or ""},
        "timestampMs": str(edited_at * 1000),
    }


def _jid(chat: str) -> str:
    return jid_of(chat) if chat else ""


def _seconds(text: Any) -> int:
    return int(datetime.fromisoformat(text).timestamp()) if isinstance(text, str) and text else 0


# -- sessions ----------------------------------------------------------------------------------------------------


def _connection(document: Mapping[str, Any], instance: Instance) -> tuple[Said, ...]:
    """Evolution knows three states; a change between ours that is none between theirs is not told. The end of a link
    is told in three ways, as there."""
    state = _connection_state(document.get("state"), document)
    if state is None or state == _connection_state(document.get("previous"), {}):
        return ()
    data: Document = {"instance": instance.name}
    if state == "open" and document.get("phone"):
        # What only the phone knows of itself is not known here.
        data |= {"wuid": _jid(str(document["phone"])), "profileName": None, "profilePictureUrl": None}
    code = evolution_states.closed_code(str((document.get("reason") or {}).get("code", "")))
    update = {**data, "state": state, "statusReason": 200 if state != "close" else code or evolution_states.CLOSED}
    connection: Said = ("connection.update", update)
    if state != "close" or code is None or code not in _ENDS:
        return (connection,)
    return ("status.instance", _ended(document, instance, code)), connection, ("logout.instance", None)


def _ended(document: Mapping[str, Any], instance: Instance, code: int) -> Document:
    """`disconnectionObject` is JSON in a text, as Evolution writes its database's column."""
    phrase = _ENDS[code]
    output = {"statusCode": code, "payload": {"statusCode": code, "error": phrase, "message": phrase}, "headers": {}}
    error = {"data": None, "isBoom": True, "isServer": False, "output": output}
    ended_at = document.get("since")
    return {
        "instance": instance.name,
        "status": "closed",
        "disconnectionAt": ended_at,
        "disconnectionReasonCode": code,
        "disconnectionObject": json.dumps({"error": error, "date": ended_at}, separators=(",", ":")),
    }


def _connection_state(state: Any, document: Mapping[str, Any]) -> str | None:
    sends = (document.get("can_send") or {}).get("value")
    return evolution_states.state_word(str(state), str(sends)) if state else None


def _qr(document: Mapping[str, Any], instance: Instance) -> Document:
    code = document.get("qr") or {}
    picture = code.get("png_base64")
    qrcode = {
        "instance": instance.name,
        "pairingCode": document.get("pairing_code"),
        "code": code.get("code"),
        "base64": f"data:image/png;base64,{picture}" if picture else None,
    }
    return {"qrcode": qrcode}
