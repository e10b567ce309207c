"""`/new`: a session is created, then its pairing page shows the code as soon as there is one.

Not below `/sessions/`, where every word may be a session's name. Never lives here: a rule about sessions
(`engine.commands.sessions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from esteio.api.dashboard.forms import read
from esteio.api.dashboard.page import Visit, moved
from esteio.api.dashboard.pairing.pages import WAIT_S
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.problems import of_command_error
from esteio.api.http.request import ApiResponse
from esteio.core.model.server import UNUSABLE, HealthState
from esteio.engine.commands.requests import SessionRequest
from esteio.engine.errors import CommandError

FIELDS = frozenset({"name", "server", "phone", "policy"})
"""Beside which of them an error is told; every other stands on top of the form."""


class Choice(NamedTuple):
    """A server that the session may live on; `down`: nothing can be done through it now."""

    name: str
    kind: str
    label: str
    health: HealthState
    down: bool


class Asked(NamedTuple):
    """A value that only servers of one kind ask for."""

    kind: str
    field: str
    text: str
    secret: bool
    example: str


async def form(visit: Visit) -> ApiResponse:
    """The empty form; `server` in the query chooses one."""
    return await _form(visit, {"server": visit.request.query_word("server")})


async def make(visit: Visit) -> ApiResponse:
    """The session, and on to its pairing page; or the form again, with what was typed. Raises `CommandError`."""
    words = await visit.form()
    try:
        name, by = await _made(visit, words)
    except CommandError as error:
        return await _form(visit, words, error)
    return moved(f"/sessions/{name}/pair" + ("?by=code" if by == "code" else ""))


async def _made(visit: Visit, words: Mapping[str, str]) -> tuple[str, str]:
    commands, scope = visit.api.commands, visit.request.scope
    by, phone = words.get("by", "qr"), words.get("phone", "").strip()
    body: dict[str, Any] = {"name": words.get("name", "").strip(), "server": words.get("server", ""), "wait_s": WAIT_S}
    body |= {"policy": words.get("policy") or "default"} | ({"phone": phone} if phone else {})
    kind = next((one.kind for one in await _choices(visit) if one.name == body["server"]), "")
    body["ref"] = {one.field: words.get(f"{kind}.{one.field}", "") for one in _asked(visit) if one.kind == kind}
    request = read(SessionRequest, body)
    typed = by == "code" and kind != "" and visit.api.providers[kind].capabilities.pairing_code
    if typed and not phone:
        raise CommandError("invalid-phone", field="phone", in_body=True)
    await commands.sessions.create(request, visit.request.who, typed=typed, scope=scope)
    return request.name, "code" if typed else "qr"


async def _form(visit: Visit, words: Mapping[str, str], error: CommandError | None = None) -> ApiResponse:
    told = None if error is None else of_command_error(error, visit.texts)
    field = (error.field or "") if error is not None else ""
    asked, choices = _asked(visit), await _choices(visit)
    known = FIELDS | {f"ref.{one.field}" for one in asked}
    errors = {field: told.detail} if told is not None and field in known else {}
    values: dict[str, Any] = {
        "choices": choices,
        "asked": [one for one in asked if one.kind in {choice.kind for choice in choices}],
        "policies": sorted(visit.api.settings.policies, key=lambda name: (name != "default", name)),
        "by_code": " ".join(kind for kind, one in visit.api.providers.items() if one.capabilities.pairing_code),
        "labels": {one.kind: one.label for one in choices},
        "words": words,
        "errors": errors,
        "wrong_text": told.detail if told is not None and not errors else "",
    }
    return visit.drawn("pairing/new.html", 200 if told is None else told.status, **values)


async def _choices(visit: Visit) -> list[Choice]:
    shown = []
    for stored in await visit.api.store.servers.within(visit.request.scope):
        server, provider = stored.server, visit.api.providers.get(stored.server.kind)
        if provider is not None:
            label = provider.declaration.label
            shown.append(Choice(server.name, server.kind, label, server.health, server.health in UNUSABLE))
    return shown


def _asked(visit: Visit) -> list[Asked]:
    """What has to be said of an instance that its server does not name after the session."""
    return [
        Asked(kind, field.name, _text(visit, kind, field.name) or field.text, field.secret, field.example)
        for kind, provider in visit.api.providers.items()
        for field in provider.declaration.ref
        if field.required and not field.learned and not field.default
    ]


def _text(visit: Visit, kind: str, field: str) -> str:
    found = visit.texts.find(f"field {kind}", f"ref.{field}") or ""
    return found[:1].upper() + found[1:]


ROUTES = (
    PageRoute("GET", "/new", form, "operate"),
    PageRoute("POST", "/new", make, "operate"),
)
