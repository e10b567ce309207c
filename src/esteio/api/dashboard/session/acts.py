"""What a person does to a session from its page: a look, a pause, a code, a recreate, another policy or phone, and the
end of it. Never lives here: a rule about sessions (`engine.commands`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, get_args

from esteio.api.dashboard.page import SAFE, Visit, moved
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.api.v1.sessions import NDJSON
from esteio.core.model.session import Session
from esteio.engine.commands import journal_export
from esteio.engine.commands.requests import AtProvider, SessionChange, WaitRequest
from esteio.engine.errors import CommandError


class Settings(NamedTuple):
    """What may be changed, and what it is now. `seen`: the number that is linked, where it is not the pinned one;
    `ref`: what the provider calls the session, for an administrator."""

    policies: tuple[str, ...]
    destructive: str
    on_down: str
    seen: str
    ref: tuple[tuple[str, str], ...]


def settings(visit: Visit, session: Session) -> Settings:
    """As the page shows them."""
    policies = visit.api.settings.policies
    policy = visit.api.settings.policy_of(session.policy)
    wrong = session.reason.code == "wrong-identity"
    return Settings(
        tuple(sorted(policies)),
        policy.destructive,
        policy.on_down,
        session.facts.phone_seen if wrong else "",
        tuple(session.ref.items()) if visit.may("admin") else (),
    )


class Wish(NamedTuple):
    """What a form asks of a session."""

    visit: Visit
    name: str
    words: dict[str, str]


Act = Callable[[Wish], Awaitable[str]]
"""Does it; gives what is told afterwards."""


async def _recover(wish: Wish) -> str:
    await wish.visit.api.commands.operator_actions.recover(
        wish.name, wish.visit.request.who, scope=wish.visit.request.scope
    )
    return "recover"


async def _pause(wish: Wish) -> str:
    await wish.visit.api.commands.operator_actions.pause(
        wish.name, wish.visit.request.who, scope=wish.visit.request.scope
    )
    return "pause"


async def _resume(wish: Wish) -> str:
    await wish.visit.api.commands.operator_actions.resume(
        wish.name, wish.visit.request.who, scope=wish.visit.request.scope
    )
    return "resume"


async def _recreate(wish: Wish) -> str:
    await wish.visit.api.commands.pairing.recreate(
        wish.name, WaitRequest(wait_s=0), wish.visit.request.who, scope=wish.visit.request.scope
    )
    return "recreate-asked"


async def _policy(wish: Wish) -> str:
    change = SessionChange(policy=wish.words.get("policy", ""))
    await wish.visit.api.commands.sessions.change(
        wish.name, change, wish.visit.request.who, scope=wish.visit.request.scope
    )
    return "policy"


async def _phone(wish: Wish) -> str:
    phone = wish.words.get("phone", "").strip() or None
    await wish.visit.api.commands.sessions.change(
        wish.name, SessionChange(phone=phone), wish.visit.request.who, scope=wish.visit.request.scope
    )
    return "phone" if phone else "phone-any"


def _acted(act: Act) -> Callable[[Visit], Awaitable[ApiResponse]]:
    """Then the page again, which says what was done. Raises `CommandError`."""

    async def handler(visit: Visit) -> ApiResponse:
        words, name = await visit.form(), visit.request.path["name"]
        done = await act(Wish(visit, name, words))
        return moved(f"/sessions/{name}{'/pair' if act is _recreate else ''}", done=done)

    return handler


async def delete(visit: Visit) -> ApiResponse:
    """Forgotten, and gone at the provider where that is asked for; where the provider has not answered yet the page
    again. Raises `CommandError`."""
    words, name = await visit.form(), visit.request.path["name"]
    wish = next((one for one in get_args(AtProvider) if one == words.get("at_provider")), None)
    if wish is None:
        raise CommandError("invalid-value", field="at_provider", in_body=True, allowed=", ".join(get_args(AtProvider)))
    left = await visit.api.commands.session_removal.delete(name, wish, visit.request.who, scope=visit.request.scope)
    return moved("/", done="session-deleted") if left is None else moved(f"/sessions/{name}", done="session-deleting")


async def export(visit: Visit) -> ApiResponse:
    """The journal as a file, as `esteio replay` reads it. Raises `CommandError("unknown-session")`."""
    session = await visit.api.commands.lookup.session(visit.request.path["name"], visit.request.scope)
    await visit.api.commands.audit.note("journal.exported", session=session.name)
    lines = journal_export.export(visit.api.store.servers, visit.api.store.journal, session)
    kept = f'attachment; filename="{session.name}.ndjson"'
    headers = {**SAFE, "cache-control": "no-store", "content-disposition": kept}
    return ApiResponse(200, b"".join([piece async for piece in lines]), NDJSON, headers)


ACTS: dict[str, Act] = {
    "recover": _recover,
    "pause": _pause,
    "resume": _resume,
    "recreate": _recreate,
    "policy": _policy,
    "phone": _phone,
}
ROUTES = (
    *(PageRoute("POST", f"/sessions/{{name}}/{word}", _acted(act), "operate") for word, act in ACTS.items()),
    PageRoute("POST", "/sessions/{name}/delete", delete, "operate"),
    PageRoute("GET", "/sessions/{name}/export", export, "read"),
)
