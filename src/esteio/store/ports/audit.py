"""The audit log: who did what, in one chain.

Rows are added by whatever write they are about (`store.audit_trail`). See the package for what holds of every method.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from esteio.core.audit.chain import Head
from esteio.core.audit.entry import Row
from esteio.core.model.tenant import ALL, Reach


class StoredHead(msgspec.Struct, frozen=True):
    """The head with what is kept beside it, and the encrypted keys of the chain."""

    head: Head
    seal: str
    sealed_keys: bytes


class AuditFilter(msgspec.Struct, frozen=True):
    """Which rows are meant; what is empty is not asked about. `action`: a code, or the part before its dot; `who`: a
    key's id or name; `about`: a session, a server or another target."""

    action: str = ""
    who: str = ""
    about: str = ""


class Audit(Protocol):
    """Rows of the log and their head."""

    async def begin(self, stored: StoredHead, first: Row) -> StoredHead:
        """The head that there is; where there was none, the given one and its row."""
        ...

    async def head(self) -> StoredHead | None:
        """The head as it is now; None before `begin`."""
        ...

    async def page(self, after: int, limit: int) -> tuple[Sequence[Row], StoredHead | None]:
        """Rows with a number above `after`, oldest first, at most `limit`, and the head, both as of one instant."""
        ...

    async def found(
        self, wanted: AuditFilter, limit: int, *, after: int = 0, below: int | None = None, reach: Reach = ALL
    ) -> Sequence[Row]:
        """At most `limit` such rows: with a number above `after`, oldest first, or, where `below` is given, with one
        below that, newest first. `reach`: those in its tenant's log since the tenant was made, if it names one, and
        `wanted.who` finds that tenant's own keys alone; its patterns are not asked here."""
        ...

    async def last(self, action: str = "") -> Row | None:
        """The newest row, of this action where one is named."""
        ...

    async def replace_keys(self, before: bytes, after: bytes) -> bool:
        """Other encrypted keys in the place of those that were read; False when they are no longer those."""
        ...

    async def record(self) -> None:
        """Writes what waits to be recorded (`store.audit_trail.recording`), where there is nothing else to write."""
        ...

    async def last_before(self, before: float, limit: int) -> Row | None:
        """Of the oldest `limit` rows the last one from before then; None when there is none."""
        ...

    async def forget(self, through: int) -> None:
        """Takes away the rows up to this number."""
        ...
