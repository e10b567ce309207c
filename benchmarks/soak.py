"""`soak`: many minutes at half of what the gateway can carry, and whether anything in it grows.

Messages go out, webhooks come in and a subscriber hears of them, all at once; every number is asked of the gateway's
own `/metrics`. First a burst that is timed until the last of it has arrived (the peak), then half of that rate for the
whole time, in slices of fresh load processes. The slope is the least-squares line through the resident memory after the
warm-up: SQLite's page caches fill with the first ten thousand or so of each, which is no leak; the burst is that large.
Tasks and open files are read before the load and again after everything has arrived, when none may be left over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from statistics import linear_regression
from typing import Any

import aiohttp
import msgspec

from benchmarks.gateway import KEY, Api, gateway, seen_by, until_seen
from benchmarks.inbound import addresses, all_heard
from benchmarks.load import Plan
from benchmarks.processes import Failed, Say, free_port, listening, load

SLICE_S = 60.0
SAMPLE_EVERY_S = 2.0
QUIET_S = 40.0
"""At most so long after the last arrival until kept connections are closed and lanes have ended."""
MIB = 1024 * 1024
RSS, FILES, TASKS = "process_resident_memory_bytes", "process_open_fds", "esteio_tasks"


class Soak(msgspec.Struct, frozen=True):
    """How much. `rate`: messages a second and as many webhooks; 0 for half of the peak. `burst`: how many of each the
    peak is found with. `warm`: the share of the time that the slope leaves out."""

    seconds: float = 600.0
    rate: float = 0.0
    burst: int = 10_000
    chats: int = 500
    sessions: int = 20
    connections: int = 64
    warm: float = 0.25


class Sample(msgspec.Struct, frozen=True):
    """One look at the gateway: seconds since the load began, MiB, counts."""

    at: float
    rss: float
    files: int
    tasks: int


async def run(ask: Soak, directory: Path, say: Say, profile: Path | None = None) -> dict[str, Any]:
    """The line to print. Raises `Failed` when something was lost, doubled, out of order or refused."""
    hears = free_port()
    async with (
        listening("benchmarks.stub", directory, "stub") as provider,
        listening("benchmarks.subscriber", directory, "subscriber", str(hears)),
        gateway(directory, profile) as api,
    ):
        pair = await _ready(ask, api, provider.port, hears)
        before = await _sample(api, 0.0)
        peak = await _burst(pair, ask.burst, provider.port, hears)
        say(f"peak: {peak:.0f} messages a second and as many webhooks, until they had arrived")
        rate = ask.rate or peak / 2
        sent, samples = await _hold(ask, pair, rate, api, say)
        total = ask.burst + sent
        await _arrived(total, provider.port, hears)
        after = await _at_rest(api, before)
        figures = _figures(ask, samples, before, after)
        return {
            "bench": "soak",
            **figures,
            "peak_per_s": round(peak),
            "rate_per_s": round(rate),
            "messages": total,
            "webhooks": total,
            "errors": _errors(directory),
            **msgspec.to_builtins(ask),
            "samples": [[round(one.at), round(one.rss, 1), one.files, one.tasks] for one in samples],
        }


Pair = tuple[Plan, Plan]
"""Messages in, webhooks in: the same chats, counts and rates."""


async def _ready(ask: Soak, api: Api, provider: int, hears: int) -> Pair:
    names = await api.adopt(provider, ask.sessions)
    hook = {"url": f"http://127.0.0.1:{hears}/hook", "events": ["message.received"]}
    await api.call("POST", "/v1/webhooks", hook)
    each = max(1, ask.connections // 2)
    plan = Plan(port=api.port, paths=(), count=0, connections=each, chats=ask.chats, names=tuple(names))
    return (
        msgspec.structs.replace(
            plan,
            paths=tuple(f"/v1/sessions/{name}/messages" for name in names),
            headers={"authorization": f"Bearer {KEY}"},
        ),
        msgspec.structs.replace(plan, paths=await addresses(provider, names), kind="webhook"),
    )


async def _both(pair: Pair, first: int, count: int, rate: float) -> None:
    await asyncio.gather(*(load(msgspec.structs.replace(one, first=first, count=count, rate=rate)) for one in pair))


async def _burst(pair: Pair, count: int, provider: int, hears: int) -> float:
    """How many of each kind a second, from the first asked to the last arrived."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await _both(pair, 0, count, 0.0)
    await _arrived(count, provider, hears)
    return count / (loop.time() - began)


