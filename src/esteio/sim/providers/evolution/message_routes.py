"""Evolution's message routes: validation, the several shapes of a dead socket, and the way of a send.

`ROUTES` is merged into the face's dispatch table. Never lives here: guards, the instance and the chat routes.
"""

# ruff: noqa: ARG001 - every route has the same signature
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from esteio.providers.base import HttpResponse
from esteio.sim.providers.evolution.instance import EvolutionInstance
from esteio.sim.providers.evolution.payloads import MEDIA_KEYS, context_info, digits_of, fail, jid_of, ok
from esteio.sim.world.instance import HUNG_S

Json = Any
Route = Callable[[EvolutionInstance, Json, str], Awaitable[HttpResponse]]

NO_SPACE = {
    "adapter": 'DriverAdapterError: could not extend file "base/16384/16467": No space left on device',
    "prisma": "PrismaClientUnknownRequestError: \nInvalid `this.prismaRepository.message.create()` invocation: "
    'Error occurred during query execution: could not extend file "base/16384/16467": No space left on device',
}
"""Its database is full: the message is out, and this is the answer."""
FILES = {"sendWhatsAppAudio": "audio", "sendSticker": "sticker", "sendPtv": "video"}
"""Under which name a form's `file` is the media; elsewhere it is `media`."""
UNREADABLE_IMAGE = "Error: Input buffer contains unsupported image format"


def missing(body: Json, *names: str) -> HttpResponse | None:
    """The schema's complaint about the first missing properties, or None."""
    wanted = body if isinstance(body, dict) else {}
    gone = [f'instance requires property "{name}"' for name in names if name not in wanted]
    return fail(400, [gone]) if gone else None


# -- sending -----------------------------------------------------------------------------------------------------


async def _out(
    instance: EvolutionInstance, body: dict[str, Json], *, kind: str, text: str, message: Json, message_type: str
) -> HttpResponse:
    """The way of every send: number check, typing delay, socket, table, webhook."""
    if not instance.in_memory:
        return fail(500, "Cannot read properties of undefined (reading 'textMessage')")
    number = digits_of(str(body["number"]))
    if refusal := await _number_check(instance, number):
        return refusal
    if delay := body.get("delay"):
        await asyncio.sleep(float(delay) / 1000)
    if refusal := await socket_check(instance, media=message_type in MEDIA_KEYS.values() and kind != "sticker"):
        return refusal
    epoch = instance.server.epoch
    await asyncio.sleep(instance.world.dice.uniform(*instance.server.answer_s))
    if instance.drops_in_sends:
        return _dropped(instance, [instance.drops_in_sends.pop()])
    recipient = instance.world.jid_digits(number)
    own = str(body["messageId"]) if instance.rules.own_message_id and body.get("messageId") else None
    provider_id = (
        instance.world.transmit(instance.sock, recipient, text, kind, own) if epoch == instance.server.epoch else None
    )
    if provider_id is None:
        return fail(instance.rules.closed_status, instance.rules.closed_text)
    if instance.unstored:
        return _unstored(instance, instance.unstored.pop(), provider_id)
    return ok(_sent(instance, body, recipient, provider_id, message=message, message_type=message_type), 201)


def _dropped(instance: EvolutionInstance, words: Json, status: int = 400) -> HttpResponse:
    """The socket breaks in the middle of a send, which does not leave: the websocket's close code is the error."""
    if not instance.drops_in_sends:
        instance.faults.pop("send_dropped", None)
    if instance.sock is not None:
        instance.lose(instance.sock, 428, "dropped in a send")
    return fail(status, words)


def _unstored(instance: EvolutionInstance, how: str, provider_id: str) -> HttpResponse:
    """It went out, and never comes into the table: no row, no webhook, no receipt told of."""
    if not instance.unstored:
        instance.faults.pop("unstored", None)
    answer = fail(400, [NO_SPACE.get(how, "")])
    if how == "died":
        instance.server.reboot(3.0, 20.0, 0.0)
    else:
        instance.world.ledger.untold[provider_id] = answer
    return answer


def _sent(
    instance: EvolutionInstance,
    body: dict[str, Json],
    recipient: str,
    provider_id: str,
    *,
    message: Json,
    message_type: str,
) -> Json:
    now = instance.world.now()
    key = {"remoteJid": jid_of(recipient), "fromMe": True, "id": provider_id}
    context = None if message_type == "reactionMessage" else context_info(now)
    if context and (quoted := body.get("quoted")):
        original = instance.messages.get(str(quoted.get("key", {}).get("id")))
        context |= {"participant": instance.wuid, "stanzaId": quoted.get("key", {}).get("id")}
        context["quotedMessage"] = original.message if original else quoted.get("message", {})
    instance.store(key, message, message_type, at=now, push_name="Você", context=context)
    data: dict[str, Json] = {"key": key, "pushName": "Você", "status": "PENDING", "message": message}
    if context:
        data["contextInfo"] = context
    data |= {
        "messageType": message_type,
        "messageTimestamp": int(now),
        "instanceId": instance.instance_id,
        "source": "web",
    }
    instance.tell("send.message", data)
    return data


