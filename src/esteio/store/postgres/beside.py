"""A PostgreSQL beside the gateways that work on it: for verbs of the command line that look at it.

Never lives here: a migration, a write.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg.errors import UndefinedTable

from esteio.store.postgres.address import address_of
from esteio.store.postgres.database import PostgresDatabase


@asynccontextmanager
async def beside_nodes(url: str) -> AsyncIterator[PostgresDatabase]:
    """The database as it is, over one connection. Raises `BadAddress`, `StoreUnavailable`, and `LookupError` where it
    has none of the tables."""
    database = PostgresDatabase(address_of(url), connections=1)
    try:
        yield database
    except UndefinedTable as error:
        raise LookupError(str(error)) from error
    finally:
        await database.aclose()
