"""A PostgreSQL for a measurement: with `fsync`, on loopback, and before it, where a delay is asked for, a proxy that
adds it to every round trip. What its processes have spent is told apart from everybody else's.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from benchmarks.processes import Child, Failed, child
from tests.postgres_server.cluster import Cluster
from tests.postgres_server.programs import Unavailable, programs

_SETTINGS = {
    "shared_buffers": "'256MB'",
    "max_wal_size": "'2GB'",
    "wal_level": "replica",
    "autovacuum_naptime": "'60s'",
}
_TICK = os.sysconf("SC_CLK_TCK")


class Server:
    """One that runs; a measurement makes a database of its own for each side of each round."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._postmaster = int((cluster.folder / "data" / "postmaster.pid").read_text("utf-8").split("\n", 1)[0])
        self._numbers = count(1)
        self.proxy: Child | None = None

    def database(self, *, delayed: bool = False) -> str:
        """The address of a new, empty database; `delayed`: by way of the proxy."""
        name = f"bench_{next(self._numbers)}"
        self.cluster.create(name)
        port = self.proxy.port if delayed and self.proxy is not None else 0
        return self.cluster.url(name, port=port)

    def by_port(self, url: str, port: int) -> str:
        """The same database by way of what listens on that port; 0: directly."""
        return self.cluster.url(url.rsplit("/", 1)[1], port=port)

    def drop(self, url: str) -> None:
        """Remove a database; whoever has it open is cut off."""
        self.cluster.drop(url.rsplit("/", 1)[1])

    def ask(self, sql: str, url: str) -> str:
        """What a statement answers in that database."""
        return self.cluster.execute(sql, url.rsplit("/", 1)[1])

    def cpu_s(self) -> float:
        """What all its processes have spent so far, those that have ended too."""
        words = _stat(self._postmaster)
        children = Path(f"/proc/{self._postmaster}/task/{self._postmaster}/children").read_text("ascii").split()
        return sum(words[11:15]) / _TICK + sum(sum(_stat(int(one))[11:13]) for one in children) / _TICK


def _stat(process: int) -> list[int]:
    try:
        words = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return [0] * 15
    return [0, *map(int, words[1:15])]


@asynccontextmanager
async def server(directory: Path, *, delay_ms: float = 0.0) -> AsyncIterator[Server]:
    """While the block runs. Raises `Failed` where this machine cannot have one."""
    try:
        cluster = await asyncio.to_thread(lambda: Cluster.made(programs(directory), fsync=True, settings=_SETTINGS))
    except Unavailable as why:
        raise Failed(str(why)) from why
    try:
        running = Server(cluster)
        if not delay_ms:
            yield running
            return
        words = ["-m", "tests.postgres_server.proxy", str(cluster.port), str(delay_ms)]
        async with child(words, directory, "proxy", given=asyncio.subprocess.PIPE) as running.proxy:
            await running.proxy.learn_port()
            yield running
    finally:
        await asyncio.to_thread(cluster.leave)
