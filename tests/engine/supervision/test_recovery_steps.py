"""Recovery steps are counted by how they ended, each once, and as the timeline tells it."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from tests.engine.engine_stage import CUSTOMER, linked, play


@pytest.mark.parametrize(("variant", "result"), [("restart_cures", "effect"), ("restart_noop", "no-effect")])
def test_a_restart_is_counted_once_with_what_it_brought(variant: str, result: str) -> None:
    async def story(lab: Lab) -> None:
        await linked(lab)
        ended = lab.gateway.recovery_steps.ended
        inject(lab.world, "prov", "loja", Fault("ghost", variant=variant))
        await lab.send("loja", CUSTOMER, "oi")
        await asyncio.sleep(1200)
        assert ended["restart", result] >= 1
        told: Counter[tuple[str, str]] = Counter()
        for line in await lab.timeline("loja"):
            if line.kind == "act" and line.code in ("effect", "no-effect", "refused"):
                told[str(line.args["rung"]), line.code] += line.count
        assert told == ended

    play(story)
