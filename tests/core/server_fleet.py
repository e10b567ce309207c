"""A fleet whose server fails, and sessions that fall together."""

from __future__ import annotations

from tests.core.rehearsal import Fleet


def fallen_together(count: int = 4, fleet: Fleet | None = None) -> Fleet:
    fleet = fleet or Fleet(count)
    fleet.now += 100
    for n in range(1, count + 1):
        fleet.now += 4
        fleet.kill(n)
    return fleet
