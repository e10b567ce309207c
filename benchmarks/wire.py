"""The load's side of HTTP: one kept connection, whole requests written as bytes, answers read to their end.

The load shares the machine with what it measures, and may not be what is measured: a full HTTP client spends about as
much on one request as the bare server does on answering it. This speaks only what uvicorn and Starlette answer:
HTTP/1.1 with a `content-length`. Anything else is an error, never a guess.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class NotUnderstood(Exception):
    """An answer that is not of the few shapes this reads, or a connection that was closed."""


def request(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A whole POST, ready to be written. `headers` begin with the host."""
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines += ["content-type: application/json", f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


class Line(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self._held = b""
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport that requests are written to."""
        # uvloop's own class, which has all that a stream's transport has.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fails the answer that is awaited with `NotUnderstood`."""
        self._fail(NotUnderstood(f"the connection was closed: {exc}"))

    async def ask(self, whole: bytes) -> tuple[int, bytes]:
        """Write a request; its status and body. Raises `NotUnderstood`."""
        if self._transport is None or self._transport.is_closing():
            raise NotUnderstood("the connection is closed")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(whole)
        return await self._waiting

    def close(self) -> None:
        """Closes the connection; without one it does nothing."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Collects bytes until one whole answer is there, and gives it to its request."""
        self._held += data
        head_ends = self._held.find(_END)
        if head_ends < 0:
            return
        try:
            ends = head_ends + len(_END) + _length(self._held[:head_ends].lower())
        except NotUnderstood as error:
            self._fail(error)
            return
        if len(self._held) < ends:
            return
        whole, self._held = self._held[:ends], self._held[ends:]
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result((int(whole[9:12]), whole[head_ends + len(_END) :]))

    def _fail(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)


def _length(head: bytes) -> int:
    start = head.find(_LENGTH)
    if not head.startswith(b"http/1.1 ") or start < 0:
        raise NotUnderstood(f"an answer without a length: {head[:200]!r}")
    return int(head[start + len(_LENGTH) :].split(b"\r\n", 1)[0])


async def open_line(host: str, port: int) -> Line:
    """A connection. Raises OSError."""
    _, line = await asyncio.get_running_loop().create_connection(Line, host, port)
    return line
