"""How long it takes from the death of a node to the life of its sessions elsewhere, measured under load.

`python -m tests.durability.nodes.takeover RUNS`: so many kills of nodes in turn, on one stage; a JSON line. `taken_s`:
when the last of its sessions has another owner in the database; `acting_s`: when others have sent for all of them. In
the end everything that holds after any fault is proved.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles

from tests.durability.nodes.proof import proved
from tests.durability.nodes.stage import NODES, Stage, stage
from tests.postgres_server.cluster import Cluster
from tests.postgres_server.programs import programs

WARM_S = 5.0


async def _run(stage: Stage, name: str) -> tuple[float, float]:
    """One death; the seconds until its sessions were taken, and until others acted for them."""
    sessions = await stage.held_by(name)
    died_at = time.time()
    await stage.nodes[name].kill()
    await stage.taken_over(sessions, name)
    await stage.acted_for(sessions, name)
    owners = [one for one in stage.book.owners() if one.at > died_at and one.node not in ("", name)]
    taken = max(min(one.at for one in owners if one.session == session) for session in sessions)
    acts = [act for act in stage.face.acts if act.began > died_at and act.node != name]
    acting = max(min(act.began for act in acts if act.session == session) for session in sessions)
    await stage.nodes[name].start()
    await stage.nodes[name].ready()
    return taken - died_at, acting - died_at


async def _measure(cluster: Cluster, folder: Path, runs: int) -> dict[str, object]:
    async with stage(cluster, folder) as (running, application):
        await asyncio.sleep(WARM_S)
        times = []
        for turn in range(runs):
            times.append(await _run(running, NODES[turn % len(NODES)]))
            await asyncio.sleep(WARM_S)
        told = await proved(running, application)
    taken, acting = zip(*times, strict=True)
    return {"runs": runs, "taken_s": _shown(taken), "acting_s": _shown(acting), **told}


def _shown(seconds: tuple[float, ...]) -> dict[str, float]:
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {"p50": round(cuts[49], 2), "p95": round(cuts[94], 2), "max": round(max(seconds), 2)}


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory(prefix="esteio-takeover-") as folder:
        (root := Path(folder, "programs")).mkdir()
        (place := Path(folder, "stage")).mkdir()
        cluster = Cluster.made(programs(root))
        try:
            told = asyncio.run(_measure(cluster, place, runs))
        finally:
            cluster.leave()
    print(json.dumps(told))  # noqa: T201 - that is what it is for


if __name__ == "__main__":
    main(int(sys.argv[1]))
