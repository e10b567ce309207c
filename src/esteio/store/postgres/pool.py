"""The connections of one node: a bounded number, handed to whoever has waited longest.

Never lives here: what is done with one (`database`), what the address means (`address`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import deque
from contextlib import suppress

import psycopg
from psycopg.types.array import ListBinaryDumper
from psycopg.types.numeric import Int8BinaryDumper

from esteio.store.postgres.address import Address
from esteio.store.postgres.connection import Connection, limits
from esteio.store.statistics import PoolUse

# Of what goes wrong while something else goes wrong it writes warnings, to standard error.
logging.getLogger("psycopg").setLevel(logging.ERROR)
_PREPARED_AT_MOST = 1000
"""More than there are statements."""


class Pool:
    """Connections are made when they are wanted, and thrown away when they broke."""

    def __init__(self, address: Address, size: int) -> None:
        self.prepares = True
        """Off for good once a pooler was met, which may give each transaction another connection: what is prepared
        belongs to one, and its name may be somebody else's statement on the next."""
        self._address, self._size = address, size
        self._free: list[Connection] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = 0
        self._closed = False

    def use(self) -> PoolUse:
        """How the connections are used now."""
        return PoolUse(self._size, self._taken, len(self._waiting))

    async def take(self) -> Connection:
        """A connection that nobody else uses. Raises `psycopg.OperationalError` when none can be made."""
        if self._taken >= self._size or self._waiting:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except BaseException:
                if turn.done() and not turn.cancelled():
                    self._give_turn()
                raise
        else:
            self._taken += 1
        while self._free:
            connection = self._free.pop()
            if not connection.closed:
                return connection
        try:
            return await self._made()
        except BaseException:
            self._give_turn()
            raise

    async def give_back(self, connection: Connection) -> None:
        """One that is in a transaction still, or broke, is closed."""
        idle = connection.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE
        if self._closed or connection.closed or not idle:
            await connection.close()
        else:
            self._free.append(connection)
        self._give_turn()

    async def aclose(self) -> None:
        """Closes what is free; what is in use is closed when it comes back."""
        self._closed = True
        while self._free:
            await self._free.pop().close()

    def forget_free(self) -> None:
        """Close what is free: the server went, or what was prepared there is gone."""
        for connection in self._free:
            connection.pgconn.finish()
        self._free.clear()

    def _give_turn(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._taken -= 1

    async def _made(self) -> Connection:
        connection = await psycopg.AsyncConnection.connect(self._address.conninfo, autocommit=True)
        try:
            await self._set_up(connection)
        except BaseException:
            # Nobody else knows it: left alone it would keep its place at the server.
            await connection.close()
            raise
        return connection

    async def _set_up(self, connection: Connection) -> None:
        connection.prepare_threshold = None
        _adapt(connection)
        if self.prepares and await is_the_servers(connection):
            connection.prepare_threshold = 0
            connection.prepared_max = _PREPARED_AT_MOST
            for limit in limits(connection):
                await connection.execute(f"SET {limit}".encode(), prepare=False)
        else:
            self.prepares = False


def cut(connection: Connection) -> None:
    """End its traffic at once, whatever the other side does: whoever waits for an answer hears that it is lost."""
    with suppress(OSError, psycopg.OperationalError), socket.socket(fileno=os.dup(connection.fileno())) as shared:
        shared.shutdown(socket.SHUT_RDWR)


async def is_the_servers(connection: Connection) -> bool:
    """Whether the server is at the other end: a pooler gives a number of its own where the server gives its
    process's."""
    (process,) = await (await connection.execute("SELECT pg_backend_pid()")).fetchone() or (0,)
    return bool(process == connection.info.backend_pid)


def _adapt(connection: Connection) -> None:
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    # As text a column of 64 bodies takes the driver thirty times as long.
    connection.adapters.register_dumper(list, ListBinaryDumper)
