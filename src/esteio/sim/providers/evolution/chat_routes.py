"""Evolution's chat routes: its message table, and questions that go to WhatsApp and back.

`ROUTES` is merged into the face's dispatch table. Never lives here: guards, sends.
"""

# ruff: noqa: ARG001 - every route has the same signature
from __future__ import annotations

import asyncio
import base64
from datetime import datetime
from typing import Any

from esteio.providers.base import HttpResponse
from esteio.sim.providers.evolution.instance import EvolutionInstance, StoredMessage
from esteio.sim.providers.evolution.message_routes import Route, missing, socket_check
from esteio.sim.providers.evolution.payloads import digits_of, fail, iso, jid_of, ok, raw_boom
from esteio.sim.world.instance import HUNG_S

Json = Any


# -- the message table -------------------------------------------------------------------------------------------


def _record(row: StoredMessage, instance: EvolutionInstance) -> Json:
    return {
        "id": row.id,
        "key": _column(row.key),
        "pushName": row.push_name,
        "messageType": row.kind,
        "message": _column(row.message),
        "messageTimestamp": int(row.at),
        "instanceId": instance.instance_id,
        "source": row.source,
        "contextInfo": _column(row.context),
        "MessageUpdate": [{"status": status} for status in row.updates],
    }


def _column(value: Json) -> Json:
    """As PostgreSQL gives a `jsonb` back: shorter keys first."""
    if isinstance(value, dict):
        return {name: _column(value[name]) for name in sorted(value, key=lambda name: (len(name), name))}
    return [_column(one) for one in value] if isinstance(value, list) else value


def _matches(row: StoredMessage, where: dict[str, Json]) -> bool:
    key = where.get("key") or {}
    if any(key.get(name) not in (None, row.key.get(name)) for name in ("id", "remoteJid", "fromMe")):
        return False
    if where.get("messageType") not in (None, row.kind):
        return False
    span = where.get("messageTimestamp") or {}
    since, until = _epoch(span.get("gte")), _epoch(span.get("lte"))
    return (since is None or int(row.at) >= since) and (until is None or int(row.at) <= until)


def _epoch(word: Json) -> float | None:
    """`messageTimestamp` bounds come as ISO dates; only when both do, as in the real one, they count."""
    if not isinstance(word, str):
        return None
    try:
        return datetime.fromisoformat(word).timestamp()
    except ValueError:
        return None


