"""Listening and stopping: sockets bound before anything else starts, uvicorn over them, an end by SIGTERM or SIGINT.

Never lives here: what is served.
"""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from esteio.cli.connections import KEEP_ALIVE_S, BoundedProtocol
from esteio.cli.errors import Failed

SIGNALS = (signal.SIGTERM, signal.SIGINT)
DRAIN_S = 3
"""How long requests under way may take once the end was asked for; streams of events are cut then."""


def bind(listen: str) -> socket.socket:
    """A socket on HOST:PORT; port 0 takes a free one. Raises `Failed`."""
    host, _, port = listen.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        # Listening begins with the bind: a second start must fail here, before it touches the data.
        return socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Failed("port-in-use", listen=listen) from error
        raise Failed("cannot-listen", listen=listen, why=error.strerror or error) from error


def url_of(bound: socket.socket) -> str:
    """How a person on this machine reaches it."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn without its own hand on signals: the verb that serves decides when it ends."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the process's signal handlers as they are: stopping is the caller's business."""
        yield


def server(app: Any) -> Server:
    """A server for an ASGI application whose life is somebody else's."""
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        timeout_keep_alive=KEEP_ALIVE_S,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # Nothing here asks who called or by which scheme; the public address is configured.
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN_S,
    )
    return Server(config)


def stop_asked() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; the second ends the process as it always does."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()

    def ask() -> None:
        asked.set()
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    for number in SIGNALS:
        loop.add_signal_handler(number, ask)
    return asked
