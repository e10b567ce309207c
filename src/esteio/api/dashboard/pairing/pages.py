"""The pairing page: a code that replaces itself, by push, until the phone is linked; and the link for its owner.

Opening it asks the provider nothing: a code is asked for by a button. Never lives here: what is shown (`view`), how
(`drawing`), a rule about sessions.
"""

from __future__ import annotations

from typing import Any

from esteio.api.dashboard.page import Visit, moved
from esteio.api.dashboard.pairing import drawing
from esteio.api.dashboard.pairing.link_address import address_for_others
from esteio.api.dashboard.pairing.stream import Source, pushed
from esteio.api.dashboard.pairing.view import By, View, view
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.problems import of_command_error
from esteio.api.http.request import ApiResponse
from esteio.core.views.sentences import duration
from esteio.engine.commands.requests import PairRequest, SessionChange, WaitRequest
from esteio.engine.commands.sessions.pair_links import LASTS_S
from esteio.engine.errors import CommandError, invalid

WAIT_S = 1.0
"""How long a form waits for the code that it asked for: the page that follows waits on."""
LENGTHS = (LASTS_S, 7200.0, 86_400.0)
"""How long a link for the owner may last, in seconds."""
BESIDE_FIELD = frozenset({"invalid-phone", "ambiguous-phone", "pairing-code-unsupported", "not-while-a-qr-is-shown"})
"""What is told beside the number that was typed."""


def way(word: str) -> By:
    """How the phone is to be linked, by the word of a query or a form."""
    return "code" if word == "code" else "qr"


async def show(visit: Visit) -> ApiResponse:
    """The page."""
    return await _page(visit, way(visit.request.query_word("by")))


async def _page(visit: Visit, by: By, status: int = 200, **more: Any) -> ApiResponse:
    api, name = visit.api, visit.request.path["name"]
    seen = await view(api, name, by, visit.request.scope)
    session = await api.commands.lookup.session(name, visit.request.scope)
    values: dict[str, Any] = {
        "tabs": api.providers[session.kind].capabilities.pairing_code and seen.kind != "connected",
        "link": await api.commands.pair_links.open_link(session),
        "lengths": [(f"{seconds:.0f}", duration(seconds)) for seconds in LENGTHS],
        "typed_title": "",
        "made": "",
    }
    return visit.drawn("pairing/pair.html", status, **{**drawing.operators(visit, name, by, seen), **values, **more})


async def live(visit: Visit) -> ApiResponse:
    """What the page shows, pushed."""
    api, name, by = visit.api, visit.request.path["name"], way(visit.request.query_word("by"))
    session = await api.commands.lookup.session(name, visit.request.scope)

    async def look() -> View:
        return await view(api, name, by, visit.request.scope)

    def draw(seen: View) -> dict[str, Any]:
        return drawing.frame(visit, drawing.operators(visit, name, by, seen))

    async def welcome() -> bool:
        login = api.logins.found(visit.cookies)
        return login is not None and await api.commands.keys.authenticate(login.secret) is not None

    return pushed(api, session.id, Source(look, draw, welcome))


async def ask(visit: Visit) -> ApiResponse:
    """A code, to scan or to type; then the page. Raises `CommandError`."""
    words = await visit.form()
    name, by = visit.request.path["name"], way(words.get("by", ""))
    number = words.get("phone", "").strip() if by == "code" else None
    try:
        request = PairRequest(wait_s=WAIT_S, phone_number=number)
        await visit.api.commands.pairing.pair(name, request, visit.request.who, scope=visit.request.scope)
    except CommandError as error:
        if number is None or error.code not in BESIDE_FIELD:
            raise
        told = of_command_error(error, visit.texts)
        return await _page(visit, by, 400, typed_phone=number, errors={"phone_number": told.detail})
    return _back(name, by)


async def act(visit: Visit) -> ApiResponse:
    """What else the page offers: again from the beginning, the number that scanned is the right one, no pause. Raises
    `CommandError`."""
    words = await visit.form()
    name, wish, who = visit.request.path["name"], visit.request.path["act"], visit.request.who
    commands, scope = visit.api.commands, visit.request.scope
    if wish == "again":
        await commands.pairing.recreate(name, WaitRequest(wait_s=WAIT_S), who, scope=scope)
    elif wish == "keep-phone":
        await commands.sessions.change(name, SessionChange(phone=words.get("phone", "")), who, scope=scope)
    elif wish == "resume":
        await commands.operator_actions.resume(name, who, scope=scope)
    else:
        raise CommandError("not-found")
    return _back(name, way(words.get("by", "")))


async def make_link(visit: Visit) -> ApiResponse:
    """A link for the phone's owner: its address is shown on the page that answers, and nowhere else. Raises
    `CommandError`."""
    words = await visit.form()
    name, title = visit.request.path["name"], words.get("title", "")
    try:
        lasts_s = float(words.get("lasts_s") or LASTS_S)
    except ValueError as error:
        raise invalid("lasts_s", "must be a number") from error
    try:
        made = visit.api.commands.pair_links.make
        _, token = await made(name, visit.request.who, title=title, lasts_s=lasts_s, scope=visit.request.scope)
    except CommandError as error:
        if error.field != "title":
            raise
        told = of_command_error(error, visit.texts)
        return await _page(visit, "qr", 400, typed_title=title, errors={"title": told.detail})
    await _tell_open_pages(visit, name)
    found = address_for_others(visit, f"/pair/{token}")
    return await _page(visit, "qr", made=found.address, made_path=found.path, only_here=found.only_here)


async def revoke(visit: Visit) -> ApiResponse:
    """The link opens nothing any more. Raises `CommandError`."""
    await visit.form()
    name = visit.request.path["name"]
    await visit.api.commands.pair_links.revoke(name, visit.request.who, scope=visit.request.scope)
    await _tell_open_pages(visit, name)
    return moved(f"/sessions/{name}/pair", done="link-revoked")


async def _tell_open_pages(visit: Visit, name: str) -> None:
    session = await visit.api.commands.lookup.session(name, visit.request.scope)
    visit.api.waiters.session_changed(session.id)


def _back(name: str, by: By) -> ApiResponse:
    return moved(f"/sessions/{name}/pair" + ("?by=code" if by == "code" else ""))


STREAM = PageRoute("GET", "/sessions/{name}/pair/live", live, "operate")
ROUTES = (
    PageRoute("GET", "/sessions/{name}/pair", show, "operate"),
    PageRoute("POST", "/sessions/{name}/pair", ask, "operate"),
    PageRoute("POST", "/sessions/{name}/pair/{act}", act, "operate"),
    PageRoute("POST", "/sessions/{name}/pair-link", make_link, "operate"),
    PageRoute("POST", "/sessions/{name}/pair-link/revoke", revoke, "operate"),
)
