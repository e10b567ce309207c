"""Adopting: what a server holds, ticked; what would happen to each one's webhook; then what became of each.

Three answers of one form: the list, the preview (a dry run: nothing is changed), the result. Never lives here: what an
adoption is (`engine.commands.sessions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from esteio.api.dashboard.forms import Wrong, read, wrong
from esteio.api.dashboard.page import Visit
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.problems import of_command_error
from esteio.api.http.request import ApiResponse
from esteio.api.v1.instances import replaced
from esteio.core.views.documents import ReplacedWebhookDocument
from esteio.engine.commands.requests import AdoptRequest
from esteio.engine.commands.sessions.instances import Adopted, Instance
from esteio.engine.errors import CommandError

NO_LIST = ("instances-unlisted", "provider-unanswered")
"""Why there may be nothing to tick: such servers do not tell, or this one did not answer."""


class Row(NamedTuple):
    """What became of one instance, or would. `result` as `Adopted.result`; `problem`: why it was refused."""

    instance: str
    session: str
    result: str
    webhook: ReplacedWebhookDocument | None
    problem: str


async def offered(visit: Visit) -> ApiResponse:
    """The list to tick. Raises `CommandError("unknown-server")`."""
    server = await _server(visit)
    try:
        held = await _held(visit, server)
    except CommandError as error:
        if error.code not in NO_LIST:
            raise
        return _list(visit, server, (), wrong(error, visit.texts))
    return _list(visit, server, held)


async def asked(visit: Visit) -> ApiResponse:
    """The preview of what was ticked or, from there, the adoption. Raises `CommandError`."""
    words = await visit.form()
    server, scope = await _server(visit), visit.request.scope
    ticked = words.every("instance")
    if not ticked:
        nothing = Wrong("", visit.say("adopt.nothing-ticked"))
        return _list(visit, server, await _held(visit, server), nothing)
    forward, done = "forward" in words, words.word("step") == "adopt"
    request = read(AdoptRequest, {"instances": ticked, "forward": forward, "dry_run": not done})
    results = await visit.api.commands.instances.adopt(server, request, visit.request.who, scope)
    rows = [_row(visit, one) for one in results]
    ready = [one for one in rows if one.result == "would-adopt"]
    page = "adopt_result.html" if done else "adopt_preview.html"
    return visit.drawn(page, server=server, rows=rows, ready=ready, forward=forward)


async def _server(visit: Visit) -> str:
    return str((await visit.api.commands.lookup.server(visit.request.path["server"], visit.request.scope)).server.name)


async def _held(visit: Visit, server: str) -> Sequence[Instance]:
    """What the provider holds, as far as the caller could adopt it or has."""
    return await visit.api.commands.instances.of_server(server, visit.request.scope)


def _list(visit: Visit, server: str, held: Sequence[Instance], refused: Wrong | None = None) -> ApiResponse:
    free = sum(one.session is None for one in held)
    return visit.drawn("adopt.html", server=server, held=held, free=free, wrong=refused)


def _row(visit: Visit, one: Adopted) -> Row:
    problem = "" if one.error is None else of_command_error(one.error, visit.texts).detail
    return Row(one.instance, one.session, one.result, replaced(one.stands), problem)


ROUTES = (
    PageRoute("GET", "/servers/{server}/adopt", offered, "operate"),
    PageRoute("POST", "/servers/{server}/adopt", asked, "operate"),
)
