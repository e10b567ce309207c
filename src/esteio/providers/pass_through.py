"""What an adapter adds when calls of its server's own API may be handed through to it, and what is never handed on.

Beside `base.Provider`, and optional: only an adapter whose server's clients call at a door of ours has it. Never lives
here: a server's own word, a socket.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, runtime_checkable

import msgspec

from esteio.core.model.evidence import Evidence
from esteio.providers.base import HttpRequest, HttpResponse, SessionEndpoint, Transport, TransportFailed

INSTANCE = "{instance}"
"""Stands in a path for what the server calls the session."""
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection"}
)
"""Of one connection only (RFC 9110 §7.6.1); so is what `connection` names and whatever begins with `proxy-`."""
CALLERS_OWN = frozenset({"apikey", "authorization", "cookie", "host", "forwarded", "via", "expect"})
"""What a client tells us, and no server behind us; so is whatever begins with `x-forwarded-`."""
SET_ANEW = frozenset({"accept-encoding", "content-length"})
"""What the exchange with the server says for itself."""


class PassedCall(msgspec.Struct, frozen=True):
    """A call as a client made it. `path`: at the server's root, encoded as it came, with `INSTANCE` where the session's
    name stands; `query`: without the question mark, encoded as it came; `headers`: names in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""


@runtime_checkable
class PassThrough(Protocol):
    """An adapter whose server's own API clients speak."""

    def names_instance(self, call: PassedCall) -> bool:
        """Whether the server could take the call for one of another instance than the session's."""
        ...

    def passed_request(self, where: SessionEndpoint, call: PassedCall, timeout_s: float) -> HttpRequest:
        """The call for the session's server: its key in the place of the client's, its name for the session in the
        path. All else is as it came."""
        ...

    def passed_evidence(
        self, where: SessionEndpoint, call: PassedCall, answer: HttpResponse | TransportFailed, now: float
    ) -> tuple[Evidence, ...]:
        """What the answer to a call that was handed through says of the session and of its server; an answer that
        tells of the call alone says nothing."""
        ...

    def known_secrets(self, where: SessionEndpoint) -> tuple[str, ...]:
        """What may stand in no answer to a client."""
        ...


def end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that go on beyond this connection. Names are lower case."""
    named = {word.strip().lower() for word in headers.get("connection", "").split(",")}
    dropped = HOP_BY_HOP | named
    return {name: text for name, text in headers.items() if name not in dropped and not name.startswith("proxy-")}


def for_server(headers: Mapping[str, str]) -> dict[str, str]:
    """A client's headers as the server behind us may see them. Names are lower case."""
    ours = CALLERS_OWN | SET_ANEW
    return {
        name: text
        for name, text in end_to_end(headers).items()
        if name not in ours and not name.startswith("x-forwarded-")
    }


NOT_THE_CLIENTS = frozenset(
    {"set-cookie", "set-cookie2", "date", "server", "location", "alt-svc", "strict-transport-security"}
)
"""Of an answer, what is between the server and us, or would lead the client around us; so is `access-control-*`."""


def for_client(headers: Mapping[str, str]) -> dict[str, str]:
    """A server's headers as its client may see them, for a body that is unpacked. Names are lower case."""
    gone = set(NOT_THE_CLIENTS)
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        gone |= {"content-encoding", "content-length"}
    return {
        name: text
        for name, text in end_to_end(headers).items()
        if name not in gone and not name.startswith("access-control-")
    }


class Answering(Protocol):
    """An answer whose head is there. Header names are lower case."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    async def next(self) -> bytes:
        """What came next of the body, unpacked; empty at its end. Raises `TransportFailed`."""
        ...


class StreamingTransport(Transport, Protocol):
    """A way to the servers on which an answer may be handed on while it comes."""

    def open(self, request: HttpRequest) -> AbstractAsyncContextManager[Answering]:
        """One exchange; it is given up when the block is left before the answer's end. Raises `TransportFailed`."""
        ...


class WholeAnswers:
    """The same over a transport that only brings whole answers."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        return await self._transport.exchange(request)

    async def aclose(self) -> None:
        """It is the other's to close."""

    @asynccontextmanager
    async def open(self, request: HttpRequest) -> AsyncIterator[Answering]:
        yield _Whole(await self._transport.exchange(request))


class _Whole:
    def __init__(self, answer: HttpResponse) -> None:
        self.status, self.headers = answer.status, answer.headers
        self._rest = answer.body

    async def next(self) -> bytes:
        piece, self._rest = self._rest, b""
        return piece
