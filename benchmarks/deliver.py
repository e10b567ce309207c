"""`deliver`: from a POST to a settled message, beside the bare loop, in turns in one run.

Client, gateway and provider are three processes. The clock runs from the load's first request to the last settlement;
both sides are first warmed with messages that do not count. A round whose messages are not all `sent`, each once and in
order, is no figure but a failure. `cpu_us` is what the gateway's own process spent on a message, `bare_cpu_us` the bare
loop's: on a machine that others use too these say more than the clock.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from benchmarks import processes
from benchmarks.gateway import KEY, LOOK_EVERY_S, SETTLED_S, Api, gateway, seen_by, until_seen
from benchmarks.load import Plan
from benchmarks.processes import Failed, Say, listening


class Deliver(msgspec.Struct, frozen=True):
    """The size of one measurement: messages a round, spread over chats and sessions, and the connections they come
    by."""

    messages: int = 20_000
    chats: int = 500
    sessions: int = 20
    connections: int = 64
    rounds: int = 3

    @property
    def warm(self) -> int:
        return max(1, self.messages // 20)

    def plan(self, port: int, *paths: str, **headers: str) -> Plan:
        """The warming; what counts follows it with `first` behind it."""
        return Plan(port, paths, self.warm, connections=self.connections, chats=self.chats, headers=headers)


class Round(msgspec.Struct, frozen=True):
    """What one side did: messages settled and accepted a second, and what its process spent on each."""

    settled_per_s: float
    accepted_per_s: float
    cpu_us: float


async def run(ask: Deliver, directory: Path, say: Say, profile: Path | None = None) -> dict[str, Any]:
    """The line to print."""
    rounds = []
    for number in range(1, ask.rounds + 1):
        bare = await _bare(ask, directory)
        say(f"round {number}: bare loop {bare.settled_per_s:,.0f} msg/s")
        ours = await _gateway(ask, directory, profile)
        ratio = ours.settled_per_s / bare.settled_per_s
        say(f"round {number}: gateway {ours.settled_per_s:,.0f} msg/s, {ratio:.2f} of it")
        rounds.append(_figures(ours, bare))
    middle = {key: median(one[key] for one in rounds) for key in rounds[0]}
    return {"bench": "deliver", **middle, **msgspec.to_builtins(ask), "each": rounds}


def _figures(ours: Round, bare: Round) -> dict[str, float]:
    return {
        "messages_per_s": round(ours.settled_per_s),
        "bare_per_s": round(bare.settled_per_s),
        "ratio": round(ours.settled_per_s / bare.settled_per_s, 3),
        "accepted_per_s": round(ours.accepted_per_s),
        "cpu_us": round(ours.cpu_us),
        "bare_cpu_us": round(bare.cpu_us),
    }


async def _bare(ask: Deliver, directory: Path) -> Round:
    async with listening("benchmarks.stub", directory, "stub-of-bare") as provider:
        words = (processes.new_file(directory), f"http://127.0.0.1:{provider.port}")
        async with listening("benchmarks.bare", directory, "bare", *words) as bare:
            plan = ask.plan(bare.port, "/rows")
            await processes.load(plan)
            await bare_settled(bare.port, ask.warm)
            spent = bare.cpu_s()
            seen = await processes.load(msgspec.structs.replace(plan, count=ask.messages, first=ask.warm))
            ended_at = await bare_settled(bare.port, ask.warm + ask.messages)
            cpu_us = (bare.cpu_s() - spent) / ask.messages * 1e6
            return Round(ask.messages / (ended_at - seen.began_at), seen.per_s, cpu_us)


async def bare_settled(port: int, count: int) -> float:
    """When the last row was settled. Raises `Failed` when not all are in time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + SETTLED_S
    while (settled := await processes.ask(port, "/settled"))["count"] < count:
        if loop.time() > end:
            raise Failed(f"the bare loop settled only {settled['count']} of {count}")
        await asyncio.sleep(LOOK_EVERY_S)
    return float(settled["last_at"])


async def _gateway(ask: Deliver, directory: Path, profile: Path | None) -> Round:
    async with listening("benchmarks.stub", directory, "stub") as provider, gateway(directory, profile) as api:
        names = await api.adopt(provider.port, ask.sessions)
        paths = (f"/v1/sessions/{name}/messages" for name in names)
        plan = ask.plan(api.port, *paths, authorization=f"Bearer {KEY}")
        await processes.load(plan)
        await until_seen(provider.port, ask.warm)
        spent = api.process.cpu_s()
        seen = await processes.load(msgspec.structs.replace(plan, count=ask.messages, first=ask.warm))
        await until_seen(provider.port, ask.warm + ask.messages)
        cpu_us = (api.process.cpu_s() - spent) / ask.messages * 1e6
        ended_at = await all_sent(api, names, provider.port, ask.warm + ask.messages)
        return Round(ask.messages / (ended_at - seen.began_at), seen.per_s, cpu_us)


async def all_sent(api: Api, names: list[str], provider: int, count: int) -> float:
    """When the last message was settled. Raises `Failed` unless each was sent, once and in order."""
    loop = asyncio.get_running_loop()
    end = loop.time() + SETTLED_S
    while True:
        states, last_at = await api.states(names)
        if states == {"sent": count}:
            break
        if loop.time() > end:
            raise Failed(f"not all messages were sent: {dict(states)}")
        await asyncio.sleep(LOOK_EVERY_S)
    tally = await seen_by(provider)
    if tally.messages != count or tally.doubled or tally.out_of_order:
        raise Failed(
            f"the provider saw {tally.messages} of {count}, {tally.doubled} doubled, {tally.out_of_order} late"
        )
    return last_at
