"""`/v1/gateway`, its checks, `/v1/apply`, `/v1/notices/test`: what concerns the whole gateway, for the command line.

Never lives here: what differs (`engine.commands.declared`), how people are told (`engine.delivery.notices`), what of a
check is well and what is not (`cli.local.doctor`).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from esteio.api.http import scopes
from esteio.api.http.request import ApiRequest, ApiResponse, answer
from esteio.api.http.route import ApiContext, Route
from esteio.api.ops import program_version
from esteio.config import DeclaredServer, DeclaredSession
from esteio.engine.commands.declared import Change
from esteio.engine.commands.notices import NoticeTest
from esteio.engine.commands.requests import EmptyRequest
from esteio.store.ports.inspection import DatabaseFacts
from esteio.store.ports.nodes import NodeRow


class DeclaredRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[[servers]]` and `[[sessions]]` of a settings file."""

    servers: tuple[DeclaredServer, ...] = ()
    sessions: tuple[DeclaredSession, ...] = ()
    plan: Annotated[bool, msgspec.Meta(description="only say what would change")] = False


class Changes(msgspec.Struct, frozen=True):
    """What was, or would be, added and changed."""

    items: tuple[Change, ...]


class NoticeTests(msgspec.Struct, frozen=True):
    """Each target of notices and whether it took the test; empty when none is configured."""

    items: tuple[NoticeTest, ...]


class GatewayDocument(msgspec.Struct, frozen=True):
    """The gateway about itself. `public_url` is where providers are told to send their webhooks; `notice_targets`
    counts the places where people are told."""

    version: str
    public_url: str
    language: str
    notice_targets: int


class NodeDocument(msgspec.Struct, frozen=True):
    """A process that works on this database. `state`: `alive`; `late`, its lease has run out and nobody has said so;
    `left`, it ended in order; `died`, its sessions went to others. `heard_s_ago`: by the database's clock."""

    id: str
    address: str
    version: str
    state: Literal["alive", "late", "left", "died"]
    heard_s_ago: float
    sessions: int


class ChecksDocument(msgspec.Struct, frozen=True):
    """For whoever looks after the installation. `nodes` is empty, and `unowned_sessions` null, where one process is
    alone with its database; else that is how many sessions no living node holds."""

    version: str
    database: DatabaseFacts
    nodes: tuple[NodeDocument, ...]
    unowned_sessions: int | None


async def about(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """What only the gateway itself knows of its settings; no secret."""
    call.query()
    settings = api.settings
    targets = api.commands.notices.targets
    return answer(GatewayDocument(program_version(), settings.base_url, settings.language, targets))


async def checks(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """One look at the database and at every node that it knows; what it makes of it is for `esteio doctor`."""
    call.query()
    inspection = api.store.inspection
    facts = await inspection.facts(api.clock.now)
    now = api.clock.now() + (facts.clock_off_s or 0.0)
    nodes = tuple(_node(row, now) for row in await api.store.nodes.all())
    unowned = await inspection.unowned_sessions() if nodes else None
    return answer(ChecksDocument(program_version(), facts, nodes, unowned))


def _node(row: NodeRow, now: float) -> NodeDocument:
    state: Literal["alive", "late", "left", "died"] = row.ended or ("alive" if row.lease_until > now else "late")
    return NodeDocument(row.id, row.address, row.version, state, now - row.beat_at, row.sessions)


async def apply(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """What the file declares is added and changed; what it no longer names stays."""
    ask = await call.ask(DeclaredRequest)
    return answer(Changes(tuple(await api.commands.declared.apply(ask.servers, ask.sessions, plan=ask.plan))))


async def test_notice(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """One test notice to each target."""
    await call.ask(EmptyRequest)
    return answer(NoticeTests(tuple(await api.commands.notices.test())))


ROUTES = (
    Route(
        "GET",
        "/v1/gateway",
        about,
        "operate",
        "What the gateway says of itself",
        {200: GatewayDocument},
        scope=scopes.GATEWAY,
    ),
    Route(
        "GET",
        "/v1/gateway/checks",
        checks,
        "operate",
        "What the database and the nodes say of themselves",
        {200: ChecksDocument},
        scope=scopes.GATEWAY,
    ),
    Route(
        "POST",
        "/v1/apply",
        apply,
        "admin",
        "Bring servers and sessions in line with a settings file",
        {200: Changes},
        body=DeclaredRequest,
        scope=scopes.GATEWAY,
    ),
    Route(
        "POST",
        "/v1/notices/test",
        test_notice,
        "admin",
        "Send a test notice to each target",
        {200: NoticeTests},
        body=EmptyRequest,
        scope=scopes.GATEWAY,
    ),
)
