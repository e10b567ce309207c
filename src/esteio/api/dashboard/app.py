"""The dashboard's addresses as routes of Starlette, to be mounted beside the API: who is let in, errors as pages.

A page that needs a key is shown to a login whose key still opens; others are sent to the login. Never lives here: what
stands on a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any
from urllib.parse import urlencode

from starlette import routing

from esteio.api.dashboard import approvals, fleet, live, login, messages, webhooks
from esteio.api.dashboard.drawings import Drawings
from esteio.api.dashboard.incidents import lists as incidents
from esteio.api.dashboard.incidents import report
from esteio.api.dashboard.kept_answers import KeptAnswers
from esteio.api.dashboard.page import ASK_AGAIN, SAFE, Visit, moved
from esteio.api.dashboard.pairing import create, owner, pages
from esteio.api.dashboard.places import shown_at
from esteio.api.dashboard.route import PageRoute
from esteio.api.dashboard.sandbox import PATH as SANDBOX
from esteio.api.dashboard.sandbox import ROUTES as SANDBOX_ROUTES
from esteio.api.dashboard.servers import adopt
from esteio.api.dashboard.servers import pages as servers
from esteio.api.dashboard.session import page as session
from esteio.api.dashboard.settings import keys, notices, policies, tenants
from esteio.api.dashboard.static import FILES, KINDS, TAGS
from esteio.api.dashboard.status import public
from esteio.api.dashboard.status import settings as status_settings
from esteio.api.http.problems import of_command_error
from esteio.api.http.request import ApiRequest, ApiResponse, ClientGone, send_response
from esteio.api.http.route import ApiContext
from esteio.engine.audit.acting import acting
from esteio.engine.commands.keys import has_role
from esteio.engine.errors import CommandError
from esteio.log import logger
from esteio.store.base import ApiKey, StoreFull

LARGEST_FORM = 131_072
"""Bytes: a thousand instances ticked."""
log = logger("dashboard")
TABLE: tuple[PageRoute, ...] = (
    *fleet.ROUTES,
    *create.ROUTES,
    *pages.ROUTES,
    *owner.ROUTES,
    *session.ROUTES,
    *public.ROUTES,
    *status_settings.ROUTES,
    *incidents.ROUTES,
    *report.ROUTES,
    *approvals.ROUTES,
    *messages.ROUTES,
    *webhooks.ROUTES,
    *servers.ROUTES,
    *adopt.ROUTES,
    *keys.ROUTES,
    *policies.ROUTES,
    *tenants.ROUTES,
    *notices.ROUTES,
    *login.ROUTES,
    *SANDBOX_ROUTES,
)
"""Every page."""
STREAMS: tuple[PageRoute, ...] = (live.ROUTE, pages.STREAM, owner.STREAM)
"""What open pages listen to."""
PLACES = frozenset(route.path for route in TABLE if route.method == "GET")
"""The addresses that can be opened: the navigation leads to no others."""


def dashboard_routes(api: ApiContext) -> list[routing.BaseRoute]:
    """The routes to mount; they answer their own errors."""
    by_path: dict[str, dict[str, PageRoute]] = {}
    for route in (*STREAMS, *TABLE):
        by_path.setdefault(route.path, {})[route.method] = route
    drawings = Drawings(api.feed.last, api.clock.token())
    public_pages = KeptAnswers()
    addresses = [routing.Route(path, _Address(api, routes, drawings, public_pages)) for path, routes in by_path.items()]
    return [*addresses, routing.Route("/static/{file}", _StaticFile())]


class _StaticFile:
    """The style, the script, the picture in the tab."""

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        known = headers.get(b"if-none-match", b"").decode("latin-1")
        sent = static_file(scope["path_params"]["file"], scope["method"], known)
        await send_response(sent, send, head=scope["method"] == "HEAD")


def static_file(name: str, method: str, known: str) -> ApiResponse:
    """A file; `known` is an `If-None-Match`."""
    if name not in FILES:
        return ApiResponse(404, headers=SAFE)
    if method not in ("GET", "HEAD"):
        return ApiResponse(405, headers={**SAFE, "allow": "GET, HEAD"})
    headers = {**SAFE, "etag": TAGS[name], "cache-control": "public, max-age=3600"}
    if TAGS[name] in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return ApiResponse(304, headers=headers)
    return ApiResponse(200, FILES[name], KINDS["." + name.rpartition(".")[2]], headers)


class _Address:
    """What is answered at one address of the table."""

    def __init__(
        self, api: ApiContext, routes: Mapping[str, PageRoute], drawings: Drawings, public_pages: KeptAnswers
    ) -> None:
        self._api, self._routes, self._drawings, self._public_pages = api, routes, drawings, public_pages

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        head = scope["method"] == "HEAD"
        request = ApiRequest(scope, receive, scope["path_params"], self._api.texts)
        request.limit = LARGEST_FORM
        client = scope.get("client") or ("", 0)
        places = PLACES if self._api.sandbox is not None else PLACES - {SANDBOX}
        visit = Visit(
            self._api,
            request,
            self._drawings,
            public_pages=self._public_pages,
            address=str(client[0]),
            head=head,
            places=places,
        )
        route = self._routes.get("GET" if head else scope["method"])
        sent = await respond(visit, route, scope["method"], scope["path"])
        self._api.end_span(request, sent.status)
        await send_response(sent, send, head=head)


async def respond(visit: Visit, route: PageRoute | None, method: str, path: str) -> ApiResponse:
    """Whatever happens, a page."""
    try:
        if route is None and method in ("GET", "HEAD"):
            return moved(shown_at(path, "", "", visit.places))  # a form's address, opened by hand or by going back
        if route is None:
            return _refused(visit, CommandError("method-not-allowed", method=method))
        if not await _admitted(visit, route):
            back = visit.place
            return moved("/login" if back == "/" else f"/login?{urlencode({'next': back})}")
        if method == "POST" and route.role is not None:
            visit.api.begin_span(visit.request, method, route.path, parent=visit.request.sent_trace)
        with acting(visit.request.actor("login")) if visit.login is not None else nullcontext():
            return await route.handler(visit)
    except CommandError as error:
        log.info("request.refused", route=path if route is None else route.path, reason=error.code)
        return _refused(visit, error)
    except StoreFull as error:
        log.warning("store.full", error=str(error))
        return _refused(visit, CommandError(f"storage-{error.trouble}"))
    except ClientGone:
        return ApiResponse(400)
    except Exception:
        log.exception("request.failed", route=path if route is None else route.path)
        return _refused(visit, CommandError("internal"))


async def _admitted(visit: Visit, route: PageRoute) -> bool:
    """Whether this caller may come in; False: not without a login. Raises `CommandError`."""
    api = visit.api
    if api.closing:
        raise CommandError("closing")
    login = api.logins.found(visit.cookies)
    key = None if login is None else await _key_of(visit, login.secret, public=route.role is None)
    if key is not None:
        visit.login, visit.request.key = login, key
    if route.role is None:
        return True
    if key is None:  # guard: page-needs-login
        return False
    if not has_role(key, route.role):  # guard: page-needs-role
        raise CommandError("forbidden", role=route.role)
    if "name" in visit.request.path:  # guard: page-session-in-scope
        visit.request.scope.check_name(visit.request.path["name"])
    visit.counts["/approvals"] = await approvals.count(visit)
    return True


async def _key_of(visit: Visit, secret: str, *, public: bool) -> ApiKey | None:
    """The key of a login; None when it opens nothing. A suspended tenant's is said to be so, but on a public page is as
    good as none. Raises `CommandError("tenant-suspended")`."""
    try:
        return await visit.api.commands.keys.authenticate(secret)
    except CommandError:
        if public:
            return None
        raise


def _refused(visit: Visit, error: CommandError) -> ApiResponse:
    if error.code == ASK_AGAIN:
        title, detail, status = visit.say("form-old"), visit.say("form-old.text"), 403
    else:
        told = of_command_error(error, visit.texts)
        title, detail, status = told.title, told.detail, told.status
    again = visit.request.method == "POST" and (error.code == ASK_AGAIN or status not in (403, 404))
    form = visit.place if again else "/"
    return visit.drawn("problem.html", status, title=title, detail=detail, form=form)
