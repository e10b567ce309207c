"""A node's leases in memory: what is being given up, and the clock that it goes by."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

from esteio.clock import LoopClock
from esteio.core.model.ids import SessionId
from esteio.engine.runtime.node_leases import NodeLeases, NodeName
from esteio.store.base import CrashReport
from esteio.store.ports.nodes import Beat, Held, NodeRow, Taken

SESSION = SessionId(1)
CHORE = "upkeep"


class OtherOwner:
    """A store in which all is this node's until another comes to which all belongs. `freed`: whether it lets go."""

    def __init__(self) -> None:
        self.live = [_row(1, "me")]
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()
        self.freed = False

    async def join(self, node_id: str, address: str, version: str, lease_s: float, now: float) -> Beat:
        return Beat(1, now, tuple(self.live))

    async def beat(self, epoch: int, lease_s: float, now: float) -> Beat | None:
        return Beat(1, now, tuple(self.live))

    async def take(self, epoch: int, chores: Sequence[str], limit: int, now: float) -> Taken | None:
        return Taken(Held({SESSION: 1}, {CHORE: 1})) if len(self.live) == 1 else Taken()

    async def release(
        self, epoch: int, sessions: Collection[SessionId], chores: Collection[str]
    ) -> tuple[frozenset[SessionId], frozenset[str]]:
        self.asked.set()
        await self.may_answer.wait()
        return (frozenset(sessions), frozenset(chores)) if self.freed else (frozenset(), frozenset())

    async def held(self, epoch: int) -> Held:
        return Held({SESSION: 1}, {CHORE: 1})

    async def leave(self, epoch: int, now: float) -> None:
        """Nothing is kept."""

    async def lives(self, epoch: int, now: float) -> bool:
        return True

    async def all(self) -> Sequence[NodeRow]:
        return self.live

    async def forget(self, before: float) -> int:
        return 0

    async def listen(self, told: Callable[[], None], others: Callable[[], bool]) -> None:
        """There are no hints."""


def _row(epoch: int, name: str) -> NodeRow:
    return NodeRow(epoch, name, "", "", 0.0, 0.0, 0.0, None)


async def _giving_up(*, freed: bool) -> tuple[list[bool], list[bool]]:
    """What may be done in the session (be begun, go on) while the store is asked to let go of it, and after that."""
    store = OtherOwner()
    store.freed = freed
    leases = NodeLeases(store, NodeName("me", LoopClock(0.0, 0)))

    def may() -> list[bool]:
        return [leases.holds(SESSION), leases.does(CHORE), leases.begins(SESSION), leases.generation(SESSION) == 1]

    await leases.after_start(CrashReport((), ()))
    await leases._take()
    assert may() == [True, True, True, True]
    store.live = [_row(1, "me"), *(_row(n, f"other-{n}") for n in range(2, 200))]
    await leases._renew(leases._clock.elapsed())
    giving = asyncio.create_task(leases._give())
    await store.asked.wait()
    meanwhile = may()
    store.may_answer.set()
    await giving
    return meanwhile, may()


def test_what_is_under_way_goes_on_while_a_session_is_being_given_up_and_nothing_is_begun() -> None:
    assert asyncio.run(_giving_up(freed=True)) == ([False, False, True, True], [False, False, False, False])
    assert asyncio.run(_giving_up(freed=False)) == ([False, False, True, True], [True, True, True, True])


def test_an_answer_that_was_waited_for_corrects_no_clock() -> None:
    async def story() -> None:
        clock = LoopClock(1000.0, 0)
        clock.follow(clock.now() - 2.9, took_s=3.0)
        assert abs(clock.now() - 1000.0 - clock.elapsed()) < 0.1
        clock.follow(clock.now() + 300.0 - 1.0, took_s=2.0)
        assert abs(clock.now() - 1300.0 - clock.elapsed()) < 0.1
        clock.follow(clock.now() - 5.0, took_s=3.0)
        assert abs(clock.now() - 1296.5 - clock.elapsed()) < 0.1

    asyncio.run(story())
