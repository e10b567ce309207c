"""Secrets taken out of a body that comes in pieces, also where one is cut by the border of two.

A secret is exchanged for as many stars as it is long, so that a length that was told before stays right. Never lives
here: which secrets there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

import msgspec

SHORTEST = 4
"""A shorter word would be found everywhere."""


def shapes(secrets: Iterable[str]) -> tuple[bytes, ...]:
    """How a secret may be written: as it is, in a URL, in a JSON text; the longest first."""
    found = set()
    for secret in secrets:
        if len(secret) >= SHORTEST:
            found |= {secret.encode(), quote(secret, safe="").encode(), msgspec.json.encode(secret)[1:-1]}
    return tuple(sorted(found, key=lambda one: (-len(one), one)))


class StreamRedaction:
    """One body. What may be the beginning of a secret is held back until it is known whether it is."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._shapes = shapes(secrets)
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
        longest = len(self._shapes[0]) - 1 if self._shapes else 0
        for length in range(min(longest, len(came)), 0, -1):
            end = came[-length:]
            if any(shape.startswith(end) for shape in self._shapes if len(shape) > length):
                return length
        return 0
