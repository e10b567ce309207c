"""Short-lived tokens for the stream of events, for programs that cannot send a header (browsers' `EventSource`).

A token stands for the key that asked for it: what the key may see, and that it is still good, is asked of the key. It
opens a stream within `OPEN_S`; the stream that it opened may come back with it for `RESUME_S`. Kept in memory only:
after a restart a client asks for a new one. Never lives here: the stream.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import msgspec

OPEN_S = 60.0
RESUME_S = 3600.0
MOST = 10_000
"""Tokens at once; beyond, the oldest goes."""
PREFIX = "est_"


class _Lent(msgspec.Struct):
    secret: str
    open_until: float
    resume_until: float
    opened: bool = False


class EventTokens:
    """The tokens that were given out, by the hash of their text."""

    def __init__(self) -> None:
        self._lent: OrderedDict[bytes, _Lent] = OrderedDict()

    def __repr__(self) -> str:
        return f"EventTokens({len(self._lent)})"

    def lend(self, token: str, secret: str, now: float) -> None:
        """From now on this token stands for the key with that secret."""
        while self._lent and (len(self._lent) >= MOST or next(iter(self._lent.values())).resume_until <= now):
            self._lent.popitem(last=False)
        self._lent[_hash(token)] = _Lent(secret, now + OPEN_S, now + RESUME_S)

    def redeem(self, token: str, now: float) -> str | None:
        """The secret of the key that it stands for; None when it is unknown, was never used in time, or is over."""
        lent = self._lent.get(_hash(token))
        if lent is None or now >= (lent.resume_until if lent.opened else lent.open_until):
            return None
        lent.opened = True
        return lent.secret


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
