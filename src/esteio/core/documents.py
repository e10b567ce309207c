"""Public documents (`contract.md` §1) made of the core's values: pure, so that API, events and store agree.

`sentence` turns a reason into its public form; `core.errors` has the ones with text in two languages, and
`plain_reason` is the one without. Never lives here: a database, a request, a language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from esteio.core.model import Approval, Axis, Message, Outage, Reason, Recovery, Server
from esteio.core.session import Session

Document = dict[str, Any]
Sentence = Callable[[Reason], Mapping[str, Any]]
"""Reason → {code, text, action}."""


def plain_reason(reason: Reason) -> Document:
    """The reason without a sentence: its code and the values that the sentence needs."""
    return {"code": reason.code, "args": dict(reason.args)}


def timestamp(at: float) -> str:
    """RFC 3339, UTC, milliseconds."""
    moment = datetime.fromtimestamp(round(at * 1000) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time_or_none(at: float | None) -> str | None:
    return None if at is None else timestamp(at)


def message_document(message: Message, sentence: Sentence = plain_reason) -> Document:
    """A message. `to` for what goes out, `from` for what came in; parts that a kind does not have are left out."""
    content = message.content
    peer = {"to": message.to} if message.direction == "out" else {"from": message.sender}
    document: Document = {
        "id": message.id,
        "session": message.session,
        "direction": message.direction,
        "chat": message.chat,
        **peer,
        "kind": content.kind,
        "text": content.text,
        "media": None if content.media is None else _media(message),
        "state": message.state,
        "reason": None if message.reason is None else dict(sentence(message.reason)),
        "provider_id": message.provider_id,
        "created_at": timestamp(message.created_at),
        "updated_at": timestamp(message.updated_at),
    }
    for part in ("location", "poll", "reaction"):
        if (value := getattr(content, part)) is not None:
            document[part] = msgspec.to_builtins(value)
    if content.contacts:
        document["contacts"] = msgspec.to_builtins(content.contacts)
    for name in ("quote", "client_ref", "mentions", "recovered"):
        if value := getattr(message, name):
            document[name] = list(value) if name == "mentions" else value
    return document


def _media(message: Message) -> Document:
    # The bytes themselves are fetched by their own address, never carried in a document.
    media: Document = msgspec.to_builtins(message.content.media)
    media.pop("base64", None)
    return media


def session_document(session: Session, held: int, sentence: Sentence = plain_reason) -> Document:
    """A session; `held` is the number of messages that wait to go out."""
    return {
        "name": session.name,
        "server": session.server,
        "phone": session.phone,
        "state": session.state,
        "since": timestamp(session.since),
        "reason": dict(sentence(session.reason)),
        "can_send": _axis(session.can_send),
        "can_receive": _axis(session.can_receive),
        "outage": _outage(session.outage),
        "last_restart_at": _time_or_none(session.recovery.last_restart_at),
        "recovery": _recovery(session.recovery),
        "held": held,
        "policy": session.policy,
    }


def _axis(axis: Axis) -> Document:
    return {"value": axis.value, "evidence": axis.evidence, "at": _time_or_none(axis.at)}


def _outage(outage: Outage | None) -> Document | None:
    if outage is None or outage.ended_at is not None:
        return None
    return {
        "id": outage.id,
        "since": timestamp(outage.since),
        "because": outage.because,
        "reopened": outage.reopened,
    }


def _recovery(recovery: Recovery) -> Document | None:
    attempt = recovery.open or recovery.last
    if recovery.open is None and recovery.next_at is None:
        return None
    return {
        "rung": attempt.rung if attempt else None,
        "attempt": attempt.number if attempt else 0,
        "next_at": _time_or_none(recovery.next_at),
    }


def server_document(server: Server, quirks: tuple[str, ...] = ()) -> Document:
    """A server: its weather, its quirks in force (sentences), its limits and what of its budget is in use."""
    return {
        "name": server.name,
        "kind": server.kind,
        "base_url": server.base_url,
        "health": {"state": server.health, "because": server.health_because, "at": timestamp(server.health_at)},
        "sessions_at_server": server.sessions_at_server,
        "version": server.version,
        "quirks": list(quirks),
        "limits": msgspec.to_builtins(server.limits),
        "budget": {"in_use": len(server.slots), "last_attempt_at": _time_or_none(server.last_attempt_at or None)},
        "outage": _outage(server.outage),
    }


def approval_document(approval: Approval, sentence: Sentence = plain_reason) -> Document:
    """A destructive rung that waits for a person, and what it will cost."""
    cost = sentence(approval.cost)
    return {
        "id": approval.id,
        "session": approval.session,
        "rung": approval.rung,
        "because": approval.because,
        "cost": cost.get("text", approval.cost.code),
        "created_at": timestamp(approval.created_at),
        "state": approval.state,
        "decided_at": _time_or_none(approval.decided_at),
    }
