"""How the measurement's own servers run: uvicorn on a free port of loopback, told on stdout once it serves.

The gateway's own settings of uvicorn are repeated here, so that what stands beside it has the same ground.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import uvicorn

SWITCH_S = 0.001
"""Beside a writer thread: the loop gets the interpreter back after so long."""

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


async def whole(receive: Receive) -> bytes:
    """A request's body, to its end."""
    body, more = b"", True
    while more:
        part = await receive()
        body += part.get("body", b"")
        more = part.get("more_body", False)
    return body


async def reply(send: Send, status: int, body: bytes) -> None:
    """Answer with a JSON text."""
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            sys.stdout.write(f"{sockets[0].getsockname()[1]}\n")
            sys.stdout.flush()


def serve(app: Any, port: int = 0, sockets: list[socket.socket] | None = None) -> None:
    """Serve until told to end: on these sockets, or on this port, or on any free one; the first one's port is told."""
    sys.setswitchinterval(SWITCH_S)
    listening = sockets or [socket.create_server(("127.0.0.1", port), backlog=1024)]
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", log_level="warning", access_log=False, server_header=False
    )
    _Server(config).run(sockets=listening)
