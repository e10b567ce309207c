"""How often a wrong key may be tried: by address, and in all.

Kept in memory, by each node for its share: a restart forgets it, and 256 random bits are not guessed either way.
Behind a proxy all callers have the proxy's address, so the smaller bound holds for all of them together. Never lives
here: whether a key is right.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict, deque
from collections.abc import Callable

from esteio.core.nodes.rendezvous import share

ADDRESS_TRIES, ADDRESS_WITHIN_S = 10, 300.0
ALL_TRIES, ALL_WITHIN_S = 100, 60.0
RECORDED, RECORDED_WITHIN_S = 10, 60.0
"""So many failed logins stand in the audit log."""
MOST_ADDRESSES = 2_000
"""Remembered at once; beyond, the one that was forgotten longest goes."""


class LoginAttempts:
    """The attempts of late. One counts from its beginning, so that many at once are not one; a good one is taken
    back."""

    def __init__(self, nodes: Callable[[], int] = lambda: 1) -> None:
        """`nodes`: how many share the tries now."""
        self._nodes = nodes
        self._all: deque[float] = deque()
        self._by_address: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, address: str, now: float) -> int:
        """0 when another attempt may be made, which counts from now on; else the seconds to wait."""
        own, nodes = self._of(group(address)), self._nodes()
        of_address = _wait(own, share(ADDRESS_TRIES, nodes), ADDRESS_WITHIN_S, now)
        wait = max(of_address, _wait(self._all, share(ALL_TRIES, nodes), ALL_WITHIN_S, now))
        if wait:
            return wait
        own.append(now)
        self._all.append(now)
        return 0

    def succeeded(self, address: str) -> None:
        """The attempt that was begun last was a good one."""
        for times in (self._of(group(address)), self._all):
            if times:
                times.pop()

    def _of(self, address: str) -> deque[float]:
        times = self._by_address.setdefault(address, deque())
        self._by_address.move_to_end(address)
        while len(self._by_address) > MOST_ADDRESSES:
            self._by_address.popitem(last=False)
        return times


class FailedLogins:
    """Which failed logins are recorded: so many within a minute, and the next one says how many were left out."""

    def __init__(self) -> None:
        self._recorded: deque[float] = deque()
        self._left_out = 0

    def begin(self, now: float) -> int | None:
        """How many were left out since the last one that was recorded; None: this one is left out as well."""
        if _wait(self._recorded, RECORDED, RECORDED_WITHIN_S, now):
            self._left_out += 1
            return None
        self._recorded.append(now)
        left_out, self._left_out = self._left_out, 0
        return left_out


def group(address: str) -> str:
    """Who counts as one: an IPv4 address, or the /64 that one IPv6 household has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))


def _wait(times: deque[float], tries: int, within_s: float, now: float) -> int:
    while times and times[0] <= now - within_s:
        times.popleft()
    return 0 if len(times) < tries else max(1, math.ceil(times[0] + within_s - now))
