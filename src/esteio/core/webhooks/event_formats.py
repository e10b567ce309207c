"""An event as it leaves the process: its id, its document with words, and the bodies of the three formats.

The log keeps reasons as code and values; the sentences are made when the event leaves, in the language set then. Never
lives here: who gets it, a signature, the Evolution dialect's fields (`evolution_format`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from esteio.core.model.state import Reason
from esteio.core.views.catalogue import Catalogue
from esteio.core.views.documents import timestamp
from esteio.core.views.sentences import sentence

Document = dict[str, Any]


def event_id(seq: int, at: float) -> str:
    """The same for the same event at every attempt and for every subscriber: what receivers tell doubles by."""
    digest = hashlib.blake2b(f"{seq}:{at!r}".encode(), digest_size=10).hexdigest()
    return f"evt_{seq:012d}_{digest}"


def worded(data: Mapping[str, Any], session: str | None, texts: Catalogue) -> Document:
    """The document with its sentences, in the language of `texts`, and `session` at the top where it concerns one."""
    document: Document = {"session": session, **data} if session else dict(data)
    for name in ("reason", "missed"):
        reason = document.get(name)
        if isinstance(reason, Mapping) and "args" in reason:
            document[name] = _said(reason, texts)
    media = document.get("media")
    if isinstance(media, Mapping) and isinstance(media.get("reason"), Mapping) and "args" in media["reason"]:
        document["media"] = {**media, "reason": _said(media["reason"], texts)}
    health = document.get("health")
    if isinstance(health, Mapping) and isinstance(health.get("action"), Mapping):
        document["health"] = {**health, "action": _said(health["action"], texts)["action"]}
    cost = document.get("cost")
    if isinstance(cost, str) and "rung" in document and " " not in cost:
        document["cost"] = sentence(Reason(cost, {"session": str(document.get("session") or "")}), texts).text
    return document


def _said(reason: Mapping[str, Any], texts: Catalogue) -> Document:
    code = str(reason.get("code", ""))
    said = sentence(Reason(code, dict(reason["args"])), texts)
    return {"code": code, "text": said.text, "action": said.action or None}


def standard(kind: str, at: float, document: Mapping[str, Any]) -> Document:
    """The contract's event, in webhooks and in the stream."""
    return {"type": kind, "timestamp": timestamp(at), "data": document}


def cloudevent(
    ident: str, kind: str, at: float, document: Mapping[str, Any], source: str, *, trace: Mapping[str, str] = {}
) -> Document:
    """CloudEvents 1.0, structured mode. `trace`: the attributes of the extension for distributed tracing, which say the
    same as the request's headers."""
    event: Document = {
        "specversion": "1.0",
        "id": ident,
        "source": source,
        "type": kind,
        "time": timestamp(at),
        "datacontenttype": "application/json",
        **trace,
        "data": document,
    }
    subject = document.get("session") or document.get("name")
    return {**event, "subject": subject} if subject else event
