"""Sealed values wherever they stand, for a change of key: found by the key that they name, and written anew.

See the package for what holds of every method.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol

import msgspec

SealedTable = Literal["servers", "sessions", "webhook_endpoints"]
SealedColumn = Literal["encrypted", "replaced", "chatwoot", "settings"]
SEALED_TABLES: Final[tuple[SealedTable, ...]] = ("servers", "sessions", "webhook_endpoints")


class SealedValue(msgspec.Struct, frozen=True):
    """One value, sealed. `row`: the row's key as text; `name` and `created_at` (epoch seconds) are a session's."""

    table: SealedTable
    column: SealedColumn
    row: str
    sealed: bytes
    name: str = ""
    created_at: float = 0.0


class Sealed(Protocol):
    """Every sealed value but the audit log's own."""

    async def page(
        self, table: SealedTable, after: str, limit: int, *, but: bytes | None = None
    ) -> tuple[Sequence[SealedValue], str | None]:
        """The values of at most `limit` rows after `after` ("" for the first), and the last row's key, None when there
        is no more. `but`: only rows with values that were not sealed with the key of this id."""
        ...

    async def replace(self, values: Sequence[tuple[SealedValue, bytes]]) -> int:
        """Each in the place of what was read, where that still stands; how many."""
        ...

    async def left(self, key_id: bytes) -> int:
        """How many values were not sealed with the key of this id."""
        ...
