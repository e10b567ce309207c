"""Calls of Evolution's own API that a client made at the door, handed through: the request, and what its answer says.

A client's call may fail in any way for reasons of its own, so only what cannot be meant otherwise is evidence. Never
lives here: which calls are handed through.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, unquote

from esteio.core.model.evidence import Evidence, seen
from esteio.providers.base import HttpRequest, HttpResponse, SessionEndpoint, TransportFailed
from esteio.providers.classify import SHORT, Heard, hear, server_news
from esteio.providers.evolution.client import instance, word_of
from esteio.providers.evolution.declaration import secrets
from esteio.providers.pass_through import INSTANCE, PassedCall, for_server

CERTAIN = frozenset({"ok", "wall", "auth", "gateway", "unreachable"})
"""What an answer says of the server whatever was asked. A time-out, a 5xx and a page may be of this one call."""


def request(where: SessionEndpoint, call: PassedCall, timeout_s: float) -> HttpRequest:
    """The client's call with the server's key and its name for the session."""
    path = call.path.replace(INSTANCE, quote(instance(where), safe=""))
    return HttpRequest(
        method=call.method,
        url=where.base_url.rstrip("/") + path + (f"?{call.query}" if call.query else ""),
        headers={**for_server(call.headers), "apikey": where.credentials.get("apikey", "")},
        body=call.body,
        timeout_s=timeout_s,
    )


def names_instance(call: PassedCall) -> bool:
    """Whether a word of the query would take the place of the instance in the path: Evolution's `dataValidate` lets it,
    whatever the key. It also looks for paths of its own anywhere in the address, so none may stand in it."""
    if "/instance" in unquote(f"{call.path[1:]}?{call.query}").lower():
        return True
    pairs = parse_qsl(call.query.replace(";", "&"), keep_blank_values=True)
    # guard: query-names-no-instance
    return any(name.strip(" []").lower().startswith(("instance", "__proto__")) for name, _ in pairs)


def evidence(
    where: SessionEndpoint, call: PassedCall, answer: HttpResponse | TransportFailed, now: float
) -> tuple[Evidence, ...]:
    """A closed socket and a missing instance in Evolution's words, and whether the server is there."""
    heard = hear(answer, secrets(where))
    kind = word_of(heard) or heard.kind
    detail = heard.detail[:SHORT]
    # guard: passed-words-of-the-client-prove-nothing
    if kind == "closed" and not _echoed(call, heard):
        return (seen("server_answered", now, "send"), seen("call_closed", now, "send", detail=detail))
    if kind == "missing":
        return (seen("server_answered", now, "send"), seen("instance_missing", now, "send"))
    return server_news(heard, now, "send") if kind in CERTAIN else ()


def _echoed(call: PassedCall, heard: Heard) -> bool:
    """Whether the client itself said what the refusal is known by: an error may quote what was sent."""
    said = f"{call.query} ".encode() + call.body
    return b"connection closed" in said.lower().replace(b"+", b" ").replace(b"%20", b" ") or (
        heard.words.strip().encode() in said.lower()
    )


def known_secrets(where: SessionEndpoint) -> tuple[str, ...]:
    """The server's key, the instance's token, and the token in the address that the server posts to."""
    return tuple(one for one in (*secrets(where), where.webhook_url.rpartition("/")[2]) if one)
