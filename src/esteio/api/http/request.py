"""One request and one answer, as the handlers see them: apart from the framework, close to the bytes.

Never lives here: a route, a decision.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import parse_qsl

import msgspec

from esteio.api.http.decode import decode
from esteio.config import nearest
from esteio.core.audit.entry import Actor
from esteio.core.views.catalogue import Catalogue, Translations
from esteio.engine.errors import CommandError
from esteio.engine.key_scope import Scope, scope_of
from esteio.store.base import ApiKey
from esteio.tracing.context import received
from esteio.tracing.tracer import Span

T = TypeVar("T")
JSON = "application/json"
PROBLEM = "application/problem+json"
LONGEST_WAIT_S = 60.0
LARGEST_PAGE = 500
_WAIT = re.compile(r"(?i)(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")
_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_encode = msgspec.json.Encoder().encode


Stream = Callable[[Callable[[bytes], Awaitable[None]]], Awaitable[None]]
"""Writes a body piece by piece to what it is given, until it returns."""


class ApiResponse(msgspec.Struct, frozen=True):
    """What is sent back. `body` is complete, unless `stream` writes it."""

    status: int
    body: bytes = b""
    kind: str = JSON
    headers: Mapping[str, str] = {}
    stream: Stream | None = None


def answer(document: Any, status: int = 200, **headers: str) -> ApiResponse:
    """A document as JSON. Header names are given with underscores."""
    return ApiResponse(
        status, _encode(document), headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


NOTHING = ApiResponse(204)


class ApiRequest:
    """One request: its address, headers, caller and body. Reading what is wrong raises `CommandError`."""

    __slots__ = (
        "_receive",
        "_scope",
        "_translations",
        "headers",
        "key",
        "lent",
        "limit",
        "path",
        "scope_read",
        "span",
        "trace_context",
        "whole_body",
    )
    headers: Mapping[str, str]

    def __init__(self, scope: Any, receive: Any, path: Mapping[str, Any], texts: Translations) -> None:
        self._scope = scope
        self._receive = receive
        self.path = path
        self.headers = {name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]}
        self._translations = texts
        self.key = ApiKey("", "", "read", 0.0)
        """The caller's key; set before the handler runs wherever the route names a role."""
        self.lent: str | None = None
        """The secret that a token in the query stands for."""
        self.scope_read = False
        """Whether the caller's scope was looked at."""
        self.limit = 0
        """Largest body in bytes; set by the desk in front."""
        self.whole_body: bytes | None = None
        self.span: Span | None = None
        """Set once the caller is let in (`ApiContext.begin_span`)."""
        self.trace_context: str | None = None
        """The trace that whatever the request makes belongs to."""

    @property
    def texts(self) -> Catalogue:
        """The texts in the best language of `Accept-Language`, else in the default one."""
        return texts_for(self.headers.get("accept-language", ""), self._translations)

    @property
    def who(self) -> str:
        """The caller, as a timeline names them."""
        return self.key.name or self.key.id

    def actor(self, kind: Literal["key", "login"]) -> Actor:
        """The caller, as the audit log names them. `kind`: by which door they came."""
        client = self._scope.get("client") or ("", 0)
        tenant = scope_of(self.key).tenant
        return Actor(kind, self.key.id, self.key.name, str(client[0]), self.request_id, tenant)

    def key_actor(self) -> Actor:
        """The same of who came with a key."""
        return self.actor("key")

    @property
    def request_id(self) -> str:
        """What the caller calls this request: its `X-Request-Id`, else the trace of its `traceparent`, else ""."""
        word = self.headers.get("x-request-id", "")
        if _REQUEST_ID.fullmatch(word):
            return word
        found = _TRACEPARENT.fullmatch(self.headers.get("traceparent", ""))
        return found[1] if found else ""

    @property
    def secret(self) -> str | None:
        """The key that was sent: `Authorization: Bearer`, or the ecosystem's `apikey`."""
        scheme, _, word = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and word.strip():
            return word.strip()
        return self.headers.get("apikey", "") or self.lent

    @property
    def wait_s(self) -> float:
        """`Prefer: wait=N`, at most 60; 0 when it is not asked for."""
        found = _WAIT.search(self.headers.get("prefer", ""))
        return min(float(found[1]), LONGEST_WAIT_S) if found else 0.0

    @property
    def sent_trace(self) -> str | None:
        """The trace that the caller names by `traceparent`; one that is sent twice names none."""
        if "traceparent" not in self.headers:
            return None
        parents = [text for name, text in self._scope["headers"] if name == b"traceparent"]
        if len(parents) != 1:
            return None
        states = b",".join(text for name, text in self._scope["headers"] if name == b"tracestate")
        return received(parents[0].decode("latin-1"), states.decode("latin-1"))

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return str(self._scope.get("scheme", "http"))

    @property
    def idempotency_key(self) -> str | None:
        """Raises `CommandError("invalid-idempotency-key")`."""
        word = self.headers.get("idempotency-key")
        if word is not None and not _IDEMPOTENCY_KEY.fullmatch(word):
            raise CommandError("invalid-idempotency-key")
        return word

    @property
    def scope(self) -> Scope:
        """What the caller's key reaches. Reading it is noted: see `routes.Rule`."""
        self.scope_read = True
        return scope_of(self.key)

    async def body(self) -> bytes:
        """The whole body, at most `limit` bytes. Raises `CommandError("too-large")`, `ClientGone`."""
        if self.whole_body is None:
            self.whole_body = await read_body(self._receive, self.headers.get("content-length"), self.limit)
        return self.whole_body

    async def gone(self) -> None:
        """Returns when the caller went away. Only after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def ask(self, shape: type[T]) -> T:
        """The body as `shape`. Raises `CommandError`."""
        return decode(await self.body(), shape)

    @property
    def method(self) -> str:
        """GET, POST and so on."""
        return str(self._scope["method"])

    @property
    def place(self) -> str:
        """The path that was asked for, decoded, with its query as it came."""
        query = self._scope.get("query_string", b"").decode("latin-1")
        return f"{self._scope['path']}?{query}" if query else str(self._scope["path"])

    def query_word(self, name: str) -> str:
        """One word of the query, "" when it is not there."""
        words: dict[str, str] = dict(parse_qsl(self._scope.get("query_string", b"").decode("latin-1")))
        return words.get(name, "")

    def query(self, *known: str) -> dict[str, str]:
        """The query's words; one that nobody reads is refused like a misspelt field. Raises `CommandError`."""
        text = self._scope.get("query_string", b"").decode("latin-1")
        words = dict(parse_qsl(text, keep_blank_values=True))
        for name in words:
            if name not in known:
                raise CommandError("unknown-field", field=name, near=nearest(name, known), in_body=True)
        return {name: word for name, word in words.items() if word}


