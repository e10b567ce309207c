"""Three real gateways on one real PostgreSQL, and what befalls them under load: nothing is lost or doubled, every chat
keeps its order, and never do two nodes act for one session.

`make test` plays three faults once each and asserts who acted, not how fast. `make sim SIM=nodes` plays all of them
(`NODES_FAULTS=all`), each as long as it takes to be sure that a lease is long over.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.durability.nodes.proof import proved
from tests.durability.nodes.stage import NODES, Stage, stage
from tests.postgres_server.cluster import Cluster
from tests.postgres_server.pooler import Pooler

ALL = os.environ.get("NODES_FAULTS") == "all"
FROZEN_S = 60.0 if ALL else 10.0
AWAY_S = 12.0
"""Longer than any lease."""
LONGEST_S = 600
WARM_S = 2.0
FEW = 20
Story = Callable[[Stage, Cluster], Awaitable[None]]


async def killed(stage: Stage, _: Cluster) -> None:
    """kill -9; it is started again when others have sent for all that it held."""
    sessions = await stage.held_by("red")
    await stage.nodes["red"].kill()
    await stage.taken_over(sessions, "red")
    await stage.acted_for(sessions, "red")
    await stage.nodes["red"].start()
    await stage.held_by("red")


async def frozen(stage: Stage, _: Cluster) -> None:
    """SIGSTOP; SIGCONT when its lease is long over and others act."""
    sessions = await stage.held_by("green")
    stage.nodes["green"].freeze()
    thawed_at = time.monotonic() + FROZEN_S
    await stage.taken_over(sessions, "green")
    await stage.acted_for(sessions, "green")
    await asyncio.sleep(max(0.0, thawed_at - time.monotonic()))
    stage.nodes["green"].thaw()
    await stage.held_by("green")


async def cut_off(stage: Stage, _: Cluster) -> None:
    """Nothing passes between the node and the database, and nobody is told; it stops by its own clock."""
    sessions = await stage.held_by("blue")
    stage.ways["blue"].freeze()
    await stage.taken_over(sessions, "blue")
    await stage.acted_for(sessions, "blue")
    stage.ways["blue"].restore()
    await stage.held_by("blue")


async def refused(stage: Stage, _: Cluster) -> None:
    """The node's connections are reset, and it gets no new ones."""
    sessions = await stage.held_by("blue")
    stage.ways["blue"].refuse()
    await stage.taken_over(sessions, "blue")
    await stage.acted_for(sessions, "blue")
    stage.ways["blue"].restore()
    await stage.held_by("blue")


async def rolled(stage: Stage, _: Cluster) -> None:
    """Each is stopped and started, one after the other, as at a deployment."""
    for name in NODES:
        sessions = await stage.held_by(name)
        await stage.nodes[name].stop()
        await stage.taken_over(sessions, name)
        await stage.nodes[name].start()
        await stage.nodes[name].ready()
    await stage.held_by(NODES[-1])


async def database_restarted(stage: Stage, cluster: Cluster) -> None:
    """For every node at once, and once more for longer than a lease."""
    await asyncio.to_thread(cluster.restart)
    await stage.acted_for(stage.sessions, "")
    await asyncio.to_thread(cluster.stop)
    await asyncio.sleep(AWAY_S)
    await asyncio.to_thread(cluster.start)
    await stage.acted_for(stage.sessions, "")


async def database_killed(stage: Stage, cluster: Cluster) -> None:
    """kill -9 of all its processes, and crash recovery."""
    await asyncio.to_thread(cluster.kill)
    await asyncio.to_thread(cluster.start)
    await stage.acted_for(stage.sessions, "")


class Case(NamedTuple):
    """A story, and what it is played on. `own`: a cluster of its own; `pooled`: a transaction pooler before it."""

    story: Story
    skews: Mapping[str, float] = {}
    own: bool = False
    pooled: bool = False

    def __str__(self) -> str:
        words = [self.story.__name__, *(["skewed"] if self.skews else []), *(["pooled"] if self.pooled else [])]
        return "-".join(words)


APART = {"red": 300.0, "green": -300.0}
"""Seconds by which clocks are wrong."""
CASES = [Case(killed), Case(frozen), Case(cut_off)]
if ALL:
    CASES += [Case(killed, APART), Case(frozen, APART), Case(cut_off, APART)]
    CASES += [Case(killed, pooled=True), Case(frozen, pooled=True), Case(cut_off, pooled=True)]
    CASES += [Case(refused), Case(rolled), Case(database_restarted, own=True), Case(database_killed, own=True)]


@pytest.fixture
def cluster_of(postgres: Cluster, postgres_programs: Path) -> Iterator[Callable[[Case], Cluster]]:
    with ExitStack() as stack:

        def found(case: Case) -> Cluster:
            if not case.own:
                return postgres
            made = Cluster.made(postgres_programs, fsync=True)
            stack.callback(made.leave)
            return made

        yield found


def play(cluster: Cluster, folder: Path, case: Case) -> dict[str, int]:
    async def whole(port: int) -> dict[str, int]:
        async with asyncio.timeout(LONGEST_S), stage(cluster, folder, skews=case.skews, port=port) as (running, app):
            await asyncio.sleep(WARM_S)
            await case.story(running, cluster)
            return await proved(running, app)

    if not case.pooled:
        return asyncio.run(whole(0))
    with Pooler(cluster, connections=12) as pooler:
        return asyncio.run(whole(pooler.port))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_node_fails_under_load(cluster_of: Callable[[Case], Cluster], tmp_path: Path, case: Case) -> None:
    assert play(cluster_of(case), tmp_path, case)["accepted"] > FEW
