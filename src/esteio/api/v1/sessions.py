"""`/v1/sessions`: create, list, one, delete, and the wishes: pair, recover, recreate, pause, resume; QR and timeline.

Never lives here: a rule about sessions (`engine.commands.sessions.session_commands`, `core`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, TypeVar

import msgspec

from esteio.api.http import cursors, qr_image, scopes
from esteio.api.http.openapi_schemas import literal
from esteio.api.http.request import (
    LARGEST_PAGE,
    NOTHING,
    ApiRequest,
    ApiResponse,
    answer,
    one_of,
    page_size,
    whole_number,
)
from esteio.api.http.route import ApiContext, Parameter, Route, page_parameters, teller
from esteio.api.v1.instances import AdoptionDocument, adoption, replaced
from esteio.core.model.ids import ServerName
from esteio.core.model.session import Session
from esteio.core.model.state import SessionState
from esteio.core.views import documents
from esteio.core.views.documents import QrDocument, SessionDocument, TimelineDocument
from esteio.engine.commands import journal_export
from esteio.engine.commands.requests import (
    AtProvider,
    EmptyRequest,
    PairRequest,
    SessionChange,
    SessionRequest,
    WaitRequest,
)
from esteio.engine.commands.sessions.pairing import PairingResult
from esteio.engine.key_scope import Scope
from esteio.providers.base import StandingWebhook

NDJSON = "application/x-ndjson"
A = TypeVar("A", SessionRequest, PairRequest, WaitRequest)
ASK_AGAIN_S = 5
LAST_SEQ = 2**53
Order = Literal["asc", "desc"]


class SessionPage(msgspec.Struct, frozen=True):
    """A page of sessions; `next` is the place to ask from, or null at the end."""

    items: tuple[SessionDocument, ...]
    next: str | None = None


class TimelinePage(msgspec.Struct, frozen=True):
    """A page of the session's journal; `next` is the place to ask from, or null at the end."""

    items: tuple[TimelineDocument, ...]
    next: str | None = None


