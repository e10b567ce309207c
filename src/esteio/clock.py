"""now() and new ids; the only place that reads a clock or draws dice.

`Clock` follows the running event loop, so that one virtual loop moves everything: wall time = epoch at the loop's time
zero + the loop's time. Never lives here: a decision about time.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import secrets
import time
from typing import Protocol

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
"""Two letters at a time: an id is made with every message."""


class Clock(Protocol):
    """What tells the time and makes ids."""

    def now(self) -> float:
        """The wall clock in seconds since the epoch, UTC."""
        ...

    def new_id(self, prefix: str) -> str:
        """A new id, `prefix_` and 26 characters that sort by time."""
        ...

    def token(self) -> str:
        """An unguessable URL-safe word (256 bits)."""
        ...


def _ulid(prefix: str, now: float, entropy: int) -> str:
    value = (int(now * 1000) << 80) | entropy
    pairs = [_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10)]
    return f"{prefix}_{''.join(pairs)}"


def named_id(prefix: str, now: float, name: str) -> str:
    """An id that sorts by time and is the same for the same time and name: for what must not be made twice."""
    return _ulid(prefix, now, int.from_bytes(hashlib.blake2b(name.encode(), digest_size=10).digest(), "big"))


def stopwatch() -> float:
    """Seconds of this machine's own time, for telling how long something took; never for telling what to do."""
    return time.perf_counter()


class SystemClock:
    """The machine's clock and its entropy: asked once for the dice of ids, and for each token."""

    def __init__(self) -> None:
        self._dice = random.Random(secrets.randbits(256))

    def now(self) -> float:
        return time.time()

    def new_id(self, prefix: str) -> str:
        return _ulid(prefix, self.now(), self._dice.getrandbits(80))

    def token(self) -> str:
        return secrets.token_urlsafe(32)


class LoopClock:
    """Epoch + the time of the loop that it is made in, ids from a seed: for virtual time and for runs that must repeat.
    Raises RuntimeError when made outside a loop."""

    def __init__(self, epoch: float, seed: int) -> None:
        self._epoch = epoch
        self._time = asyncio.get_running_loop().time
        self._dice = random.Random(seed)

    def now(self) -> float:
        return self._epoch + self._time()

    def new_id(self, prefix: str) -> str:
        return _ulid(prefix, self.now(), self._dice.getrandbits(80))

    def token(self) -> str:
        return f"{self._dice.getrandbits(256):064x}"
