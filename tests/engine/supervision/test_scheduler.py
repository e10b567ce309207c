"""The clock-watcher: whatever a judge asks for, a turn of the watch comes to its end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from esteio.clock import Clock, LoopClock
from esteio.core.model.decision import Decision
from esteio.core.model.evidence import Evidence, seen
from esteio.core.model.ids import ServerName, SessionId
from esteio.engine.supervision.probes import InventoryResult
from esteio.engine.supervision.scheduler import SHORTEST_S, SWEEP_S, Key
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.sim.providers.faces import new_world
from esteio.sim.world.faults import Fault, inject
from esteio.store.base import DecisionCommit
from tests.engine.engine_stage import Restarts, linked, play, play_restarts


def test_a_session_that_wants_to_be_woken_at_once_for_ever_holds_up_nobody() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.session("loja")
        scheduler, reconciler = lab.gateway.scheduler, lab.gateway.reconciler
        wakes: list[float] = []
        truly = reconciler.quietly

        def insatiable(session_id: SessionId, new_evidence: tuple[Evidence, ...]) -> Decision | None:
            decision = truly(session_id, new_evidence)
            if decision is None or session_id != session.id:
                return decision
            wakes.append(lab.clock.now())
            assert len(wakes) < 2000, "the watch never ends its turn"
            return msgspec.structs.replace(decision, wake_at=lab.clock.now() - 1.0)

        reconciler.quietly = insatiable  # type: ignore[method-assign]
        scheduler.submit(session.id, ())
        await asyncio.sleep(1.0)
        reconciler.quietly = truly  # type: ignore[method-assign]
        assert len(wakes) > 10
        gaps = [later - sooner for sooner, later in pairwise(wakes)]
        assert min(gaps) >= SHORTEST_S / 2, "time moves between two wakes"

    play(story)


def test_after_a_start_a_large_fleet_is_taken_up_few_at_a_time_and_one_as_another_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esteio.engine.supervision.scheduler.SWEEP_MOST", 3)

    async def story(run: Restarts) -> None:
        await run.lab.add_server("prov")
        for number in range(14):
            await run.lab.adopt("prov", f"s{number}", f"55119{number:08d}")
        await asyncio.sleep(120)
        ids = [(await run.lab.session(f"s{number}")).id for number in range(14)]
        await run.stop()
        await asyncio.sleep(60)
        await run.begin()

        scheduler, under_way = run.lab.gateway.scheduler, []
        truly = scheduler.wake

        def wake(key: Key) -> None:
            under_way.append(len(scheduler._tasks))
            truly(key)

        scheduler.wake = wake  # type: ignore[method-assign]

        async def all_judged() -> bool:
            return all(run.lab.gateway.memory.peek(one) is not None for one in ids)

        assert await run.lab.until(all_judged, 60) < 2, "nobody waits for the next sweep"
        assert len(under_way) >= 14
        assert max(under_way) < 3, "nobody is added to so many"

    play_restarts(story, tmp_path / "esteio.db")


def test_under_a_new_weather_a_large_server_is_judged_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esteio.engine.supervision.scheduler.JUDGED_AT_ONCE", 3)

    async def story(lab: Lab) -> None:
        await lab.add_server("prov")
        for number in range(14):
            await lab.adopt("prov", f"s{number}", f"55119{number:08d}")
        await asyncio.sleep(120)
        scheduler, judged = lab.gateway.scheduler, []
        truly = scheduler.wake

        def wake(key: Key) -> None:
            judged.append((key, scheduler._judging))
            truly(key)

        scheduler.wake = wake  # type: ignore[method-assign]
        await scheduler._weather(ServerName("prov"))
        assert len({key for key, _ in judged}) == 14
        assert max(under_way for _, under_way in judged) < 3
        await asyncio.sleep(1)
        assert scheduler._judging == 0

    play(story)


def test_what_is_held_of_a_quiet_session_is_nothing_to_the_collector() -> None:
    """It walks all that it knows of at once, and nobody is answered meanwhile: for seconds, with 100,000 lines."""

    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.session("loja")
        known = lab.gateway.memory.find(session.id)
        assert known is not None
        assert known.view is not None
        assert known.probe is not None
        where, _, last = known.probe
        held = (
            known,
            known.view,
            known.view.session,
            known.view.session.reason,
            known.planned,
            where,
            last,
            *last.asked,
        )
        assert [value for value in held if gc.is_tracked(value)] == []

    play(story)


def test_sessions_that_were_judged_quietly_do_not_hide_one_that_nobody_spoke_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("esteio.engine.supervision.scheduler.SWEEP_MOST", 3)

    async def story(lab: Lab) -> None:
        await lab.add_server("prov")
        for number in range(8):
            await lab.adopt("prov", f"s{number}", f"55119{number:08d}")
        await asyncio.sleep(600)
        late = await lab.session("s7")
        lab.gateway.scheduler._due.pop(late.id, None)
        await lab.store.journal.add_evidence(
            late.id, late.server, [seen("operator_paused", lab.clock.now(), "operator")], lab.clock.now()
        )

        async def heard() -> bool:
            return (await lab.session("s7")).paused

        assert await lab.until(heard, 120) <= SWEEP_S + 1

    play(story)


def test_a_wake_that_was_put_off_rings_for_nobody() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await asyncio.sleep(60)
        scheduler, rings, woken = lab.gateway.scheduler, [0], [0]
        truly_ring, truly_put = scheduler._ring, scheduler._put

        def ring() -> None:
            rings[0] += 1
            truly_ring()

        def put(key: Key, new_evidence: Sequence[Evidence], *, dirty: bool) -> None:
            woken[0] += scheduler._alarm_at < 0  # while it rings
            truly_put(key, new_evidence, dirty=dirty)

        scheduler._ring, scheduler._put = ring, put  # type: ignore[method-assign]
        await asyncio.sleep(660)
        assert rings[0] > 20, "looks go on"
        assert rings[0] <= woken[0], "and whoever is woken is due"

    play(story)


def test_a_long_list_is_followed_some_rows_in_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esteio.engine.supervision.listed.ROWS_AT_ONCE", 2)

    async def story(lab: Lab) -> None:
        await lab.add_server("prov", "baileys")
        for number in range(6):
            await lab.adopt("prov", f"s{number}", f"55119{number:08d}")
        await asyncio.sleep(90)
        loop, turns = asyncio.get_running_loop(), 0
        followed: list[int] = []

        def tick() -> None:
            nonlocal turns
            turns += 1
            if len(followed) < 6:
                loop.call_soon(tick)

        def follow(*row: object) -> tuple[Any, ...]:
            if not followed:
                loop.call_soon(tick)
            followed.append(turns)
            return ()

        monkeypatch.setattr("esteio.engine.supervision.listed.disagreements", follow)
        await asyncio.sleep(40)
        assert len(followed) >= 6
        assert max(followed.count(turn) for turn in range(turns)) <= 2

    play(story)


def test_a_wake_that_is_set_after_the_last_one_rang_rings_too() -> None:
    """A server that is down is asked every 5 s whether it is back, also when nothing else waits."""

    async def story(lab: Lab) -> None:
        await linked(lab)
        await asyncio.sleep(60)
        lab.world.servers["prov"].stop()
        await asyncio.sleep(60)
        scheduler, asked = lab.gateway.scheduler, []
        truly = scheduler._prober.server

        async def look(name: ServerName) -> InventoryResult:
            asked.append(lab.clock.now())
            return await truly(name)

        scheduler._prober.server = look  # type: ignore[method-assign]
        await asyncio.sleep(61)
        assert len(asked) >= 11
        assert max(later - sooner for sooner, later in pairwise(asked)) < 6

    play(story)


class PutRight:
    """A wall clock that can be set, beside the loop's own."""

    def __init__(self, inner: Clock) -> None:
        self._inner, self.ahead_s = inner, 0.0

    def now(self) -> float:
        return self._inner.now() + self.ahead_s

    def new_id(self, prefix: str) -> str:
        return self._inner.new_id(prefix)

    def token(self) -> str:
        return self._inner.token()


