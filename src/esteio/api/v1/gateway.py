"""`/v1/gateway`, `/v1/apply` and `/v1/notices/test`: what concerns the whole gateway and is asked by the command line.

Never lives here: what differs (`engine.commands.declared`), how people are told (`engine.delivery.notices`).
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from esteio.api.http import scopes
from esteio.api.http.request import ApiRequest, ApiResponse, answer
from esteio.api.http.route import ApiContext, Route
from esteio.api.ops import program_version
from esteio.config import DeclaredServer, DeclaredSession
from esteio.engine.commands.declared import Change
from esteio.engine.commands.notices import NoticeTest
from esteio.engine.commands.requests import EmptyRequest


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


async def about(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """What only the gateway itself knows of its settings; no secret."""
    call.query()
    settings = api.settings
    targets = api.commands.notices.targets
    return answer(GatewayDocument(program_version(), settings.base_url, settings.language, targets))


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
