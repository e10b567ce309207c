"""Single-use login links: a token that lets a browser in with the key that asked for it.

Kept in memory, by hash: a restart makes them void, and another is quickly made. Never lives here: the page that they
lead to.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import NamedTuple

VALID_S = 300.0
MOST = 1_000
"""Links at once; beyond, the oldest goes."""


class _Link(NamedTuple):
    secret: str
    until: float


class LoginLinks:
    """The links that were given out and not used yet."""

    def __init__(self) -> None:
        self._links: OrderedDict[bytes, _Link] = OrderedDict()

    def __repr__(self) -> str:
        return f"LoginLinks({len(self._links)})"

    def give(self, token: str, secret: str, now: float) -> float:
        """From now on the token stands for the key with that secret; until when."""
        while self._links and (len(self._links) >= MOST or next(iter(self._links.values())).until <= now):
            self._links.popitem(last=False)
        self._links[_hash(token)] = _Link(secret, now + VALID_S)
        return now + VALID_S

    def redeem(self, token: str, now: float) -> str | None:
        """The secret of the key that it stands for, once; None when it is unknown, used or over."""
        link = self._links.pop(_hash(token), None)
        return link.secret if link is not None and now < link.until else None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
