"""`POST /message/send…`: each becomes a message of the outbox, committed before the answer, whose id is final.

The answer waits a little (`door.wait_s`) for the provider's own fields, and not at all for a message that is held.
Never lives here: a body's form (`send_bodies`), what a call means (`send_requests`), the send itself (`engine.outbox`).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from esteio.api.evolution.answers import EvolutionError
from esteio.api.evolution.forms import FILE, read_body
from esteio.api.evolution.numbers import jid_of_number
from esteio.api.evolution.route import Door, DoorCall, DoorHandler, DoorRoute
from esteio.api.evolution.send_bodies import Body, check, flat
from esteio.api.evolution.send_failures import failure, unknown_number
from esteio.api.evolution.send_requests import CALLS, DIALECT, request_of, target_of
from esteio.api.http.request import ApiResponse, answer
from esteio.core.model.content import NATIVE_KINDS
from esteio.core.model.ids import MessageId
from esteio.core.model.message import Message
from esteio.core.model.session import Session
from esteio.core.views import documents
from esteio.core.webhooks import evolution_format
from esteio.core.webhooks.evolution_names import instance_of
from esteio.engine.commands.messages import GIVEN_UP
from esteio.engine.commands.requests import MessageRequest
from esteio.engine.errors import CommandError
from esteio.engine.runtime.ports import NotFound
from esteio.engine.runtime.waiters import SETTLED

CONTEXTLESS: Final = frozenset({"reaction", "buttons", "status"})
"""Kinds that Evolution answers without a `contextInfo` (recordings 065, 069)."""


class _Taken(NamedTuple):
    """A send that is on disk; nothing of its body is held any longer. `number`: as the client wrote it; `target`: the
    id that it names; `quoted`: the message of ours behind that."""

    message: Message
    number: str
    target: str | None
    quoted: Message | None


async def send(door: Door, call: DoorCall, name: str) -> ApiResponse:
    """201 with the message as it is by then. Raises `EvolutionError`, `CommandError`."""
    api, instance = door.api, instance_of(call.known)
    await call.request.body()
    # Not around the reading: who uploads slowly would hold the places of all others.
    async with api.large_bodies.place(call.request.headers):
        taken = await _taken(door, call, name)
    call.request.whole_body = b""
    message = await _waited(door, taken.message)
    if message.state in GIVEN_UP:
        raise failure(message, taken.number, call.texts)
    context = {} if message.content.kind in CONTEXTLESS else _context(message, taken.target, taken.quoted)
    if message.content.kind == "text":
        return answer(evolution_format.sent_text(message, instance, context), 201)
    return answer(evolution_format.sent(_document(message, api.link), instance, context), 201)


async def _taken(door: Door, call: DoorCall, name: str) -> _Taken:
    session, body = call.known, flat(await read_body(call))
    _check_size(call, body, door.api.settings.max_body_bytes)
    check(body, CALLS[name].required)
    target = target_of(body, name)
    quoted = None if target is None else await _named(door, session, target)
    request = request_of(name, body, quoted.id if quoted is not None else None)
    await _check_dialect(door, session, name)
    return _Taken(await _accepted(door, call, request, body), _number_of(body), target, quoted)


def _document(message: Message, link: documents.Link | None = None) -> documents.Document:
    return documents.as_data(documents.message(message, documents.plain_reason, link=link))


async def _accepted(door: Door, call: DoorCall, request: MessageRequest, body: Body) -> Message:
    api = door.api
    try:
        message, _ = await api.commands.messages.send(
            call.known,
            request,
            caller=call.request.key.id,
            idem_key=call.request.idempotency_key,
            repeat_s=api.settings.door.dedupe_s,
            trace_context=call.request.trace_context,
        )
    except CommandError as error:
        if error.code == "invalid-phone" and error.field == "to":
            raise unknown_number(request.to, _number_of(body)) from error
        if error.field == "media.base64" and error.code == "invalid-value":
            raise EvolutionError(400, ["Owned media must be a url or base64"]) from error
        raise
    return message


async def _waited(door: Door, message: Message) -> Message:
    """As it is once it has settled, or `door.wait_s` later. What waits for its session is not waited for."""
    wait_s = door.api.settings.door.wait_s
    if wait_s <= 0 or message.state in SETTLED or message.state == "held":
        return message
    try:
        return await door.api.waiters.wait_message(message.id, wait_s)
    except NotFound:
        return message


async def _named(door: Door, session: Session, target: str) -> Message | None:
    """The message of this session that a client means by our id or by the provider's."""
    found = await door.api.store.messages.get(MessageId(target))
    if found is None or found.session_id != session.id:
        found = await door.api.store.messages.by_provider_id(session.id, target)
    return found


def _check_size(call: DoorCall, body: Body, limit: int) -> None:
    """Only media may make a body larger than all others. Raises `CommandError("too-large")`."""
    if len(call.request.whole_body or b"") <= limit:
        return
    small = sum(len(value) for name, value in body.items() if name not in _BYTES and isinstance(value, str | list))
    if small > limit or _BYTES.isdisjoint(body):
        raise CommandError("too-large", limit=str(limit))


_BYTES: Final = frozenset({FILE, "media", "video", "audio", "sticker", "content"})


async def _check_dialect(door: Door, session: Session, name: str) -> None:
    """Raises `CommandError` for what only Evolution can send, before there is a row."""
    if CALLS[name].kind not in NATIVE_KINDS:
        return
    stored = await door.api.store.servers.get(session.server)
    if stored is None or stored.server.kind != DIALECT:
        raise CommandError("call-unsupported", call=name, kind="" if stored is None else stored.server.kind)


def _number_of(body: Body) -> str:
    """The chat, as the client wrote it."""
    return str(body.get("number") or (body.get("key") or {}).get("remoteJid") or "")


def _context(message: Message, target: str | None, quoted: Message | None) -> dict[str, Any]:
    """`contextInfo` as far as we know it; a quoted message by the id that the client named."""
    told: dict[str, Any] = {"mentionedJid": [jid_of_number(one) for one in message.mentions], "groupMentions": []}
    if target is not None:
        told["stanzaId"] = target
    if quoted is not None:
        told["quotedMessage"] = evolution_format.content(_document(quoted))
    return told


def _handler(name: str) -> DoorHandler:
    async def handle(door: Door, call: DoorCall) -> ApiResponse:
        return await send(door, call, name)

    return handle


ROUTES = tuple(
    DoorRoute("POST", f"/message/{name}/{{instance}}", _handler(name), "send", carries_media=call.carries_media)
    for name, call in CALLS.items()
)
