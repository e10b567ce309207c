"""PgQueuer's side of `store-postgres`, by its public API: jobs with a payload enqueued, dequeued, done.

Its pool driver over asyncpg, its tables as it installs them (durable), one queue manager whose entrypoint does nothing.
`at_once` producers each wait until their job is written before they hand in the next; `each` jobs go in by one call of
`enqueue`. Arguments: address, jobs, producers, jobs a call. One line of JSON (`Looped`) at the end.
"""

from __future__ import annotations

import asyncio
import sys
import time

import asyncpg
import msgspec
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from benchmarks.load import text_of

CONNECTIONS = 8
BATCH = 64
"""Jobs that one dequeue takes: as many as the store's claim."""


class Looped(msgspec.Struct, frozen=True):
    """Jobs or messages a second from the first that was handed in to the last that was settled, and CPU of the process
    for each."""

    per_s: float
    cpu_us: float


def payload(number: int) -> bytes:
    """What the store keeps of a message: its document."""
    return msgspec.json.encode({"to": f"55119{number % 500:08}", "kind": "text", "text": text_of(number % 500, number)})


async def loop(url: str, jobs: int, at_once: int, each: int) -> Looped:
    """Run them all."""
    async with asyncpg.create_pool(url, min_size=CONNECTIONS + 1, max_size=CONNECTIONS + 1) as pool:
        driver = AsyncpgPoolDriver(pool)
        queries = Queries(driver)
        await queries.install()
        manager = PgQueuer(driver)
        done = 0

        @manager.entrypoint("message")
        async def message(_job: Job) -> None:
            nonlocal done
            done += 1
            if done == jobs:
                manager.shutdown.set()

        numbers = iter(range(jobs))

        async def produce() -> None:
            while mine := [payload(number) for _, number in zip(range(each), numbers, strict=False)]:
                await queries.enqueue(["message"] * len(mine), list(mine), [0] * len(mine))

        began, spent = time.perf_counter(), time.process_time()
        running = asyncio.create_task(manager.run(batch_size=BATCH))
        await asyncio.gather(*(produce() for _ in range(at_once)))
        await running  # It ends once what is done is written.
        took, cpu_s = time.perf_counter() - began, time.process_time() - spent
    return Looped(jobs / took, cpu_s / jobs * 1e6)


if __name__ == "__main__":
    address, *counts = sys.argv[1:]
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(loop(address, *map(int, counts)))) + b"\n")
