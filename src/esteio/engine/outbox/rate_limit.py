"""How much may be sent now: chats at once, messages a minute of a session and of a server, gently after a recovery.

A pace is a bucket of tokens in memory: it fills with time, a claim takes one, and after a restart it is empty, so that
no restart lets a burst through. A session's is its holder's; a server's, where several nodes share it, lies in the
store, and what else is allowed at a server is divided among the nodes that live. Never lives here: whose turn it is
(the store's claim), what a pace is for (`policy`), which of its numbers hold (`core.judge.pacing`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from esteio.core.judge import pacing
from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.policy import Policy
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.core.nodes.rendezvous import share
from esteio.engine.runtime.leases import ALONE, Leases
from esteio.store.base import CrashReport, NotBefore, Pace, SendClaim, SendQuota, every_session
from esteio.store.ports.sessions import Servers, Sessions

AT_SERVER = 64
"""Messages under way at one server, so that those for one that has stopped answering do not take the places of all
others. What is urgent may go beside them."""
_ALMOST = 1e-9
"""A token that has grown of many small parts is a whole one."""


class _Bucket:
    """Tokens that grow at a rate (a second) up to a burst. The first is there at once."""

    __slots__ = ("_seen_at", "_tokens")

    def __init__(self) -> None:
        self._tokens, self._seen_at = 1.0, 0.0

    def fill(self, rate: float, most: float, now: float) -> int:
        """Whole tokens there are now; below nought when what is urgent overdrew."""
        if self._seen_at:
            self._tokens = min(most, self._tokens + max(0.0, now - self._seen_at) * rate)
        self._seen_at = now
        return int(self._tokens + _ALMOST)

    def take(self) -> None:
        self._tokens -= 1.0

    def rests_until(self, rate: float, most: float, now: float) -> float:
        """When there will be a whole one; 0 when there is."""
        self.fill(rate, most, now)
        missing = 1.0 - self._tokens
        return self._seen_at + missing / rate if rate > 0 and missing > _ALMOST else 0.0


class _SessionLimit:
    """One session that does not simply have the default's cap."""

    __slots__ = ("bucket", "policy", "recovered_at")

    def __init__(self, policy: Policy, recovered_at: float) -> None:
        self.policy, self.recovered_at = policy, recovered_at
        self.bucket = _Bucket()

    def rate(self, now: float) -> float:
        """Messages a second; 0 is no limit."""
        return pacing.ramp(self.policy.sends_per_minute, self.recovered_at, self.policy, now) / 60.0

    def most(self) -> float:
        """As many may be saved up."""
        return pacing.burst(self.policy.sends_per_minute, self.policy.sends_burst)


class _ServerLimit:
    """One server with a pace."""

    __slots__ = ("bucket", "most", "rate")

    def __init__(self) -> None:
        self.bucket = _Bucket()
        self.rate = self.most = 0.0


class RateLimiter:
    """What the dispatcher may claim."""

    def __init__(
        self, servers: Servers, sessions: Sessions, policies: Callable[[str], Policy], leases: Leases = ALONE
    ) -> None:
        self._leases = leases
        self._servers, self._sessions, self._policies = servers, sessions, policies
        self._lines: dict[SessionId, _SessionLimit] = {}
        self._posts: dict[ServerName, _ServerLimit] = {}

    def __repr__(self) -> str:
        return f"RateLimiter(lines={len(self._lines)}, posts={len(self._posts)})"

    async def after_start(self, _: CrashReport) -> None:
        """Before the first message leaves: a session may have been judged long before we started."""
        for stored in await self._servers.all():
            self.set_server_limits(stored.server)
        async for session in every_session(self._sessions):
            self.set_limits(session)

    def set_limits(self, session: Session) -> None:
        """The session was judged, or read at the start."""
        policy, usual = self._policies(session.policy), self._policies("default")
        recovered_at = session.gate_since if session.last_outage is not None else 0.0
        plain = not policy.sends_per_minute and policy.sends_in_flight == usual.sends_in_flight
        line = self._lines.get(session.id)
        if plain and not recovered_at:
            self._lines.pop(session.id, None)
        elif line is None:
            self._lines[session.id] = _SessionLimit(policy, recovered_at)
        else:
            line.policy, line.recovered_at = policy, recovered_at

    def set_server_limits(self, server: Server) -> None:
        """The server was judged or changed, or read at the start."""
        per_minute, burst = pacing.server_pace(server, self._policies("default"))
        if per_minute <= 0:
            self._posts.pop(server.name, None)
            return
        post = self._posts.setdefault(server.name, _ServerLimit())
        post.rate, post.most = per_minute / 60.0, pacing.burst(per_minute, burst)

    def quota(self, flying: Mapping[SessionId, int], at: Mapping[SessionId, ServerName], now: float) -> SendQuota:
        """How many more may be claimed. `flying` are under way, `at` says where."""
        usual = self._policies("default").sends_in_flight
        sessions = {session_id: usual - count for session_id, count in flying.items()}
        sessions |= self._of_lines(flying, usual, now)
        servers: Counter[ServerName] = Counter()
        for session_id, count in flying.items():
            servers[at[session_id]] += count
        most = share(AT_SERVER, self._leases.living)
        room = {name: most - count for name, count in servers.items()}
        if self._leases.node is not None:
            return SendQuota(sessions, usual, room, most, self._paces())
        for name, post in self._posts.items():
            room[name] = min(room.get(name, most), post.bucket.fill(post.rate, post.most, now))
        return SendQuota(sessions, usual, room, most)

    def _paces(self) -> dict[ServerName, Pace]:
        """Of several nodes none keeps a server's tokens: they lie in the store."""
        return {name: Pace(post.rate, post.most) for name, post in self._posts.items()}

    def _of_lines(self, flying: Mapping[SessionId, int], usual: int, now: float) -> dict[SessionId, int]:
        room: dict[SessionId, int] = {}
        for session_id, line in list(self._lines.items()):
            policy = line.policy
            cap = pacing.ramped_cap(policy.sends_in_flight, line.recovered_at, policy, now)
            if policy.sends_per_minute:
                room[session_id] = min(
                    cap - flying.get(session_id, 0), line.bucket.fill(line.rate(now), line.most(), now)
                )
            elif policy.sends_in_flight == usual == cap:
                del self._lines[session_id]
            else:
                room[session_id] = cap - flying.get(session_id, 0)
        return room

    def record_sends(self, claims: Iterable[SendClaim]) -> None:
        """These were claimed. What is urgent may overdraw; those behind it pay."""
        for claim in claims:
            line = self._lines.get(claim.message.session_id)
            if line is not None and line.policy.sends_per_minute:
                line.bucket.take()
            post = self._posts.get(claim.server)
            if post is not None:
                post.bucket.take()

    def not_before(self, now: float) -> NotBefore:
        """Sessions and servers that may send nothing (but what is urgent) before a time."""
        sessions = {
            session_id: line.bucket.rests_until(line.rate(now), line.most(), now)
            for session_id, line in self._lines.items()
            if line.policy.sends_per_minute
        }
        if self._leases.node is not None:
            return NotBefore(sessions, paces=self._paces())
        servers = {name: post.bucket.rests_until(post.rate, post.most, now) for name, post in self._posts.items()}
        return NotBefore(sessions, servers)
