"""Secrets taken out of a body that comes in pieces, also where one is cut by the border of two.

A secret is exchanged for as many stars as it is long, so that a length that was told before stays right. Never lives
here: which secrets there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

import msgspec

SHORTEST = 4
"""A shorter word would be found everywhere."""


@lru_cache(maxsize=256)
def shapes(secrets: tuple[str, ...]) -> tuple[bytes, ...]:
    """How a secret may be written: as it is, in a URL, in a JSON text; the longest first."""
    found = set()
    for secret in secrets:
        if len(secret) >= SHORTEST:
            found |= {secret.encode(), quote(secret, safe="").encode(), msgspec.json.encode(secret)[1:-1]}
    return tuple(sorted(found, key=lambda one: (-len(one), one)))


class StreamRedaction:
    """One body. What may be the beginning of a secret is held back until it is known whether it is."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._shapes = shapes(tuple(secrets))
        self._longest = len(self._shapes[0]) - 1 if self._shapes else 0
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """What may go on of all that came so far."""
        came = self.blank(self._held + piece)
        keep = self._begun(came)
        self._held = came[len(came) - keep :]
        return came[: len(came) - keep]

    def rest(self) -> bytes:
        """What was held back, at the end."""
        held, self._held = self._held, b""
        return held

    def blank(self, whole: bytes) -> bytes:
        """The same of a text that is there as a whole."""
        for shape in self._shapes:
            if shape in whole:
                whole = whole.replace(shape, b"*" * len(shape))
        return whole

    def _begun(self, came: bytes) -> int:
        """The length of the longest end that is the beginning of a secret."""
        for start in range(max(0, len(came) - self._longest), len(came)):
            for shape in self._shapes:
                if came[start] == shape[0] and shape.startswith(came[start:]):
                    return len(came) - start
        return 0
