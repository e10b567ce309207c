"""This node among several: it joins, renews its lease, takes what is free and its own, and gives up what is not.

Two tasks. One only renews, so that nothing else makes it late. The other takes and gives: what rendezvous names for
this node and nobody living holds is taken, what it names for another living one is given up as soon as nothing is under
way in it. When the lease is over by this machine's own clock everything is given up in memory at once, whatever the
database may say, and the node joins anew as another boot. Never lives here: the rules of a lease (`core.nodes.lease`),
whose something is (`core.nodes.rendezvous`, in the store's transaction).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from esteio.clock import NodeClock
from esteio.core.model.ids import SessionId
from esteio.core.nodes.chores import CHORES
from esteio.core.nodes.lease import BEAT_AGAIN_S, BEAT_EVERY_S, BEGIN_S, LEASE_S, Lease, granted, next_beat_at
from esteio.core.nodes.rendezvous import owner_of, session_key
from esteio.engine.runtime.node_counts import Loss, NodeCounts
from esteio.log import logger
from esteio.store.base import CrashReport
from esteio.store.ports.nodes import Beat, Held, NodeRow, Nodes, Taken

TAKE_AT_ONCE = 2000
"""Sessions in one transaction of a take, some tenths of a second: others write between two."""
COMPARE_EVERY_S = 60.0
"""So often what is held here is compared with the store, as after every take of which nobody knows how it ended."""
REST_S = 0.2
"""Between two looks for what is free, however often somebody asks."""
KEYS_AT_ONCE = 2000
"""Sessions whose owner is computed in one turn of the loop."""

log = logger("nodes")


class NodeName(NamedTuple):
    """How a node is called: `id` stays over its restarts and is no other's; `address` and `version` are shown. `clock`
    is the one that its gateway goes by."""

    id: str
    clock: NodeClock
    address: str = ""
    version: str = ""


class NodeLeases:
    """Implements `Leases` over the store's nodes."""

    def __init__(self, nodes: Nodes, me: NodeName) -> None:
        self._nodes, self._clock, self._me = nodes, me.clock, me
        self.counts = NodeCounts()
        self._lease: Lease | None = None
        self._live: tuple[NodeRow, ...] = ()
        self._sessions: dict[SessionId, int] = {}
        self._chores: dict[str, int] = {}
        self._leaving: frozenset[SessionId | str] = frozenset()
        """Sessions and chores that are ours until the store has let go of them; nothing is begun in them."""
        self._lost: list[Callable[[SessionId], None]] = []
        self._taken: list[Callable[[Sequence[SessionId]], None]] = []
        self._ended: list[Callable[[], None]] = []
        self._woken = asyncio.Event()
        self._unsure, self._compared_at = False, 0.0
        self._spread_over: tuple[int, ...] = ()
        """The living boots for which all that is held was last found to be ours. Boots, not nodes: one that died and
        came back between two looks has lost to us what was its own."""
        self._alarm: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"NodeLeases({self._me.id}, epoch={self.node}, sessions={len(self._sessions)})"

    # -- what is asked ----------------------------------------------------------------------------------------------

    @property
    def node(self) -> int:
        """The epoch of the present boot; 0, which is nobody's, while there is none."""
        return 0 if self._lease is None else self._lease.epoch

    @property
    def living(self) -> int:
        """How many nodes live, as of the last renewal."""
        return max(1, len(self._live))

    @property
    def live(self) -> Sequence[NodeRow]:
        """The boots that live, as of the last renewal."""
        return self._live

    def acts(self, takes_s: float = 0.0) -> bool:
        """Whether the lease runs, by this machine's clock, and for so much longer."""
        return self._lease is not None and self._lease.acts(self._clock.elapsed(), takes_s)

    def holds(self, session_id: SessionId, /) -> bool:
        """See `Leases`."""
        # guard: lease-asked-before-acting
        return session_id in self._sessions and session_id not in self._leaving and self.acts()

    def begins(self, session_id: SessionId, /) -> bool:
        """See `Leases`. Of one that is being given up too: who asks has claimed something in it, and as long as that is
        so the store lets nobody else have it."""
        return session_id in self._sessions and self.acts(BEGIN_S)

    def generation(self, session_id: SessionId, /) -> int:
        """See `Leases`; -1, which no session has, for one that is not held."""
        return self._sessions.get(session_id, -1)

    def does(self, chore: str, /) -> bool:
        """See `Leases`."""
        return chore in self._chores and chore not in self._leaving and self.acts()

    def chore_generation(self, chore: str, /) -> int:
        """The same."""
        return self._chores.get(chore, -1)

    def on_lost(self, lost: Callable[[SessionId], None], /) -> None:
        """See `Leases`."""
        self._lost.append(lost)

    def on_taken(self, taken: Callable[[Sequence[SessionId]], None], /) -> None:
        """See `Leases`."""
        self._taken.append(taken)

    def on_ended(self, ended: Callable[[], None], /) -> None:
        """See `Leases`."""
        self._ended.append(ended)

    def too_late(self) -> None:
        """See `Leases`."""
        self.counts.too_late += 1

    @property
    def remaining_s(self) -> float:
        """How long this node may act if it is not renewed, by its own clock; 0 without a lease."""
        return 0.0 if self._lease is None else max(0.0, self._lease.ends_at - self._clock.elapsed())

    @property
    def sessions(self) -> int:
        """How many sessions it holds."""
        return len(self._sessions)

    def look(self) -> None:
        """See `Leases`."""
        self._woken.set()

    # -- the lease --------------------------------------------------------------------------------------------------

    async def after_start(self, _: CrashReport) -> None:
        """Joins, before anything is begun, and as the last of what is prepared: only a task renews the lease. Raises
        what the store raises."""
        await self._join()

    async def beat(self) -> None:
        """Renews the lease, and joins anew when it is over. Runs for ever, and while calls under way come to their end
        in a drain."""
        sent_at, answered = self._clock.elapsed(), True
        while True:
            await asyncio.sleep(max(0.0, next_beat_at(sent_at, answered=answered) - self._clock.elapsed()))
            sent_at = self._clock.elapsed()
            try:
                async with asyncio.timeout(LEASE_S):
                    await (self._renew(sent_at) if self.acts() else self._join())
                answered = True
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody knows whether it was renewed
                answered = False
                self.counts.renewals_failed += 1
                log.warning("node.beat_failed", node=self._me.id, error=f"{type(error).__name__}: {error}")

    async def _renew(self, sent_at: float) -> None:
        epoch = self.node
        beat = await self._nodes.beat(epoch, LEASE_S, self._clock.now())
        if self.node != epoch:
            return  # it ended here while the answer was on its way
        if beat is None:
            self._end("declared-dead")
        else:
            self._grant(beat, sent_at)

    async def _join(self) -> None:
        self._end("lapsed")
        sent_at = self._clock.elapsed()
        beat = await self._nodes.join(self._me.id, self._me.address, self._me.version, LEASE_S, self._clock.now())
        self._grant(beat, sent_at)
        log.info("node.joined", node=self._me.id, epoch=beat.epoch, count=len(beat.live))

    def _grant(self, beat: Beat, sent_at: float) -> None:
        before = [row.epoch for row in self._live]
        self._lease, self._live = granted(beat.epoch, sent_at), beat.live
        self._clock.follow(beat.now, self._clock.elapsed() - sent_at)
        if self._alarm is not None:
            self._alarm.cancel()
        wait = max(0.0, self._lease.ends_at - self._clock.elapsed())
        self._alarm = asyncio.get_running_loop().call_later(wait, self._lapse)
        if [row.epoch for row in beat.live] != before:
            self.look()

    def _lapse(self) -> None:
        """The lease's end by this machine's clock: nobody has renewed it."""
        if self._lease is not None and not self.acts():
            self._end("lapsed")

    def _end(self, why: Loss) -> None:
        """All is given up at once, in memory; in the store it is free when its lease is over there."""
        if self._lease is None:
            return
        log.warning("node.lease_lost", node=self._me.id, epoch=self.node, reason=why, sessions=len(self._sessions))
        self.counts.leases_lost[why] += 1
        self._lease, lost = None, list(self._sessions)
        self._sessions.clear()
        self._chores.clear()
        self._spread_over = ()
        for ended in self._ended:
            ended()
        self._tell_lost(lost)

    def _tell_lost(self, sessions: Sequence[SessionId]) -> None:
        for session_id in sessions:
            for lost in self._lost:
                lost(session_id)

    async def aclose(self) -> None:
        """Gives everything up: the next node may take it at once. Nothing may be under way any more."""
        epoch = self.node
        if self._alarm is not None:
            self._alarm.cancel()
        if epoch:
            self._lease = None
            try:
                await self._nodes.leave(epoch, self._clock.now())
                log.info("node.left", node=self._me.id, epoch=epoch)
            except Exception as error:  # noqa: BLE001 - then its lease runs out, and others take over
                log.warning("node.beat_failed", node=self._me.id, error=f"{type(error).__name__}: {error}")

    # -- what is held -----------------------------------------------------------------------------------------------

    async def spread(self) -> None:
        """Takes what is free and ours, gives up what is another's. Runs for ever."""
        while True:
            try:
                async with asyncio.timeout(BEAT_EVERY_S):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()
            await asyncio.sleep(REST_S)
            if not self.acts(BEGIN_S):
                await asyncio.sleep(BEAT_AGAIN_S)
                continue
            try:
                await self._compare()
                await self._take()
                await self._give()
            except Exception as error:  # noqa: BLE001 - nobody knows what was taken: it is compared
                self._unsure = True
                log.warning("node.take_failed", node=self._me.id, error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(BEAT_AGAIN_S)

    async def _take(self) -> None:
        while self.acts(BEGIN_S):
            epoch = self.node
            taken = await self._nodes.take(epoch, CHORES, TAKE_AT_ONCE, self._clock.now())
            if self.node != epoch:
                return
            if taken is None:
                self._end("declared-dead")
                return
            self._adopt(taken.held)
            self._log_taken(taken)
            if not taken.more:
                return

    def _adopt(self, held: Held) -> None:
        if held.sessions or held.chores:
            self._sessions.update(held.sessions)
            self._chores.update(held.chores)
            for taken in self._taken:
                taken(list(held.sessions))

    def _log_taken(self, taken: Taken) -> None:
        self.counts.sessions_taken += len(taken.held.sessions)
        if taken.held.sessions or taken.held.chores:
            log.info(
                "node.took_over",
                node=self._me.id,
                sessions=len(taken.held.sessions),
                chores=len(taken.held.chores),
                interrupted=len(taken.interrupted),
                in_doubt=len(taken.doubted),
            )

    async def _compare(self) -> None:
        """What was taken without our hearing of it is ours, and what is not ours any more is lost."""
        now = self._clock.elapsed()
        if not self._unsure and now - self._compared_at < COMPARE_EVERY_S:
            return
        epoch = self.node
        held = await self._nodes.held(epoch)
        if self.node != epoch:
            return
        self._unsure, self._compared_at = False, now
        gone = [one for one, generation in self._sessions.items() if held.sessions.get(one) != generation]
        for session_id in gone:
            del self._sessions[session_id]
        self._chores = {name: held.chores[name] for name in self._chores if name in held.chores}
        self._tell_lost(gone)
        new = {one: generation for one, generation in held.sessions.items() if one not in self._sessions}
        self._adopt(Held(new, {name: held.chores[name] for name in held.chores if name not in self._chores}))

    async def _give(self) -> None:
        """One by one as nothing is under way in it; a session that is busy all the time stays where it is."""
        ids = tuple(row.id for row in self._live)
        boots = tuple(row.epoch for row in self._live)  # guard: spread-by-boots
        if boots == self._spread_over:
            return
        theirs = await self._others(ids)
        chores = [name for name in self._chores if owner_of(name, ids) != self._me.id]
        if theirs or chores:
            await self._release(theirs, chores)
        if not any(one in self._sessions for one in theirs) and not any(name in self._chores for name in chores):
            self._spread_over = boots

    async def _others(self, ids: Sequence[str]) -> list[SessionId]:
        theirs: list[SessionId] = []
        for place, session_id in enumerate(list(self._sessions)):
            if place % KEYS_AT_ONCE == KEYS_AT_ONCE - 1:
                await asyncio.sleep(0)
            if owner_of(session_key(session_id), ids) != self._me.id:
                theirs.append(session_id)
        return theirs

    async def _release(self, sessions: Sequence[SessionId], chores: Sequence[str]) -> None:
        """Nothing is begun in them from before they are free; those in which something is under way stay."""
        epoch, self._leaving = self.node, frozenset((*sessions, *chores))
        try:
            freed, done = await self._nodes.release(epoch, sessions, chores)
        except BaseException:
            self._unsure = True
            self._drop(sessions, chores)
            raise
        finally:
            self._leaving = frozenset()
        if self.node != epoch:
            return
        self._drop(freed, done)
        self.counts.sessions_given += len(freed)
        if freed or done:
            log.info("node.gave_up", node=self._me.id, sessions=len(freed), chores=len(done))

    def _drop(self, sessions: Collection[SessionId], chores: Collection[str]) -> None:
        for name in chores:
            self._chores.pop(name, None)
        self._tell_lost([one for one in sessions if self._sessions.pop(one, None) is not None])
