"""`passed`: what the Evolution door adds to a call that it hands through, beside the same call made at the provider.

Both are offered the same even pace, in turns in one run: first the provider alone, then the same provider behind the
gateway. The provider is the bare stub, whose answer costs next to nothing; so the difference is ours. Never lives here:
sends (`door`).
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from benchmarks.gateway import KEY, PROVIDER_KEY, gateway
from benchmarks.load import Plan
from benchmarks.processes import Say, listening, load

CALL = "/chat/findChats/{}"


class Passed(msgspec.Struct, frozen=True):
    """How much. `rate`: calls a second; `seconds`: how long it is held."""

    rate: float = 100.0
    seconds: float = 10.0
    sessions: int = 20
    connections: int = 16
    rounds: int = 3

    @property
    def calls(self) -> int:
        return max(1, int(self.rate * self.seconds))


async def run(ask: Passed, directory: Path, say: Say, profile: Path | None = None) -> dict[str, Any]:
    """The line to print."""
    rounds = []
    async with listening("benchmarks.stub", directory, "stub") as provider, gateway(directory, profile) as api:
        names = await api.adopt(provider.port, ask.sessions)
        direct = _plan(ask, provider.port, [CALL.format(name) for name in names], PROVIDER_KEY)
        through = _plan(ask, api.port, ["/evolution" + CALL.format(name) for name in names], KEY)
        for plan in (direct, through):
            await load(msgspec.structs.replace(plan, count=max(1, ask.calls // 10)))
        for number in range(1, ask.rounds + 1):
            alone = await load(direct)
            spent = api.process.cpu_s()
            ours = await load(through)
            cpu_us = (api.process.cpu_s() - spent) / ask.calls * 1e6
            rounds.append(_round(alone.p50_ms, alone.p99_ms, ours.p50_ms, ours.p99_ms, cpu_us))
            say(f"round {number}: p50 {ours.p50_ms} ms, alone {alone.p50_ms} ms")
    middle = {key: median(one[key] for one in rounds) for key in rounds[0]}
    return {"bench": "passed", **middle, **msgspec.to_builtins(ask), "each": rounds}


def _plan(ask: Passed, port: int, paths: list[str], key: str) -> Plan:
    return Plan(
        port,
        tuple(paths),
        ask.calls,
        kind="empty",
        connections=ask.connections,
        rate=ask.rate,
        headers={"apikey": key},
    )


def _round(alone_p50: float, alone_p99: float, p50: float, p99: float, cpu_us: float) -> dict[str, float]:
    return {
        "p50_ms": p50,
        "p99_ms": p99,
        "alone_p50_ms": alone_p50,
        "alone_p99_ms": alone_p99,
        "added_p50_ms": round(p50 - alone_p50, 2),
        "added_p99_ms": round(p99 - alone_p99, 2),
        "ratio_p50": round(p50 / alone_p50, 2) if alone_p50 else 0.0,
        "cpu_us": round(cpu_us),
    }
