"""`supervise-nodes`: what it costs several nodes on one PostgreSQL to watch many sessions, while a share of it fails.

As `supervise`, but with real nodes, each a process of its own, that find the sessions in their database and share them;
with a real PostgreSQL, durable; and with `faults` from the first look on: a share of the answers fails, and as large a
share of the sockets dies within the measured time. Nodes, PostgreSQL and the stub share the machine, so what each spent
is told, and how busy all its cores were, with whoever else was at work there.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.gateway import Api, gateway
from benchmarks.postgres.server import Server, server
from benchmarks.processes import Child, Failed, Say, listening
from benchmarks.watching.fill import fill
from benchmarks.watching.fleet import GATEWAY_URL
from benchmarks.watching.supervise import SAMPLES, STEP_S, Supervise, all_looked_at, seen_by, unwell, watched

AFTER_S = 120.0
"""So long after its next look but two may a socket be dead that died in the last moment: a look that fails is taken
again a period later."""
_TICK = os.sysconf("SC_CLK_TCK")
_COUNTED = {
    "sessions": "esteio_node_sessions",
    "leases_lost": "esteio_node_leases_lost_total",
    "renewals_failed": "esteio_node_renewals_failed_total",
    "taken": "esteio_node_sessions_taken_total",
    "given": "esteio_node_sessions_given_total",
}
"""What a node tells of itself at `/metrics`."""


class SuperviseNodes(Supervise, frozen=True):
    """The same size, watched by so many nodes; which share of answers and sessions is faulty (0 to 1)."""

    nodes: int = 2
    faults: float = 0.01
    settle_s: float | None = None
    """How long after the first looks the measured time begins; None: a period. Sooner the second looks are in it."""


class Node(msgspec.Struct, frozen=True):
    """One node in the measured time: CPU in percent of a core, memory in MB (the most of some samples, and the most
    since its start), and its own counters."""

    cpu_percent: float
    rss_mb: int
    rss_peak_mb: int
    counted: dict[str, int]


async def run(ask: SuperviseNodes, directory: Path, say: Say, profile: Path | None = None) -> dict[str, Any]:
    """The line to print. Raises `Failed` when a session is not connected in time or a node has died."""
    each = -(-ask.sessions // ask.servers)
    words = (str(ask.servers), str(ask.period_s), str(each), str(ask.faults))
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(server(directory))
        fleet = await stack.enter_async_context(listening("benchmarks.watching.fleet", directory, "fleet", *words))
        url = database.database()
        say(f"{ask.sessions} sessions are written down")
        settings = _settings(ask, directory)
        ports = (await watched(fleet.port)).ports
        await fill(url, directory, settings, ask.sessions, ports, period_s=ask.period_s)
        nodes = [
            gateway(
                directory,
                None if number else profile,
                data=directory / f"node-{number}",
                settings=settings,
                database=url,
            )
            for number in range(ask.nodes)
        ]
        # All at once, so that none takes what is another's.
        apis = list(await asyncio.gather(*(stack.enter_async_context(node) for node in nodes)))
        warm_s = await all_looked_at(fleet.port, apis, ask.sessions, say)
        say(f"all were looked at after {warm_s:.0f} s; now {ask.seconds:.0f} s are measured")
        figures = await _measured(ask, database, fleet, apis)
        say(str(figures))
        figures["all_well_after_s"] = await _all_well(ask, fleet.port, apis[0])
        restored = await watched(fleet.port)
        figures |= {name: getattr(restored, name) for name in ("restored", "restored_p50_s", "restored_most_s")}
    return {"bench": "supervise-nodes", **figures, **msgspec.to_builtins(ask), "first_looks_s": round(warm_s, 1)}


def _settings(ask: SuperviseNodes, directory: Path) -> Path:
    settings = directory / "esteio.toml"
    settings.write_text(
        f"public_url = '{GATEWAY_URL}'\n[policy.default]\nprobe_idle_s = {ask.period_s}\n[log]\nlevel = 'warning'\n",
        "utf-8",
    )
    return settings


class _Clocks:
    """What everybody has spent since this was made."""

    def __init__(self, database: Server, fleet: Child, apis: Sequence[Api]) -> None:
        self._database, self._fleet, self._apis = database, fleet, apis
        self._now = asyncio.get_running_loop().time
        self._before, self._began = self._spent(), self._now()

    def _spent(self) -> list[float]:
        nodes = [api.process.cpu_s() for api in self._apis]
        return [*nodes, self._database.cpu_s(), self._fleet.cpu_s(), _machine_s()]

    def percent(self) -> list[float]:
        """Of one core: each node, PostgreSQL, the stub, the whole machine."""
        seconds = self.seconds()
        return [round((now - then) / seconds * 100, 1) for now, then in zip(self._spent(), self._before, strict=True)]

    def seconds(self) -> float:
        """Since when."""
        return self._now() - self._began


def _machine_s() -> float:
    """What all of the machine's cores have spent on anybody, in seconds; 0 where the system does not tell."""
    try:
        user, nice, system, _idle, _waiting, *others = map(int, Path("/proc/stat").read_text("ascii").split()[1:9])
    except OSError:
        return 0.0
    return (user + nice + system + sum(others)) / _TICK


