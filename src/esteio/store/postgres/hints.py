"""Hints between nodes: `NOTIFY` after what was committed here, `LISTEN` for what others committed.

A hint says that there may be something to look for, and nothing else: many commits make one, none makes up for a look
that nobody took. Behind a transaction pooler nothing is heard, and all is found by looking. Never lives here: who looks
(`engine.supervision.other_nodes`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg

from esteio.store.postgres.address import Address
from esteio.store.postgres.pool import is_the_servers

CHANNEL = "esteio"
APART_S = 0.1
"""Between two hints of one node: commits that notify wait for each other, all over the server."""
AGAIN_S = 5.0
"""After a connection was lost, or could not be made."""


class Hints:
    """Over a connection of its own, which is no other's."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._committed = asyncio.Event()

    def committed(self) -> None:
        """Something was written here."""
        self._committed.set()

    async def run(self, told: Callable[[], None], others: Callable[[], bool]) -> None:
        """For ever: `told` is called soon after another node committed something; `others`: whether any is there to be
        told of what was committed here."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._address.conninfo, autocommit=True) as listening:
                    if not await is_the_servers(listening):
                        await asyncio.Event().wait()
                    await listening.execute(f"LISTEN {CHANNEL}")
                    told()  # what was said before nobody heard
                    await self._listen(listening, told, others)
            except psycopg.Error:
                await asyncio.sleep(AGAIN_S)

    async def _listen(
        self, listening: psycopg.AsyncConnection, told: Callable[[], None], others: Callable[[], bool]
    ) -> None:
        own = listening.info.backend_pid
        while True:
            async for hint in listening.notifies(timeout=APART_S):
                if hint.pid != own:
                    told()
            if self._committed.is_set():
                self._committed.clear()
                if others():
                    await listening.execute(f"NOTIFY {CHANNEL}")
