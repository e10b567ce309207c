"""What was freed goes back to the system: when a fleet was looked at for the first time, and now and then.

Long answers and rows that are read together leave holes in the C library's heap, which it keeps. Only glibc is asked;
elsewhere nothing is done. Never lives here: what is kept in memory (`engine.supervision.memory`).
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable, Sequence

AFTER_S = (60.0, 90.0, 120.0, 180.0, 600.0)
"""Seconds after the start, …"""
EVERY_S = 3600.0
"""… and from then on."""


def trimmer() -> Callable[[int], int] | None:
    """glibc's `malloc_trim`; None where the C library is another."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


async def give_back(
    trim: Callable[[int], int] | None, after_s: Sequence[float] = AFTER_S, every_s: float = EVERY_S
) -> None:
    """Asks at these seconds after now and then every so many, in a thread, until it is cancelled."""
    if trim is None:
        return
    waited = 0.0
    for at in after_s:
        await asyncio.sleep(at - waited)
        waited = at
        await asyncio.to_thread(trim, 0)
    while True:
        await asyncio.sleep(every_s)
        await asyncio.to_thread(trim, 0)
