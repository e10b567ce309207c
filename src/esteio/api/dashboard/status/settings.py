"""The admin's side of public status pages: make one, choose what it shows and as what, switch it on and off.

Never lives here: what strangers see (`public`).
"""

from __future__ import annotations

from typing import NamedTuple

from esteio.api.dashboard.forms import Form, Wrong, read, wrong
from esteio.api.dashboard.page import Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.core.model.status_page import StatusPage
from esteio.core.model.tenant import Reach
from esteio.engine.commands.requests import StatusPageChange, StatusPageRequest
from esteio.engine.errors import CommandError
from esteio.store.base import every_session

OFFERED = 50
"""Sessions to choose from at once, beside those that are chosen."""


class Choice(NamedTuple):
    """A session as the form shows it."""

    name: str
    label: str
    ticked: bool


async def listed(visit: Visit) -> ApiResponse:
    """All pages, and the form for another one."""
    visit.request.scope.check_whole()
    return await _list(visit)


async def create(visit: Visit) -> ApiResponse:
    """A page that is off and empty, then its own form."""
    visit.request.scope.check_whole()  # guard: status-page-made-by-unscoped
    words = await visit.form()
    try:
        asked = read(StatusPageRequest, {"name": words.word("name"), "title": words.word("title")})
        page = await visit.api.commands.status_pages.create(asked, visit.request.scope)
    except CommandError as error:
        return await _list(visit, words, wrong(error, visit.texts))
    return moved(f"/settings/status/{page.name}", done="status-made")


async def edit(visit: Visit) -> ApiResponse:
    """One page's form; `q` looks for sessions to add. Raises `CommandError`."""
    visit.request.scope.check_whole()
    page = await visit.api.commands.status_pages.get(visit.request.path["page"], visit.request.scope)
    return await _form(visit, page)


async def save(visit: Visit) -> ApiResponse:
    """Title, switch, and the sessions that the form showed; others stay as they are. Raises `CommandError`."""
    visit.request.scope.check_whole()  # guard: status-page-changed-by-unscoped
    words, name = await visit.form(), visit.request.path["page"]
    page = await visit.api.commands.status_pages.get(name, visit.request.scope)
    labels, ticked = words.under("label"), set(words.every("show"))
    missing = sorted(ticked - set(labels))
    if missing:
        refused = Wrong(f"label.{missing[0]}", visit.say("status.label-missing", session=missing[0]))
        return await _form(visit, page, words, refused)
    chosen = {one: labels[one] if one in ticked else None for one in words.every("seen")}
    try:
        asked = {"title": words.word("title"), "enabled": words.word("enabled") == "on", "labels": chosen}
        await visit.api.commands.status_pages.change(name, read(StatusPageChange, asked), visit.request.scope)
    except CommandError as error:
        return await _form(visit, page, words, wrong(error, visit.texts))
    visit.public_pages.forget()
    return moved(f"/settings/status/{name}", done="status-saved")


async def delete(visit: Visit) -> ApiResponse:
    """It is gone, for strangers too. Raises `CommandError`."""
    visit.request.scope.check_whole()  # guard: status-page-gone-by-unscoped
    await visit.form()
    await visit.api.commands.status_pages.delete(visit.request.path["page"], visit.request.scope)
    visit.public_pages.forget()
    return moved("/settings/status", done="status-gone")


async def _list(visit: Visit, words: Form | None = None, refused: Wrong | None = None) -> ApiResponse:
    asked = {name: "" if words is None else words.word(name) for name in ("name", "title")}
    pages = await visit.api.store.status_pages.all(reach=visit.request.scope)
    return visit.drawn("status/pages.html", 400 if refused else 200, pages=pages, asked=asked, wrong=refused)


async def _form(visit: Visit, page: StatusPage, words: Form | None = None, refused: Wrong | None = None) -> ApiResponse:
    looked = visit.request.query_word("q").strip()[:100]
    base = visit.api.settings.public_url.rstrip("/")
    return visit.drawn(
        "status/page.html",
        400 if refused else 200,
        page=page,
        title=page.title if words is None else words.word("title"),
        enabled=page.enabled if words is None else words.word("enabled") == "on",
        choices=await _choices(visit, page, words, looked),
        looked=looked,
        address=f"{base}/status/{page.name}",
        wrong=refused,
    )


async def _choices(visit: Visit, page: StatusPage, words: Form | None, looked: str) -> list[Choice]:
    """What is chosen first, then others that are meant; a refused form as it was sent."""
    if words is not None:
        labels, ticked = words.under("label"), set(words.every("show"))
        return [Choice(one, labels.get(one, ""), one in ticked) for one in words.every("seen")]
    chosen = {one.session for one in page.sessions}
    found = [Choice(one.session, one.label, ticked=True) for one in page.sessions]
    async for session in every_session(visit.api.store.sessions, reach=Reach(page.tenant)):
        if len(found) >= len(chosen) + OFFERED:
            break
        if session.name not in chosen and looked.casefold() in session.name.casefold():
            found.append(Choice(session.name, "", ticked=False))
    return found


ROUTES = (
    PageRoute("GET", "/settings/status", listed, "admin"),
    PageRoute("POST", "/settings/status", create, "admin"),
    PageRoute("GET", "/settings/status/{page}", edit, "admin"),
    PageRoute("POST", "/settings/status/{page}", save, "admin"),
    PageRoute("POST", "/settings/status/{page}/delete", delete, "admin"),
)