@pytest.mark.parametrize("fault", ["ghost", "revoked", "stuck_connecting"])
def test_a_wall_clock_that_ran_ahead_and_was_put_right_blinds_nobody(fault: str) -> None:
    """D4: after three hours ahead for 40 s, whoever fell stayed `connected` until the clock had caught up."""

    async def story() -> None:
        world = new_world(7)
        clock = PutRight(LoopClock(world.epoch0, 7))
        async with Lab(7, world=world, clock=clock) as lab:
            await linked(lab)
            await asyncio.sleep(60)
            clock.ahead_s = 3 * 3600.0
            await asyncio.sleep(20)
            await lab.send("loja", "5511988887777", "um")
            await asyncio.sleep(20)
            clock.ahead_s = 0.0
            await asyncio.sleep(30)
            codes = [entry.code for entry in await lab.timeline("loja")]
            assert codes.count("clock_stepped_back") == 1
            inject(lab.world, "prov", "loja", Fault(fault))

            async def seen_to_fall() -> bool:
                return (await lab.session("loja")).outage is not None

            assert await lab.until(seen_to_fall, 300) <= 45
            if fault == "ghost":
                await lab.until_state("loja", "connected", 300)
                message = await lab.send("loja", "5511988887777", "dois")
                await asyncio.sleep(20)
                assert (await lab.message(message)).state in ("sent", "delivered", "read")

    run_virtual(story, limit_s=20_000)


