"""A storm over nodes: killed, frozen, cut off, stopped and started again, in any order, while messages go out.

One on every run; more: `make sim SIM=nodes NODE_STORMS=50`.
"""

from __future__ import annotations

import asyncio
import os
import random

import pytest

from tests.nodes.rig import Node, NodesLab, run_nodes
from tests.nodes.test_nodes import all_delivered, talk

NODE_STORMS = int(os.environ.get("NODE_STORMS", "1"))


async def _kill(lab: NodesLab, node: Node, dice: random.Random) -> None:
    await node.kill()
    await asyncio.sleep(dice.uniform(0, 20))
    await lab.again(node.name)


async def _stop(lab: NodesLab, node: Node, dice: random.Random) -> None:
    await node.stop()
    await asyncio.sleep(dice.uniform(0, 10))
    await lab.again(node.name)


async def _freeze(lab: NodesLab, node: Node, dice: random.Random) -> None:
    node.freeze()
    await asyncio.sleep(dice.choice((dice.uniform(0, 4), dice.uniform(4, 8), 60)))
    node.thaw()


async def _cut(lab: NodesLab, node: Node, dice: random.Random) -> None:
    node.reach.cut = True
    await asyncio.sleep(dice.choice((dice.uniform(0, 4), dice.uniform(4, 8), 30)))
    node.reach.cut = False


async def storm(lab: NodesLab, dice: random.Random, seconds: float) -> list[str]:
    """One trouble after the other, some of them together; at least one node serves. What was done, for who reads."""
    told: list[str] = []
    going: dict[str, asyncio.Task[None]] = {}
    until = lab.world.now() + seconds
    while lab.world.now() < until:
        await asyncio.sleep(dice.uniform(1, 12))
        going = {name: task for name, task in going.items() if not task.done()}
        well = [name for name in ("n0", "n1", "n2") if name not in going]
        if len(well) < 2:
            continue
        name, trouble = dice.choice(well), dice.choice((_kill, _stop, _freeze, _cut))
        told.append(f"{lab.world.now() - lab.world.epoch0:.3f} {trouble.__name__} {name}")
        going[name] = asyncio.create_task(trouble(lab, lab.node(name), dice))
    await asyncio.gather(*going.values())
    return told


@pytest.mark.parametrize("seed", range(1, 1 + NODE_STORMS))
def test_whatever_happens_to_nodes_no_session_has_two_actors_and_no_message_is_lost_or_doubled(seed: int) -> None:
    async def story() -> None:
        async with NodesLab(3, seed=seed) as lab:
            names = await lab.fleet(9)
            await all_delivered(lab, await talk(lab, names, 10, word="first"))
            talking = asyncio.create_task(talk(lab, names, 180, 0.5))
            told = await storm(lab, random.Random(seed), 180)
            try:
                await all_delivered(lab, await talking, within_s=1800)
            except TimeoutError:
                raise AssertionError("\n".join(told)) from None
            assert lab.trespasses == [], told
            assert await lab.all_held(20) <= 20
            assert lab.world.ledger.duels == []
            for name in names:
                assert (await lab.found(name)).state == "connected"

    run_nodes(story)
