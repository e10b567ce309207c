"""A line's own rhythm: how surprising it is, at this hour of this weekday, that nothing has come in.

Learned from the ten-minute slots in which something came in over the last weeks. A slot that was never busy at this
hour of the week surprises nobody when it is empty, so nights and weekends of a shop count for nothing; an empty slot
that was always busy counts for much. A line that has been as quiet before must be quieter than that; and a silence
that lines of other servers share is the day's (a holiday), not the line's. Times are UTC, for only their repetition
counts. Never lives here: what follows from a silence (`inbound_health`, `diagnose`), storage.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

SLOT_S = 600.0
SLOTS_A_WEEK = 7 * 144
PER_HOUR = 6
WEEKS = 6
"""Learned from no more than so many weeks."""
KNOWN_FOR_S = 7 * 86400.0
"""A line is not judged by its rhythm before it has been known for a whole week."""
BUSY_SLOTS = 50
"""Nor with fewer slots in which something came in."""
SURPRISE = 14.0
"""Empty slots are told together when they were as likely as one in a million (e to the minus 14)."""
RECORD_TIMES = 1.5
RECORD_AT_MOST = 3.0
"""One long quiet time in the past may not make the line deaf to all later ones."""
LONGEST_S = 14 * 86400.0
HALF = 0.5
"""A line in half of a silence that would be too long is quiet."""
WITNESS_S = 3 * 3600.0
"""Only a line that would be quiet by now, had it heard nothing for so long, can tell whether it is the day …"""
WITNESSES = 2
"""… and not fewer than so many."""
UNIT = 64


class TrafficBaseline(msgspec.Struct, frozen=True):
    """What an empty slot weighs at each hour of the week (168 bytes, in `UNIT`ths); how much silence is too much."""

    weights: bytes
    bound: float

    @property
    def soonest_s(self) -> float:
        """No silence is too long before it has lasted this many seconds."""
        most = max(self.weights)
        return self.bound / most * UNIT * SLOT_S if most else math.inf


def slot_of(at: float) -> int:
    """The number of the ten-minute slot since the epoch."""
    return int(at // SLOT_S)


def learn(busy: Iterable[int], known_since: float, now: float) -> TrafficBaseline | None:
    """The rhythm from the numbers of the slots in which something came in; None while too little is known."""
    last = slot_of(now)
    heard = {slot for slot in busy if max(known_since / SLOT_S, last - WEEKS * SLOTS_A_WEEK) <= slot < last}
    first = min(heard, default=last)
    if last - first < KNOWN_FOR_S / SLOT_S or len(heard) < BUSY_SLOTS:
        return None
    weights = _weights(heard, first, last)
    record = _longest(heard, first, last, weights)
    return TrafficBaseline(weights, max(SURPRISE, min(record * RECORD_TIMES, SURPRISE * RECORD_AT_MOST)))


def _weights(heard: set[int], first: int, last: int) -> bytes:
    """Per hour of the week: minus the logarithm of the share of empty slots, two more than were seen."""
    full, seen = [0] * 168, [0] * 168
    for slot in range(first, last):
        seen[_hour(slot)] += 1
    for slot in heard:
        full[_hour(slot)] += 1
    return bytes(int(-math.log(1.0 - n / (of + 2)) * UNIT) for n, of in zip(full, seen, strict=True))


def _longest(heard: set[int], first: int, last: int, weights: bytes) -> float:
    """The most surprising silence that this line has had and come out of."""
    longest = run = 0
    for slot in range(first, last):
        if slot in heard:
            longest, run = max(longest, run), 0
        else:
            run += weights[_hour(slot)]
    return longest / UNIT


def _hour(slot: int) -> int:
    return slot // PER_HOUR % 168


def too_long_at(baseline: TrafficBaseline, heard_at: float) -> float:
    """When silence since `message_pushed_at` becomes too long; infinity when never within `LONGEST_S`."""
    left, slot = baseline.bound * UNIT, slot_of(heard_at) + 1
    end = slot_of(heard_at + LONGEST_S)
    while slot < end:
        left -= baseline.weights[_hour(slot)]
        slot += 1
        if left <= 0:
            return slot * SLOT_S
    return math.inf


def surprise(baseline: TrafficBaseline, since: float, now: float) -> float:
    """How surprising silence from `since` to `now` is, as a share of what is too much for this line."""
    slots = range(max(slot_of(since) + 1, slot_of(now - LONGEST_S)), slot_of(now))
    return sum(baseline.weights[_hour(slot)] for slot in slots) / (baseline.bound * UNIT)


def quiet_now(baseline: TrafficBaseline, heard_at: float, now: float) -> bool | None:
    """Whether a line is quiet now; None when it would be so at this hour in any case, or has not had the time."""
    if surprise(baseline, now - WITNESS_S, now) < HALF:  # guard: witness-is-usually-heard
        return None
    return surprise(baseline, heard_at, now) >= HALF


def is_the_day(elsewhere: Iterable[bool | None]) -> bool | None:
    """Whether a silence is shared: most lines of other servers that can tell are quiet as well (a holiday is no ghost);
    None when too few can tell. Lines of the same server are no witnesses: they may be deaf with it."""
    told = [quiet for quiet in elsewhere if quiet is not None]
    return sum(told) * 2 > len(told) if len(told) >= WITNESSES else None  # guard: shared-silence-needs-witnesses
