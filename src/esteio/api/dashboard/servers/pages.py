"""All servers, and one: its health with what to do about it, its version and known lies, its limits.

Never lives here: what a health means (`core.model.server_reason`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from esteio.api.dashboard.forms import Wrong, number, read, wrong
from esteio.api.dashboard.page import Moment, Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.core.model import server_reason
from esteio.core.views import documents
from esteio.core.views.sentences import sentence
from esteio.core.views.server_documents import ServerDocument
from esteio.engine.commands.requests import ServerChange, ServerRequest
from esteio.engine.errors import CommandError
from esteio.providers.declaration import Field
from esteio.store.base import FleetFilter, StoredServer

LIMITS = ("connects_in_flight", "seconds_between_connects", "sends_per_minute", "sends_burst")


class Shown(NamedTuple):
    """A server as it stands on a page. `reason`: what is wrong, "" for nothing; `ours`: its sessions here."""

    document: ServerDocument
    label: str
    reason: str
    looked: Moment | None
    down_since: Moment | None
    ours: int


class Asked(NamedTuple):
    """One field of a form for a server's credentials."""

    name: str
    text: str
    required: bool
    secret: bool


async def every(visit: Visit) -> ApiResponse:
    """The list."""
    stored = await visit.api.store.servers.within(visit.request.scope)
    ours = await _sessions_of(visit)
    shown = [_shown(visit, one, ours[one.server.name]) for one in stored]
    if not visit.request.scope.whole:
        shown = [one for one in shown if one.ours]
    return visit.drawn("servers.html", servers=shown)


async def one(visit: Visit) -> ApiResponse:
    """One server. Raises `CommandError("unknown-server")`."""
    return await _page(visit)


async def _page(visit: Visit, refused: Wrong | None = None) -> ApiResponse:
    stored = await visit.api.commands.lookup.server(visit.request.path["server"], visit.request.scope)
    ours = (await _sessions_of(visit))[stored.server.name]
    if not (visit.request.scope.whole or ours):
        raise CommandError("outside-scope")
    return visit.drawn(
        "server.html",
        200 if refused is None else 400,
        one=_shown(visit, stored, ours),
        limits=LIMITS,
        credentials=_credentials(visit, stored.server.kind),
        wrong=refused,
    )


async def form(visit: Visit) -> ApiResponse:
    """What a new server needs, by its kind."""
    visit.request.scope.check_everything()
    return _new(visit, visit.request.query_word("kind"), dict.fromkeys(("name", "base_url"), ""))


async def add(visit: Visit) -> ApiResponse:
    """A new server; what is refused stands in the form again, but for secrets."""
    words = await visit.form()
    visit.request.scope.check_everything()  # guard: server-added-by-unscoped
    asked = {name: words.word(name) for name in ("name", "kind", "base_url")}
    try:
        request = read(ServerRequest, {**asked, "credentials": words.under("credentials")})
        stored = await visit.api.commands.servers.add(request)
    except CommandError as error:
        return _new(visit, asked["kind"], asked, wrong(error, visit.texts))
    return moved(f"/servers/{stored.server.name}", done="server-added")


async def change(visit: Visit) -> ApiResponse:
    """The address, the credentials or the limits."""
    words = await visit.form()
    visit.request.scope.check_everything()  # guard: server-changed-by-unscoped
    name = visit.request.path["server"]
    asked: dict[str, object] = {}
    try:
        if words.word("base_url"):
            asked["base_url"] = words.word("base_url")
        if given := words.under("credentials"):
            asked["credentials"] = given
        if "limits" in words:
            asked["limits"] = {one: number(f"limits.{one}", words.word(f"limits.{one}")) for one in LIMITS}
        await visit.api.commands.servers.change(name, read(ServerChange, asked))
    except CommandError as error:
        if error.code == "unknown-server":
            raise
        return await _page(visit, wrong(error, visit.texts))
    return moved(f"/servers/{name}", done="server-changed")


async def forget(visit: Visit) -> ApiResponse:
    """Away with it, where it has no sessions; nothing is done at the provider. Raises `CommandError`."""
    await visit.form()
    visit.request.scope.check_everything()  # guard: server-forgotten-by-unscoped
    await visit.api.commands.servers.delete(visit.request.path["server"])
    return moved("/servers", done="server-deleted")


def _new(visit: Visit, kind: str, asked: dict[str, str], refused: Wrong | None = None) -> ApiResponse:
    providers = visit.api.providers
    kinds = [(name, one.declaration.label) for name, one in providers.items()]
    chosen = kind if kind in providers else kinds[0][0]
    return visit.drawn(
        "server_new.html",
        200 if refused is None else 400,
        kinds=kinds,
        kind=chosen,
        credentials=_credentials(visit, chosen),
        asked=asked,
        wrong=refused,
    )


def _credentials(visit: Visit, kind: str) -> Sequence[Asked]:
    provider = visit.api.providers.get(kind)
    fields: tuple[Field, ...] = () if provider is None else provider.declaration.credentials
    said = [one for one in fields if not one.learned]
    texts = visit.texts
    return [
        Asked(one.name, texts.find(f"field {kind}", f"credentials.{one.name}") or one.text, one.required, one.secret)
        for one in said
    ]


async def _sessions_of(visit: Visit) -> Counter[str]:
    """How many sessions that the caller reaches each server has."""
    found: Counter[str] = Counter()
    for total in await visit.api.store.fleet.totals(FleetFilter(reach=visit.request.scope)):
        found[total.server] += total.sessions
    return found


def _shown(visit: Visit, stored: StoredServer, ours: int) -> Shown:
    server = stored.server
    document = visit.api.server_shown(stored, visit.request)
    provider = visit.api.providers.get(server.kind)
    outage = documents.outage(server.outage)
    reason = "" if server.health in ("up", "unknown") else sentence(server_reason.reason(server), visit.texts).text
    return Shown(
        document=document,
        label=server.kind if provider is None else provider.declaration.label,
        reason=reason,
        looked=visit.moment(server.health_at),
        down_since=None if outage is None else visit.read(outage.since),
        ours=ours,
    )


ROUTES = (
    PageRoute("GET", "/servers", every, "read"),
    PageRoute("GET", "/servers/new", form, "admin"),
    PageRoute("POST", "/servers/new", add, "admin"),
    PageRoute("GET", "/servers/{server}", one, "read"),
    PageRoute("POST", "/servers/{server}", change, "admin"),
    PageRoute("POST", "/servers/{server}/delete", forget, "admin"),
)
