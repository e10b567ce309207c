"""Errors as people and programs read them: `application/problem+json` (RFC 9457) with a stable `code`.

One table: code → status; the title and the detail of each code are in `locales/*/problems.po`. Never lives here: a
text, when something is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from esteio.api.http import complaints
from esteio.core.views.catalogue import Catalogue, fill
from esteio.engine.errors import CommandError

TYPE_BASE = "/docs#"
"""The page of this gateway that lists every code; a relative reference, as RFC 9457 permits."""


class Kind(msgspec.Struct, frozen=True):
    """One kind of problem: its status."""

    status: int
    in_body: int = 0
    """The status when the thing is named in a body instead of an address; 0: the same."""
    retry_after_s: int = 0


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457, with a stable code."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    retry_after_s: int | None = None
    candidates: tuple[str, ...] = ()
    """What an ambiguous number may be, each ready to be used."""


KINDS: Mapping[str, Kind] = {
    "unauthorized": Kind(401),
    "forbidden": Kind(403),
    "session-out-of-reach": Kind(403),
    "outside-scope": Kind(403),
    "ref-out-of-reach": Kind(403),
    "not-found": Kind(404),
    "method-not-allowed": Kind(405),
    "invalid-http": Kind(400),
    "request-timeout": Kind(408),
    "header-too-large": Kind(431),
    "invalid-json": Kind(400),
    "unknown-field": Kind(400),
    "invalid-value": Kind(400),
    "place-ahead": Kind(400),
    "invalid-phone": Kind(400),
    "ambiguous-phone": Kind(400),
    "chat-not-answerable": Kind(400),
    "target-not-allowed": Kind(400),
    "invalid-idempotency-key": Kind(400),
    "idempotency-mismatch": Kind(422),
    "idempotency-in-progress": Kind(409, retry_after_s=1),
    "webhook-budget": Kind(429, retry_after_s=300),
    "too-large": Kind(413),
    "unknown-server": Kind(404, in_body=400),
    "unknown-session": Kind(404),
    "unknown-message": Kind(404, in_body=400),
    "raw-gone": Kind(404),
    "unknown-approval": Kind(404),
    "unknown-key": Kind(404),
    "unknown-webhook": Kind(404),
    "unknown-tenant": Kind(404, in_body=400),
    "tenant-suspended": Kind(403),
    "tenant-in-use": Kind(409),
    "tenant-server": Kind(409),
    "quota-sessions": Kind(409),
    "quota-messages": Kind(429),
    "quota-webhooks": Kind(409),
    "quota-servers": Kind(409),
    "unknown-token": Kind(404),
    "no-media": Kind(404),
    "media-fetching": Kind(409, retry_after_s=2),
    "media-gone": Kind(410),
    "link-invalid": Kind(403),
    "link-expired": Kind(403),
    "name-taken": Kind(409),
    "key-taken": Kind(409),
    "already-adopted": Kind(409),
    "webhook-unread": Kind(400),
    "instances-unlisted": Kind(409),
    "provider-unanswered": Kind(502, retry_after_s=5),
    "chatwoot-refused": Kind(502, retry_after_s=5),
    "act-unanswered": Kind(504, retry_after_s=5),
    "door-without-server": Kind(400),
    "in-use": Kind(409),
    "vault-single-key": Kind(409),
    "vault-key-in-use": Kind(409),
    "vault-foreign-value": Kind(409),
    "vault-file": Kind(409),
    "wrong-state": Kind(409),
    "message-not-sent": Kind(409),
    "session-paused": Kind(409),
    "pairing-code-unsupported": Kind(400),
    "not-while-a-qr-is-shown": Kind(409),
    "approval-decided": Kind(409),
    "call-unsupported": Kind(501),
    "provider-refused": Kind(502),
    "not-passed": Kind(501),
    "server-not-reached": Kind(502, retry_after_s=5),
    "server-unanswered": Kind(504),
    "server-key-refused": Kind(502),
    "server-wall": Kind(503),
    "answer-too-large": Kind(502),
    "door-place-unclear": Kind(400),
    "door-acts-on-link": Kind(501),
    "door-sends-itself": Kind(501),
    "door-keeps-webhooks": Kind(501),
    "door-no-websocket": Kind(501),
    "door-not-here": Kind(404),
    "storage-full": Kind(507, retry_after_s=30),
    "storage-broken": Kind(503, retry_after_s=30),
    "storage-unavailable": Kind(503, retry_after_s=5),
    "busy": Kind(503, retry_after_s=5),
    "closing": Kind(503, retry_after_s=5),
    "internal": Kind(500),
}


def problem(code: str, texts: Catalogue, words: Mapping[str, str] | None = None, *, in_body: bool = False) -> Problem:
    """The problem with its sentences, in the language of `texts`. An unknown code gets the status and the sentences of
    `internal`."""
    known = code if code in KINDS else "internal"
    kind = KINDS[known]
    words = dict(words or {})
    if "state" in words:
        words["state"] = texts.word("message-state", words["state"])
    return Problem(
        type=TYPE_BASE + code,
        title=texts.word("title", known),
        status=(kind.in_body or kind.status) if in_body else kind.status,
        detail=fill(texts.word("detail", known), words),
        code=code,
        field=words.get("field"),
        retry_after_s=int(words.get("retry_after_s", 0)) or kind.retry_after_s or None,
        candidates=tuple(words[name] for name in ("first", "second") if code == "ambiguous-phone" and name in words),
    )


def of_command_error(error: CommandError, texts: Catalogue) -> Problem:
    """A command's error in words."""
    words = dict(error.words)
    if error.field is not None:
        words["field"] = error.field
    if error.near is not None:
        words["near"] = error.near
    if "detail" in words:
        words["detail"] = texts.translated("detail in English", words["detail"])
    if "why" in words:
        words["why"] = complaints.told(words["why"], texts)
    return problem(error.code, texts, words, in_body=error.in_body)
