"""One story of three messages to one chat, killed at every step: what the next gateway on the same disk makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from esteio.sim.clock.virtual_loop import run_virtual
from tests.crash_points import Fate, MortalLab
from tests.engine.engine_stage import live_until_death

GONE = ("sent", "delivered", "read")
TEXTS = ("um", "dois", "três")


class Life(NamedTuple):
    """`story` notes in its list at which point it begins to send. After a death nobody is there for `down_s`; the next
    gateway gets `again_s`, and may leave as many as `doubts` in doubt for good."""

    story: Callable[[MortalLab, list[int]], Awaitable[None]]
    again_s: float
    doubts: int
    down_s: float = 0.0


def die_at_each_step(life: Life, steps: tuple[str, ...], surely: set[str], folder: Path) -> None:
    """The first and the last time that each step of a message is taken: other rooms' steps have their own tests."""
    points, begun = run_virtual(lambda: _live(life, folder / "whole.db", None), limit_s=20_000)
    of_messages = [at for at in range(begun, len(points)) if points[at].endswith(steps)]
    assert surely <= {points[at] for at in of_messages}
    first, last = {points[at]: at for at in reversed(of_messages)}, {points[at]: at for at in of_messages}
    for die_at in sorted({*first.values(), *last.values()}):
        try:
            run_virtual(lambda at=die_at: _live(life, folder / f"{at}.db", at), limit_s=20_000)  # type: ignore[misc]
        except AssertionError as error:
            raise AssertionError(f"killed at point {die_at} ({points[die_at]}): {error}") from error


async def _live(life: Life, path: Path, die_at: int | None) -> tuple[list[str], int]:
    """One life that ends at a point, and the next on the same disk."""
    fate, begun = Fate(die_at), list[int]()
    lab = MortalLab(str(path), fate)
    await live_until_death(lab, life.story(lab, begun))
    if die_at is not None:
        if life.down_s:
            await asyncio.sleep(life.down_s)
        async with MortalLab(str(path), Fate(None), world=lab.world) as again:
            await asyncio.sleep(life.again_s)
            await _check(again, life.doubts)
    return fate.points, begun[0]


async def _check(lab: MortalLab, doubts: int) -> None:
    told = [one.text for one in lab.world.ledger.delivered]
    assert told == [text for text in TEXTS if text in told], f"twice or out of order: {told}"
    page = await lab.store.messages.page((await lab.session("loja")).id, direction="out")
    for message in page.items:
        code = message.reason.code if message.reason else None
        assert message.state in GONE or (message.state, code) == ("in_doubt", "in-doubt-held"), (message.state, code)
        assert message.provider_queued_at is None
        assert message.state == "in_doubt" or message.content.text in told, "said to be gone and is not"
    assert sum(message.state == "in_doubt" for message in page.items) <= doubts, "more than could not be told"
