"""The watch over silence: a line from which nothing has come in for longer than its own rhythm explains is a doubt.

What a line's rhythm is, is learned from what came in, a day at a time, and kept in memory; the rest is comparing two
numbers a line. A doubt is told to the judge, who looks closer; nothing is written here. Never lives here: how long is
too long (`core.rhythm`), what a silence means (`core.hearing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from esteio.clock import Clock
from esteio.core import rhythm as core
from esteio.core.evidence import Evidence, seen
from esteio.core.model import SessionId
from esteio.core.session import Session
from esteio.store.base import Store

LEARN_EVERY_S = 6 * 3600.0
LEARN_AGAIN_S = 3600.0
"""Of a line that had no rhythm yet."""
AFTER_START_S = 120.0
"""What came while we were away is read back first."""
LEARN_AT_ONCE = 20
"""So many lines are learned in one round; the others wait for the next."""
DAY_S = 86400.0


class Ears:
    """Notices silence. `judged`: all sessions as last judged here; `told`: news about a session."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        judged: Callable[[], Iterable[Session]],
        told: Callable[[SessionId, Sequence[Evidence]], None],
    ) -> None:
        self._store, self._clock, self._judged, self._told = store, clock, judged, told
        self._rhythms: dict[SessionId, tuple[float, core.Rhythm | None]] = {}
        self._began: float | None = None

    def __repr__(self) -> str:
        return f"Ears(lines={len(self._rhythms)})"

    async def look(self) -> int:
        """One round; how many silences are news."""
        now, found, learned = self._clock.now(), 0, 0
        if self._began is None:
            self._began = now
        if now - self._began < AFTER_START_S:
            return 0
        sessions = list(self._judged())
        self._forget({session.id for session in sessions})
        for session in sessions:
            if session.gate != "open" or not session.facts.receive_ok_at:
                continue
            known_at, rhythm = self._rhythms.get(session.id, (-LEARN_EVERY_S, None))
            old = now - known_at >= (LEARN_EVERY_S if rhythm is not None else LEARN_AGAIN_S)
            if old and learned < LEARN_AT_ONCE:
                learned += 1
                rhythm = await self._learn(session, now)
                self._rhythms[session.id] = (now, rhythm)
            found += rhythm is not None and self._too_long(session, rhythm, now)
        return found

    def _forget(self, alive: set[SessionId]) -> None:
        for gone in self._rhythms.keys() - alive:
            del self._rhythms[gone]

    def _too_long(self, session: Session, rhythm: core.Rhythm, now: float) -> bool:
        facts = session.facts
        # While we or the line were away nothing could come in, and a line made anew begins anew.
        since = max(facts.receive_ok_at, facts.renewed_at, session.gate_since, self._began or 0.0)
        if now - since < rhythm.soonest_s:
            return False
        too_long_at = core.too_long_at(rhythm, since)
        if now < too_long_at or facts.silence_at >= too_long_at:
            return False
        self._told(session.id, (seen("silence", now, "self"),))
        return True

    async def _learn(self, session: Session, now: float) -> core.Rhythm | None:
        since = max(session.created_at, now - core.WEEKS * 7 * DAY_S)
        if now - since < core.KNOWN_FOR_S:
            return None
        busy: set[int] = set()
        day = since
        while day < now:
            busy.update(await self._store.busy_slots(session.id, day, day + DAY_S, core.SLOT_S))
            day += DAY_S
            await asyncio.sleep(0)
        return core.learn(busy, since, now)
