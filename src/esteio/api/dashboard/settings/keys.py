"""API keys: make one, whose secret is shown this once; see them; revoke.

Never lives here: what a key may do (`engine.commands.keys`).
"""

from __future__ import annotations

from typing import NamedTuple, get_args

from esteio.api.dashboard.forms import Form, Wrong, read, wrong
from esteio.api.dashboard.page import Moment, Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.core.views.documents import timestamp
from esteio.engine.commands.requests import KeyRequest, Role
from esteio.engine.errors import CommandError
from esteio.store.base import ApiKey

ROLES = get_args(Role)
DAYS = (1, 7, 30, 90, 365)
"""How long a new key may last; 0 is for good."""


class Shown(NamedTuple):
    """A key as it is listed, without its secret."""

    key: ApiKey
    made: Moment | None
    ends: Moment | None
    revoked: Moment | None
    over: bool
    own: bool
    """Whether it is the one that this login stands for."""


async def listed(visit: Visit) -> ApiResponse:
    """All that lie inside the caller's scope, those that open first."""
    return await _page(visit)


async def create(visit: Visit) -> ApiResponse:
    """A new key. Its secret stands on this answer and nowhere else, so it is no redirect."""
    words = await visit.form()
    try:
        key, secret = await visit.api.commands.keys.create(_asked(visit, words), visit.request.scope)
    except CommandError as error:
        return await _page(visit, words, wrong(error, visit.texts))
    return visit.drawn("key_made.html", key=key, secret=secret)


async def revoke(visit: Visit) -> ApiResponse:
    """From now on it opens nothing, this login included where it is its own. Raises `CommandError`."""
    await visit.form()
    keys, key_id = visit.api.commands.keys, visit.request.path["key"]
    await keys.check(key_id, visit.request.scope)  # guard: key-revoked-in-scope
    await keys.revoke(key_id)
    return moved("/settings", done="key-revoked")


def _asked(visit: Visit, words: Form) -> KeyRequest:
    asked: dict[str, object] = {"name": words.word("name"), "role": words.word("role")}
    if globs := words.word("sessions").replace(",", " ").split():
        asked["sessions"] = globs
    if (days := words.word("days")).isdecimal() and int(days):
        asked["expires_at"] = timestamp(visit.api.clock.now() + int(days) * 86400)
    return read(KeyRequest, asked)


async def _page(visit: Visit, words: Form | None = None, refused: Wrong | None = None) -> ApiResponse:
    now, mine = visit.api.clock.now(), visit.request.key.id
    keys = [
        Shown(
            key=one,
            made=visit.moment(one.created_at),
            ends=visit.moment(one.expires_at),
            revoked=visit.moment(one.revoked_at),
            over=one.revoked_at is not None or (one.expires_at is not None and one.expires_at <= now),
            own=one.id == mine,
        )
        for one in await visit.api.commands.keys.within(visit.request.scope)  # guard: keys-listed-in-scope
    ]
    keys.sort(key=lambda one: (one.over, -one.key.created_at))
    asked = {name: "" if words is None else words.word(name) for name in ("name", "role", "sessions", "days")}
    status = 200 if refused is None else 400
    return visit.drawn("keys.html", status, keys=keys, roles=ROLES, days=DAYS, asked=asked, wrong=refused)


ROUTES = (
    PageRoute("GET", "/settings", listed, "admin"),
    PageRoute("POST", "/settings/keys", create, "admin"),
    PageRoute("POST", "/settings/keys/{key}/revoke", revoke, "admin"),
)
