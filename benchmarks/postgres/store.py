"""`store-postgres`: the store alone on PostgreSQL, beside PgQueuer by its public API, in turns on one server.

A message is accepted, claimed and settled by the store's ports, and so is a job by PgQueuer; each side is a process of
its own, with as many connections, the same bytes and the same number of producers, each of which waits until what it
handed in is written before it hands in the next. PgQueuer also takes many jobs by one call: that is its second figure.
Ours keeps the order of each chat beside, what became of each attempt, and an event of each change.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from benchmarks.postgres.job_loop import Looped
from benchmarks.postgres.server import Server, server
from benchmarks.processes import Failed, Say, environment

_BY_LISTS = 64


class StorePostgres(msgspec.Struct, frozen=True):
    """So many messages and jobs, from so many producers at once; what is added to every round trip."""

    messages: int = 20_000
    producers: int = 64
    rounds: int = 3
    delay_ms: float = 0.0


class Side(msgspec.Struct, frozen=True):
    """A second, and CPU of the process and of PostgreSQL for each, in µs."""

    per_s: float
    cpu_us: float
    postgres_cpu_us: float


async def run(ask: StorePostgres, directory: Path, say: Say, profile: Path | None = None) -> dict[str, Any]:
    """The line to print: medians."""
    count, many = str(ask.messages), str(ask.producers)
    sides = {
        "ours": ("message_loop", count, many),
        "pgqueuer": ("job_loop", count, many, "1"),
        "pgqueuer_by_lists": ("job_loop", count, str(max(1, ask.producers // 8)), str(_BY_LISTS)),
    }
    rounds: list[dict[str, Side]] = []
    async with server(directory, delay_ms=ask.delay_ms) as database:
        for number in range(1, ask.rounds + 1):
            each = {
                name: await _side(database, ask, words, profile if name == "ours" else None)
                for name, words in sides.items()
            }
            say(f"round {number}: {', '.join(f'{name} {side.per_s:,.0f}/s' for name, side in each.items())}")
            rounds.append(each)
    figures: dict[str, float] = {f"{name}_per_s": round(median(one[name].per_s for one in rounds)) for name in sides}
    for name in ("pgqueuer", "pgqueuer_by_lists"):
        figures[f"ratio_to_{name}"] = round(median(one["ours"].per_s / one[name].per_s for one in rounds), 3)
    return {
        "bench": "store-postgres",
        **figures,
        **{f"{name}_cpu_us": round(median(one[name].cpu_us for one in rounds)) for name in sides},
        **{f"{name}_postgres_cpu_us": round(median(one[name].postgres_cpu_us for one in rounds)) for name in sides},
        **msgspec.to_builtins(ask),
    }


async def _side(database: Server, ask: StorePostgres, words: tuple[str, ...], profile: Path | None) -> Side:
    module, *counts = words
    url = database.database(delayed=ask.delay_ms > 0)
    spent = database.cpu_s()
    watched = ["-m", "cProfile", "-o", str(profile)] if profile else []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *watched, "-m", f"benchmarks.postgres.{module}", url, *counts),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment({}),
    )
    out, errors = await process.communicate()
    if process.returncode:
        raise Failed(f"{module} failed: {errors.decode(errors='replace')[-2000:]}")
    told = msgspec.json.decode(out, type=Looped)
    cpu_us = (database.cpu_s() - spent) / ask.messages * 1e6
    database.drop(url)
    return Side(told.per_s, told.cpu_us, cpu_us)
