"""`drivers`: psycopg 3, plain and pipelined, against asyncpg, on the work of the store.

Directly and behind a transaction pooler, with nothing and with `delay_ms` added to every round trip. Rounds are
interleaved, each driver after the other at the same work; every figure is the median, and a driver's figures are also
told as shares of asyncpg's at the same work.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any, get_args

import msgspec

from benchmarks.postgres.driver_work import SCHEMA, Driver, Kind, Work, Worked
from benchmarks.postgres.server import server
from benchmarks.processes import Failed, Say, environment
from tests.postgres_server.pooler import Pooler
from tests.postgres_server.proxy import Proxy

_SIZES: dict[Kind, tuple[tuple[int, int], ...]] = {
    "small": ((1, 4), (16, 8), (64, 4), (64, 8), (64, 16)),
    "counted": ((64, 8), (64, 16)),
    "sets": ((8, 4),),
    "jsons": ((8, 4),),
    "read": ((1, 4), (64, 8)),
}
_POOLED: dict[Kind, tuple[tuple[int, int], ...]] = {"small": ((64, 8),), "counted": ((64, 8),), "read": ((64, 8),)}
"""Tasks at once and connections, by the kind of work."""
_SERVER_CONNECTIONS = 16


class Drivers(msgspec.Struct, frozen=True):
    """How long each driver works at each work, how often, and the delay of the second half."""

    seconds: float = 0.7
    rounds: int = 3
    delay_ms: float = 1.0


async def run(ask: Drivers, directory: Path, say: Say, _profile: Path | None = None) -> dict[str, Any]:
    """The line to print: one figure a driver and work."""
    seen: dict[str, list[Worked]] = {}
    async with server(directory) as database, AsyncExitStack() as stack:
        pooler = stack.enter_context(Pooler(database.cluster, connections=_SERVER_CONNECTIONS))
        late = [
            stack.enter_context(Proxy(port, delay_s=ask.delay_ms / 1e3)).port
            for port in (database.cluster.port, pooler.port)
        ]
        ways = {"direct": (0, late[0]), "pooled": (pooler.port, late[1])}
        for number in range(1, ask.rounds + 1):
            url = database.database()
            database.ask(f"{SCHEMA} VACUUM ANALYZE; CHECKPOINT;", url)
            for way, ports in ways.items():
                for delay_ms, port in zip((0.0, ask.delay_ms), ports, strict=True):
                    address = database.by_port(url, port)
                    for name, work in _works(ask, address, pooled=way == "pooled"):
                        seen.setdefault(f"{way} {delay_ms:g} ms {name}", []).append(await _in_a_process(work))
            say(f"round {number} is done")
    figures = {name: _middle(each) for name, each in seen.items()}
    return {"bench": "drivers", **msgspec.to_builtins(ask), "figures": _with_shares(figures)}


def _works(ask: Drivers, url: str, *, pooled: bool) -> list[tuple[str, Work]]:
    found: list[tuple[str, Work]] = []
    for kind, sizes in (_POOLED if pooled else _SIZES).items():
        for at_once, connections in sizes:
            for driver in get_args(Driver):
                if not alike(driver, kind):
                    work = Work(driver, url, pooled, kind, at_once, connections, ask.seconds)
                    found.append((f"{kind} {at_once}/{connections} {driver}", work))
    return found


def alike(driver: Driver, kind: Kind) -> bool:
    """Whether this does there what another one does."""
    return (driver == "asyncpg-tail" and kind != "counted") or (driver == "psycopg-pipeline" and kind == "read")


async def _in_a_process(work: Work) -> Worked:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.postgres.driver_work", msgspec.json.encode(work).decode()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment({}),
    )
    out, errors = await process.communicate()
    if process.returncode:
        raise Failed(f"{work.driver} failed at {work.kind}: {errors.decode(errors='replace')[-1000:]}")
    return msgspec.json.decode(out, type=Worked)


def _middle(each: list[Worked]) -> dict[str, float]:
    whole = [msgspec.to_builtins(one) for one in each]
    return {name: round(median(one[name] for one in whole), 2) for name in whole[0]}


def _with_shares(figures: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    told: dict[str, dict[str, float]] = {}
    for name, own in figures.items():
        base = figures[f"{name.rpartition(' ')[0]} asyncpg"]
        told[name] = {**own, **{f"{part}_share": round(own[part] / base[part], 2) for part in own}}
    return told
