"""Lists, buttons and templates that went out, in the parts of WhatsApp's message that Evolution shows (recording 069).

Never lives here: any other content (`evolution_format`), what a client asked for (`core.model.content.Native`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

Document = dict[str, Any]
Button = Mapping[str, Any]
KINDS: Final = frozenset({"list", "buttons", "template"})
_FLOWS: Final = (("url", "cta_url"), ("phone", "cta_call"), ("code", "cta_copy"))
_PARAMS: Final = {"display_text": "text", "id": "id", "url": "url", "phone_number": "phone", "copy_code": "code"}


def offer(kind: str, text: str | None, buttons: Iterable[Button]) -> tuple[str, Document]:
    """(messageType, message) for one of `KINDS`."""
    if kind == "list":
        rows = [{"title": row.get("text"), "rowId": row.get("id")} for row in buttons]
        return "listMessage", {"listMessage": {"description": text or "", "sections": [{"rows": rows}]}}
    if kind == "template":
        return "templateMessage", {"templateMessage": {"hydratedTemplate": {"hydratedContentText": text or ""}}}
    flows = {"buttons": [_flow(one) for one in buttons]}
    interactive = {"body": {"text": text or ""}, "nativeFlowMessage": flows}
    return "viewOnceMessage", {"viewOnceMessage": {"message": {"interactiveMessage": interactive}}}


def _flow(button: Button) -> Document:
    """One button; what it leads to says of which kind it is."""
    name = next((flow for field, flow in _FLOWS if button.get(field)), "quick_reply")
    params = {param: button[field] for param, field in _PARAMS.items() if button.get(field)}
    return {"name": name, "buttonParamsJson": msgspec.json.encode(params).decode()}
