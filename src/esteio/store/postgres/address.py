"""The address of a database: what the driver needs to connect, and what may be shown of it.

Never lives here: a connection.
"""

from __future__ import annotations

import msgspec
from psycopg import ProgrammingError, conninfo

from esteio.store.base import BadAddress

POOLED = "pooled"
"""A parameter of our own: `?pooled=1` says that a transaction pooler stands before the database."""
_SUPABASE_POOLER = "6543"
"""Supabase's port for it."""
_PATIENCE = {
    "connect_timeout": "5", "keepalives": "1", "keepalives_idle": "10", "keepalives_interval": "3",
    "keepalives_count": "3", "tcp_user_timeout": "10000", "application_name": "esteio",
    "target_session_attrs": "read-write",
}  # fmt: skip
"""Unless the address says otherwise: a server that is gone without a word is noticed, a standby is not written to."""


class Address(msgspec.Struct, frozen=True):
    """`conninfo` is for the driver and holds the password; `shown` is for people."""

    conninfo: str
    shown: str
    pooled: bool

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"


def address_of(url: str) -> Address:
    """`postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=require`, as libpq reads it. Raises `BadAddress`."""
    if not url.startswith(("postgresql://", "postgres://")):
        raise BadAddress("it has to begin with postgresql://")
    address, pooled = _without_ours(url)
    try:
        given = {name: str(value) for name, value in conninfo.conninfo_to_dict(address).items()}
    except ProgrammingError as error:
        raise BadAddress("it is no address of a PostgreSQL") from error
    pooled = pooled or given.get("port") == _SUPABASE_POOLER
    patience = dict(_PATIENCE)
    if pooled:
        # What it sends before the first statement is the pooler's, which refuses what it does not know.
        del patience["target_session_attrs"]
    return Address(conninfo.make_conninfo("", **{**patience, **given}), _shown(given), pooled)


def _without_ours(url: str) -> tuple[str, bool]:
    address, mark, asked = url.partition("?")
    words = asked.split("&") if mark else []
    ours = [word for word in words if word.partition("=")[0] in {POOLED, "pgbouncer"}]
    rest = "&".join(word for word in words if word not in ours)
    return address + (f"?{rest}" if rest else ""), any(word.partition("=")[2] not in {"0", "false"} for word in ours)


def _shown(given: dict[str, str]) -> str:
    host, port = given.get("host", ""), given.get("port", "")
    place = f"{host}:{port}" if port else host
    return f"postgresql://{place}/{given.get('dbname', '')}"
