"""API keys, and what is forgotten in time.

See the package for what holds of every method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from esteio.core.model.tenant import Reach
from esteio.store.values import ApiKey

PURGED_AT_ONCE = 5000
"""Rows of each table that one purge removes at most: it must not hold the writer for long."""


class Keys(Protocol):
    """API keys by the hash of their secret."""

    async def add(self, key: ApiKey, secret_hash: bytes) -> None:
        """A new key; of its secret only the hash is kept. Raises `Exists` for a known id or secret, `LookupError` when
        its tenant is gone."""
        ...

    async def by_hash(self, secret_hash: bytes) -> ApiKey | None:
        """The key with this secret, revoked and expired ones too: whether it still opens is for the caller, who has a
        clock."""
        ...

    async def all(self) -> Sequence[ApiKey]:
        """Every key, revoked and expired ones too."""
        ...

    async def within(self, reach: Reach) -> Sequence[ApiKey]:
        """The same of the tenant that `reach` names; its patterns are not asked here."""
        ...

    async def revoke(self, key_id: str, now: float) -> bool:
        """Ends the key's validity at `now`; False when it is unknown or revoked already."""
        ...

    async def end_login(self, login_id: str, until: float, now: float) -> None:
        """A browser's login is over before `until`, when it would end by itself; those that did are forgotten."""
        ...

    async def ended_logins(self) -> Mapping[str, float]:
        """The logins that were ended, by id, and when each would have ended by itself."""
        ...


class Maintenance(Protocol):
    """What is forgotten in time, and clocks that were put back."""

    async def purge(
        self,
        now: float,
        *,
        raw_before: float,
        idem_before: float,
        unreadable_before: float | None = None,
        history_before: float | None = None,
    ) -> int:
        """Forget read raw bodies and expired idempotency keys, and, when a time is given, unreadable bodies, and
        outages and states that were over by then; returns how many rows went. At most `PURGED_AT_ONCE` of each table:
        call again while it finds so many."""
        ...

    async def strip_bodies(self, before: float) -> int:
        """Take the words and media from settled messages made before then, some of each session; how many."""
        ...

    async def clock_put_back(self, now: float, seconds: float) -> None:
        """The wall clock was put back by so much: whatever waits for its time waits that much less."""
        ...
