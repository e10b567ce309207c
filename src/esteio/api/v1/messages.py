"""`/v1/sessions/{name}/messages` and `/v1/messages`: hand in, look at, try again, take back.

Never lives here: a rule about messages (`engine.commands.messages`, `core.messages.outbox`).
"""

from __future__ import annotations

import msgspec

from esteio.api.http import cursors, scopes
from esteio.api.http.openapi_schemas import literal
from esteio.api.http.request import ApiRequest, ApiResponse, answer, one_of, page_size
from esteio.api.http.route import ApiContext, Parameter, Route, page_parameters, speaker
from esteio.core.model.message import Direction, MessageState
from esteio.core.views import documents
from esteio.core.views.documents import MessageDocument
from esteio.engine.commands.requests import EmptyRequest, MessageRequest
from esteio.engine.errors import CommandError
from esteio.engine.runtime.waiters import SETTLED


class MessagePage(msgspec.Struct, frozen=True):
    """A page of messages, newest first; `next` is the place to ask from, or null at the end."""

    items: tuple[MessageDocument, ...]
    next: str | None = None


async def send(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """202 once it is on the disk; 200 when it has settled by the time of the answer. Raises `CommandError`
    (`too-large`) for a body over the limit that carries no media."""
    idem_key = call.idempotency_key
    session = await api.commands.lookup.session(call.path["name"], call.scope)
    body = await call.body()
    ask = await call.ask(MessageRequest)
    if len(body) > api.settings.max_body_bytes and (ask.media is None or ask.media.base64 is None):
        raise CommandError("too-large", limit=str(api.settings.max_body_bytes))
    message, made = await api.commands.messages.send(
        session, ask, caller=call.key.id, idem_key=idem_key, wait_s=call.wait_s, trace_context=call.trace_context
    )
    status = 200 if message.state in SETTLED else 202
    if made:
        return api.message_answer(message, call, status)
    return api.message_answer(message, call, status, idempotent_replayed="true")


async def list_all(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """The session's messages, newest first, narrowed by `state` and `direction`, one page at a time."""
    words = call.query("state", "direction", "limit", "after")
    session = await api.commands.lookup.session(call.path["name"], call.scope)
    page = await api.store.messages.page(
        session.id,
        state=one_of(words, "state", MessageState),
        direction=one_of(words, "direction", Direction),
        limit=page_size(words),
        after=cursors.place(words, "messages"),
    )
    say = speaker(call.texts)
    following = None if page.next is None else cursors.made("messages", page.next)
    return answer(MessagePage(tuple(documents.message(one, say, link=api.link) for one in page.items), following))


async def one(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """A message with every attempt and its outcome."""
    message = await api.commands.lookup.message(call.path["id"], call.scope)
    attempts = await api.store.messages.attempts(message.id)
    return answer(documents.message(message, speaker(call.texts), attempts=attempts, link=api.link))


async def retry(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """Back into the queue."""
    await call.ask(EmptyRequest)
    return api.message_answer(await api.commands.messages.retry(call.path["id"]), call)


async def cancel(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """Taken back, while it has not gone."""
    await call.ask(EmptyRequest)
    return api.message_answer(await api.commands.messages.cancel(call.path["id"]), call)


_SEND_PARAMETERS = (
    Parameter(
        "Idempotency-Key", "1 to 255 printable characters; the same key and body give the same message", "header"
    ),
    Parameter("traceparent", "W3C Trace Context: the trace that the message belongs to", "header"),
    Parameter("Prefer", "`wait=N`: wait up to N seconds (at most 60) for it to settle", "header"),
)

_SEND_ERRORS = (
    "quota-messages",
    "invalid-phone",
    "ambiguous-phone",
    "chat-not-answerable",
    "unknown-message",
    "target-not-allowed",
    "invalid-idempotency-key",
    "idempotency-mismatch",
    "idempotency-in-progress",
)
SEND = Route(
    "POST",
    "/v1/sessions/{name}/messages",
    send,
    "send",
    "Send a message",
    {202: MessageDocument, 200: MessageDocument},
    body=MessageRequest,
    parameters=_SEND_PARAMETERS,
    carries_media=True,
    errors=_SEND_ERRORS,
    scope=scopes.SESSION,
)
ROUTES = (
    SEND,
    Route(
        "GET",
        "/v1/sessions/{name}/messages",
        list_all,
        "read",
        "A session's messages, newest first",
        {200: MessagePage},
        parameters=page_parameters(
            Parameter("state", "only messages in this state", schema=literal(MessageState)),
            Parameter("direction", "`out` or `in`", schema=literal(Direction)),
        ),
        scope=scopes.SESSION,
    ),
    Route(
        "GET",
        "/v1/messages/{id}",
        one,
        "read",
        "A message with its attempts",
        {200: MessageDocument},
        scope=scopes.MESSAGE,
    ),
    Route(
        "POST",
        "/v1/messages/{id}/retry",
        retry,
        "send",
        "Put a failed message back into the queue",
        {200: MessageDocument},
        body=EmptyRequest,
        errors=("wrong-state",),
        scope=scopes.MESSAGE,
    ),
    Route(
        "POST",
        "/v1/messages/{id}/cancel",
        cancel,
        "send",
        "Take a waiting message back",
        {200: MessageDocument},
        body=EmptyRequest,
        errors=("wrong-state",),
        scope=scopes.MESSAGE,
    ),
)
