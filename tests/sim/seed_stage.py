"""What the seeds' scenarios share: a lab run under virtual time, and readings of what really happened."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab

PHONE = "5511999990001"
CUSTOMER = "5511988887777"
Story = Callable[[Lab], Awaitable[None]]


def play(story: Story, *, seed: int = 7, limit_s: float = 20_000, settings: dict[str, Any] | None = None) -> None:
    """Run one story in a fresh lab."""

    async def whole() -> None:
        async with Lab(seed, settings=settings) as lab:
            await story(lab)

    run_virtual(whole, limit_s=limit_s)


def calls(lab: Lab, session: str, *verbs: str) -> list[tuple[float, str]]:
    """(seconds since the start, verb) of the control calls that the provider really got for this session."""
    wanted = set(verbs) or {"create", "connect", "restart", "logout", "delete"}
    found = [c for c in lab.world.ledger.control if c.session == session and c.verb in wanted]
    return [(round(c.at - lab.world.epoch0, 1), c.verb) for c in found]


async def acts(lab: Lab, session: str) -> list[tuple[float, str]]:
    """(seconds since the start, rung) of the acts that Esteio began."""
    lines = await lab.timeline(session)
    return [(round(e.at - lab.world.epoch0, 1), e.args["rung"]) for e in lines if e.kind == "act" and e.code == "begin"]


async def states(lab: Lab, session: str) -> list[str]:
    """Every state the session came to, in order."""
    lines = await lab.timeline(session)
    found = [e.args["to"] for e in lines if e.kind == "decision" and e.code == "state"]
    return [state for i, state in enumerate(found) if i == 0 or found[i - 1] != state]


def gaps(times: list[tuple[float, str]]) -> list[float]:
    """Seconds between one and the next."""
    return [round(b[0] - a[0], 1) for a, b in itertools.pairwise(times)]


def seconds(lab: Lab) -> float:
    """Virtual seconds since the start."""
    return lab.world.now() - lab.world.epoch0
