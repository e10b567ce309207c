"""`accept`: messages handed in, each on disk before its 202, beside a bare durable POST, in turns in one run.

The sessions are paused, so that nothing is sent meanwhile: what is measured is the way in (key, session, shape of the
body, phone number, lane, commit). The peak is the closed loop's rate; then a quarter, a half and three quarters of it
are offered at an even pace, and the 99th percentile of the answers is what counts. The bare POST is offered the same
rates: what the disk and the machine make of them stands beside ours as `bare_p99_…`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from benchmarks.gateway import KEY, Api, gateway
from benchmarks.load import Plan
from benchmarks.processes import Failed, Say, listening, load, new_file

SHARES = (0.25, 0.5, 0.75)


class Accept(msgspec.Struct, frozen=True):
    """How much. `seconds`: how long each offered rate is held."""

    messages: int = 20_000
    chats: int = 500
    sessions: int = 20
    connections: int = 64
    seconds: float = 5.0
    rounds: int = 3

    @property
    def warm(self) -> int:
        return max(1, self.messages // 20)


async def run(
    ask: Accept, directory: Path, say: Say, profile: Path | None = None, *, trace: Path | None = None
) -> dict[str, Any]:
    """The line to print. `trace`: where the steps of the last round are written."""
    rounds = []
    for number in range(1, ask.rounds + 1):
        ours = await _gateway(ask, directory, profile, trace)
        say(f"round {number}: gateway {ours['accepted_per_s']:,}/s")
        rates = {share_name(share): share * ours["accepted_per_s"] for share in SHARES}
        plan = Plan(0, ("/rows",), ask.messages, connections=ask.connections, chats=ask.chats)
        bare = await bare_post(plan, ask.warm, rates, ask.seconds, directory, trace=beside(trace))
        ratio = round(ours["accepted_per_s"] / bare["bare_per_s"], 3)
        say(f"round {number}: bare durable POST {bare['bare_per_s']:,}/s, of which that is {ratio:.2f}")
        rounds.append({**ours, **bare, "ratio": ratio, **tail_ratios(ours, bare, rates)})
    middle = {key: median(one[key] for one in rounds) for key in rounds[0]}
    return {"bench": "accept", **middle, **msgspec.to_builtins(ask), "each": rounds}


async def bare_post(
    plan: Plan, warm: int, rates: dict[str, float], seconds: float, directory: Path, *, trace: Path | None = None
) -> dict[str, float]:
    """The bare durable POST: its peak, what its process spends on each, its 99th percentile at each offered rate."""
    async with listening("benchmarks.bare", directory, "bare", new_file(directory), trace=trace) as bare:
        plan = msgspec.structs.replace(plan, port=bare.port)
        await load(msgspec.structs.replace(plan, count=warm))
        spent = bare.cpu_s()
        plan = msgspec.structs.replace(plan, first=warm)
        peak = await load(plan)
        cpu_us = (bare.cpu_s() - spent) / plan.count * 1e6
        tails = await tail_latencies(plan, {f"bare_{name}": rate for name, rate in rates.items()}, seconds)
        return {"bare_per_s": round(peak.per_s), "bare_cpu_us": round(cpu_us), **tails}


def tail_ratios(ours: dict[str, Any], bare: dict[str, float], names: Iterable[str]) -> dict[str, float]:
    """How many times the bare POST's each 99th percentile is: `ratio_p99_…`."""
    return {f"ratio_{name.replace('_ms', '')}": round(ours[name] / bare[f"bare_{name}"], 2) for name in names}


def beside(trace: Path | None) -> Path | None:
    """Where the bare POST's steps are written."""
    return None if trace is None else trace.with_name(f"{trace.stem}-bare{trace.suffix}")


async def _gateway(ask: Accept, directory: Path, profile: Path | None, trace: Path | None) -> dict[str, Any]:
    async with (
        listening("benchmarks.stub", directory, "stub") as provider,
        gateway(directory, profile, trace=trace) as api,
    ):
        names = await api.adopt(provider.port, ask.sessions)
        for name in names:
            await api.call("POST", f"/v1/sessions/{name}/pause")
        plan = Plan(
            port=api.port,
            paths=tuple(f"/v1/sessions/{name}/messages" for name in names),
            count=ask.warm,
            connections=ask.connections,
            chats=ask.chats,
            headers={"authorization": f"Bearer {KEY}"},
        )
        await load(plan)
        plan = msgspec.structs.replace(plan, count=ask.messages, first=ask.warm)
        spent = api.process.cpu_s()
        peak = (await load(plan)).per_s
        cpu_us = (api.process.cpu_s() - spent) / ask.messages * 1e6
        tails = await tail_latencies(plan, {share_name(share): share * peak for share in SHARES}, ask.seconds)
        await _kept(api, names)
        return {"accepted_per_s": round(peak), **tails, "cpu_us": round(cpu_us)}


def share_name(share: float) -> str:
    """The figure's name: `p99_ms_at_25_percent`."""
    return f"p99_ms_at_{share * 100:.0f}_percent"


async def tail_latencies(plan: Plan, rates: dict[str, float], seconds: float) -> dict[str, float]:
    """The 99th percentile at each offered rate, in milliseconds."""
    found = {}
    for name, rate in rates.items():
        count = max(1, int(rate * seconds))
        plan = msgspec.structs.replace(plan, first=plan.first + plan.count, rate=rate, count=count)
        found[name] = (await load(plan)).p99_ms
    return found


async def _kept(api: Api, names: list[str]) -> None:
    """Raises `Failed` when something else than holding the messages was done meanwhile."""
    page = await api.call("GET", f"/v1/sessions/{names[0]}/messages?limit=100")
    states = {item["state"] for item in page["items"]}
    if states != {"held"}:
        raise Failed(f"messages of a paused session are {states}, not held")
