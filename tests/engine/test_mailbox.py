"""The clock-watcher: whatever a judge asks for, a turn of the watch comes to its end."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import msgspec
from engine_stage import linked, play

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
