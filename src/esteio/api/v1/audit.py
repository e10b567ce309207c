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
    """One row. `before` and `after` hold the settings that differ, never a secret; `hash` binds the row to the one
    before it."""

    seq: int
    at: str
    action: str
    actor: ActorDocument
    session: str | None
    server: str | None
    target: str | None
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
    """A page of the log."""
    words = call.query("action", "who", "about", "order", "limit", "after")
    wanted = AuditFilter(words.get("action", ""), words.get("who", ""), words.get("about", ""))
    limit, order = page_size(words), one_of(words, "order", Order) or "newest"
    if order == "oldest":
        found = await api.store.audit.found(wanted, limit, after=whole_number(words, "after", 0, 0, LAST))
    else:
        found = await api.store.audit.found(wanted, limit, below=whole_number(words, "after", LAST, 0, LAST))
    more = str(found[-1].seq) if len(found) == limit else None
    return answer(AuditPage(tuple(_document(row) for row in found), more))


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


def _document(row: Row) -> AuditDocument:
    return AuditDocument(
        row.seq,
        timestamp(row.at),
        row.action,
        ActorDocument(row.actor, row.actor_id, row.actor_name, row.address, row.request_id),  # type: ignore[arg-type]
        row.session_name,
        row.server,
        row.target,
        msgspec.json.decode(row.before),
        msgspec.json.decode(row.after),
        row.hash,
    )


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
        scope=scopes.GATEWAY,
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