async def _number_check(instance: EvolutionInstance, number: str) -> HttpResponse | None:
    """`IsOnWhatsapp`: asked of WhatsApp once per number and server, outside the `try` that catches the rest."""
    if "@" in number:
        known = not number.endswith("@g.us") or number in instance.world.groups
        return None if known else fail(400, ["[object Object]"])
    if number in instance.server.known_numbers:
        return None
    sock = instance.sock
    if sock is None:
        return fail(500, "Cannot read properties of undefined (reading 'onWhatsApp')")
    if not sock.looks_open:
        return fail(500, "Connection Closed")
    if instance.drops_in_sends:
        instance.drops_in_sends.pop()
        return _dropped(instance, "Internal Server Error", 500)
    if sock.silent:
        await asyncio.sleep(HUNG_S)
        return fail(500, "Cannot read properties of undefined (reading 'find')")
    if number in instance.world.not_on_whatsapp:
        return fail(400, [{"jid": jid_of(number), "exists": False, "number": number}])
    instance.server.known_numbers.add(number)
    return None


async def socket_check(instance: EvolutionInstance, *, media: bool) -> HttpResponse | None:
    """How a call that needs the socket is refused, or None. Half-open: after a minute."""
    sock = instance.sock
    closed_status = 500 if media else instance.rules.closed_status
    if sock is None:
        return fail(400, ["TypeError: Cannot read properties of undefined (reading 'sendMessage')"])
    if not sock.looks_open:
        return fail(closed_status, instance.rules.closed_text)
    if sock.silent:
        await asyncio.sleep(HUNG_S)
        return fail(closed_status, instance.rules.closed_text)
    if sock.state == "qr":
        return fail(400, ["TypeError: Cannot read properties of undefined (reading 'id')"])
    return None