async def _hold(ask: Soak, pair: Pair, rate: float, api: Api, say: Say) -> tuple[int, list[Sample]]:
    """The load for the whole time; how many of each kind, and what was seen meanwhile."""
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    async with _watched(api, began) as samples:
        while (left := ask.seconds - (loop.time() - began)) > 0:
            count = max(1, int(rate * min(left, SLICE_S)))
            await _both(pair, ask.burst + sent, count, rate)
            sent += count
            now = samples[-1]
            say(f"{now.at:.0f} s: {now.rss:.1f} MiB, {now.tasks} tasks, {now.files} files, {sent} of each")
    return sent, samples


@contextlib.asynccontextmanager
async def _watched(api: Api, began: float) -> AsyncIterator[list[Sample]]:
    """Samples, growing while the block runs."""
    loop = asyncio.get_running_loop()
    samples = [await _sample(api, loop.time() - began)]

    async def watch() -> None:
        while True:
            await asyncio.sleep(SAMPLE_EVERY_S)
            samples.append(await _sample(api, loop.time() - began))

    watching = asyncio.create_task(watch())
    try:
        yield samples
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def _at_rest(api: Api, before: Sample) -> Sample:
    """As soon as it holds no more than before the load, else what it still holds in the end."""
    loop = asyncio.get_running_loop()
    end = loop.time() + QUIET_S
    while True:
        after = await _sample(api, 0.0)
        if (after.tasks <= before.tasks and after.files <= before.files) or loop.time() > end:
            return after
        await asyncio.sleep(SAMPLE_EVERY_S)


async def _sample(api: Api, at: float) -> Sample:
    async with (
        aiohttp.ClientSession(headers={"apikey": KEY}) as http,
        http.get(f"http://127.0.0.1:{api.port}/metrics") as answer,
    ):
        lines = (await answer.text()).splitlines()
    found = dict(line.rsplit(" ", 1) for line in lines if line.startswith((RSS, FILES, TASKS)))
    if set(found) != {RSS, FILES, TASKS}:
        raise Failed(f"the gateway does not tell its memory, files and tasks here: {sorted(found)}")
    return Sample(at, float(found[RSS]) / MIB, int(float(found[FILES])), int(float(found[TASKS])))


async def _arrived(count: int, provider: int, hears: int) -> None:
    """Every message at the provider, every webhook at the subscriber, each once and in the order of its chat."""
    await until_seen(provider, count)
    await all_heard(hears, count)
    tally = await seen_by(provider)
    if tally.messages > count or tally.doubled or tally.out_of_order:
        raise Failed(
            f"the provider saw {tally.messages} of {count}, {tally.doubled} doubled, {tally.out_of_order} late"
        )


def slope(samples: Sequence[Sample], since: float) -> float:
    """MiB an hour, by least squares over the samples from `since` on; 0 for fewer than two of them."""
    counted = [one for one in samples if one.at >= since]
    if len(counted) < 2:
        return 0.0
    return linear_regression([one.at for one in counted], [one.rss for one in counted]).slope * 3600


def _figures(ask: Soak, samples: Sequence[Sample], before: Sample, after: Sample) -> dict[str, Any]:
    return {
        "rss_slope_mib_per_h": round(slope(samples, ask.seconds * ask.warm), 2),
        "rss_mib_before": round(before.rss, 1),
        "rss_mib_after": round(after.rss, 1),
        "rss_mib_most": round(max(one.rss for one in samples), 1),
        "tasks_before": before.tasks,
        "tasks_after": after.tasks,
        "tasks_most": max(one.tasks for one in samples),
        "files_before": before.files,
        "files_after": after.files,
        "files_most": max(one.files for one in samples),
    }


def _errors(directory: Path) -> int:
    """Lines of the gateway's log that tell of a failure."""
    logs = (file.read_text("utf-8", "replace") for file in directory.glob("gateway-*.stderr"))
    return sum(line.count('"level": "error"') for text in logs for line in text.splitlines())
