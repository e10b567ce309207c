"""The webhook that comes with `instance/create`, in both spellings.

2.3.7 ignores the flat fields of the first version (recording 200); here they count, for who sends them means them.
Never lives here: a webhook's own fields (`webhooks`), its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from esteio.api.evolution.answers import EvolutionError
from esteio.api.evolution.webhooks import read_webhook
from esteio.engine.commands.instance_webhooks import BLANK, InstanceWebhook

_FLAT: Final = {
    "url": ("webhookUrl", "webhook_url"),
    "byEvents": ("webhookByEvents", "webhook_by_events"),
    "base64": ("webhookBase64", "webhook_base64"),
    "events": ("webhookEvents", "webhook_events", "events"),
    "headers": ("webhookHeaders", "webhook_headers"),
}
_ECHO: Final = {
    "webhookUrl": "url",
    "webhookHeaders": "headers",
    "webhookByEvents": "byEvents",
    "webhookBase64": "base64",
}


def created_webhook(document: Mapping[str, Any]) -> tuple[InstanceWebhook | None, dict[str, Any]]:
    """What is asked for (None: no webhook), and its part of create's answer: the fields that were given, headers
    without their values. Raises `EvolutionError`."""
    given = document.get("webhook")
    nested = given if isinstance(given, dict) else _flat(document)
    if not nested.get("url"):
        return None, {}
    if "events" not in nested:
        raise EvolutionError(400, ['webhook requires property "events"'])
    asked = read_webhook({**nested, "enabled": True})
    echo = {name: nested[field] for name, field in _ECHO.items() if field in nested}
    if asked.headers is not None:
        echo["webhookHeaders"] = dict.fromkeys(asked.headers, BLANK)
    return asked, echo


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        field: next((document[name] for name in names if document.get(name) is not None), None)
        for field, names in _FLAT.items()
    }
    if isinstance(document.get("webhook"), str):
        found["url"] = document["webhook"]
    return {"events": [], **{field: word for field, word in found.items() if word is not None}}
