"""API keys, and what is forgotten in time.

See the package for what holds of every method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from esteio.core.model.tenant import Reach
from esteio.store.values import ApiKey, ShortLivedToken

PURGED_AT_ONCE = 5000
"""Rows of each table that one purge removes at most: it must not hold the writer for long."""
PIECE_ROWS = 1000
"""Rows that one `purge_piece` looks at."""
WalkedTable = Literal["journal", "attempts", "messages"]
"""What grows with every look and every message, and is walked in the order in which it was written."""


class PurgedPiece(NamedTuple):
    """What became of one piece of a table."""

    gone: int
    """Rows removed."""
    through: int | None
    """The serial of its last row, from which the walk goes on; None where nothing older follows."""

    def __bool__(self) -> bool:
        """Whether anything went."""
        return self.gone > 0


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

    async def lend(self, token: ShortLivedToken, token_hash: bytes, now: float) -> None:
        """From now on a token with this hash stands for a key, on every node."""
        ...

    async def use_up(self, token_hash: bytes, purpose: str, now: float) -> bytes | None:
        """What is sealed in a token that opens once; None when it is unknown, used or over."""
        ...

    async def open_again(self, token_hash: bytes, purpose: str, now: float) -> bytes | None:
        """The same of one that opens again, from now on until its `resume_until`."""
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
        dedupe_before: float | None = None,
    ) -> int:
        """Forget read raw bodies and expired idempotency keys, and, when a time is given, unreadable bodies; outages,
        states and approvals that were over by then; and keys of inbound events, unless a gap that is to be read back
        may bring such an event again. Returns how many rows went. Several transactions; at most `PURGED_AT_ONCE` of
        each table: call again while it finds so many."""
        ...

    async def purge_piece(self, table: WalkedTable, before: float, after: int, now: float) -> PurgedPiece:
        """Forget what is older than `before` in the `PIECE_ROWS` rows of that table that follow `after` (0: the first).
        What is still needed stays, however old: evidence that is not judged, the lines of an outage that is not over;
        a message that is queued, under way, in doubt, lies in its provider's queue, waits for its media or is promised
        to an idempotency key, and the attempts at it. A message's attempts go with it."""
        ...

    async def strip_bodies(self, before: float) -> int:
        """Take the words and media from settled messages made before then, some of each session; how many."""
        ...

    async def clock_put_back(self, now: float, seconds: float) -> None:
        """The wall clock was put back by so much: whatever waits for its time waits that much less."""
        ...