async def _find_messages(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    wanted = body if isinstance(body, dict) else {}
    where = wanted.get("where") or {}
    key = where.get("key")
    if isinstance(key, dict) and any(value in (None, "") for value in key.values()):
        return fail(400, [["The property cannot be empty"]])
    size, page = int(wanted.get("offset") or 50), int(wanted.get("page") or 1)
    if isinstance(key, dict) and (one := key.get("id")) is not None:
        rows = [row for row in [instance.messages.get(one)] if row is not None and _matches(row, where)]
    else:
        rows = sorted((row for row in instance.messages.values() if _matches(row, where)), key=lambda row: -int(row.at))
    records = [_record(row, instance) for row in rows[(page - 1) * size : page * size]]
    pages = -(-len(rows) // size)
    return ok({"messages": {"total": len(rows), "pages": pages, "currentPage": page, "records": records}})


async def _find_status(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    wanted = body if isinstance(body, dict) else {}
    where = wanted.get("where") or {}
    found = [
        {
            "id": f"{row.id}{place}", "keyId": row.key["id"], "remoteJid": row.key["remoteJid"],
            "fromMe": row.key["fromMe"], "participant": None, "pollUpdates": None, "status": status,
            "messageId": row.id, "instanceId": instance.instance_id,
        }
        for row in instance.messages.values()
        for place, status in enumerate(row.updates)
        if where.get("remoteJid") in (None, row.key["remoteJid"]) and where.get("id") in (None, row.key["id"])
    ]  # fmt: skip
    size, page = int(wanted.get("offset") or 50), int(wanted.get("page") or 1)
    return ok(found[(page - 1) * size : page * size])


# -- questions to WhatsApp ---------------------------------------------------------------------------------------


async def _numbers(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    if refusal := missing(body, "numbers"):
        return refusal
    numbers = [digits_of(str(number)) for number in body["numbers"]]
    sock = instance.sock
    if sock is None:
        return fail(500, "Cannot read properties of undefined (reading 'onWhatsApp')")
    if any(number not in instance.server.known_numbers for number in numbers):
        if not sock.looks_open:
            return raw_boom()
        if sock.silent:
            await asyncio.sleep(HUNG_S)
            return fail(500, "Cannot read properties of undefined (reading 'find')")
    absent = instance.world.not_on_whatsapp
    instance.server.known_numbers.update(number for number in numbers if number not in absent)
    return ok([{"jid": jid_of(one), "exists": one not in absent, "number": one} for one in numbers])


async def _business_profile(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    """A round trip to WhatsApp that surfaces errors; by default about the line's own number."""
    failed = "Error updating profile name"
    sock = instance.sock
    if sock is None:
        return fail(500, [failed, "TypeError: Cannot read properties of undefined (reading 'getBusinessProfile')"])
    if not sock.looks_open:
        return fail(500, [failed, "Error: Connection Closed"])
    if sock.silent:
        await asyncio.sleep(HUNG_S)
        return fail(500, [failed, "Error: Timed Out"])
    if sock.state == "qr":
        return fail(500, [failed, "TypeError: Cannot read properties of undefined (reading 'id')"])
    await asyncio.sleep(instance.world.dice.uniform(*instance.server.answer_s))
    return ok({"isBusiness": False, "message": "Not is business profile"})


async def _profile(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    if refusal := missing(body, "number"):
        return refusal
    number = digits_of(str(body["number"]))
    exists = number not in instance.world.not_on_whatsapp
    return ok({"wuid": jid_of(number), "numberExists": exists, "picture": None, "isBusiness": False})


async def _picture(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    """Errors become null: it proves nothing."""
    return missing(body, "number") or ok({"wuid": jid_of(str(body["number"])), "profilePictureUrl": None})


async def _mark_read(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    if refusal := missing(body, "readMessages"):
        return refusal
    return await socket_check(instance, media=False) or ok({"message": "Read messages", "read": "success"}, 201)


async def _delete_for_everyone(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    if refusal := missing(body, "id", "remoteJid", "fromMe") or await socket_check(instance, media=False):
        return refusal
    target = {"remoteJid": body["remoteJid"], "fromMe": body["fromMe"], "id": body["id"]}
    if row := instance.messages.get(str(body["id"])):
        row.deleted = True
    key = {"remoteJid": body["remoteJid"], "fromMe": True, "id": instance.world.new_wa_id()}
    message = {"protocolMessage": {"key": target, "type": "REVOKE"}}
    told = {"key": key, "message": message, "messageTimestamp": str(int(instance.world.now())), "status": "PENDING"}
    return ok(told, 201)


async def _update_message(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    if refusal := missing(body, "number", "key", "text") or await socket_check(instance, media=False):
        return refusal
    row = instance.messages.get(str(body["key"].get("id")))
    if row is None:
        return fail(400, ["Message not found"])
    if row.deleted:
        return fail(400, ["You cannot edit deleted messages"])
    return ok({"key": row.key, "status": "PENDING", "message": {"conversation": body["text"]}}, 201)


async def _chat_presence(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    if refusal := missing(body, "number", "presence", "delay") or await socket_check(instance, media=False):
        return refusal
    await asyncio.sleep(float(body["delay"]) / 1000)
    return ok({"presence": body["presence"]}, 201)


async def _contacts(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    return ok([
        {
            "id": f"ccon{place}", "remoteJid": jid, "pushName": "Cliente", "profilePicUrl": None,
            "instanceId": instance.instance_id, "isGroup": jid.endswith("@g.us"), "isSaved": True, "type": "contact",
            "createdAt": iso(instance.created_at), "updatedAt": iso(instance.created_at),
        }
        for place, jid in enumerate(sorted(instance.contacts))
    ])  # fmt: skip


async def _media(instance: EvolutionInstance, body: Json, query: str) -> HttpResponse:
    """The message is looked for in the table, and its media decrypted by the socket."""
    wanted = body.get("message") if isinstance(body, dict) else None
    row = instance.messages.get(str((wanted or {}).get("key", {}).get("id")))
    if row is None:
        return fail(400, ["Message not found"])
    if not row.kind.endswith("Message") or (data := instance.world.media.get(row.key["id"])) is None:
        return fail(400, ["The message is not of the media type"])
    if refusal := await socket_check(instance, media=True):
        return refusal
    if instance.world.media_of(row.key["id"]) is None:
        return fail(400, ["Error: Failed to fetch stream from https://mmg.whatsapp.net/v/x.enc"])
    part = row.message[row.kind]
    answer = {
        "mediaType": row.kind,
        "fileName": part.get("fileName") or f"{row.key['id']}.bin",
        "caption": part.get("caption"),
        "size": {"fileLength": str(len(data)), "height": None, "width": None},
        "mimetype": part.get("mimetype"),
        "base64": base64.b64encode(data).decode(),
        "buffer": None,
    }
    return ok(answer, 201)


ROUTES: dict[tuple[str, str, str], Route] = {
    ("POST", "chat", "getBase64FromMediaMessage"): _media,
    ("POST", "chat", "findMessages"): _find_messages,
    ("POST", "chat", "findStatusMessage"): _find_status,
    ("POST", "chat", "findContacts"): _contacts,
    ("POST", "chat", "whatsappNumbers"): _numbers,
    ("POST", "chat", "fetchBusinessProfile"): _business_profile,
    ("POST", "chat", "fetchProfile"): _profile,
    ("POST", "chat", "fetchProfilePictureUrl"): _picture,
    ("POST", "chat", "markMessageAsRead"): _mark_read,
    ("POST", "chat", "sendPresence"): _chat_presence,
    ("POST", "chat", "updateMessage"): _update_message,
    ("DELETE", "chat", "deleteMessageForEveryone"): _delete_for_everyone,
}
