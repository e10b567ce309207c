"""`/v1/audit`: who did what, and whether the log is as it was written.

Never lives here: what is recorded (`engine.audit`), what a finding means (`core.audit.verification`).
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from esteio.api.http import scopes
from esteio.api.http.request import ApiRequest, ApiResponse, answer, one_of, page_size, whole_number
from esteio.api.http.route import ApiContext, Parameter, Route, page_parameters
from esteio.core.audit.chain import Head, read_head
from esteio.core.audit.entry import Row
from esteio.core.views.documents import timestamp
from esteio.engine.errors import invalid
from esteio.engine.key_scope import Scope
from esteio.store.ports.audit import AuditFilter

LAST: Final = 2**62
Order = Literal["newest", "oldest"]
ActorKind = Literal["key", "login", "cli", "settings", "gateway"]


class ActorDocument(msgspec.Struct, frozen=True):
    """Who did it: an API key, the dashboard with a key, this machine's command line, the settings file at a start, or
    the gateway itself. `address` is where the request came from, `request_id` what its caller called it."""

    kind: ActorKind
    id: str
    name: str
    address: str
    request_id: str


class AuditDocument(msgspec.Struct, frozen=True):
    """One row. `tenant`: in whose log it stands, null: in the operator's alone. `before` and `after` hold the settings
    that differ, never a secret; `hash` binds the row to the one before it. Of the operator a tenant's key sees the kind
    alone."""

    seq: int
    at: str
    action: str
    actor: ActorDocument
    session: str | None
    server: str | None
    target: str | None
    tenant: str | None
    before: dict[str, Any]
    after: dict[str, Any]
    hash: str


class AuditPage(msgspec.Struct, frozen=True):
    """Rows of the log. `next` is the `after` of the following page."""

    items: tuple[AuditDocument, ...]
    next: str | None


class AuditFinding(msgspec.Struct, frozen=True):
    """One thing that is wrong about the rows `first` to `last`. `place`: where the first of `moved` rows was
    written."""

    kind: str
    first: int
    last: int
    place: int | None


class AuditVerdict(msgspec.Struct, frozen=True):
    """What a look at the whole log found. `head` (`SEQ:HASH`) is worth keeping elsewhere: given again as `head`, it
    shows whether the end was cut off since. `first` is the first row that is still kept; `more` counts rows that do not
    hold beyond those that are told apart."""

    whole: bool
    rows: int
    first: int
    head: str
    findings: tuple[AuditFinding, ...]
    more: int


async def listed(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """A page of the log, or of what stands in it of the caller's tenant."""
    words = call.query("action", "who", "about", "order", "limit", "after")
    wanted = AuditFilter(words.get("action", ""), words.get("who", ""), words.get("about", ""))
    limit, order, scope = page_size(words), one_of(words, "order", Order) or "newest", call.scope
    if order == "oldest":
        after = whole_number(words, "after", 0, 0, LAST)
        found = await api.store.audit.found(wanted, limit, after=after, reach=scope)
    else:
        below = whole_number(words, "after", LAST, 0, LAST)
        found = await api.store.audit.found(wanted, limit, below=below, reach=scope)
    more = str(found[-1].seq) if len(found) == limit else None
    return answer(AuditPage(tuple(_document(row, scope) for row in found), more))


async def verify(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """The whole log, read and checked."""
    words = call.query("head")
    verdict = await api.commands.audit.verify(_anchor(words.get("head")))
    found = tuple(AuditFinding(one.kind, one.first, one.last, one.place) for one in verdict.findings)
    document = AuditVerdict(verdict.whole, verdict.rows, verdict.since, str(verdict.head), found, verdict.more)
    return answer(document, cache_control="no-store")


def _anchor(text: str | None) -> Head | None:
    if text is None:
        return None
    try:
        return read_head(text)
    except ValueError as error:
        raise invalid("head", "must read SEQ:HASH, as a verification told it") from error


def _document(row: Row, scope: Scope) -> AuditDocument:
    return AuditDocument(
        row.seq,
        timestamp(row.at),
        row.action,
        _actor(row, scope),
        row.session_name,
        row.server,
        row.target,
        row.tenant,
        _settings(row.before, scope),
        _settings(row.after, scope),
        row.hash,
    )


def _actor(row: Row, scope: Scope) -> ActorDocument:
    """Who they are is not told of others than the caller's own."""
    # guard: operator-not-named-to-tenants
    known = scope.owns(row.actor_tenant)
    who = (row.actor_id, row.actor_name, row.address, row.request_id) if known else ("", "", "", "")
    return ActorDocument(row.actor, *who)  # type: ignore[arg-type]  # the column holds a kind


def _settings(text: str, scope: Scope) -> dict[str, Any]:
    """Without the names of other tenants."""
    found = msgspec.json.decode(text, type=dict[str, Any])
    return {name: word for name, word in found.items() if name != "tenant" or scope.owns(word)}


ROUTES = (
    Route(
        "GET",
        "/v1/audit",
        listed,
        "admin",
        "Who did what, newest first",
        {200: AuditPage},
        parameters=page_parameters(
            Parameter("action", "only this action, or those that begin so: `webhook`"),
            Parameter("who", "only by this key, by its id or name"),
            Parameter("about", "only about this session, server or other thing"),
            Parameter("order", "`newest` first or `oldest`", schema={"type": "string", "enum": ["newest", "oldest"]}),
        ),
        scope=scopes.TENANT,
    ),
    Route(
        "GET",
        "/v1/audit/verify",
        verify,
        "admin",
        "Whether the audit log is as it was written",
        {200: AuditVerdict},
        parameters=(Parameter("head", "a head that was noted before, `SEQ:HASH`"),),
        scope=scopes.GATEWAY,
    ),
)