class ClientGone(Exception):
    """The caller went away before the body was complete."""


class AnswerBroken(Exception):
    """What a stream raises that cannot be written to its end: the caller may not take what came for the whole."""


async def read_body(receive: Any, announced: str | None, limit: int) -> bytes:
    """The body, at most `limit` bytes. Raises `CommandError("too-large")`, `ClientGone`."""
    if announced is not None and announced.isdecimal() and int(announced) > limit:
        raise CommandError("too-large", limit=str(limit))
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise CommandError("too-large", limit=str(limit))
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def one_of(words: Mapping[str, str], name: str, choices: Any) -> Any:
    """A word of the query that must be one of a `Literal`'s. Raises `CommandError("invalid-value")`."""
    word = words.get(name)
    known = get_args(choices)
    if word is not None and word not in known:
        raise CommandError(
            "invalid-value", field=name, near=nearest(word, known), in_body=True, allowed=", ".join(known)
        )
    return word


def whole_number(words: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """A whole number of the query. Raises `CommandError("invalid-value")`."""
    word = words.get(name)
    if word is None:
        return default
    if not (word.isascii() and word.isdecimal()) or len(word) > 18 or not least <= int(word) <= most:
        raise CommandError(
            "invalid-value", field=name, in_body=True, why=f"must be a whole number from {least} to {most}"
        )
    return int(word)


def page_size(words: Mapping[str, str]) -> int:
    """`limit` of a list, 100 by default."""
    return whole_number(words, "limit", 100, 1, LARGEST_PAGE)


def texts_for(header: str, texts: Translations) -> Catalogue:
    """The texts in the language that an `Accept-Language` likes best among ours."""
    language = language_of(header, texts.default.language, tuple(texts.by_language))
    return texts.by_language[language]


@lru_cache(maxsize=256)
def language_of(header: str, default: str, ours: tuple[str, ...]) -> str:
    """The language that an `Accept-Language` likes best among ours."""
    best: tuple[float, str] | None = None
    for part in header.split(",")[:20]:
        tag, _, weight = part.partition(";")
        language = _ours(tag.strip().lower(), default, ours)
        found = re.search(r"q\s*=\s*([01](?:\.\d{0,3})?)", weight)
        quality = float(found[1]) if found else 1.0
        if language is not None and quality > 0 and (best is None or quality > best[0]):
            best = (quality, language)
    return best[1] if best else default


def _ours(tag: str, default: str, ours: tuple[str, ...]) -> str | None:
    if tag == "*":
        return default
    start = tag.partition("-")[0]
    return next((one for one in ours if one.lower().partition("-")[0] == start), None)


async def send_response(sent: ApiResponse, send: Any, *, head: bool = False) -> None:
    """All of it; `head`: without the body."""
    headers = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in sent.headers.items()]
    if sent.stream is None:
        headers.append((b"content-length", str(len(sent.body)).encode()))
    if sent.kind and (sent.body or sent.stream):
        headers.append((b"content-type", sent.kind.encode()))
    await send({"type": "http.response.start", "status": sent.status, "headers": headers})
    if sent.stream is not None and not head:

        async def write(piece: bytes) -> None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})

        try:
            await sent.stream(write)
        except (ClientGone, AnswerBroken):
            # Not even the end is written: who takes nothing would hold it up, and half an answer has none.
            return
    await send({"type": "http.response.body", "body": b"" if head else sent.body})
