"""What a PostgreSQL says of itself and of the way to it.

What the role may not see of others (`pg_monitor` sees all) is left out. Never lives here: what is well and what is not.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Literal, LiteralString

from esteio.clock import stopwatch
from esteio.store.ports.inspection import DatabaseFacts
from esteio.store.postgres.connection import Connection
from esteio.store.postgres.database import PostgresDatabase
from esteio.store.postgres.migrate import steps
from esteio.store.sql.nodes.inspection import SqlInspection

_DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")
_SETTINGS = """
SELECT current_setting('server_version'), current_setting('fsync'), current_setting('full_page_writes'),
    current_setting('synchronous_commit'), pg_is_in_recovery(), pg_database_size(current_database()),
    (SELECT coalesce(max(number), 0) FROM schema_version),
    (SELECT CAST(coalesce(sum(numbackends), 0) AS integer) FROM pg_stat_database),
    CAST(current_setting('max_connections') AS integer)
        - CAST(current_setting('superuser_reserved_connections') AS integer)
"""
# Ours are short, or cut off by `ANSWER_WITHIN_S`; vacuum keeps no row for itself.
_OTHERS = """
SELECT pg_backend_pid(), (
    SELECT CAST(extract(epoch FROM max(clock_timestamp() - xact_start)) AS double precision) FROM pg_stat_activity
    WHERE application_name <> 'esteio' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
)
"""
_TIME = "SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)"
_ROUND_TRIPS = 3


class PostgresInspection(SqlInspection):
    """Asks on a connection of the pool, each statement by itself."""

    def __init__(self, database: PostgresDatabase) -> None:
        super().__init__(database)
        self._postgres = database

    async def facts(self, now: Callable[[], float]) -> DatabaseFacts:
        """See `Inspection`."""
        return await self._postgres.lend(lambda connection: _facts(connection, now))


async def _facts(connection: Connection, now: Callable[[], float]) -> DatabaseFacts:
    version, *durable, standby, size, schema, used, most = await _one(connection, _SETTINGS)
    pid, oldest = await _one(connection, _OTHERS)
    round_trip, ahead = await _clock(connection, now)
    return DatabaseFacts(
        kind="postgresql",
        version=version.partition(" ")[0],
        schema=schema,
        schema_known=steps()[-1][0],
        size_bytes=size,
        durability=dict(zip(_DURABILITY, durable, strict=True)),
        transport=_transport(connection),
        # The number that came with the connection is the pooler's own, and no backend's.
        pooled=pid != connection.info.backend_pid,
        standby=standby,
        connections=used,
        connections_most=most,
        round_trip_s=round_trip,
        clock_off_s=ahead,
        oldest_transaction_s=oldest,
    )


async def _one(connection: Connection, text: LiteralString) -> tuple[Any, ...]:
    found = await (await connection.execute(text, prepare=False)).fetchone()
    if found is None:
        raise LookupError(text)
    return found


async def _clock(connection: Connection, now: Callable[[], float]) -> tuple[float, float]:
    """The shortest of a few round trips, and by how much the database's clock was ahead in the middle of it."""
    looks: list[tuple[float, float]] = []
    for _ in range(_ROUND_TRIPS):
        sent_at, began = now(), stopwatch()
        (told,) = await _one(connection, _TIME)
        took = stopwatch() - began
        looks.append((took, told - (sent_at + took / 2)))
    return min(looks)


def _transport(connection: Connection) -> Literal["socket", "tls", "plain"]:
    """The first part of the way: to the pooler, where there is one."""
    if connection.pgconn.ssl_in_use:
        return "tls"
    host, address = connection.info.host, connection.info.hostaddr
    return "socket" if host.startswith("/") or (address and ip_address(address).is_loopback) else "plain"
