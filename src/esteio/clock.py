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

FOLLOW_BEYOND_S = 0.5
"""Clocks so close together are left as they are."""
_SLEEPS_TOO = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux's other monotonic clock stands still while the machine is suspended."""
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


class NodeClock(Clock, Protocol):
    """The clock of a node among several."""

    def elapsed(self) -> float:
        """Seconds by this machine's own clock, which nobody sets: it goes on while the process, or the machine,
        sleeps."""
        ...

    def follow(self, told: float, took_s: float) -> None:
        """From now on `now` tells the time by a clock that showed `told` (epoch seconds) at some moment of the last
        `took_s` seconds: several nodes go by their database's, whatever their machines take for the time."""
        ...


def _ulid(prefix: str, now: float, entropy: int) -> str:
    value = (int(now * 1000) << 80) | entropy
    pairs = [_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10)]
    return f"{prefix}_{''.join(pairs)}"


def named_id(prefix: str, now: float, name: str) -> str:
    """An id that sorts by time and is the same for the same time and name: for what must not be made twice."""
    return _ulid(prefix, now, int.from_bytes(hashlib.blake2b(name.encode(), digest_size=10).digest(), "big"))


def _followed(ahead: float, difference: float, took_s: float) -> float:
    """By how much a clock is to be corrected: an answer that was long on its way shows no error of ours."""
    if -FOLLOW_BEYOND_S <= ahead - difference <= took_s + FOLLOW_BEYOND_S:
        return ahead
    return difference + took_s / 2


def stopwatch() -> float:
    """Seconds of this machine's own time, for telling how long something took; never for telling what to do."""
    return time.perf_counter()


class SystemClock:
    """The machine's clock and its entropy: asked once for the dice of ids, and for each token."""

    def __init__(self) -> None:
        self._dice = random.Random(secrets.randbits(256))
        self._ahead = 0.0

    def now(self) -> float:
        return time.time() + self._ahead

    def elapsed(self) -> float:
        return time.clock_gettime(_SLEEPS_TOO)

    def follow(self, told: float, took_s: float) -> None:
        self._ahead = _followed(self._ahead, told - time.time(), took_s)

    def new_id(self, prefix: str) -> str:
        return _ulid(prefix, self.now(), self._dice.getrandbits(80))

    def token(self) -> str:
        return secrets.token_urlsafe(32)


class LoopClock:
    """Epoch + the time of the loop that it is made in, ids from a seed: for virtual time and for runs that must repeat.
    Raises RuntimeError when made outside a loop."""

    def __init__(self, epoch: float, seed: int) -> None:
        self._epoch, self._ahead = epoch, 0.0
        self._time = asyncio.get_running_loop().time
        self._dice = random.Random(seed)

    def now(self) -> float:
        return self._epoch + self._time() + self._ahead

    def elapsed(self) -> float:
        return self._time()

    def follow(self, told: float, took_s: float) -> None:
        self._ahead = _followed(self._ahead, told - self._epoch - self._time(), took_s)

    def new_id(self, prefix: str) -> str:
        return _ulid(prefix, self.now(), self._dice.getrandbits(80))

    def token(self) -> str:
        return f"{self._dice.getrandbits(256):064x}"
