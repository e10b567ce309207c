"""`bench inbound`: provider webhooks, each on disk before its 200, beside a bare durable POST, in turns in one run.

The webhooks are `messages.upsert` as Evolution sends them, to the addresses that the gateway itself gave its provider;
they are read (message, event, evidence) while more arrive, and at the end every one must be there as a message. No
subscriber is up. The peak is the closed loop's rate; then a steady rate is offered, and the 99th percentile of the
answers is what a provider would feel.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import msgspec

from esteio.bench.accept import bare_peak, tail_latencies
from esteio.bench.gateway import LOOK_EVERY_S, READY_S, SETTLED_S, Api, gateway, seen_by
from esteio.bench.load import Plan
from esteio.bench.processes import Failed, Say, listening, load


class Inbound(msgspec.Struct, frozen=True):
    """How much. `rate`: the steady rate, webhooks a second, held for `seconds`."""

    webhooks: int = 10_000
    chats: int = 500
    sessions: int = 20
    connections: int = 64
    rate: float = 1000.0
    seconds: float = 10.0
    rounds: int = 3

    @property
    def warm(self) -> int:
        return max(1, self.webhooks // 20)


async def run(ask: Inbound, directory: Path, say: Say, profile: Path | None = None) -> dict[str, Any]:
    """The line to print."""
    rounds = []
    for number in range(1, ask.rounds + 1):
        bare, _ = await bare_peak(ask.webhooks, ask.warm, ask.connections, ask.chats, directory)
        say(f"round {number}: bare durable POST {bare:,.0f}/s")
        ours = await _gateway(ask, directory, profile)
        say(f"round {number}: gateway {ours['webhooks_per_s']:,}/s, {ours['webhooks_per_s'] / bare:.2f} of it")
        rounds.append({**ours, "bare_per_s": round(bare), "ratio": round(ours["webhooks_per_s"] / bare, 3)})
    middle = {key: median(one[key] for one in rounds) for key in rounds[0]}
    return {"bench": "inbound", **middle, **msgspec.to_builtins(ask), "each": rounds}


async def _gateway(ask: Inbound, directory: Path, profile: Path | None) -> dict[str, Any]:
    async with listening("esteio.bench.stub", directory, "stub") as provider, gateway(directory, profile) as api:
        names = await api.adopt(provider.port, ask.sessions)
        plan = Plan(
            port=api.port,
            paths=await _addresses(provider.port, names),
            names=tuple(names),
            count=ask.warm,
            kind="webhook",
            connections=ask.connections,
            chats=ask.chats,
        )
        await load(plan)
        plan = msgspec.structs.replace(plan, count=ask.webhooks, first=ask.warm)
        peak = await load(plan)
        read_at = await _all_read(api, names, ask.warm + ask.webhooks)
        steady = await tail_latencies(plan, {"p99_ms_at_steady_rate": ask.rate}, ask.seconds)
        await _all_read(api, names, ask.warm + ask.webhooks + max(1, int(ask.rate * ask.seconds)))
        read_per_s = ask.webhooks / (read_at - peak.began_at)
        return {"webhooks_per_s": round(peak.per_s), "read_per_s": round(read_per_s), **steady}


async def _addresses(provider: int, names: list[str]) -> tuple[str, ...]:
    """Where the gateway told its provider to post to. Raises `Failed` when it has not told in time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + READY_S
    while len(hooks := (await seen_by(provider)).webhooks) < len(names):
        if loop.time() > end:
            raise Failed(f"the gateway set only {len(hooks)} of {len(names)} webhooks")
        await asyncio.sleep(LOOK_EVERY_S)
    return tuple(urlsplit(hooks[name]).path for name in names)


async def _all_read(api: Api, names: list[str], count: int) -> float:
    """When the last webhook had become a message. Raises `Failed` when one did not."""
    loop = asyncio.get_running_loop()
    end = loop.time() + SETTLED_S
    while True:
        states, last_at = await api.states(names, "in")
        if states.total() >= count:
            break
        if loop.time() > end:
            raise Failed(f"only {states.total()} of {count} webhooks became messages")
        # Seldom: each look reads every message.
        await asyncio.sleep(1.0)
    if states.total() > count:
        raise Failed(f"{count} webhooks became {states.total()} messages")
    return last_at
