"""`door`: sends by Evolution's own API at the door, beside the same messages by the native route, in turns in one run.

As in `accept` the sessions are paused, so that nothing is sent meanwhile, and each message is on disk before its
answer; `door.wait_s` is 0, so that neither waits for the provider. What comes second finds more messages waiting, so
they begin in turns. Never lives here: what is handed through (`passed`).
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from benchmarks.gateway import KEY, gateway
from benchmarks.load import Plan
from benchmarks.processes import Say, listening, load

SETTINGS = "[door]\nwait_s = 0\n"


class Door(msgspec.Struct, frozen=True):
    """How much."""

    messages: int = 20_000
    chats: int = 500
    sessions: int = 20
    connections: int = 64
    rounds: int = 3


async def run(ask: Door, directory: Path, say: Say, profile: Path | None = None) -> dict[str, Any]:
    """The line to print."""
    rounds = []
    settings = directory / "door.toml"
    settings.write_text(SETTINGS, "utf-8")
    for number in range(1, ask.rounds + 1):
        rounds.append(await _round(ask, directory, profile, settings, door_first=number % 2 == 0))
        say(f"round {number}: {rounds[-1]}")
    middle = {key: median(one[key] for one in rounds) for key in rounds[0]}
    return {"bench": "door", **middle, **msgspec.to_builtins(ask), "each": rounds}


async def _round(
    ask: Door, directory: Path, profile: Path | None, settings: Path, *, door_first: bool
) -> dict[str, float]:
    async with (
        listening("benchmarks.stub", directory, "stub") as provider,
        gateway(directory, profile, settings=settings) as api,
    ):
        names = await api.adopt(provider.port, ask.sessions)
        for name in names:
            await api.call("POST", f"/v1/sessions/{name}/pause")
        plan = Plan(
            api.port,
            tuple(f"/v1/sessions/{name}/messages" for name in names),
            max(1, ask.messages // 20),
            connections=ask.connections,
            chats=ask.chats,
            headers={"apikey": KEY},
        )
        door = msgspec.structs.replace(
            plan, paths=tuple(f"/evolution/message/sendText/{name}" for name in names), kind="evolution"
        )
        found: dict[str, float] = {}
        for warm in (plan, door):
            await load(warm)
        order = [("native", plan), ("door", door)]
        for name, one in reversed(order) if door_first else order:
            spent = api.process.cpu_s()
            seen = await load(msgspec.structs.replace(one, count=ask.messages, first=plan.count))
            found[f"{name}_per_s"] = round(seen.per_s)
            found[f"{name}_cpu_us"] = round((api.process.cpu_s() - spent) / ask.messages * 1e6)
        return {**found, "ratio": round(found["door_per_s"] / found["native_per_s"], 3)}
