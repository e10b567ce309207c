"""The clock-watcher: whatever a judge asks for, a turn of the watch comes to its end."""

from __future__ import annotations

import asyncio
import gc
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from engine_stage import Restarts, linked, play, play_restarts

from esteio.core.evidence import seen
from esteio.core.model import ServerName
from esteio.engine import mailbox
from esteio.engine.mailbox import SHORTEST_S
from esteio.sim.lab import Lab


def test_a_session_that_wants_to_be_woken_at_once_for_ever_holds_up_nobody() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.session("loja")
        mailboxes, reconciler = lab.gateway.mailboxes, lab.gateway.reconciler
        wakes: list[float] = []
        truly = reconciler.quietly

        def insatiable(session_id, news):  # type: ignore[no-untyped-def]
            decision = truly(session_id, news)
            if decision is None or session_id != session.id:
                return decision
            wakes.append(lab.clock.now())
            assert len(wakes) < 2000, "the watch never ends its turn"
            return msgspec.structs.replace(decision, wake_at=lab.clock.now() - 1.0)

        reconciler.quietly = insatiable  # type: ignore[method-assign]
        mailboxes.tell(session.id, ())
        await asyncio.sleep(1.0)
        reconciler.quietly = truly  # type: ignore[method-assign]
        assert len(wakes) > 10
        gaps = [later - sooner for sooner, later in pairwise(wakes)]
        assert min(gaps) >= SHORTEST_S / 2, "time moves between two wakes"

    play(story)


def test_after_a_start_a_large_fleet_is_taken_up_few_at_a_time_and_one_as_another_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "SWEEP_MOST", 3)

    async def story(run: Restarts) -> None:
        await run.lab.add_server("prov")
        for number in range(14):
            await run.lab.adopt("prov", f"s{number}", f"55119{number:08d}")
        await asyncio.sleep(120)
        ids = [(await run.lab.session(f"s{number}")).id for number in range(14)]
        await run.stop()
        await asyncio.sleep(60)
        await run.begin()

        mailboxes, under_way = run.lab.gateway.mailboxes, []
        truly = mailboxes.nudge

        def nudge(key: mailbox.Key) -> None:
            under_way.append(len(mailboxes._tasks))
            truly(key)

        mailboxes.nudge = nudge  # type: ignore[method-assign]

        async def all_judged() -> bool:
            return all(run.lab.gateway.reconciler.peek(one) is not None for one in ids)

        assert await run.lab.until(all_judged, 60) < 2, "nobody waits for the next sweep"
        assert len(under_way) >= 14
        assert max(under_way) < 3, "nobody is added to so many"

    play_restarts(story, tmp_path / "esteio.db")


def test_under_a_new_weather_a_large_server_is_judged_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "JUDGED_AT_ONCE", 3)

    async def story(lab: Lab) -> None:
        await lab.add_server("prov")
        for number in range(14):
            await lab.adopt("prov", f"s{number}", f"55119{number:08d}")
        await asyncio.sleep(120)
        mailboxes, judged = lab.gateway.mailboxes, []
        truly = mailboxes.nudge

        def nudge(key: mailbox.Key) -> None:
            judged.append((key, mailboxes._judging))
            truly(key)

        mailboxes.nudge = nudge  # type: ignore[method-assign]
        await mailboxes._weather(ServerName("prov"))
        assert len({key for key, _ in judged}) == 14
        assert max(under_way for _, under_way in judged) < 3
        await asyncio.sleep(1)
        assert mailboxes._judging == 0

    play(story)


def test_what_is_held_of_a_quiet_session_is_nothing_to_the_collector() -> None:
    """It walks all that it knows of at once, and nobody is answered meanwhile: for seconds, with 100,000 lines."""

    async def story(lab: Lab) -> None:
        await linked(lab)
        session = await lab.session("loja")
        known = lab.gateway.reconciler._known[session.id]
        where, _, last = lab.gateway.lookout._walks[session.id]
        held = (known.view, known.session, known.session.reason, known.planned, where, last, *last.asked)
        assert [value for value in held if gc.is_tracked(value)] == []

    play(story)


def test_sessions_that_were_judged_quietly_do_not_hide_one_that_nobody_spoke_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailbox, "SWEEP_MOST", 3)

    async def story(lab: Lab) -> None:
        await lab.add_server("prov")
        for number in range(8):
            await lab.adopt("prov", f"s{number}", f"55119{number:08d}")
        await asyncio.sleep(600)
        late = await lab.session("s7")
        lab.gateway.mailboxes._due.pop(late.id, None)
        await lab.store.add_evidence(
            late.id, late.server, [seen("operator_paused", lab.clock.now(), "operator")], lab.clock.now()
        )

        async def heard() -> bool:
            return (await lab.session("s7")).paused

        assert await lab.until(heard, 120) <= mailbox.SWEEP_S + 1

    play(story)


def test_a_wake_that_was_put_off_rings_for_nobody() -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        await asyncio.sleep(60)
        mailboxes, rings, woken = lab.gateway.mailboxes, [0], [0]
        truly_ring, truly_put = mailboxes._ring, mailboxes._put

        def ring() -> None:
            rings[0] += 1
            truly_ring()

        def put(key, news, *, dirty):  # type: ignore[no-untyped-def]
            woken[0] += mailboxes._alarm_at < 0  # while it rings
            truly_put(key, news, dirty=dirty)

        mailboxes._ring, mailboxes._put = ring, put  # type: ignore[method-assign]
        await asyncio.sleep(660)
        assert rings[0] > 20, "looks go on"
        assert rings[0] <= woken[0], "and whoever is woken is due"

    play(story)


def test_a_long_list_is_followed_some_rows_in_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "ROWS_AT_ONCE", 2)

    async def story(lab: Lab) -> None:
        await lab.add_server("prov", "baileys")
        for number in range(6):
            await lab.adopt("prov", f"s{number}", f"55119{number:08d}")
        await asyncio.sleep(90)
        loop, turns, followed = asyncio.get_running_loop(), 0, []

        def tick() -> None:
            nonlocal turns
            turns += 1
            if len(followed) < 6:
                loop.call_soon(tick)

        def follow(*row):  # type: ignore[no-untyped-def]
            if not followed:
                loop.call_soon(tick)
            followed.append(turns)
            return ()

        monkeypatch.setattr(mailbox, "disagreements", follow)
        await asyncio.sleep(40)
        assert len(followed) >= 6
        assert max(followed.count(turn) for turn in range(turns)) <= 2

    play(story)
