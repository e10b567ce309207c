"""The sandbox's page inside the dashboard of `demo`: a session is broken there, and healed before one's eyes.

Everywhere else the address is unknown. Never lives here: what stands on the page (`sim.sandbox.page`).
"""

from __future__ import annotations

from esteio.api.dashboard.page import Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.api.http.route import SandboxPage
from esteio.engine.errors import CommandError

PATH = "/sandbox"
WORDS = ("server", "session", "did", "refused")
"""What the page reads of its address."""
PAGE = 500


async def show(visit: Visit) -> ApiResponse:
    """The page. Raises `CommandError`: not-found where nothing is simulated, outside-scope."""
    query = {name: word for name in WORDS if (word := visit.request.query_word(name))}
    content = _page(visit).drawn(
        visit.texts,
        query,
        path=PATH,
        form_token=visit.api.logins.form_token(visit.whose),
        links=await _links(visit),
    )
    return visit.drawn("sandbox.html", content=content)


async def press(visit: Visit) -> ApiResponse:
    """A button, then the page again. Raises `CommandError`."""
    words, page = await visit.form(), _page(visit)
    return moved(PATH + page.do(words))


def _page(visit: Visit) -> SandboxPage:
    if visit.api.sandbox is None:
        raise CommandError("not-found")
    visit.request.scope.check_everything()  # guard: sandbox-of-all-for-unscoped
    return visit.api.sandbox


async def _links(visit: Visit) -> dict[tuple[str, str], str]:
    """The sessions' own pages, by server and by whatever the provider calls them."""
    found = (await visit.api.store.sessions.page(limit=PAGE)).items
    return {(one.server, name): f"/sessions/{one.name}" for one in found for name in (*one.ref.values(), str(one.name))}


ROUTES = (PageRoute("GET", PATH, show, "admin"), PageRoute("POST", PATH, press, "admin"))
