"""The JSON of Evolution, as recorded: rows, envelopes, messages, errors; and what differs between its versions.

Pure values in, plain JSON values out. Never lives here: the state of anything.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from esteio.providers.base import HttpResponse

Json = Any

EVENTS: tuple[str, ...] = (
    "APPLICATION_STARTUP", "QRCODE_UPDATED", "MESSAGES_SET", "MESSAGES_UPSERT", "MESSAGES_EDITED", "MESSAGES_UPDATE",
    "MESSAGES_DELETE", "SEND_MESSAGE", "SEND_MESSAGE_UPDATE", "CONTACTS_SET", "CONTACTS_UPSERT", "CONTACTS_UPDATE",
    "PRESENCE_UPDATE", "CHATS_SET", "CHATS_UPSERT", "CHATS_UPDATE", "CHATS_DELETE", "GROUPS_UPSERT", "GROUP_UPDATE",
    "GROUP_PARTICIPANTS_UPDATE", "CONNECTION_UPDATE", "LABELS_EDIT", "LABELS_ASSOCIATION", "CALL", "TYPEBOT_START",
    "TYPEBOT_CHANGE_STATUS", "REMOVE_INSTANCE", "LOGOUT_INSTANCE", "INSTANCE_CREATE", "INSTANCE_DELETE",
    "STATUS_INSTANCE",
)  # fmt: skip
EVENT_SET = frozenset(EVENTS)

BLANK_PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
PRESENCES = ("unavailable", "available", "composing", "recording", "paused")
SETTINGS = (
    "rejectCall",
    "msgCall",
    "groupsIgnore",
    "alwaysOnline",
    "readMessages",
    "readStatus",
    "syncFullHistory",
    "wavoipToken",
)
SETTINGS_REQUIRED = ("rejectCall", "groupsIgnore", "alwaysOnline", "readMessages", "readStatus", "syncFullHistory")
TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 500: "Internal Server Error"}
HEADERS = {"content-type": "application/json; charset=utf-8", "x-powered-by": "Express"}


class Rules(msgspec.Struct, frozen=True):
    """How one version of Evolution behaves where versions differ (facts §9, §3.4 to 3.6)."""

    version: str
    serial_queue: bool
    """2.3.7 and later: one promise chain per instance, which `messages.edited` webhooks hold up."""
    boots_all: bool
    """Up to 2.3.6 a boot connects every instance, closed ones too."""
    logout_deafens: bool
    """2.3.1 to 2.3.6: after a logout, failed or not, the process never emits `messages.upsert` again."""
    terminal: frozenset[int]
    """Codes after which it does not reconnect and deletes the credentials."""
    reconnect_s: float
    logout_idempotent: bool
    delete_despite_logout: bool
    closed_status: int
    closed_text: Json
    """How a send over a dead socket is refused."""
    own_message_id: bool
    rich_headers: bool


def rules_for(version: str) -> Rules:
    """The rules of a version such as `2.2.3`, `2.3.7` or `2.4.0-rc2`."""
    numbers = tuple(int(part) for part in version.partition("-")[0].split("."))
    new = numbers >= (2, 4)
    status, text = (400, ["Error: Connection Closed"]) if numbers >= (2, 3, 7) else (500, ["Error: Connection Closed"])
    return Rules(
        version=version,
        serial_queue=numbers >= (2, 3, 7),
        boots_all=numbers < (2, 3, 7),
        logout_deafens=(2, 3, 1) <= numbers <= (2, 3, 6),
        terminal=frozenset({401, 402, 403, 406} | ({408} if new else set())),
        reconnect_s=3.0 if new else 0.0,
        logout_idempotent=new,
        delete_despite_logout=new,
        closed_status=status,
        closed_text="Connection Closed" if numbers < (2, 3) else text,
        own_message_id=new,
        rich_headers=new,
    )


# -- answers -----------------------------------------------------------------------------------------------------


def ok(body: Json, status: int = 200) -> HttpResponse:
    """An answer with this body as JSON, 200 unless another status is given."""
    return HttpResponse(status, HEADERS, msgspec.json.encode(body))


def fail(status: int, message: Json) -> HttpResponse:
    """Evolution's error envelope; `message` is a string, a list, or a list in a list, as the case has it."""
    return ok({"status": status, "error": TITLES[status], "response": {"message": message}}, status)


def no_such_instance(name: str) -> HttpResponse:
    """The guard's 404, which comes before the key is looked at."""
    return fail(404, [f'The "{name}" instance does not exist'])


def cannot(method: str, path: str) -> HttpResponse:
    """The router's page for an unknown route or a wrong verb."""
    return fail(404, [f"Cannot {method} {path}"])


def raw_boom() -> HttpResponse:
    """The library's error as it is: `whatsappNumbers` over a dead socket."""
    payload = {"statusCode": 428, "error": "Precondition Required", "message": "Connection Closed"}
    output = {"statusCode": 428, "payload": payload, "headers": {}}
    return ok({"data": None, "isBoom": True, "isServer": False, "output": output}, 400)


