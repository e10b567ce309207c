"""How the measurement's own servers run: uvicorn on a free port of loopback, told on stdout once it serves.

The gateway's own settings of uvicorn are repeated here, so that what stands beside it has the same ground.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

import uvicorn

SWITCH_S = 0.001
"""Beside a writer thread: the loop gets the interpreter back after so long."""


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