async def create(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """201 whatever the provider says: the row is there, and its state tells."""
    ask = await call.ask(SessionRequest)
    if ask.dry_run:
        return answer(adoption(await api.commands.instances.would_adopt(ask, call.scope), call))
    opened = await api.commands.sessions.create(_with_wait(ask, call), call.who, scope=call.scope)
    return answer(_with_replaced(await _opened(api, opened, call), opened.stood), 201)


async def list_all(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """By name; sessions that the key does not reach are left out, and no cursor names them."""
    words = call.query("state", "server", "limit", "after")
    shown, last = await _reached(api, call.scope, words)
    held = await api.store.messages.waiting_by_session([one.id for one in shown])
    items = [api.session_document(one, held.get(one.id, 0), call.texts) for one in shown]
    return answer(SessionPage(tuple(items), None if last is None else cursors.made("sessions", last)))


async def _reached(api: ApiContext, scope: Scope, words: Mapping[str, str]) -> tuple[list[Session], str | None]:
    """A page of those that lie inside the scope, and the last one's name when more follow."""
    limit, after = page_size(words), cursors.place(words, "sessions")
    state, server = one_of(words, "state", SessionState), words.get("server")
    shown: list[Session] = []
    while True:
        page = await api.store.sessions.page(
            reach=scope,
            state=state,
            server=None if server is None else ServerName(server),
            limit=limit if scope.whole else LARGEST_PAGE,
            after=after,
        )
        shown += [session for session in page.items if scope.named(session.name)]
        if len(shown) > limit or (len(shown) == limit and page.next is not None):
            return shown[:limit], shown[limit - 1].name
        if page.next is None:
            return shown, None
        after = page.next


async def one(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """The session's document as it is now, with the webhook that stood at the provider before an adoption."""
    session = await _named(api, call)
    document = api.session_document(session, await api.held(session.id), call.texts)
    return answer(_with_replaced(document, await api.commands.sessions.replaced_webhook(session)))


async def change(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """What is left out stays."""
    ask = await call.ask(SessionChange)
    session = await _named(api, call)
    return await api.session_answer(
        await api.commands.sessions.change(session.name, ask, call.who, scope=call.scope), call
    )


async def delete(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """204 when it is gone; 202 while the provider has not answered: ask again."""
    words = call.query("at_provider", "put_back")
    at_provider: AtProvider = one_of(words, "at_provider", AtProvider) or "keep"
    put_back = one_of(words, "put_back", Literal["true", "false"]) != "false"
    session = await _named(api, call)
    remove = api.commands.session_removal.delete
    left = await remove(session.name, at_provider, call.who, put_back=put_back, scope=call.scope)
    return NOTHING if left is None else await api.session_answer(left, call, 202)


async def pair(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """200 with a code or the link, 202 while there is neither."""
    ask = await call.ask(PairRequest)
    session = await _named(api, call)
    opened = await api.commands.pairing.pair(session.name, _with_wait(ask, call), call.who, scope=call.scope)
    found = opened.qr is not None or opened.session.state == "connected"
    return await _opened_answer(api, opened, call, done=found)


async def recreate(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """200 with a code, a link or an error, 202 while the work goes on."""
    ask = await call.ask(WaitRequest)
    session = await _named(api, call)
    opened = await api.commands.pairing.recreate(session.name, _with_wait(ask, call), call.who, scope=call.scope)
    return await _opened_answer(api, opened, call, done=opened.settled)


async def recover(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """202: it is looked at now."""
    await call.ask(EmptyRequest)
    session = await _named(api, call)
    done = await api.commands.operator_actions.recover(session.name, call.who, scope=call.scope)
    return await api.session_answer(done, call, 202)


async def pause(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """Watched, never acted on."""
    await call.ask(EmptyRequest)
    session = await _named(api, call)
    done = await api.commands.operator_actions.pause(session.name, call.who, scope=call.scope)
    return await api.session_answer(done, call)


async def resume(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """Ends a pause: the session is judged and acted on again. Gives the session's document."""
    await call.ask(EmptyRequest)
    session = await _named(api, call)
    done = await api.commands.operator_actions.resume(session.name, call.who, scope=call.scope)
    return await api.session_answer(done, call)


async def qr(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """The current code in the form that `Accept` asks for; 204 when none is current."""
    current = await api.commands.pairing.current_qr(await _named(api, call))
    if current is None:
        return ApiResponse(204, headers={"cache-control": "no-store"})
    return qr_image.in_form(current, call.headers.get("accept", ""))


async def timeline(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """The journal, oldest first, or with `order=desc` newest first."""
    words = call.query("after", "limit", "order")
    limit, newest_first = page_size(words), one_of(words, "order", Order) == "desc"
    after = whole_number(words, "after", LAST_SEQ if newest_first else 0, 0, LAST_SEQ)
    session = await _named(api, call)
    read = api.store.journal.page_back if newest_first else api.store.journal.page
    lines = await read(session.id, after, limit)
    tell = teller(call.texts)
    items = tuple(documents.timeline(line, tell) for line in lines)
    return answer(TimelinePage(items, str(items[-1].seq) if len(items) == limit else None))


async def export(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """The journal as lines of JSON, whole."""
    call.query()
    session = await _named(api, call)
    await api.commands.audit.note("journal.exported", session=session.name)
    lines = journal_export.export(api.store.servers, api.store.journal, session)
    return ApiResponse(200, b"".join([piece async for piece in lines]), NDJSON)


async def _named(api: ApiContext, call: ApiRequest) -> Session:
    return await api.commands.lookup.session(call.path["name"], call.scope)


def _with_wait(ask: A, call: ApiRequest) -> A:
    """`Prefer: wait=N` counts where the body does not say how long."""
    if ask.wait_s is not None or "wait" not in call.headers.get("prefer", ""):
        return ask
    return msgspec.structs.replace(ask, wait_s=call.wait_s)


def _with_replaced(document: SessionDocument, stood: StandingWebhook | None) -> SessionDocument:
    shown = replaced(stood)
    return document if shown is None else msgspec.structs.replace(document, replaced_webhook=shown)


async def _opened(
    api: ApiContext, opened: PairingResult, call: ApiRequest, *, retry_after_s: int | None = None
) -> SessionDocument:
    held = await api.held(opened.session.id)
    return api.session_document(
        opened.session, held, call.texts, qr=opened.qr, approval=opened.approval, retry_after_s=retry_after_s
    )


async def _opened_answer(api: ApiContext, opened: PairingResult, call: ApiRequest, *, done: bool) -> ApiResponse:
    if done:
        return answer(await _opened(api, opened, call))
    next_at = opened.session.recovery.next_at
    wait = ASK_AGAIN_S if next_at is None else max(1, min(3600, math.ceil(next_at - api.clock.now())))
    return answer(await _opened(api, opened, call, retry_after_s=wait), 202, retry_after=str(wait))


_PREFER = Parameter("Prefer", "`wait=N`: wait up to N seconds (at most 60)", "header")
_STATE = Parameter("state", "only sessions in this state", schema=literal(SessionState))
_SERVER = Parameter("server", "only sessions of this server")
_ORDER = Parameter("order", "`desc`: newest first", schema=literal(Order))
_AT = Parameter("at_provider", "`keep` (default), `logout` or `delete`", schema=literal(AtProvider))
_PUT_BACK = Parameter(
    "put_back",
    "with `keep`: `false` leaves the webhook at the provider as it is (its server is gone for good)",
    schema=literal(Literal["true", "false"]),
)

ROUTES = (
    Route(
        "POST",
        "/v1/sessions",
        create,
        "operate",
        "Create or adopt a session",
        {201: SessionDocument, 200: AdoptionDocument},
        body=SessionRequest,
        parameters=(_PREFER,),
        errors=(
            "quota-sessions",
            "unknown-tenant",
            "name-taken",
            "unknown-server",
            "invalid-phone",
            "ambiguous-phone",
            "ref-out-of-reach",
            "already-adopted",
            "webhook-unread",
            "provider-unanswered",
            "target-not-allowed",
        ),
        scope=scopes.BODY,
    ),
    Route(
        "GET",
        "/v1/sessions",
        list_all,
        "read",
        "List the sessions",
        {200: SessionPage},
        parameters=page_parameters(_STATE, _SERVER),
        scope=scopes.ITEMS,
    ),
    Route("GET", "/v1/sessions/{name}", one, "read", "One session", {200: SessionDocument}, scope=scopes.SESSION),
    Route(
        "PATCH",
        "/v1/sessions/{name}",
        change,
        "operate",
        "Change a session's phone, policy or ref",
        {200: SessionDocument},
        body=SessionChange,
        errors=(
            "quota-sessions",
            "tenant-server",
            "unknown-tenant",
            "invalid-phone",
            "ref-out-of-reach",
            "already-adopted",
            "provider-refused",
            "provider-unanswered",
            "act-unanswered",
        ),
        scope=scopes.SESSION,
    ),
    Route(
        "DELETE",
        "/v1/sessions/{name}",
        delete,
        "operate",
        "Forget a session",
        {204: None, 202: SessionDocument},
        parameters=(_AT, _PUT_BACK),
        errors=("provider-refused", "provider-unanswered", "act-unanswered"),
        scope=scopes.SESSION,
    ),
    Route(
        "POST",
        "/v1/sessions/{name}/pair",
        pair,
        "operate",
        "Ask for a QR or a pairing code",
        {200: SessionDocument, 202: SessionDocument},
        body=PairRequest,
        parameters=(_PREFER,),
        errors=(
            "session-paused",
            "invalid-phone",
            "ambiguous-phone",
            "pairing-code-unsupported",
            "not-while-a-qr-is-shown",
        ),
        scope=scopes.SESSION,
    ),
    Route(
        "GET",
        "/v1/sessions/{name}/qr",
        qr,
        "operate",
        "The current QR as JSON, PNG or SVG, by `Accept`",
        {200: QrDocument, 204: None},
        contents={
            qr_image.PNG: {"schema": {"type": "string", "format": "binary"}},
            qr_image.SVG: {"schema": {"type": "string"}},
        },
        scope=scopes.SESSION,
    ),
    Route(
        "POST",
        "/v1/sessions/{name}/recover",
        recover,
        "operate",
        "Look now and start the ladder anew",
        {202: SessionDocument},
        body=EmptyRequest,
        errors=("session-paused",),
        scope=scopes.SESSION,
    ),
    Route(
        "POST",
        "/v1/sessions/{name}/recreate",
        recreate,
        "operate",
        "Delete and create again, outright",
        {200: SessionDocument, 202: SessionDocument},
        body=WaitRequest,
        parameters=(_PREFER,),
        errors=("session-paused",),
        scope=scopes.SESSION,
    ),
    Route(
        "POST",
        "/v1/sessions/{name}/pause",
        pause,
        "operate",
        "Watch, but never act",
        {200: SessionDocument},
        body=EmptyRequest,
        scope=scopes.SESSION,
    ),
    Route(
        "POST",
        "/v1/sessions/{name}/resume",
        resume,
        "operate",
        "Act again",
        {200: SessionDocument},
        body=EmptyRequest,
        scope=scopes.SESSION,
    ),
    Route(
        "GET",
        "/v1/sessions/{name}/timeline",
        timeline,
        "read",
        "The journal: every piece of evidence, decision and act",
        {200: TimelinePage},
        parameters=page_parameters(_ORDER),
        scope=scopes.SESSION,
    ),
    Route(
        "GET",
        "/v1/sessions/{name}/export",
        export,
        "read",
        "The whole journal, as `esteio replay` reads it (application/x-ndjson)",
        {200: None},
        scope=scopes.SESSION,
    ),
)