# -- small values ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def iso(at: float) -> str:
    """`2026-11-21T07:44:53.663Z`."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def jid_of(number: str) -> str:
    """The JID of digits; JIDs stay as they are."""
    return number if "@" in number else f"{number}@s.whatsapp.net"


def digits_of(jid: str) -> str:
    """Digits of a phone's JID; groups and lids stay as they are."""
    head, at, tail = jid.partition("@")
    return head.split(":")[0] if not at or tail in ("s.whatsapp.net", "c.us") else jid


def context_info(at: float) -> dict[str, Json]:
    """The `contextInfo` of a message sent through the API."""
    return {
        "mentionedJid": [],
        "groupMentions": [],
        "ephemeralSettingTimestamp": {"low": int(at) - 172_800, "high": 0, "unsigned": False},
        "disappearingMode": {"initiator": 0},
    }


def jwt(secret: str, at: float) -> str:
    """The HS256 token Evolution makes of `headers.jwt_key`: ten minutes, made once per event."""
    claims = {"iat": int(at), "exp": int(at) + 600, "app": "evolution", "action": "webhook"}
    head, body = (_b64(msgspec.json.encode(part)) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    mark = _b64(hmac.new(secret.encode(), head + b"." + body, hashlib.sha256).digest())
    return b".".join((head, body, mark)).decode()


def _b64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def disconnection(code: int, name: str, at: float, *, ours: bool) -> str:
    """`disconnectionObject`, a JSON string: our own logout, or WhatsApp's stream error."""
    titles = {
        401: "Unauthorized",
        402: "Payment Required",
        403: "Forbidden",
        406: "Not Acceptable",
        408: "Request Timeout",
    }
    payload = {
        "statusCode": code,
        "error": titles.get(code, "Unknown"),
        "message": f"Log out instance: {name}" if ours else "Connection Failure",
    }
    error = {
        "data": None if ours else {"reason": str(code), "location": "frc"},
        "isBoom": True,
        "isServer": False,
        "output": {"statusCode": code, "payload": payload, "headers": {}},
    }
    return msgspec.json.encode({"error": error, "date": iso(at)}).decode()


# -- messages ----------------------------------------------------------------------------------------------------

MEDIA_KEYS = {
    "image": "imageMessage",
    "video": "videoMessage",
    "audio": "audioMessage",
    "document": "documentMessage",
    "sticker": "stickerMessage",
    "ptv": "ptvMessage",
}


def inbound_message(kind: str, text: str, extra: dict[str, Json], jid: str) -> tuple[Json, str]:
    """(`message`, `messageType`) of something that came in; the URL of its media holds cipher text, as WhatsApp's."""
    if kind == "reaction":
        key = {"remoteJid": jid, "fromMe": True, "id": extra.get("target", ""), "participant": ""}
        return {"reactionMessage": {"key": key, "text": text}}, "reactionMessage"
    if kind == "location":
        spot = {"degreesLatitude": extra.get("latitude", -23.5), "degreesLongitude": extra.get("longitude", -46.6)}
        return {"locationMessage": spot | {"name": text}}, "locationMessage"
    if kind in MEDIA_KEYS:
        media = {
            "url": "https://mmg.whatsapp.net/v/x.enc",
            "mimetype": extra.get("mime", "image/jpeg"),
            "caption": text,
        }
        media |= {"mediaKey": "c2lt", "directPath": "/v/x.enc", "fileSha256": "c2lt"}
        if name := extra.get("filename"):
            media["fileName"] = name
        return {MEDIA_KEYS[kind]: media}, MEDIA_KEYS[kind]
    return {"conversation": text}, "conversation"


def instance_row(instance: Any) -> Json:
    """One row of fetchInstances: database columns. `line` is an `EvolutionInstance`."""
    return {
        "id": instance.instance_id,
        "name": instance.name,
        "connectionStatus": instance.db_state,
        "ownerJid": instance.owner_jid,
        "profileName": instance.profile_name,
        "profilePicUrl": None,
        "integration": "WHATSAPP-BAILEYS",
        "number": instance.number,
        "businessId": None,
        "token": instance.token,
        "clientName": "evolution_exchange",
        "disconnectionReasonCode": instance.gone_code,
        "disconnectionObject": instance.gone_object,
        "disconnectionAt": None if instance.gone_at is None else iso(instance.gone_at),
        "createdAt": iso(instance.created_at),
        "updatedAt": iso(instance.updated_at),
        "Chatwoot": None,
        "Proxy": None,
        "Rabbitmq": None,
        "Nats": None,
        "Sqs": None,
        "Websocket": None,
        "Setting": {
            "id": f"cset{instance.instance_id[:8]}",
            **instance.settings,
            "createdAt": iso(instance.created_at),
            "updatedAt": iso(instance.created_at),
            "instanceId": instance.instance_id,
        },
        "_count": {"Message": len(instance.messages), "Contact": len(instance.contacts), "Chat": 0},
    }


def webhook_row(instance: Any) -> Json:
    """What `webhook/find` answers: the row, or None."""
    hook = instance.hook
    if hook is None:
        return None
    return {
        "id": f"cweb{instance.instance_id[:8]}",
        "url": hook.url,
        "headers": hook.headers,
        "enabled": hook.enabled,
        "events": list(hook.events),
        "webhookByEvents": hook.by_events,
        "webhookBase64": hook.base64,
        "createdAt": iso(instance.created_at),
        "updatedAt": iso(hook.updated_at),
        "instanceId": instance.instance_id,
    }
