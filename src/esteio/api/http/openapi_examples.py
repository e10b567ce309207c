"""Examples for the description: bodies that may be sent as they stand, documents as they come back.

Tests send every one of them. Never lives here: a shape, the call around a body (`openapi_samples`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from esteio.core.model.content import Content
from esteio.core.model.ids import MessageId, SessionId, SessionName
from esteio.core.model.message import Message
from esteio.core.views import documents

WORDS: Final[Mapping[str, str]] = {
    "name": "shop-1",
    "id": "msg_01k9z4q8m3v7w2x5y6t1r0n8pb",
    "token": "Zr3…",
    "rest": "messages-upsert",
    "address": "5511987654321",
    "filename": "photo.png",
}
"""What stands in the words of an address …"""
_ROOMS: Final[Mapping[str, Mapping[str, str]]] = {
    "servers": {"name": "evo-1"},
    "keys": {"id": "key_01k9z4q8m3v7w2x5y6t1r0n8pb"},
    "webhooks": {"id": "wh_01k9z4q8m3v7w2x5y6t1r0n8pb"},
    "approvals": {"id": "apr_01k9z4q8m3v7w2x5y6t1r0n8pb"},
    "tenants": {"name": "bakery"},
}
"""… and what else, below some."""
QUERIES: Final[Mapping[str, str]] = {
    "GET /media/{id}/{filename}": "expires=1795251056&signature=Zr3…",
    "GET /v1/events": "after=0",
}
"""What an address is asked with."""


def words(path: str) -> Mapping[str, str]:
    """What stands in the words of this address."""
    return {**WORDS, **_ROOMS.get(path.removeprefix("/v1").split("/")[1], {})}


REQUESTS: Final[Mapping[str, Any]] = {
    "POST /v1/servers": {
        "name": "evo-1",
        "kind": "evolution",
        "base_url": "http://evolution.example:8080",
        "credentials": {"apikey": "YOUR-EVOLUTION-KEY"},
    },
    "PATCH /v1/servers/{name}": {"limits": {"connects_in_flight": 2, "seconds_between_connects": 5}},
    "POST /v1/sessions": {"name": "shop-1", "server": "evo-1", "phone": "+5511912345678", "wait_s": 8},
    "PATCH /v1/sessions/{name}": {"phone": "+5511912345678", "policy": "default"},
    "POST /v1/servers/{name}/adopt": {"instances": ["clinic-prod"], "forward": True, "dry_run": True},
    "POST /v1/sessions/{name}/pair": {"wait_s": 20},
    "POST /v1/sessions/{name}/recreate": {"wait_s": 8},
    "POST /v1/sessions/{name}/messages": {
        "to": "+5511987654321",
        "text": "Seu pedido saiu para entrega.",
        "client_ref": "order-4711",
    },
    "POST /v1/keys": {"name": "crm", "role": "send", "sessions": ["shop-*"]},
    "POST /v1/tenants": {
        "name": "bakery",
        "title": "Padaria Central",
        "quotas": {"sessions": 3, "messages_per_day": 2000, "webhooks": 5},
    },
    "PATCH /v1/tenants/{name}": {"quotas": {"sessions": 5}, "enabled": True},
    "POST /v1/webhooks": {
        "url": "https://crm.example/hooks/esteio",
        "events": ["message.received", "session.state_changed"],
        "sessions": ["shop-*"],
    },
    "PATCH /v1/webhooks/{id}": {"events": ["message.received"], "enabled": True},
    "POST /v1/webhooks/{id}/rotate": {"overlap_s": 86400},
    "POST /v1/webhooks/{id}/replay": {"from": "2026-11-21T08:00:00Z", "to": "2026-11-21T09:00:00Z"},
    "POST /v1/apply": {"sessions": [{"name": "shop-1", "server": "evo-1", "policy": "default"}], "plan": True},
    "POST /v1/dead-letters/replay": {"kind": "message", "session": "shop-1", "dry_run": True},
}
_AT: Final = 1_795_247_456.797
_MESSAGE: Final = Message(
    id=MessageId(WORDS["id"]),
    session_id=SessionId(1),
    session=SessionName("shop-1"),
    direction="out",
    chat="5511987654321",
    content=Content("text", text=REQUESTS["POST /v1/sessions/{name}/messages"]["text"]),
    state="queued",
    created_at=_AT,
    updated_at=_AT,
    to="5511987654321",
    client_ref="order-4711",
)
SHAPES: Final[Mapping[str, Any]] = {
    "MessageDocument": documents.as_data(documents.message(_MESSAGE, documents.plain_reason)),
    "Problem": {
        "type": "/docs#unknown-session",
        "title": "No such session",
        "status": 404,
        "detail": "There is no session called shop-1.",
        "code": "unknown-session",
    },
}
