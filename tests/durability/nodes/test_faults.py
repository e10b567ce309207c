"""Three real gateways on one real PostgreSQL, and what befalls them under load: nothing is lost or doubled, every chat
keeps its order, and never do two nodes act for one session.

`make test` plays three faults once each and asserts who acted, not how fast. `make sim SIM=nodes` plays all of them
(`NODES_FAULTS=all`), each as long as it takes to be sure that a lease is long over.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.durability.nodes.proof import proved
from tests.durability.nodes.stage import Stage, stage
from tests.postgres_server.cluster import Cluster

ALL = os.environ.get("NODES_FAULTS") == "all"
FROZEN_S = 60.0 if ALL else 10.0
LONGEST_S = 600
WARM_S = 2.0
Story = Callable[[Stage], Awaitable[None]]


async def killed(stage: Stage) -> None:
    """kill -9; it is started again when others have sent for all that it held."""
    sessions = await stage.held_by("red")
    await stage.nodes["red"].kill()
    await stage.taken_over(sessions, "red")
    await stage.acted_for(sessions, "red")
    await stage.nodes["red"].start()
    await stage.held_by("red")


async def frozen(stage: Stage) -> None:
    """SIGSTOP; SIGCONT when its lease is long over and others act."""
    sessions = await stage.held_by("green")
    stage.nodes["green"].freeze()
    thawed_at = time.monotonic() + FROZEN_S
    await stage.taken_over(sessions, "green")
    await stage.acted_for(sessions, "green")
    await asyncio.sleep(max(0.0, thawed_at - time.monotonic()))
    stage.nodes["green"].thaw()
    await stage.held_by("green")


async def cut_off(stage: Stage) -> None:
    """Nothing passes between the node and the database, and nobody is told; it stops by its own clock."""
    sessions = await stage.held_by("blue")
    stage.ways["blue"].freeze()
    await stage.taken_over(sessions, "blue")
    await stage.acted_for(sessions, "blue")
    stage.ways["blue"].restore()
    await stage.held_by("blue")


def play(cluster: Cluster, folder: Path, story: Story) -> dict[str, int]:
    async def whole() -> dict[str, int]:
        async with asyncio.timeout(LONGEST_S), stage(cluster, folder) as (running, application):
            await asyncio.sleep(WARM_S)
            await story(running)
            return await proved(running, application)

    return asyncio.run(whole())


@pytest.mark.parametrize("story", [killed, frozen, cut_off], ids=lambda story: story.__name__)
def test_a_node_fails_under_load(postgres: Cluster, tmp_path: Path, story: Story) -> None:
    told = play(postgres, tmp_path, story)
    assert told["accepted"] > 20