async def _send_text(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    if refusal := missing(body, "number", "text"):
        return refusal
    if not body["text"]:
        return fail(400, ["Text is required"])
    text = str(body["text"])
    return await _out(
        instance, body, kind="text", text=text, message={"conversation": text}, message_type="conversation"
    )


async def _send_media(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    if refusal := missing(body, "number", "mediatype"):
        return refusal
    if not body.get("media"):
        return fail(400, ["Owned media must be a url or base64"])
    kind, media = str(body["mediatype"]), str(body["media"])
    if refusal := _bad_media(kind, media, body):
        return refusal
    return await _send_file(instance, body, kind, body.get("mimetype") or f"{kind}/*")


def _bad_media(kind: str, media: str, body: dict[str, Json]) -> HttpResponse | None:
    if media.startswith(("http://127.0.0.1:9/", "http://localhost:9/")):
        return fail(500, ["Error: connect ECONNREFUSED 127.0.0.1:9"])
    is_url = media.startswith(("http://", "https://"))
    if kind == "image" and not is_url and len(media) < 16:
        return fail(500, [UNREADABLE_IMAGE])
    if kind == "document" and not is_url and not body.get("fileName"):
        return fail(400, ["For base64 the file name must be informed."])
    return None


async def _send_file(instance: EvolutionInstance, body: dict[str, Json], kind: str, mime: str) -> HttpResponse:
    file: dict[str, Json] = {
        "url": "https://mmg.whatsapp.net/v/sim.enc", "mimetype": mime, "fileSha256": "c2lt", "fileLength": "1024",
        "mediaKey": "c2lt", "directPath": "/v/sim.enc",
    }  # fmt: skip
    caption = str(body.get("caption") or "")
    if caption:
        file["caption"] = caption
    if body.get("fileName"):
        file["fileName"] = body["fileName"]
    key = MEDIA_KEYS.get(kind, "documentMessage")
    return await _out(
        instance,
        body,
        kind=kind,
        text=caption or str(body.get("fileName") or ""),
        message={key: file},
        message_type=key,
    )


async def _send_audio(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    return missing(body, "number", "audio") or await _send_file(instance, body, "audio", "audio/ogg; codecs=opus")


async def _send_sticker(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    return missing(body, "number", "sticker") or await _send_file(instance, body, "sticker", "image/webp")


async def _send_ptv(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    return missing(body, "number", "video") or await _send_file(instance, body, "ptv", "video/mp4")


async def _send_location(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    if refusal := missing(body, "number", "latitude", "longitude", "name", "address"):
        return refusal
    spot = {
        "degreesLatitude": body["latitude"], "degreesLongitude": body["longitude"], "name": body["name"],
        "address": body["address"], "contextInfo": context_info(instance.world.now()),
    }  # fmt: skip
    return await _out(
        instance,
        body,
        kind="location",
        text=str(body["name"]),
        message={"locationMessage": spot},
        message_type="locationMessage",
    )


async def _send_contact(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    if refusal := missing(body, "number", "contact"):
        return refusal
    one = body["contact"][0]
    wuid = one.get("wuid") or "".join(letter for letter in str(one["phoneNumber"]) if letter.isdigit())
    card = (
        f"BEGIN:VCARD\nVERSION:3.0\nN:{one['fullName']}\nFN:{one['fullName']}\nitem1.TEL;waid={wuid}:"
        f"{one['phoneNumber']}\nitem1.X-ABLabel:Celular\nEND:VCARD"
    )
    message = {"displayName": one["fullName"], "vcard": card, "contextInfo": context_info(instance.world.now())}
    return await _out(
        instance,
        body,
        kind="contact",
        text=str(one["fullName"]),
        message={"contactMessage": message},
        message_type="contactMessage",
    )


async def _send_poll(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    if refusal := missing(body, "number", "name", "selectableCount", "values"):
        return refusal
    secret = {str(place): byte for place, byte in enumerate(instance.world.dice.randbytes(32))}
    poll = {
        "name": body["name"],
        "selectableOptionsCount": body["selectableCount"],
        "options": [{"optionName": value} for value in body["values"]],
    }
    info = {"messageSecret": secret, "contextInfo": context_info(instance.world.now())}
    message = {"messageContextInfo": info, "pollCreationMessageV3": poll}
    return await _out(
        instance, body, kind="poll", text=str(body["name"]), message=message, message_type="pollCreationMessageV3"
    )


async def _send_reaction(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    if refusal := missing(body, "key", "reaction"):
        return refusal
    key = body["key"]
    reaction = {"text": body["reaction"], "key": key, "senderTimestampMs": int(instance.world.now() * 1000)}
    to = {"number": key["remoteJid"]}
    return await _out(
        instance,
        to,
        kind="reaction",
        text=str(body["reaction"]),
        message={"reactionMessage": reaction},
        message_type="reactionMessage",
    )


async def _send_buttons(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    if refusal := missing(body, "number", "buttons"):
        return refusal
    inner = {"body": {"text": body.get("title", "")}, "footer": {"text": body.get("footer", "")}}
    message = {"viewOnceMessage": {"message": {"interactiveMessage": inner}}}
    return await _out(
        instance, body, kind="buttons", text=str(body.get("title", "")), message=message, message_type="viewOnceMessage"
    )


async def _send_list(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    return missing(body, "number", "sections") or fail(400, ["TypeError: this.isZero is not a function"])


async def _send_status(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    """A status for the people named; its checks are 2.3.7's, its answer that of every send."""
    if refusal := missing(body, "type"):
        return refusal
    kind, content = str(body["type"]), str(body.get("content") or "")
    wanted = {"Content": content, "StatusJidList": body.get("statusJidList") or body.get("allContacts")}
    if kind == "text":
        wanted |= {"Background color": body.get("backgroundColor"), "Font": body.get("font")}
    for name, given in wanted.items():
        if not given:
            return fail(400, [f"{name} is required"])
    everybody = {"number": "status@broadcast"}
    if kind != "text":
        return await _send_file(instance, body | everybody, kind, f"{kind}/*")
    message = {"extendedTextMessage": {"text": content}}
    return await _out(
        instance, everybody, kind="text", text=content, message=message, message_type="extendedTextMessage"
    )


async def _send_template(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    return missing(body, "number", "name", "language") or fail(400, ["Method not available on WhatsApp Baileys"])


ROUTES: dict[tuple[str, str, str], Route] = {
    ("POST", "message", "sendText"): _send_text,
    ("POST", "message", "sendMedia"): _send_media,
    ("POST", "message", "sendWhatsAppAudio"): _send_audio,
    ("POST", "message", "sendSticker"): _send_sticker,
    ("POST", "message", "sendPtv"): _send_ptv,
    ("POST", "message", "sendLocation"): _send_location,
    ("POST", "message", "sendContact"): _send_contact,
    ("POST", "message", "sendPoll"): _send_poll,
    ("POST", "message", "sendReaction"): _send_reaction,
    ("POST", "message", "sendButtons"): _send_buttons,
    ("POST", "message", "sendList"): _send_list,
    ("POST", "message", "sendStatus"): _send_status,
    ("POST", "message", "sendTemplate"): _send_template,
}
