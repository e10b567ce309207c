"""`restart`, `logout` and `delete`: a person's own acts, carried out and journaled as such.

A restart asks for a recovery: a healthy line is looked at, not restarted. Never lives here: the act at the provider
(`engine.commands.sessions.provider_acts`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from esteio.api.evolution.answers import EvolutionError
from esteio.api.evolution.instances.state import state_document
from esteio.api.evolution.route import Door, DoorCall, DoorRoute
from esteio.api.http.request import ApiResponse, answer
from esteio.core.views.catalogue import Catalogue
from esteio.core.webhooks.evolution_names import instance_name
from esteio.core.webhooks.evolution_states import state_of
from esteio.engine.errors import CommandError


async def restart(door: Door, call: DoorCall) -> ApiResponse:
    """The state as it is after that look. Raises `CommandError("session-paused")`."""
    session = await door.api.commands.operator_actions.recover(
        call.known.name, call.request.who, scope=call.request.scope
    )
    return answer(state_document(session))


async def logout(door: Door, call: DoorCall) -> ApiResponse:
    """Unlinks the phone; the instance stays (recordings 027, 132)."""
    session = call.known
    if state_of(session) == "close":
        raise EvolutionError(400, [f'The "{instance_name(session)}" instance is not connected'])
    with _refusals(500, call.texts):
        await door.api.commands.session_logout.logout(session.name, call.request.who, scope=call.request.scope)
    return _done("Instance logged out")


async def delete(door: Door, call: DoorCall) -> ApiResponse:
    """There and here; the key that its create gave goes with it (recording 158). Raises `CommandError`:
    provider-refused, act-unanswered (asking again does not act twice)."""
    session = call.known
    with _refusals(400, call.texts):
        left = await door.api.commands.session_removal.delete(
            session.name, "delete", call.request.who, scope=call.request.scope
        )
    if left is not None:
        raise CommandError("act-unanswered", server=session.server)
    return _done("Instance deleted")


@contextmanager
def _refusals(status: int, texts: Catalogue) -> Iterator[None]:
    """The provider's no in its own words, under the status that Evolution gives it (recordings 114, 116); what another
    kind of server cannot do, in the caller's language."""
    try:
        yield
    except CommandError as error:
        if error.code != "provider-refused":
            raise
        told = texts.translated("detail in English", error.words.get("detail", ""))
        raise EvolutionError(status, [told]) from error


def _done(message: str) -> ApiResponse:
    return answer({"status": "SUCCESS", "error": False, "response": {"message": message}})


ROUTES = (
    DoorRoute("POST", "/instance/restart/{instance}", restart, "operate"),
    DoorRoute("PUT", "/instance/restart/{instance}", restart, "operate"),
    DoorRoute("DELETE", "/instance/logout/{instance}", logout, "operate"),
    DoorRoute("GET", "/instance/logout/{instance}", logout, "operate"),
    DoorRoute("DELETE", "/instance/delete/{instance}", delete, "operate"),
)
