"""How much each session may send now: chats at once, messages a minute, and gently after a recovery.

A pace is a bucket of tokens in memory: it fills with time, a claim takes one, and after a restart it is empty, so that
no restart lets a burst through. Never lives here: whose turn it is (the store's claim), what a pace is for (`policy`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from esteio.core import pacing
from esteio.core.model import SessionId
from esteio.core.policy import Policy
from esteio.core.session import Session


class _Line:
    """One session that does not simply have the default's cap."""

    __slots__ = ("policy", "recovered_at", "seen_at", "tokens")

    def __init__(self, policy: Policy, recovered_at: float) -> None:
        self.policy, self.recovered_at = policy, recovered_at
        self.tokens, self.seen_at = 0.0, 0.0

    def rate(self, now: float) -> float:
        """Messages a second; 0 is no limit."""
        return pacing.ramp(self.policy.sends_per_minute, self.recovered_at, self.policy, now) / 60.0

    def fill(self, now: float) -> None:
        most = pacing.burst(self.policy.sends_per_minute)
        if self.seen_at:
            self.tokens = min(most, self.tokens + (now - self.seen_at) * self.rate(now))
        else:
            self.tokens = 1.0
        self.seen_at = now


class Pacer:
    """The caps that the dispatcher claims by."""

    def __init__(self, policies: Callable[[str], Policy]) -> None:
        self._policies = policies
        self._lines: dict[SessionId, _Line] = {}

    def __repr__(self) -> str:
        return f"Pacer(lines={len(self._lines)})"

    def follow(self, session: Session) -> None:
        """The session was judged, or read at the start."""
        policy, usual = self._policies(session.policy), self._policies("default")
        recovered_at = session.gate_since if session.last_outage is not None else 0.0
        plain = not policy.sends_per_minute and policy.sends_in_flight == usual.sends_in_flight
        line = self._lines.get(session.id)
        if plain and not recovered_at:
            self._lines.pop(session.id, None)
        elif line is None:
            self._lines[session.id] = _Line(policy, recovered_at)
        else:
            line.policy, line.recovered_at = policy, recovered_at

    def caps(self, flying: Mapping[SessionId, int], now: float) -> tuple[Mapping[SessionId, int], int]:
        """How many messages each session may have under way, and how many all others."""
        caps: dict[SessionId, int] = {}
        usual = self._policies("default").sends_in_flight
        for session_id, line in list(self._lines.items()):
            policy = line.policy
            cap = pacing.ramped_cap(policy.sends_in_flight, line.recovered_at, policy, now)
            if policy.sends_per_minute:
                line.fill(now)
                cap = min(cap, flying.get(session_id, 0) + int(line.tokens + 1e-9))
            elif policy.sends_in_flight == usual == cap:
                del self._lines[session_id]
                continue
            caps[session_id] = cap
        return caps, usual

    def took(self, sessions: Iterable[SessionId]) -> None:
        """So many messages were claimed. What is urgent may overdraw; those behind it pay."""
        for session_id in sessions:
            line = self._lines.get(session_id)
            if line is not None and line.policy.sends_per_minute:
                line.tokens -= 1.0

    def rests(self, now: float) -> Mapping[SessionId, float]:
        """Sessions that may send nothing (but what is urgent) before a time."""
        rests = {}
        for session_id, line in self._lines.items():
            rate = line.rate(now)
            if rate > 0 and line.tokens < 1.0 - 1e-9:
                rests[session_id] = max(now, line.seen_at + (1.0 - line.tokens) / rate)
        return rests
