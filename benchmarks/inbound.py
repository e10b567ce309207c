"""`inbound`: provider webhooks, each on disk before its 200, and on to a subscriber; beside a bare durable POST.

The webhooks are `messages.upsert` as Evolution sends them, to the addresses that the gateway itself gave its provider;
they are read (message, event, evidence) while more arrive. The only subscriber is away. The peak is the closed loop's
rate; then a steady rate is offered, and the 99th percentile of the answers is what a provider would feel (the bare POST
is offered the same). Then the subscriber comes: every event must reach it, once and in the order of its chat. At last,
with the subscriber there, a calmer rate: from the moment a webhook was due to the moment the subscriber has its event.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import msgspec

from benchmarks import processes
from benchmarks.accept import bare_post, beside, tail_latencies, tail_ratios
from benchmarks.gateway import LOOK_EVERY_S, READY_S, SETTLED_S, Api, gateway, seen_by
from benchmarks.load import Plan
from benchmarks.processes import Failed, Say, free_port, listening, load

STEADY = "p99_ms_at_steady_rate"


class Inbound(msgspec.Struct, frozen=True):
    """How much. `rate`: the steady rate while the subscriber is away, `through_rate` the one when it is there, both in
    webhooks a second and each held for `seconds`."""

    webhooks: int = 10_000
    chats: int = 500
    sessions: int = 20
    connections: int = 64
    rate: float = 1000.0
    through_rate: float = 500.0
    seconds: float = 10.0
    rounds: int = 3

    @property
    def warm(self) -> int:
        return max(1, self.webhooks // 20)


async def run(
    ask: Inbound, directory: Path, say: Say, profile: Path | None = None, *, trace: Path | None = None
) -> dict[str, Any]:
    """The line to print. `trace`: where the steps of the last round are written."""
    rounds = []
    plan = Plan(0, ("/rows",), ask.webhooks, connections=ask.connections, chats=ask.chats)
    for number in range(1, ask.rounds + 1):
        bare = await bare_post(plan, ask.warm, {STEADY: ask.rate}, ask.seconds, directory, trace=beside(trace))
        say(f"round {number}: bare durable POST {bare['bare_per_s']:,}/s")
        ours = await _gateway(ask, directory, profile, trace)
        ratio = round(ours["webhooks_per_s"] / bare["bare_per_s"], 3)
        say(f"round {number}: gateway {ours['webhooks_per_s']:,}/s, {ratio:.2f} of it")
        rounds.append({**ours, **bare, "ratio": ratio, **tail_ratios(ours, bare, (STEADY,))})
    middle = {key: median(one[key] for one in rounds) for key in rounds[0]}
    return {"bench": "inbound", **middle, **msgspec.to_builtins(ask), "each": rounds}


async def _gateway(ask: Inbound, directory: Path, profile: Path | None, trace: Path | None) -> dict[str, Any]:
    away = free_port()
    async with (
        listening("benchmarks.stub", directory, "stub") as provider,
        gateway(directory, profile, trace=trace) as api,
    ):
        names = await api.adopt(provider.port, ask.sessions)
        hook = {"url": f"http://127.0.0.1:{away}/hook", "events": ["message.received"]}
        await api.call("POST", "/v1/webhooks", hook)
        plan = Plan(
            port=api.port,
            paths=await addresses(provider.port, names),
            names=tuple(names),
            count=ask.warm,
            kind="webhook",
            connections=ask.connections,
            chats=ask.chats,
        )
        await load(plan)
        plan = msgspec.structs.replace(plan, count=ask.webhooks, first=ask.warm)
        peak = await load(plan)
        read_at = await _all_read(api, names, plan.first + plan.count)
        steady = await tail_latencies(plan, {STEADY: ask.rate}, ask.seconds)
        first = plan.first + plan.count + max(1, int(ask.rate * ask.seconds))
        await _all_read(api, names, first)
        async with listening("benchmarks.subscriber", directory, "subscriber", str(away)):
            caught_up = await all_heard(away, first)
            through = await _through(ask, plan, first, away)
        return {
            "webhooks_per_s": round(peak.per_s),
            "read_per_s": round(ask.webhooks / (read_at - peak.began_at)),
            **steady,
            "caught_up_per_s": round(first / caught_up),
            **through,
        }


async def _through(ask: Inbound, plan: Plan, first: int, subscriber: int) -> dict[str, float]:
    """From webhook to subscriber, in milliseconds, at the calmer rate."""
    count = max(1, int(ask.through_rate * ask.seconds))
    seen = await load(msgspec.structs.replace(plan, first=first, rate=ask.through_rate, count=count))
    await all_heard(subscriber, first + count)
    arrived = dict(await processes.ask(subscriber, "/_bench/arrivals"))
    waits = sorted(arrived[first + k] - (seen.began_at + k / ask.through_rate) for k in range(count))
    return {f"through_p{share}_ms": round(waits[int(count * share / 100)] * 1000, 2) for share in (50, 95)}


async def all_heard(subscriber: int, count: int) -> float:
    """How long the subscriber took to hear of so many, since its first. Raises `Failed` unless each came once and in
    the order of its chat."""
    loop = asyncio.get_running_loop()
    end = loop.time() + SETTLED_S
    while (heard := await processes.ask(subscriber, "/_bench/seen"))["events"] < count:
        if loop.time() > end:
            raise Failed(f"the subscriber heard only {heard['events']} of {count} events")
        await asyncio.sleep(LOOK_EVERY_S)
    if heard["events"] > count or heard["doubled"] or heard["out_of_order"]:
        raise Failed(f"the subscriber heard {heard} where {count} were expected, each once and in order")
    times = [float(at) for _, at in await processes.ask(subscriber, "/_bench/arrivals")]
    return max(max(times) - min(times), 1e-3)


async def addresses(provider: int, names: list[str]) -> tuple[str, ...]:
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
