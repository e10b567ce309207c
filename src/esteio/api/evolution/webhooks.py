"""`webhook/set` and `webhook/find`: where an instance's events go (recordings 076 to 085, 099).

The body is Evolution's (`{"webhook": {…}}`, in both spellings of its fields) or that of its first version, flat. Values
of headers are never shown again: `***` stands for each, and set again it means the value that is there. Never lives
here: what is kept (`engine.commands.instance_webhooks`), an event's shape (`core.webhooks.evolution_format`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from esteio.api.evolution.answers import invalid
from esteio.api.evolution.route import Door, DoorCall, DoorRoute
from esteio.api.http.request import ApiResponse, answer
from esteio.core.model.session import Session
from esteio.core.views.documents import timestamp
from esteio.core.webhooks.evolution_format import NAMES
from esteio.core.webhooks.evolution_names import instance_id
from esteio.engine.commands.instance_webhooks import BLANK, InstanceWebhook
from esteio.store.delivery import Endpoint

_BY_EVENTS: Final = ("byEvents", "webhookByEvents", "webhook_by_events")
_BASE64: Final = ("base64", "webhookBase64", "webhook_base64")
"""The same field as the releases and their clients spell it."""


async def set_webhook(door: Door, call: DoorCall) -> ApiResponse:
    """201 with the row, in the place of the one that was set here before."""
    document = await call.document()
    given = document.get("webhook")
    if isinstance(given, dict):
        asked = read_webhook(given)
    elif given is None and "url" in document:
        asked = read_webhook({"enabled": True, **document})
    else:
        raise invalid('instance requires property "webhook"' if given is None else _not_of("webhook", "object"))
    put = await door.api.commands.instance_webhooks.put(call.known, asked)
    return answer(_row(door, call.known, put), 201)


async def find_webhook(door: Door, call: DoorCall) -> ApiResponse:
    """The row, or `null` where none was set (recording 201)."""
    found = await door.api.commands.instance_webhooks.of(call.known.name)
    return answer(None if found is None else _row(door, call.known, found))


def read_webhook(given: Mapping[str, Any]) -> InstanceWebhook:
    """A body's `webhook`. Raises `EvolutionError` in the words of Evolution's own check."""
    complaints = [f'webhook requires property "{name}"' for name in ("enabled", "url") if name not in given]
    if complaints:
        raise invalid(*complaints)
    enabled, url = _typed(given, bool, "enabled"), _typed(given, str, "url") or ""
    if enabled and not url.strip():
        raise invalid('The "url" cannot be empty')
    return InstanceWebhook(
        url=url.strip(),
        enabled=bool(enabled),
        events=_events(given),
        headers=_headers(given),
        by_events=_typed(given, bool, *_BY_EVENTS),
        base64=_typed(given, bool, *_BASE64),
    )


def _typed(given: Mapping[str, Any], kind: type, *names: str) -> Any:
    """The first of these fields that is there, None where none is."""
    name = next((name for name in names if given.get(name) is not None), names[0])
    value = given.get(name)
    if value is not None and not isinstance(value, kind):
        raise invalid(_not_of(f"webhook.{name}", "boolean" if kind is bool else "string"))
    return value


def _events(given: Mapping[str, Any]) -> tuple[str, ...]:
    events = given.get("events")
    if events is None:
        return ()
    if not isinstance(events, list):
        raise invalid(_not_of("webhook.events", "array"))
    wrong = [
        f"webhook.events[{place}] is not one of enum values: {','.join(NAMES)}"
        for place, name in enumerate(events)
        if name not in NAMES
    ]
    if wrong:
        raise invalid(*wrong)
    return tuple(dict.fromkeys(events))


def _headers(given: Mapping[str, Any]) -> dict[str, str] | None:
    headers = given.get("headers")
    if headers is None:
        return None
    if not isinstance(headers, dict):
        raise invalid(_not_of("webhook.headers", "object"))
    return {name: str(word) for name, word in headers.items() if word is not None}


def _not_of(name: str, kind: str) -> str:
    return f"{name} is not of a type(s) {kind}"


def _row(door: Door, session: Session, endpoint: Endpoint) -> dict[str, Any]:
    """As Evolution shows its database's row; the values of headers stay with us."""
    names = door.api.commands.instance_webhooks.header_names(endpoint)
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "headers": dict.fromkeys(names, BLANK) or None,
        "enabled": endpoint.enabled,
        "events": list(endpoint.events or NAMES),
        "webhookByEvents": endpoint.by_events,
        "webhookBase64": endpoint.media == "base64",
        "createdAt": timestamp(endpoint.created_at),
        "updatedAt": timestamp(endpoint.updated_at),
        "instanceId": instance_id(session),
    }


ROUTES = (
    DoorRoute("POST", "/webhook/set/{instance}", set_webhook, "operate"),
    DoorRoute("GET", "/webhook/find/{instance}", find_webhook, "read"),
)
