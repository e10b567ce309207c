"""Detects sessions that have received nothing for longer than their usual traffic predicts; reports them as suspect.

The usual traffic is learned from what came in, a day at a time, and kept in `memory`; the rest compares two numbers a
session. A suspicion is handed to the judge, who checks; nothing is written here. Never lives here: how long is too long
(`core.judge.traffic_baseline`), what a silence means (`core.judge.inbound_health`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from esteio.clock import Clock
from esteio.core.judge import traffic_baseline as core
from esteio.core.model.evidence import Evidence, seen_with
from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.session import Session
from esteio.engine.supervision.memory import Memory
from esteio.store.ports.inbox import Traffic

LEARN_EVERY_S = 6 * 3600.0
LEARN_AGAIN_S = 3600.0
"""Of a line that had no rhythm yet."""
AFTER_START_S = 120.0
"""What came while we were away is read back first."""
WITNESSES_ASKED = 5
"""So many lines of a server are asked whether it is the day that is quiet …"""
SERVERS_ASKED = 20
"""… of so many servers."""
LEARN_AT_ONCE = 20
"""So many lines are learned in one round; the others wait for the next."""
DAY_S = 86400.0

Witnesses = Mapping[ServerName, Sequence[bool | None]]


class SilenceWatch:
    """Notices silence among the sessions that were judged here. `told`: news about a session."""

    def __init__(
        self,
        traffic: Traffic,
        clock: Clock,
        *,
        memory: Memory,
        notify: Callable[[SessionId, Sequence[Evidence]], None],
    ) -> None:
        self._traffic, self._clock, self._memory, self._notify = traffic, clock, memory, notify
        self._began: float | None = None

    async def look(self) -> int:
        """One round; how many silences are news."""
        now, found, learned = self._clock.now(), 0, 0
        if self._began is None:
            self._began = now
        if now - self._began < AFTER_START_S:
            return 0
        able = [session for session in self._memory.judged() if session.gate == "open" and session.facts.receive_ok_at]
        others = self._witnesses(able, now)
        for session in able:
            record = self._memory.session(session.id)
            known_at, baseline = record.baseline or (-LEARN_EVERY_S, None)
            old = now - known_at >= (LEARN_EVERY_S if baseline is not None else LEARN_AGAIN_S)
            if old and learned < LEARN_AT_ONCE:
                learned += 1
                baseline = await self._learn(session, now)
                record.baseline = (now, baseline)
            found += baseline is not None and self._too_long(session, baseline, others, now)
        return found

    def _witnesses(self, able: Iterable[Session], now: float) -> Witnesses:
        """Whether each of some lines is quiet now, by their servers."""
        found: dict[ServerName, list[bool | None]] = {}
        for session in able:
            _, baseline = self._memory.session(session.id).baseline or (0.0, None)
            if baseline is None or (session.server not in found and len(found) == SERVERS_ASKED):
                continue
            asked = found.setdefault(session.server, [])
            if len(asked) < WITNESSES_ASKED:
                asked.append(core.quiet_now(baseline, self._since(session), now))
        return found

    def _since(self, session: Session) -> float:
        """While we or the line were away nothing could come in, and a line made anew begins anew."""
        facts = session.facts
        return max(facts.receive_ok_at, facts.renewed_at, session.gate_since, self._began or 0.0)

    def _too_long(self, session: Session, baseline: core.TrafficBaseline, others: Witnesses, now: float) -> bool:
        facts, since = session.facts, self._since(session)
        if now - since < baseline.soonest_s:
            return False
        too_long_at = core.too_long_at(baseline, since)
        if now < too_long_at:
            return False
        # guard: witness-of-another-server
        shared = core.is_the_day(quiet for server, some in others.items() if server != session.server for quiet in some)
        # One that was shared is told anew when the others are heard again, not when they go home.
        # guard: silence-outlasting-others-told
        told = facts.silence_at > since and not (facts.silence_shared and shared is False)
        if not told:
            data = {"shared": "yes"} if shared else {}
            self._notify(session.id, (seen_with("silence", now, "self", data),))
        return not told

    async def _learn(self, session: Session, now: float) -> core.TrafficBaseline | None:
        since = max(session.created_at, now - core.WEEKS * 7 * DAY_S)
        if now - since < core.KNOWN_FOR_S:
            return None
        busy: set[int] = set()
        day = since
        while day < now:
            busy.update(await self._traffic.busy_slots(session.id, day, day + DAY_S, core.SLOT_S))
            day += DAY_S
            await asyncio.sleep(0)
        return core.learn(busy, since, now)
