"""`bench deliver`: from a POST to a settled message, beside the bare loop, in turns in one run.

Client, gateway and provider are three processes. The clock runs from the load's first request to the last settlement;
both sides are first warmed with messages that do not count. A round whose messages are not all `sent`, each once and in
order, is no figure but a failure.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from esteio.bench import processes
from esteio.bench.gateway import KEY, LOOK_EVERY_S, SETTLED_S, Api, gateway, seen_by, until_seen
from esteio.bench.load import Plan
from esteio.bench.processes import Failed, Say, listening


class Deliver(msgspec.Struct, frozen=True):
    """How much."""

    messages: int = 20_000
    chats: int = 500
    sessions: int = 20
    connections: int = 64
    rounds: int = 3

    @property
    def warm(self) -> int:
        return max(1, self.messages // 20)


async def run(ask: Deliver, directory: Path, say: Say, profile: Path | None = None) -> dict[str, Any]:
    """The line to print."""
    rounds = []
    for number in range(1, ask.rounds + 1):
        bare = await _bare(ask, directory)
        say(f"round {number}: bare loop {bare:,.0f} msg/s")
        ours, accepted = await _gateway(ask, directory, profile)
        say(f"round {number}: gateway {ours:,.0f} msg/s, {ours / bare:.2f} of it")
        rounds.append({"messages_per_s": round(ours), "bare_per_s": round(bare), "ratio": round(ours / bare, 3)})
        rounds[-1]["accepted_per_s"] = round(accepted)
    middle = {key: median(one[key] for one in rounds) for key in rounds[0]}
    return {"bench": "deliver", **middle, **msgspec.to_builtins(ask), "each": rounds}


async def _bare(ask: Deliver, directory: Path) -> float:
    async with (
        listening("esteio.bench.stub", directory, "stub-of-bare") as provider,
        listening(
            "esteio.bench.bare", directory, "bare", processes.new_file(directory), f"http://127.0.0.1:{provider}"
        ) as port,
    ):
        plan = Plan(port=port, paths=("/rows",), count=ask.warm, connections=ask.connections, chats=ask.chats)
        await processes.load(plan)
        await _bare_settled(port, ask.warm)
        plan = msgspec.structs.replace(plan, count=ask.messages, first=ask.warm)
        seen = await processes.load(plan)
        ended_at = await _bare_settled(port, ask.warm + ask.messages)
        return ask.messages / (ended_at - seen.began_at)


async def _bare_settled(port: int, count: int) -> float:
    """When the last row was settled."""
    loop = asyncio.get_running_loop()
    end = loop.time() + SETTLED_S
    while (settled := await processes.ask(port, "/settled"))["count"] < count:
        if loop.time() > end:
            raise Failed(f"the bare loop settled only {settled['count']} of {count}")
        await asyncio.sleep(LOOK_EVERY_S)
    return float(settled["last_at"])


async def _gateway(ask: Deliver, directory: Path, profile: Path | None) -> tuple[float, float]:
    """Messages settled a second, and accepted a second meanwhile."""
    async with listening("esteio.bench.stub", directory, "stub") as provider, gateway(directory, profile) as api:
        names = await api.adopt(provider, ask.sessions)
        plan = Plan(
            port=api.port,
            paths=tuple(f"/v1/sessions/{name}/messages" for name in names),
            count=ask.warm,
            connections=ask.connections,
            chats=ask.chats,
            headers={"authorization": f"Bearer {KEY}"},
        )
        await processes.load(plan)
        await until_seen(provider, ask.warm)
        seen = await processes.load(msgspec.structs.replace(plan, count=ask.messages, first=ask.warm))
        ended_at = await _all_sent(api, names, provider, ask.warm + ask.messages)
        return ask.messages / (ended_at - seen.began_at), seen.per_s


async def _all_sent(api: Api, names: list[str], provider: int, count: int) -> float:
    """When the last message was settled. Raises `Failed` unless each was sent, once and in order."""
    await until_seen(provider, count)
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
