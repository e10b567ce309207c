"""What the database says of itself, for whoever looks after it.

See the package for what holds of every method. Never lives here: what is well and what is not (`cli.local.doctor`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import msgspec


class DatabaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the database. null: this dialect has no such thing, or the role may not see it.

    `schema` is the number of the tables that are there, `schema_known` the highest that this program knows. On the
    settings in `durability` it rests that what was acknowledged survives a power cut; they are in the database's own
    words. `log_bytes`: what is committed and not yet in the file itself (SQLite). `transport`: how this node reaches
    it; `pooled`: a pooler stands between. `clock_off_s`: how far the database's clock is ahead of this node's.
    `oldest_transaction_s`: for how long the oldest transaction of somebody else has been open."""

    kind: Literal["sqlite", "postgresql"]
    version: str
    schema: int
    schema_known: int
    size_bytes: int | None = None
    log_bytes: int | None = None
    disk_free_bytes: int | None = None
    durability: Mapping[str, str] = {}
    transport: Literal["file", "socket", "tls", "plain"] = "file"
    pooled: bool = False
    standby: bool = False
    connections: int | None = None
    connections_most: int | None = None
    round_trip_s: float | None = None
    clock_off_s: float | None = None
    oldest_transaction_s: float | None = None


class Inspection(Protocol):
    """Reads of the database's own state; nothing is written."""

    async def facts(self, now: Callable[[], float]) -> DatabaseFacts:
        """How the database is now. `now`: this node's clock, read beside the database's."""
        ...

    async def unowned_sessions(self) -> int:
        """How many sessions no living node holds; where one process is alone with the database, all."""
        ...
