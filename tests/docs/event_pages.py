"""The reference of events as a page: every type with an example, made by the code that makes the real ones.

Never lives here: a type (`core.webhooks.delivery_policy`), what it means (`api.http.openapi_events`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from esteio.api.http.openapi_events import TEXTS
from esteio.core.model.content import Content, Media, Reaction
from esteio.core.model.ids import MessageId, ServerName, SessionId, SessionName
from esteio.core.model.message import Message
from esteio.core.model.recovery import Approval, Attempt, Outage, Recovery
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.core.model.state import Axis, Reason
from esteio.core.views import documents, server_documents
from esteio.core.webhooks.delivery_policy import EVENT_TYPES
from esteio.core.webhooks.event_formats import standard, worded
from esteio.store.base import Qr
from esteio.texts import catalogue
from tests.docs.api_pages import MADE, SCHEMAS, WHOLE, kind, sentence

PAGE = "docs/reference/events.md"
AT = 1_795_247_456.797
SHOP = "shop-1"
LIVE = Axis("yes", "round_trip_ok", AT - 4)
SENT = Message(
    id=MessageId("msg_01k9z4q8m3v7w2x5y6t1r0n8pb"), session_id=SessionId(1), session=SessionName(SHOP), direction="out",
    chat="5511987654321", to="5511987654321", content=Content("text", text="Seu pedido saiu para entrega."),
    state="delivered", created_at=AT - 3, updated_at=AT, provider_id="3EB0C431C26A1916E07E", client_ref="order-4711",
)  # fmt: skip
RECEIVED = Message(
    id=MessageId("msg_01k9z4qa1c5d9f3g7h2j4k6m8n"), session_id=SessionId(1), session=SessionName(SHOP), direction="in",
    chat="5511987654321", sender="5511987654321", content=Content("text", text="Chegou, obrigada!"),
    state="delivered", created_at=AT, updated_at=AT, provider_id="3A5F0C2B7D9E41A8B6C0",
)  # fmt: skip
PICTURE = Media("image", stored="5f2c", mime="image/jpeg", size=48_213)
SESSION = Session(
    id=SessionId(1), name=SessionName(SHOP), server=ServerName("evo-1"), kind="evolution", created_at=AT - 864_000,
    phone="5511912345678", ref={"instance_name": SHOP}, state="connected", since=AT, reason=Reason("live"),
    can_send=LIVE, can_receive=Axis("yes", "message_received", AT - 2), linked=True,
)  # fmt: skip
OUTAGE = Outage("out_1_42", AT - 31, "ghost-socket")
RESTART = Attempt("att_1_43", "restart", 1, AT - 1, AT + 19)
DOWN = msgspec.structs.replace(
    SESSION, state="connecting", reason=Reason("ghost-socket"), can_send=Axis("no", "ghost-socket", AT - 31),
    can_receive=Axis("no", "ghost-socket", AT - 31), outage=OUTAGE, recovery=Recovery(open=RESTART, next_at=AT + 19),
)  # fmt: skip
SERVER = Server(
    name=ServerName("evo-1"), kind="evolution", base_url="https://evolution.example.com", health="down",
    health_because="unreachable", health_at=AT, version="2.3.7", sessions_at_server=12,
)  # fmt: skip
SERVER_OUTAGE = Outage("sout_evo-1_7", AT - 12, "unreachable")
QR = Qr("2@Zr3…", "iVBORw0KGgo…", 1, AT, AT + 20)
HEAD = """
Webhooks (in the format `standard`) and the stream show the same events; [webhooks.md](webhooks.md) says how they come,
what can be relied on, and the other formats. Each holds `type`, `timestamp` and `data`; more fields may be added, none
changes its meaning. The examples are made by the code that makes the real ones.
"""


def data() -> dict[str, Mapping[str, Any]]:
    """Type → the document as the log keeps it, without its words."""
    edited = msgspec.structs.replace(RECEIVED, content=Content("text", text="Chegou, obrigado!"))
    pictured = msgspec.structs.replace(RECEIVED, content=Content("image", text="Chegou assim", media=PICTURE))
    liked = msgspec.structs.replace(RECEIVED, content=Content("reaction", reaction=Reaction(SENT.id, "👍")))
    approval = Approval("apr_1_44", SESSION.id, SESSION.name, "logout", "ghost-socket", Reason("new-pairing"), AT)
    up = msgspec.structs.replace(SERVER, health="up", health_because="answers")
    moment = documents.timestamp(AT)
    return {
        "session.state_changed": documents.session_document(SESSION, 0, previous="connecting"),
        "session.qr": {"qr": documents.as_data(documents.qr(QR)), "pairing_code": None},
        "session.deleted": {"name": SHOP, "instance": SHOP, "instance_id": "7f1a3d52-9c5e-5b1c-8a54-2f9f3f0f6f4e"},
        "session.outage_started": documents.session_document(DOWN, 2),
        "session.outage_ended": documents.session_document(SESSION, 2),
        "server.outage_started": server_documents.outage_event(SERVER, SERVER_OUTAGE),
        "server.outage_ended": server_documents.outage_event(up, SERVER_OUTAGE),
        "approval.requested": documents.approval_document(approval),
        "message.received": {**documents.message_document(RECEIVED), "push_name": "Ana"},
        "message.media_changed": documents.message_document(pictured),
        "message.edited": {**documents.message_document(edited), "edited_at": moment},
        "message.deleted": {**documents.message_document(RECEIVED), "deleted_at": moment},
        "message.reaction": documents.message_document(liked),
        "message.state_changed": documents.message_document(SENT),
    }


def events() -> dict[str, dict[str, Any]]:
    """Type → an event as it leaves the process."""
    texts = catalogue("en")
    found = data()
    return {
        kind: standard(kind, AT, worded(found[kind], None if kind.startswith("server.") else SHOP, texts))
        for kind in EVENT_TYPES
    }


def pages() -> dict[str, str]:
    """Path in the repository → text."""
    lines = [MADE.format("the types of events"), "", "# Events", HEAD, "| Type | What happened |", "|---|---|"]
    lines += [f"| [`{one}`](#{one.replace('.', '')}) | {TEXTS[one]} |" for one in EVENT_TYPES]
    for one, event in events().items():
        lines += ["", *section(one, event)]
    return {PAGE: "\n".join(lines)}


def section(one: str, event: Mapping[str, Any]) -> Iterator[str]:
    """A type of event with its example."""
    asked = WHOLE["webhooks"][one]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    body = SCHEMAS[asked.rpartition("/")[2]]["properties"]["data"]
    shape, *more = body.get("allOf", [body])
    told = f"{kind(shape, 'api/shapes.md')}{', with `session` at its top' if more else ''}"
    yield from (f"## {one}", "", sentence(TEXTS[one]), "", f"`data`: {told}.", "")
    yield from ("```json", json.dumps(event, indent=2, ensure_ascii=False), "```")
