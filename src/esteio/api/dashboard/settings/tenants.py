"""The customers of this gateway: each with its state, what it holds of its quotas, its public pages; make one, change
its title and quotas, suspend it and let it in again. The operator's alone.

Never lives here: what a quota bounds or a suspension closes (`engine.commands.tenants`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from esteio.api.dashboard.forms import Form, Wrong, number, read, wrong
from esteio.api.dashboard.page import Moment, Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.core.model.status_page import StatusPage
from esteio.core.model.tenant import DEFAULT, Tenant, Usage
from esteio.engine.commands.requests import TenantChange, TenantRequest
from esteio.engine.errors import CommandError, invalid

BOUNDED: Final = ("sessions", "messages_per_day", "webhooks", "servers")
"""The quotas, in the order of the pages."""
SUSPENDS: Final = {"suspend": True, "resume": False}
"""What a form's address ends with → whether the tenant is suspended then."""


class Bound(NamedTuple):
    """One quota: how much is used, how much may be (None: no bound)."""

    name: str
    used: int
    most: int | None

    @property
    def full(self) -> bool:
        """Whether something is there and nothing more has room."""
        return self.most is not None and self.used >= max(self.most, 1)


class Shown(NamedTuple):
    """A tenant as its pages show it."""

    tenant: Tenant
    made: Moment | None
    bounds: Sequence[Bound]
    keys: int
    pages: Sequence[StatusPage]
    own: bool
    """Whether it is the one that owns whatever names none, which is not suspended here."""


async def listed(visit: Visit) -> ApiResponse:
    """All of them, and the form for another one."""
    visit.request.scope.check_everything()
    return await _list(visit)


async def create(visit: Visit) -> ApiResponse:
    """A new one, then its own page."""
    visit.request.scope.check_everything()  # guard: tenant-made-by-operator
    words = await visit.form()
    try:
        asked = {"name": words.word("name"), "title": words.word("title"), "quotas": _quotas(words)}
        tenant = await visit.api.commands.tenants.create(read(TenantRequest, asked))
    except CommandError as error:
        return await _list(visit, words, wrong(error, visit.texts))
    return moved(f"/settings/tenants/{tenant.name}", done="tenant-made")


async def edit(visit: Visit) -> ApiResponse:
    """One tenant. Raises `CommandError`."""
    visit.request.scope.check_everything()
    return await _form(visit, await _named(visit))


async def save(visit: Visit) -> ApiResponse:
    """Its title and quotas. Raises `CommandError`."""
    visit.request.scope.check_everything()  # guard: tenant-changed-by-operator
    words, tenant = await visit.form(), await _named(visit)
    try:
        asked = {"title": words.word("title"), "quotas": _quotas(words)}
        await visit.api.commands.tenants.change(tenant.name, read(TenantChange, asked))
    except CommandError as error:
        return await _form(visit, tenant, words, wrong(error, visit.texts))
    return moved(f"/settings/tenants/{tenant.name}", done="tenant-saved")


async def switch(visit: Visit) -> ApiResponse:
    """Suspended, or let in again. Raises `CommandError`."""
    visit.request.scope.check_everything()  # guard: tenant-suspended-by-operator
    await visit.form()
    act, tenant = visit.request.path["act"], await _named(visit)
    if act not in SUSPENDS or tenant.name == DEFAULT:
        raise CommandError("not-found")
    suspended = SUSPENDS[act]
    await visit.api.commands.tenants.change(tenant.name, TenantChange(enabled=not suspended))
    visit.public_pages.forget()
    place = f"/settings/tenants/{tenant.name}"
    return moved(place, done="tenant-suspended") if suspended else moved(place, done="tenant-resumed")


def _quotas(words: Form) -> dict[str, Any]:
    """Each in its field; an empty one is no bound. Raises `CommandError`."""
    found: dict[str, Any] = {}
    for name in BOUNDED:
        field = f"quotas.{name}"
        value = number(field, words.word(field))
        if value is not None and (value < 0 or value != int(value)):
            raise invalid(field, "must be a number")
        found[name] = value
    return found


async def _named(visit: Visit) -> Tenant:
    return await visit.api.commands.tenants.get(visit.request.path["tenant"])


async def _list(visit: Visit, words: Form | None = None, refused: Wrong | None = None) -> ApiResponse:
    held = await visit.api.commands.tenants.all()
    pages = await visit.api.store.status_pages.all(reach=visit.request.scope)
    shown = [_shown(visit, one.tenant, one.usage, pages) for one in held]
    asked = _asked(words, {"name": "", "title": ""})
    status = 400 if refused else 200
    return visit.drawn("tenants/list.html", status, tenants=shown, asked=asked, bounded=BOUNDED, wrong=refused)


async def _form(visit: Visit, tenant: Tenant, words: Form | None = None, refused: Wrong | None = None) -> ApiResponse:
    usage = await visit.api.commands.tenants.usage(tenant.name)
    pages = await visit.api.store.status_pages.all(reach=visit.request.scope)
    shown = _shown(visit, tenant, usage, pages)
    kept = {f"quotas.{one.name}": "" if one.most is None else str(one.most) for one in shown.bounds}
    asked = _asked(words, {"title": tenant.title, **kept})
    status = 400 if refused else 200
    return visit.drawn("tenants/one.html", status, one=shown, asked=asked, bounded=BOUNDED, wrong=refused)


def _asked(words: Form | None, kept: dict[str, str]) -> dict[str, str]:
    """What the fields hold: a refused form as it was sent."""
    names = (*kept, *(f"quotas.{name}" for name in BOUNDED))
    return {name: kept.get(name, "") if words is None else words.word(name) for name in names}


def _shown(visit: Visit, tenant: Tenant, usage: Usage, pages: Sequence[StatusPage]) -> Shown:
    used = (usage.sessions, usage.messages_today, usage.webhooks, usage.servers)
    most = (tenant.quotas.sessions, tenant.quotas.messages_per_day, tenant.quotas.webhooks, tenant.quotas.servers)
    return Shown(
        tenant=tenant,
        made=visit.moment(tenant.created_at),
        bounds=[Bound(*one) for one in zip(BOUNDED, used, most, strict=True)],
        keys=usage.keys,
        pages=[page for page in pages if page.tenant == tenant.name],
        own=tenant.name == DEFAULT,
    )


ROUTES = (
    PageRoute("GET", "/settings/tenants", listed, "admin"),
    PageRoute("POST", "/settings/tenants", create, "admin"),
    PageRoute("GET", "/settings/tenants/{tenant}", edit, "admin"),
    PageRoute("POST", "/settings/tenants/{tenant}", save, "admin"),
    PageRoute("POST", "/settings/tenants/{tenant}/{act}", switch, "admin"),
)
