"""Delays, jitter without dice, and the server's budget of socket-opening attempts.

Everything here answers "not before when?". Never lives here: why something is tried at all (`ladder`).
"""

from __future__ import annotations

import hashlib
import math
from functools import lru_cache

import msgspec

from esteio.core.model.ids import SessionId
from esteio.core.model.policy import Policy
from esteio.core.model.recovery import OPENS_SOCKET, Attempt, Recovery, Rung
from esteio.core.model.server import Server, Slot

RAMP_START = 0.1
_ALMOST = 1e-9
"""A token that has grown of many small parts is a whole one."""
REMEMBERED = 2**16
"""So many shares are remembered: a fleet's are asked for at every look."""


def jitter(session: SessionId, attempt: int, spread: float) -> float:
    """A share of `spread` in [0, spread), the same for the same session and attempt on any machine."""
    return spread * _drawn(session, attempt) / 2**32


@lru_cache(REMEMBERED)
def _drawn(session: SessionId, attempt: int) -> int:
    digest = hashlib.blake2s(f"{session}:{attempt}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big")


def is_due(session: SessionId, last: float, now: float, every: float) -> bool:
    """Whether something done about every `every` seconds is due again. Each session has turns of its own, so that a
    fleet that was begun with at once does not come due at once for ever; two are half of `every` apart at least, and
    one is never later than `every` after the last."""
    if now - last < every / 2:
        return False
    phase = jitter(session, 0, every)  # guard: wakes-are-spread
    return (now + phase) // every > (last + phase) // every


def doubling(first: float, most: float, times: int) -> float:
    """`first`, doubled `times` times, at most `most`."""
    return min(most, first * 2.0 ** min(max(times, 0), 40))


def restart_allowed_at(recovery: Recovery, policy: Policy) -> float:
    """When the next restart of this session may be tried; 0 when none was yet."""
    if recovery.last_restart_at is None:
        return 0.0
    # guard: restart-cooldown-doubles
    pause = doubling(policy.restart_cooldown_s, policy.restart_cooldown_max_s, recovery.restarts - 1)
    return recovery.last_restart_at + pause


def logout_allowed_at(recovery: Recovery, policy: Policy) -> float:
    """When the next logout may be tried."""
    if recovery.last_logout_at is None:
        return 0.0
    return recovery.last_logout_at + policy.logout_at_most_every_s


def quarantine(recovery: Recovery, policy: Policy, now: float, session: SessionId) -> Recovery:
    """One more strike: pause twice as long as before (plus up to a tenth, so that a fleet does not march in step)."""
    strikes = recovery.strikes + 1
    pause = doubling(policy.quarantine_s, policy.quarantine_max_s, strikes - 1)  # guard: quarantine-doubles
    until = now + pause + jitter(session, strikes, pause * 0.1)
    return msgspec.structs.replace(
        recovery, strikes=strikes, struck_at=now, quarantine_until=until, spent=(), connects=0, then=()
    )


# -- the server's budget -----------------------------------------------------------------------------------------


def open_slots(server: Server, now: float) -> tuple[Slot, ...]:
    """Attempts that still hold a slot. A slot outlives its time by nothing: what was not closed expires."""
    return tuple(slot for slot in server.slots if slot.until > now)


def slot_free_at(server: Server, session: SessionId, policy: Policy, now: float) -> float:
    """When this server's budget allows one more attempt; `now` when it does at once."""
    most = server.limits.connects_in_flight or policy.connects_in_flight
    spacing = server.limits.seconds_between_connects
    if spacing is None:
        spacing = policy.seconds_between_connects
    # guard: budget-spaces-attempts
    soonest = max(now, server.last_attempt_at + spacing) if server.last_attempt_at else now
    others = sorted(slot.until for slot in open_slots(server, now) if slot.session != session)
    if len(others) >= most:  # guard: budget-has-slots
        soonest = max(soonest, others[len(others) - most])
    return soonest


def take_slot(server: Server, session: SessionId, attempt: Attempt, now: float) -> Server:
    """The server's row with this attempt booked."""
    kept = tuple(slot for slot in open_slots(server, now) if slot.session != session)
    slot = Slot(session=session, attempt=attempt.id, until=attempt.until)
    return msgspec.structs.replace(server, slots=(*kept, slot), last_attempt_at=now)


def free_slot(server: Server, attempt_id: str) -> Server:
    """The server's row without this attempt's slot; the same value when it held none."""
    kept = tuple(slot for slot in server.slots if slot.attempt != attempt_id)
    return server if len(kept) == len(server.slots) else msgspec.structs.replace(server, slots=kept)


def costs_slot(rung: Rung) -> bool:
    """Whether the rung opens a socket at the provider."""
    return rung in OPENS_SOCKET


def in_boot_grace(server: Server, policy: Policy, now: float) -> bool:
    """Whether the server started so recently that nothing destructive may happen."""
    # guard: boot-grace-known
    return bool(server.facts.booted_at) and now < server.facts.booted_at + policy.boot_grace_s


def burst(per_minute: float, most: int) -> float:
    """How many messages of a pace may go at once after a quiet time: `most`, or when that is 0 what the pace allows in
    five seconds, at least one."""
    return float(most) if most else max(1.0, per_minute / 12.0)


def server_pace(server: Server, policy: Policy) -> tuple[float, int]:
    """Messages a minute over all sessions of this server (0 is no limit) and how many at once: its own, else the
    policy's."""
    limits = server.limits
    per_minute = policy.server_sends_per_minute if limits.sends_per_minute is None else limits.sends_per_minute
    return per_minute, policy.server_sends_burst if limits.sends_burst is None else limits.sends_burst


class Tokens(msgspec.Struct, frozen=True):
    """A bucket of tokens as it was at a time: it fills with time, each message takes one, and what is urgent may
    overdraw it. The first token is there at once."""

    left: float = 1.0
    at: float = 0.0
    """Epoch seconds; 0: it was never looked at."""

    def filled(self, rate: float, most: float, now: float) -> Tokens:
        """The same bucket now, filled at `rate` tokens a second up to `most`."""
        grown = max(0.0, now - self.at) * rate if self.at else 0.0
        return Tokens(min(most, self.left + grown), now)

    def taken(self, count: int) -> Tokens:
        """Without so many tokens."""
        return Tokens(self.left - count, self.at)

    @property
    def whole(self) -> int:
        """Whole tokens there are; below nought when it was overdrawn."""
        return math.floor(self.left + _ALMOST)

    def rests_until(self, rate: float) -> float:
        """When there will be a whole one; 0 when there is."""
        missing = 1.0 - self.left
        return self.at + missing / rate if rate > 0 and missing > _ALMOST else 0.0


def ramped_cap(most: int, opened_at: float, policy: Policy, now: float) -> int:
    """How many chats may be sent to at once: from one to `most` over `ramp_s` after the gate opened again."""
    if not opened_at or policy.ramp_s <= 0 or now >= opened_at + policy.ramp_s:
        return most
    return max(1, min(most, 1 + int((most - 1) * max(0.0, now - opened_at) / policy.ramp_s)))


def ramp(per_minute: float, opened_at: float, policy: Policy, now: float) -> float:
    """The pace allowed now, from a tenth to the whole over `ramp_s` after the gate opened; 0 means no limit."""
    if per_minute <= 0:
        return 0.0
    if policy.ramp_s <= 0 or now >= opened_at + policy.ramp_s:
        return per_minute
    share = RAMP_START + (1 - RAMP_START) * max(0.0, now - opened_at) / policy.ramp_s
    return per_minute * share
