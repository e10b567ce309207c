"""Who judges when: one serial worker per session and per server, on demand, and one clock-watcher for all of them.

A wake-up only says "look"; news that needs no store (what a look saw) is handed over directly. A worker that has
nothing left ends; a session nobody speaks of costs an entry in a heap. Looks run beside the worker, one at a time per
session, so that a link that answers after 60 s blocks nobody. Never lives here: a decision.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from contextvars import Context
from typing import Any

from esteio.clock import Clock
from esteio.core.judge.probe_schedule import UNACKED_S
from esteio.core.judge.server import ServerDecision
from esteio.core.model.clock_skew import SLACK_S
from esteio.core.model.decision import Decision
from esteio.core.model.evidence import Evidence, seen
from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.server import UNUSABLE
from esteio.core.nodes.chores import UPKEEP, of_server
from esteio.engine.supervision.listed import Listed
from esteio.engine.supervision.memory import Memory
from esteio.engine.supervision.probes import Prober, ProbeResult
from esteio.engine.supervision.reconcile import Overtaken, Reconciler
from esteio.log import logger
from esteio.store.base import StoreFull, every_session
from esteio.store.ports.maintenance import Maintenance
from esteio.store.ports.sessions import Decisions, Journal, Servers, Sessions

SWEEP_S = 15.0
"""How often the store is asked for sessions that nobody woke: a lost hint costs at most this."""
SWEEP_MOST = 500
"""So many sessions may be under way when a sweep adds one: after a start all are due, and come as fast as others go."""
JUDGED_AT_ONCE = 500
"""Under a new weather so many sessions are judged at a time: thousands of tasks in one turn would hold up all others,
and what is late then looks like silence."""
SHORTEST_S = 0.001
"""Minimum timer delay. Below the loop's clock resolution a timer can fire before `now()` reaches its deadline and
busy-loop."""
AFTER_FAILURE_S = 2.0
ROUTINE_S = 5.0
"""How long news that changes nothing may wait for company: a message and its receipts are judged together, and a line
that is down is looked at as often as that."""
_ROUTINE: Mapping[str, str] = {
    "send_accepted": "send",
    "send_queued": "send",
    "server_answered": "send",
    "receipt_received": "send",
    "server_ack_received": "send",
    "message_received": "receive",
    "phone_echo_received": "receive",
}
"""Proofs of life, and what may soon be followed by one → what they prove that the session can."""
AFTER_DEFECT_S = 15.0

Key = SessionId | ServerName
log = logger("scheduler")


def _repeats_connecting(evidence: Sequence[Evidence]) -> bool:
    return all(piece.kind == "said_connecting" and piece.source == "webhook" for piece in evidence)


class _Box:
    __slots__ = ("dirty", "look", "looking", "news", "working")

    def __init__(self) -> None:
        self.news: list[Evidence] = []
        self.dirty = False
        self.working = False
        self.looking = False
        self.look: asyncio.Task[None] | None = None
        """The look that is under way."""


class Scheduler:
    """Wakes and judges every session and server of this process. `acted` is called when a decision made work."""

    def __init__(
        self,
        clock: Clock,
        reconciler: Reconciler,
        prober: Prober,
        *,
        sessions: Sessions,
        servers: Servers,
        decisions: Decisions,
        maintenance: Maintenance,
        memory: Memory,
        journal: Journal,
        acted: Callable[[], None],
    ) -> None:
        self._sessions, self._servers, self._decisions = sessions, servers, decisions
        self._maintenance, self._journal = maintenance, journal
        self._leases = memory.leases
        self._clock = clock
        self._reconciler, self._prober, self._memory, self._acted = reconciler, prober, memory, acted
        self._listed = Listed(sessions, memory, submit=self.submit, keep=self._store)
        self._boxes: dict[Key, _Box] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        self._count = 0
        self._later: dict[Key, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        """A task has come to its end: whoever waits for room looks anew."""
        self._judging = 0
        """Sessions at which a task works, or soon will."""
        self._apart: float | None = None
        """The wall clock less the loop's own, when they were last compared."""
        self._unheard, self._asked = True, asyncio.Event()
        """Whether sessions may wait for news that nobody here has heard; set for a sweep before its time."""
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf
        self._open = True
        self._leases.on_lost(self._drop)

    def __repr__(self) -> str:
        return f"Scheduler(boxes={len(self._boxes)}, waiting={len(self._due)})"

    # -- wake-ups -------------------------------------------------------------------------------------------------

    def wake(self, key: Key) -> None:
        """There may be something in the store for this session or server."""
        self._put(key, (), dirty=True)

    def submit(self, key: Key, new_evidence: Sequence[Evidence]) -> None:
        """Something was seen, and is not in the store yet."""
        if new_evidence and self._open and not self._is_ours(key):  # guard: anothers-news-stored
            self._spawn(self._store(key, new_evidence))
            return
        self._put(key, new_evidence, dirty=False)

    def heard(self, key: Key) -> None:
        """Evidence was stored by somebody: it is judged, unless it is about to be."""
        if key not in self._later:
            self.wake(key)

    async def _store(self, key: Key, evidence: Sequence[Evidence]) -> None:
        """For the node that judges it."""
        try:
            session = await self._sessions.by_id(SessionId(key)) if isinstance(key, int) else None
            server = ServerName(key) if isinstance(key, str) else session.server if session is not None else None
            if server is not None:
                session_id = session.id if session is not None else None
                await self._journal.add_evidence(session_id, server, evidence, self._clock.now())
        except StoreFull:
            log.warning("store.full")

    def _is_ours(self, key: Key) -> bool:
        """Whether it is judged on this node."""
        if isinstance(key, int):
            return self._leases.holds(SessionId(key))
        return self._leases.does(of_server(key))

    def _drop(self, session_id: SessionId) -> None:
        """It is judged elsewhere from now on; a look that is under way is broken off."""
        self._due.pop(session_id, None)
        if (later := self._later.pop(session_id, None)) is not None:
            later.cancel()
        box = self._boxes.pop(session_id, None)
        if box is not None:
            box.news, box.dirty = [], False
            if box.look is not None:
                box.look.cancel()

    def on_evidence(self, session_id: SessionId, evidence: Sequence[Evidence]) -> None:
        """Evidence about this session was stored. What only repeats that a sound session is sound is judged
        `ROUTINE_S` later, together with what else comes until then: a busy line is not judged at every message. What
        should be acknowledged soon is judged when that is overdue."""
        if not evidence:
            return
        if not self._routine(session_id, evidence):
            self.wake(session_id)
        else:
            queued = any(piece.kind == "send_queued" for piece in evidence)
            self._wake_within(UNACKED_S if queued else ROUTINE_S, session_id)  # guard: queued-wakes-at-once

    def _wake_within(self, wait_s: float, session_id: SessionId) -> None:
        loop, waits = asyncio.get_running_loop(), self._later.get(session_id)
        if waits is not None and waits.when() <= loop.time() + wait_s:
            return
        if waits is not None:
            waits.cancel()
        self._later[session_id] = loop.call_later(wait_s, self.wake, session_id, context=Context())

    def _routine(self, session_id: SessionId, evidence: Sequence[Evidence]) -> bool:
        session = self._memory.peek(session_id)
        if session is not None and session.facts.state_pushed == "connecting" and _repeats_connecting(evidence):
            # A provider without any pause between its tries says so a hundred times a second: one row, one judgement.
            return True
        if session is None or session.state != "connected" or session.recovery.open or session.facts.closed:
            return False
        known = {"send": session.can_send.value == "yes", "receive": session.can_receive.value == "yes"}
        return all(known.get(_ROUTINE.get(piece.kind, ""), False) for piece in evidence)

    def _put(self, key: Key, new_evidence: Sequence[Evidence], *, dirty: bool) -> None:
        if not self._open:
            return
        if not self._is_ours(key):  # guard: judged-by-holder-only
            self._leases.look()
            return
        if dirty and (later := self._later.pop(key, None)) is not None:
            later.cancel()
        box = self._boxes.get(key)
        if box is None:
            box = self._boxes[key] = _Box()
        box.news.extend(new_evidence)
        box.dirty = box.dirty or dirty
        if not box.working and not self._settled_quietly(key, box):
            box.working = True
            self._judging += isinstance(key, int)
            self._spawn(self._work(key, box))

    def _settled_quietly(self, key: Key, box: _Box) -> bool:
        """Nearly all news of a healthy fleet changes nothing but times: then no task is needed to say so."""
        if box.dirty:
            return False
        try:
            followed = self._quietly(key, box)
        except Exception:  # noqa: BLE001 - the worker meets the same defect, and knows what to do with it
            return False
        if followed and not box.looking:
            self._boxes.pop(key, None)
        return followed

    def _quietly(self, key: Key, box: _Box) -> bool:
        new_evidence = tuple(box.news)
        if isinstance(key, int):
            decision = self._reconciler.quietly(SessionId(key), new_evidence)
            if decision is None:
                return False
            box.news = []
            self._follow(SessionId(key), box, decision)
            return True
        of_server = self._reconciler.server_quietly(ServerName(key), new_evidence)
        if of_server is None:
            return False
        box.news = []
        self._follow_server(ServerName(key), box, of_server)
        return True

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        # Of no trace: who woke a session does not own what is done about it from then on.
        task = asyncio.get_running_loop().create_task(work, context=Context())  # guard: judge-in-no-callers-trace
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._room.set()

    async def _for_room(self) -> None:
        self._room.clear()
        await self._room.wait()

    @property
    def room(self) -> int:
        """How many more sessions may be judged now: who is judged and looked at makes room when that is done."""
        return SWEEP_MOST - len(self._tasks)

    async def _turn_to_judge(self) -> None:
        while self._judging >= JUDGED_AT_ONCE:  # guard: judgements-at-once
            await self._for_room()

    # -- the worker -----------------------------------------------------------------------------------------------

    async def _work(self, key: Key, box: _Box) -> None:
        more = True
        try:
            while more and self._open:
                new_evidence, dirty = box.news, box.dirty
                box.news, box.dirty = [], False
                try:
                    await self._judge(key, box, new_evidence, dirty)
                except (StoreFull, Overtaken) as error:
                    box.news[:0] = new_evidence
                    log.warning("decision.lost", **self._named(key), error=str(error))
                    self._wake_at(key, self._clock.now() + AFTER_FAILURE_S)
                    break
                except Exception:
                    # A defect of ours about one session may not silence it, nor the others.
                    log.exception("decision.failed", **self._named(key))
                    self._wake_at(key, self._clock.now() + AFTER_DEFECT_S)
                    break
                more = bool(box.news) or box.dirty
        finally:
            box.working = False
            self._judging -= isinstance(key, int)
        if not box.looking and not box.news and not box.dirty:
            self._boxes.pop(key, None)

    def _named(self, key: Key) -> dict[str, str | None]:
        """Whom a line of the log is about."""
        if not isinstance(key, int):
            return {"server": key}
        session = self._memory.peek(SessionId(key))
        return {"session": session.name if session else None, "server": session.server if session else None}

    async def _judge(self, key: Key, box: _Box, new_evidence: Sequence[Evidence], dirty: bool) -> None:
        if isinstance(key, int):
            await self._judge_session(SessionId(key), box, new_evidence, dirty)
        else:
            await self._judge_server(ServerName(key), box, new_evidence, dirty)

    async def _judge_session(
        self, session_id: SessionId, box: _Box, new_evidence: Sequence[Evidence], dirty: bool
    ) -> None:
        decision = await self._reconciler.session(session_id, new_evidence, look_into_store=dirty)
        if decision is None:
            self._due.pop(session_id, None)
            return
        self._follow(session_id, box, decision)

    def _follow(self, session_id: SessionId, box: _Box, decision: Decision) -> None:
        self._wake_at(session_id, decision.wake_at)
        if decision.act is not None or decision.notices:
            self._acted()
        if decision.server is not None and decision.server.incident is not None:
            self.wake(decision.session.server)
        if decision.look is not None and not box.looking:
            box.looking = True
            box.look = self._spawn(self._look(session_id, box, decision))

    async def _look(self, session_id: SessionId, box: _Box, decision: Decision) -> None:
        try:
            saw = await self._prober.session(decision.session, decision.look or "state")
        finally:
            box.looking, box.look = False, None
        log.debug(
            "session.probed",
            session=decision.session.name,
            server=decision.session.server,
            depth=decision.look,
            evidence=[e.kind for e in saw.session],
        )
        self._pass_on(decision.session.server, saw)
        self.submit(session_id, saw.session)

    def _pass_on(self, server: ServerName, saw: ProbeResult) -> None:
        """Only what is news about the server: that a sound one answered is told by its own look often enough."""
        telling = self._memory.server(server).news_in(saw.server)
        if telling:
            self.submit(server, telling)

    async def _judge_server(self, name: ServerName, box: _Box, new_evidence: Sequence[Evidence], dirty: bool) -> None:
        decision = await self._reconciler.server(name, new_evidence, look_into_store=dirty)
        if decision is None:
            self._due.pop(name, None)
            return
        if decision.weather_changed:  # guard: server-change-wakes-sessions
            await self._weather(name)
        self._follow_server(name, box, decision)

    def _follow_server(self, name: ServerName, box: _Box, decision: ServerDecision) -> None:
        self._wake_at(name, decision.wake_at)
        failing = bool(decision.server.facts.failures) or decision.server.health in UNUSABLE
        self._memory.server(name).troubled = failing
        if decision.notices:
            self._acted()
        if decision.look and not box.looking:
            box.looking = True
            self._spawn(self._look_at_server(name, box))

    async def _look_at_server(self, name: ServerName, box: _Box) -> None:
        try:
            listed = await self._prober.server(name)
        finally:
            box.looking = False
        self.submit(name, listed.server)
        await self._listed.tell(name, listed.rows, self._clock.now())

    async def _weather(self, name: ServerName) -> None:
        """Every session of this server is judged under its new weather."""
        async for session in every_session(self._sessions, name):
            await self._turn_to_judge()
            self.wake(session.id)

    # -- time -----------------------------------------------------------------------------------------------------

    def _wake_at(self, key: Key, at: float | None) -> None:
        if at is None:
            self._due.pop(key, None)
            return
        # What is overdue is woken on the next turn, not in this one: `_ring` would never come to its end.
        at = max(at, self._clock.now() + SHORTEST_S)
        if self._due.get(key) == at:
            return
        self._due[key] = at
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, key))
        if at < self._alarm_at:
            self._set_alarm()

    async def watch(self) -> None:
        """Sweep the store for what nobody spoke of. Runs for ever."""
        while True:
            self._asked.clear()
            try:
                await self._compare_clocks()
                await self._sweep(self._clock.now())
            except StoreFull:
                log.warning("store.full")
            self._set_alarm()
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_S):
                    await self._asked.wait()

    async def _compare_clocks(self) -> None:
        """A wall clock that was put back makes all that is due wait until it catches up, and all that was seen newer
        than what will be seen: it is noticed against the loop's own clock, and everybody is judged anew."""
        now = self._clock.now()
        apart = now - asyncio.get_running_loop().time()
        back = 0.0 if self._apart is None else self._apart - apart
        if back < SLACK_S:  # guard: clock-jump-noticed
            self._apart = apart
            return
        log.warning("clock.stepped_back", back_ms=back * 1000)
        if self._leases.does(UPKEEP):
            await self._maintenance.clock_put_back(now, back)
        self._apart = apart
        self._due.clear()
        self._heap.clear()
        for stored in await self._servers.all():
            self.wake(stored.server.name)
        told = (seen("clock_stepped_back", now, "self", seconds=f"{back:.0f}"),)
        async for session in every_session(self._sessions):
            await self._turn_to_judge()
            self._put(session.id, told, dirty=True)

    def _set_alarm(self) -> None:
        """One timer, for what falls due first; what was put off since rings for nobody."""
        if self._alarm is not None:
            self._alarm.cancel()
        # Also where the heap is empty: what falls due next must find that no alarm is set.
        self._alarm, self._alarm_at = None, math.inf  # guard: wake-timer-rearmed
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if self._heap and self._open:
            self._alarm_at = self._heap[0][0]
            pause = max(self._alarm_at - self._clock.now(), SHORTEST_S)
            self._alarm = asyncio.get_running_loop().call_later(pause, self._ring, context=Context())

    def _ring(self) -> None:
        """Wake what has fallen due. While it is at it nothing sets the alarm: it does so itself, whatever happens."""
        self._alarm, self._alarm_at, now = None, -math.inf, self._clock.now()
        try:
            while self._heap and self._heap[0][0] <= now:
                at, _, key = heapq.heappop(self._heap)
                if self._due.get(key) == at:
                    del self._due[key]
                    self._put(key, (), dirty=False)
        finally:
            self._set_alarm()

    def taken(self) -> None:
        """Sessions have come to us: what is due among them, or waits for news, is judged before the sweep's turn."""
        self._unheard = True
        self._asked.set()

    async def _sweep(self, now: float) -> None:
        """Wake what is due in the store and nowhere here. The store's times are old for all that was judged quietly
        since: what is known here may not hide what is not. What waits for news was judged under what was known then,
        by a process that may have gone before it heard more."""
        for stored in await self._servers.all():
            if self._unknown(stored.server.name):
                self.wake(stored.server.name)
        due = list(await self._decisions.due_sessions(now, node=self._leases.node))
        if self._unheard:  # guard: unheard-news-looked-for
            due += await self._decisions.unscheduled_sessions(node=self._leases.node)
            self._unheard = False
        for session_id in due:
            while self.room <= 0:  # guard: startup-looks-at-once
                await self._for_room()
            if self._unknown(session_id):
                self.wake(session_id)

    def _unknown(self, key: Key) -> bool:
        return key not in self._due and key not in self._boxes

    async def aclose(self) -> None:
        """Stop judging; what is under way is cancelled (it is in the store, or it is only a look)."""
        self._open = False
        self._set_alarm()
        for later in self._later.values():
            later.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
