"""Examples for the description: bodies that may be sent as they stand, documents as they come back, `curl` calls.

Tests send every one of them. Never lives here: a shape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from esteio.api.http.route import Route
from esteio.core.model.content import Content
from esteio.core.model.ids import MessageId, SessionId, SessionName
from esteio.core.model.message import Message
from esteio.core.views import documents

WORDS: Final[Mapping[str, str]] = {
    "name": "shop-1",
    "id": "msg_01k9z4q8m3v7w2x5y6t1r0n8pb",
    "token": "Zr3…",
    "rest": "messages-upsert",
    "phone": "5511912345678",
    "address": "5511912345678",
}
"""What stands in the words of an address."""
REQUESTS: Final[Mapping[str, Any]] = {
    "POST /v1/servers": {
        "name": "evo-1",
        "kind": "evolution",
        "base_url": "http://evolution.example:8080",
        "credentials": {"apikey": "the server's AUTHENTICATION_API_KEY"},
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
    "POST /v1/webhooks": {
        "url": "https://crm.example/hooks/esteio",
        "events": ["message.received", "session.state_changed"],
        "sessions": ["shop-*"],
    },
    "PATCH /v1/webhooks/{id}": {"events": ["message.received"], "enabled": True},
    "POST /v1/webhooks/{id}/rotate": {"overlap_s": 86400},
    "POST /v1/webhooks/{id}/replay": {"from": "2026-11-21T08:00:00Z", "to": "2026-11-21T09:00:00Z"},
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
_OTHER_IDS: Final = {"keys": "key_01k9…", "webhooks": "wh_01k9…", "approvals": "apr_01k9…"}


def curl(route: Route, path: str) -> str:
    """The call as one would type it, with `ESTEIO_URL` and `ESTEIO_KEY` set."""
    room = path.removeprefix("/v1").split("/")[1]
    words = {**WORDS, "id": _OTHER_IDS.get(room, WORDS["id"])}
    filled = re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[1]), path)
    how = "" if route.method == "GET" else f"-X {route.method} "
    lines = [f'curl {how}"$ESTEIO_URL{filled}"']
    if route.role is not None:
        lines.append('-H "Authorization: Bearer $ESTEIO_KEY"')
    if route.body is not None:
        body = json.dumps(REQUESTS.get(f"{route.method} {path}", {}), ensure_ascii=False).replace("'", "'\\''")
        lines += ["-H 'Content-Type: application/json'", f"-d '{body}'"]
    return " \\\n  ".join(lines)