def test_what_was_put_off_while_the_clock_ran_ahead_does_not_wait_until_it_catches_up() -> None:
    async def story() -> None:
        world = new_world(7)
        clock = PutRight(LoopClock(world.epoch0, 7))
        async with Lab(7, world=world, clock=clock) as lab:
            await linked(lab)
            await asyncio.sleep(60)
            inject(lab.world, "prov", None, Fault("server_down", for_s=30))
            clock.ahead_s = 3 * 3600.0
            message = await lab.send("loja", "5511988887777", "um")
            await asyncio.sleep(10)
            clock.ahead_s = 0.0
            await asyncio.sleep(240)
            assert (await lab.message(message)).state in ("sent", "delivered", "read")

    run_virtual(story, limit_s=20_000)


def test_a_wake_that_was_put_hours_ahead_by_such_a_clock_is_found_at_the_next_start(tmp_path: Path) -> None:
    async def story(run: Restarts) -> None:
        await run.lab.add_server("prov")
        await run.lab.adopt("prov", "loja", "5511911112222")
        await asyncio.sleep(60)
        session = await run.lab.session("loja")
        view = await run.lab.store.decisions.session_view(session.id, run.lab.clock.now())
        assert view is not None
        await run.stop()
        ahead = msgspec.structs.replace(view.session, wake_at=run.lab.clock.now() + 3 * 3600)
        await run.begin()
        assert await run.lab.store.decisions.commit_session(DecisionCommit(session=ahead))
        assert session.id in await run.lab.store.decisions.due_sessions(run.lab.clock.now())

    play_restarts(story, tmp_path / "esteio.db")


def test_another_weather_that_was_not_told_before_a_crash_is_found_at_the_next_start(tmp_path: Path) -> None:
    """The server's row is committed, and then each of its sessions is judged under it: the process dies in between."""

    async def story(run: Restarts) -> None:
        await linked(run.lab)
        inject(run.lab.world, "prov", None, Fault("errors_5xx", rate=1.0, status=502, for_s=120))

        async def waits() -> bool:
            return (await run.lab.session("loja")).wake_at is None

        async def is_up() -> bool:
            return (await run.lab.store.servers.all())[0].server.health == "up"

        await run.lab.until(waits, 100)
        run.lab.gateway.scheduler._weather = _told_nobody  # type: ignore[method-assign]
        await run.lab.until(is_up, 600)
        await run.crash()
        await run.begin()
        await run.lab.until_state("loja", "connected", 60)

    play_restarts(story, tmp_path / "esteio.db")


async def _told_nobody(name: ServerName) -> None:
    """As of a process that is killed at this very moment."""