async def _measured(ask: SuperviseNodes, database: Server, fleet: Child, apis: Sequence[Api]) -> dict[str, Any]:
    # As in `supervise`: what comes a period after a first look says less of how late looks are.
    await asyncio.sleep(ask.period_s if ask.settle_s is None else ask.settle_s)
    await watched(fleet.port, f"/_bench/begin?{ask.seconds if ask.faults else 0}")
    clocks, rss, load = _Clocks(database, fleet, apis), [0.0] * len(apis), [os.getloadavg()[0]]
    while (left := ask.seconds - clocks.seconds()) > 0:
        await asyncio.sleep(min(left, ask.seconds / SAMPLES))
        rss = [max(most, api.process.rss_mb()) for most, api in zip(rss, apis, strict=True)]
        load.append(os.getloadavg()[0])
    seconds, (*nodes, postgres, stub, machine) = clocks.seconds(), clocks.percent()
    told = await watched(fleet.port)
    return {
        "nodes_each": [
            msgspec.to_builtins(Node(cpu, round(most), round(api.process.rss_mb(peak=True)), await _counted(api)))
            for cpu, most, api in zip(nodes, rss, apis, strict=True)
        ],
        "postgres_cpu_percent": postgres,
        "stub_cpu_percent": stub,
        "machine_cpu_percent": machine,
        "cores": os.cpu_count(),
        "load": [round(min(load), 1), round(max(load), 1)],
        "cpu_us_per_look": round(sum(nodes) / 100 * seconds / max(1, told.looks) * 1e6),
        "postgres_cpu_us_per_look": round(postgres / 100 * seconds / max(1, told.looks) * 1e6),
        "failed_answers": told.failed,
        "fell": told.restored + told.fallen,
        **seen_by(told, seconds),
    }


async def _counted(api: Api) -> dict[str, int]:
    text = await api.text("/metrics")
    return {
        ours: int(sum(float(value) for value in re.findall(rf"^{name}(?:{{.*?}})? (\S+)$", text, re.MULTILINE)))
        for ours, name in _COUNTED.items()
    }


async def _all_well(ask: SuperviseNodes, fleet: int, api: Api) -> float:
    """After how many seconds no socket was dead and nobody unwell any more. Raises `Failed` when it takes too long."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while wrong := (await watched(fleet)).fallen or await unwell(api):
        if loop.time() - began > 3 * ask.period_s + AFTER_S:
            raise Failed(f"still fallen: {wrong}")
        await asyncio.sleep(STEP_S)
    return round(loop.time() - began, 1)
