"""A subscription made or changed: the form, and the secret that is shown once.

Never lives here: what a subscription may ask for (`engine.commands.webhooks`).
"""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

from esteio.api.dashboard.forms import Form, Wrong, read, wrong
from esteio.api.dashboard.page import Moment, Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.core.webhooks.delivery_policy import EVENT_TYPES, Format
from esteio.engine.commands.requests import EndpointChange, EndpointRequest, RotateRequest
from esteio.engine.errors import CommandError, invalid
from esteio.store.delivery import Endpoint

FORMATS = get_args(Format)
MEDIA = ("url", "base64")
OVERLAPS_S = (0, 3_600, 86_400, 604_800)
"""For how long a secret that was replaced may sign beside the new one."""


class Asked(NamedTuple):
    """What stands in the form."""

    url: str
    events: tuple[str, ...]
    more: str
    """Names of Evolution's events that have no tick."""
    sessions: str
    format: str
    media: str
    headers: str


_EMPTY = Asked("", (), "", "", "standard", "url", "")


async def new(visit: Visit) -> ApiResponse:
    """The empty form."""
    return _form(visit, None, _EMPTY)


async def create(visit: Visit) -> ApiResponse:
    """A new subscription. Its secret stands on this answer and nowhere else, so it is no redirect."""
    words = await visit.form()
    try:
        request = read(EndpointRequest, _given(words) | {"headers": _headers(words.word("headers"))})
        endpoint, secret = await visit.api.commands.webhooks.add(request, visit.request.scope)
    except CommandError as error:
        return _form(visit, None, _asked(words), wrong(error, visit.texts))
    return _secret(visit, endpoint, secret)


async def edit(visit: Visit) -> ApiResponse:
    """The form with what holds now; headers are never shown. Raises `CommandError("unknown-webhook")`."""
    endpoint = await mine(visit)
    known = tuple(one for one in endpoint.events if one in EVENT_TYPES)
    more = " ".join(one for one in endpoint.events if one not in EVENT_TYPES)
    sessions = " ".join(endpoint.sessions)
    return _form(visit, endpoint, Asked(endpoint.url, known, more, sessions, endpoint.format, endpoint.media, ""))


async def change(visit: Visit) -> ApiResponse:
    """What the form says holds from now on, also for what waits. Raises `CommandError`."""
    words, endpoint = await visit.form(), await mine(visit)
    given = _given(words)
    given.setdefault("sessions", None if visit.request.scope.everything else list(visit.request.scope.globs))
    try:
        if words.word("headers") or words.get("forget"):
            given["headers"] = _headers(words.word("headers"))
        asked = read(EndpointChange, given)
        await visit.api.commands.webhooks.change(endpoint.id, asked, visit.request.scope)
    except CommandError as error:
        return _form(visit, endpoint, _asked(words), wrong(error, visit.texts))
    return moved(f"/webhooks/{endpoint.id}", done="webhook-changed")


async def rotate(visit: Visit) -> ApiResponse:
    """A new secret, shown on this answer alone. Raises `CommandError`."""
    words, endpoint = await visit.form(), await mine(visit)
    chosen = words.word("overlap")
    overlap_s = int(chosen) if chosen.isdecimal() and int(chosen) in OVERLAPS_S else OVERLAPS_S[2]
    endpoint, secret = await visit.api.commands.webhooks.rotate_secret(endpoint.id, RotateRequest(overlap_s))
    return _secret(visit, endpoint, secret, visit.moment(visit.api.clock.now() + overlap_s) if overlap_s else None)


async def mine(visit: Visit) -> Endpoint:
    """The one of the address. Raises `CommandError("unknown-webhook")`, also for one outside the caller's scope."""
    # guard: webhook-page-in-scope
    return await visit.api.commands.webhooks.get(visit.request.path["webhook"], visit.request.scope)


def _secret(visit: Visit, endpoint: Endpoint, secret: str, old_ends: Moment | None = None) -> ApiResponse:
    return visit.drawn("webhooks/secret.html", webhook=endpoint, secret=secret, old_ends=old_ends)


def _given(words: Form) -> dict[str, Any]:
    """The fields of the API's body."""
    given: dict[str, Any] = {
        "url": words.word("url"),
        "events": [*words.every("events"), *words.word("more").replace(",", " ").split()],
        "format": words.word("format"),
        "media": words.word("media"),
    }
    if globs := words.word("sessions").replace(",", " ").split():
        given["sessions"] = globs
    return given


def _headers(text: str) -> dict[str, str]:
    """`name: value`, one a line. Raises `CommandError("invalid-value")`."""
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, value = line.partition(":")
        if not colon:
            raise invalid("headers", "must be one `name: value` a line")
        found[name.strip()] = value.strip()
    return found


def _asked(words: Form) -> Asked:
    """The form as it came, but for headers, which may hold a password."""
    return Asked(
        words.word("url"),
        words.every("events"),
        words.word("more"),
        words.word("sessions"),
        words.word("format"),
        words.word("media"),
        "",
    )


def _form(visit: Visit, endpoint: Endpoint | None, asked: Asked, refused: Wrong | None = None) -> ApiResponse:
    return visit.drawn(
        "webhooks/form.html",
        200 if refused is None else 400,
        webhook=endpoint,
        asked=asked,
        wrong=refused,
        types=EVENT_TYPES,
        formats=FORMATS,
        media=MEDIA,
    )


ROUTES = (
    PageRoute("GET", "/webhooks/new", new, "admin"),
    PageRoute("POST", "/webhooks", create, "admin"),
    PageRoute("GET", "/webhooks/{webhook}/edit", edit, "admin"),
    PageRoute("POST", "/webhooks/{webhook}/edit", change, "admin"),
    PageRoute("POST", "/webhooks/{webhook}/rotate", rotate, "admin"),
)
