"""What an instance's own server is asked on behalf of a client, with an answer that is read: settings, presence.

Never lives here: a call that is handed through as it is.
"""

from __future__ import annotations

from typing import Any

import msgspec

from esteio.api.evolution.answers import EvolutionError, invalid
from esteio.api.evolution.instances import settings
from esteio.api.evolution.route import Door, DoorCall, DoorRoute
from esteio.api.http.request import ApiResponse, answer
from esteio.core.webhooks.evolution_names import instance_name
from esteio.engine.errors import CommandError

PRESENCES = ("unavailable", "available", "composing", "recording", "paused")


async def set_presence(door: Door, call: DoorCall) -> ApiResponse:
    """Recordings 093, 094, 112. Raises `CommandError` as `PassedCalls.exchange`."""
    document = await call.document()
    if "presence" not in document:
        raise invalid('instance requires property "presence"')
    if document["presence"] not in PRESENCES:
        raise invalid(f"presence is not one of enum values: {','.join(PRESENCES)}")
    said = {"presence": document["presence"]}
    await _asked(door, call, "POST", "/instance/setPresence/{instance}", said)
    return answer(said, 201)


async def set_settings(door: Door, call: DoorCall) -> ApiResponse:
    """At the server first; then kept, for `find`, and for the day on which the instance is made anew."""
    document = await call.document()
    chosen = settings.of_set(document)
    await _asked(door, call, "POST", "/settings/set/{instance}", chosen)
    await _keep(door, call, chosen)
    shown = {"instanceName": instance_name(call.known), "settings": chosen}
    return answer({"settings": shown}, 201)


async def find_settings(door: Door, call: DoorCall) -> ApiResponse:
    """As the server says; as they were last set or read, where it does not answer."""
    try:
        told = await _asked(door, call, "GET", "/settings/find/{instance}")
    except (CommandError, EvolutionError):
        kept = await door.api.commands.instance_settings.kept(call.known)
        return answer(settings.shown(kept or {}))
    read = {name: told[name] for name in settings.DEFAULTS if isinstance(told, dict) and name in told}
    await _keep(door, call, read)
    return answer(settings.shown(read))


async def _keep(door: Door, call: DoorCall, chosen: dict[str, Any]) -> None:
    commands = door.api.commands.instance_settings
    before = await commands.kept(call.known) or {}
    after = {**before, **chosen}
    if after != before:
        await commands.keep(call.known, after)


async def _asked(door: Door, call: DoorCall, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The server's document. Raises `EvolutionError` with its own no, `CommandError` where there is none."""
    answered = await door.passed.exchange(
        call.known,
        method,
        path,
        who=call.request.who,
        headers={"content-type": "application/json"},
        body=b"" if body is None else msgspec.json.encode(body),
    )
    document = answered.json()
    if not 200 <= answered.status < 300:
        told = document.get("response") if isinstance(document, dict) else None
        message = told.get("message") if isinstance(told, dict) else None
        raise EvolutionError(answered.status, message or ["The server gave no reason"])
    return document


ROUTES = (
    DoorRoute("POST", "/instance/setPresence/{instance}", set_presence, "operate"),
    DoorRoute("POST", "/settings/set/{instance}", set_settings, "operate"),
    DoorRoute("GET", "/settings/find/{instance}", find_settings, "read"),
)
