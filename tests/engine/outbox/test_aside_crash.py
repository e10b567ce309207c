"""kill -9 at every durable step and call while a message is in doubt, is set aside and its chat goes on: nothing twice,
nothing out of order, and what nobody can tell says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

from esteio.sim.world.faults import Fault, inject
from tests.crash_points import MortalLab
from tests.engine.deaths import TEXTS, Life, die_at_each_step
from tests.engine.engine_stage import CUSTOMER, PHONE


async def _story(lab: MortalLab, begun: list[int]) -> None:
    """A server without a list and without echoes: what is in doubt there stays so."""
    await lab.add_server("prov", "baileys")
    await lab.adopt("prov", "loja", PHONE)
    await asyncio.sleep(20)
    begun.append(len(lab.fate.points))
    inject(lab.world, "prov", "loja", Fault("lost_response", happens=True, how="cut"))
    for text in TEXTS:
        await lab.send("loja", CUSTOMER, text)
    await asyncio.sleep(250)


STEPS = ("messages.accept", "outbox.claim", "text", "outbox.settle", "doubts.due", "doubts.settle")


def test_death_at_any_step_of_a_doubt(tmp_path: Path) -> None:
    # In doubt stay the first, and the one that died under way.
    life = Life(_story, again_s=600, doubts=2, down_s=7)
    die_at_each_step(life, STEPS, {"after doubts.settle", "after outbox.settle", "before messages.accept"}, tmp_path)
