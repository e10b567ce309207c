"""The address of a database: what the driver needs to connect, and what may be shown of it.

Never lives here: a connection.
"""

from __future__ import annotations

import msgspec
from psycopg import ProgrammingError, conninfo

from esteio.store.base import BadAddress

_OF_OTHERS = frozenset({"pgbouncer", "connection_limit", "pool_timeout", "schema", "supa"})
"""Parameters that other programs read in such an address, and libpq refuses. Whether a pooler stands in between is
found out (`pool`)."""
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

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"


def address_of(url: str) -> Address:
    """`postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=require`, as libpq reads it. Raises `BadAddress`."""
    if not url.startswith(("postgresql://", "postgres://")):
        raise BadAddress("it has to begin with postgresql://")
    try:
        given = {name: str(value) for name, value in conninfo.conninfo_to_dict(_ours(url)).items()}
    except ProgrammingError:
        # What the driver says of it repeats it.
        raise BadAddress("it is no address of a PostgreSQL") from None
    return Address(conninfo.make_conninfo("", **{**_PATIENCE, **given}), _shown(given))


def _ours(url: str) -> str:
    address, mark, asked = url.partition("?")
    words = [word for word in asked.split("&") if word and word.partition("=")[0] not in _OF_OTHERS]
    return address + (mark + "&".join(words) if words else "")


def _shown(given: dict[str, str]) -> str:
    host, port = given.get("host", ""), given.get("port", "")
    place = f"{host}:{port}" if port else host
    return f"postgresql://{place}/{given.get('dbname', '')}"
