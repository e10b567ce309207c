"""The `webhooks` part of the description: every type of event, its body, and the headers that it is signed with.

The same bodies are the `data` of the stream's events. Never lives here: making or sending an event.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from esteio.api.http.openapi_schemas import REF, Schema
from esteio.core.model.server import Limits
from esteio.core.views.documents import (
    ApprovalDocument,
    MessageDocument,
    OutageDocument,
    QrDocument,
    SessionDocument,
)
from esteio.core.views.server_documents import HealthDocument
from esteio.core.webhooks.delivery_policy import EVENT_TYPES


class QrEvent(msgspec.Struct, frozen=True):
    """A new code to scan, or to type."""

    session: str
    qr: QrDocument
    pairing_code: str | None


class SessionDeleted(msgspec.Struct, frozen=True):
    """A session that is no longer known here. `instance`, `instance_id`: what it was called at the Evolution door."""

    session: str
    name: str
    instance: str
    instance_id: str


class ServerEvent(msgspec.Struct, frozen=True):
    """A server without what is only read at its own address. `base_url` is null for webhooks of some sessions."""

    name: str
    kind: str
    base_url: str | None
    health: HealthDocument
    sessions_at_server: int | None
    version: str | None
    limits: Limits
    outage: OutageDocument | None


class UnknownMessage(msgspec.Struct, frozen=True):
    """A message that was never seen here, by its provider's id: it was edited or deleted. `text` when it was edited."""

    id: None
    session: str
    provider_id: str
    chat: str
    text: str | msgspec.UnsetType | None = msgspec.UNSET


TEXTS: Final = {
    "session.state_changed": "A session's state changed; `previous` is the one before",
    "session.qr": "A new code to scan",
    "session.deleted": "A session is no longer known here",
    "session.outage_started": "A session is proved to be down",
    "session.outage_ended": "A session is proved to work again",
    "server.outage_started": "A server, or many of its sessions at once, went down",
    "server.outage_ended": "A server works again",
    "approval.requested": "A destructive step waits for a person",
    "message.received": "A message came in",
    "message.media_changed": "The file of a message that came in without it is there, or was given up",
    "message.edited": "A message was edited; its text may be unknown",
    "message.deleted": "A message was deleted for everyone",
    "message.reaction": "A reaction was set or taken back",
    "message.state_changed": "A message went on: sent, delivered, read, failed …",
}
_BY_START: Final = {"message": MessageDocument, "approval": ApprovalDocument, "server": ServerEvent}
_BY_TYPE: Final = {"session.qr": QrEvent, "session.deleted": SessionDeleted}
_HEADERS: Final = {
    "webhook-id": "the same at every attempt of the same event",
    "webhook-timestamp": "when this attempt was made, seconds since 1970",
    "webhook-signature": "`v1,…` as Standard Webhooks 1.0.0 has it; two of them while a new secret is phased in",
}


def shapes() -> list[type]:
    """What the events hold."""
    return [UnknownMessage, *dict.fromkeys(_shape(kind) for kind in EVENT_TYPES)]


def name_of(kind: str) -> str:
    """`message.received` as the name of a schema: `MessageReceivedEvent`."""
    return "".join(word.capitalize() for word in kind.replace(".", "_").split("_")) + "Event"


def schemas() -> dict[str, Schema]:
    """One schema for each type, and `Event`, which is any of them."""
    found = {name_of(kind): _event(kind) for kind in EVENT_TYPES}
    mapping = {kind: REF.format(name=name_of(kind)) for kind in EVENT_TYPES}
    found["Event"] = {
        "description": "Any event, as webhooks (format `standard`) and the stream hold it.",
        "oneOf": [{"$ref": reference} for reference in mapping.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    return found


def webhooks() -> dict[str, Any]:
    """Type → what is called, in the format `standard`."""
    return {kind: {"post": _operation(kind)} for kind in EVENT_TYPES}


def _event(kind: str) -> Schema:
    shape = _shape(kind)
    data: Schema = {"$ref": REF.format(name=shape.__name__)}
    if shape is SessionDocument:
        named = {"type": "object", "properties": {"session": {"type": "string"}}, "required": ["session"]}
        data = {"allOf": [data, named]}
    if kind in ("message.edited", "message.deleted"):
        data = {"anyOf": [data, {"$ref": REF.format(name=UnknownMessage.__name__)}]}
    return {
        "title": name_of(kind),
        "description": TEXTS.get(kind, kind),
        "type": "object",
        "properties": {
            "type": {"type": "string", "const": kind},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": data,
        },
        "required": ["type", "timestamp", "data"],
    }


def _shape(kind: str) -> type:
    return _BY_TYPE.get(kind) or _BY_START.get(kind.partition(".")[0], SessionDocument)


def _operation(kind: str) -> dict[str, Any]:
    return {
        "operationId": "event_" + kind.replace(".", "_"),
        "summary": TEXTS.get(kind, kind),
        "tags": ["webhooks"],
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
            for name, text in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": REF.format(name=name_of(kind))}}},
        },
        "responses": {
            "2XX": {"description": "Taken"},
            "410": {"description": "Wants no more: the webhook is disabled"},
            "4XX": {"description": "Tried again, not before `Retry-After` (at most an hour)"},
        },
    }
