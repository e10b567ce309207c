"""kill -9 at every durable step and call while a message is in doubt, is set aside and its chat goes on: nothing twice,
nothing out of order, and what nobody can tell says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine_stage import CUSTOMER, PHONE, live_until_death

from esteio.sim.faults import Fault
from esteio.sim.mortal import Fate, MortalLab
from esteio.sim.vloop import run_virtual

GONE = ("sent", "delivered", "read")


async def _story(lab: MortalLab, begun: list[int]) -> None:
    """A server without a list and without echoes: what is in doubt there stays so."""
    await lab.add_server("prov", "baileys")
    await lab.adopt("prov", "loja", PHONE)
    await asyncio.sleep(20)
    begun.append(len(lab.fate.points))
    lab.world.inject("prov", "loja", Fault("lost_response", happens=True, how="cut"))
    for text in ("um", "dois", "três"):
        await lab.send("loja", CUSTOMER, text)
    await asyncio.sleep(250)


async def _life(path: Path, die_at: int | None) -> tuple[list[str], int]:
    """One life that ends at a point, and the next on the same disk."""
    fate, begun = Fate(die_at), list[int]()
    lab = MortalLab(str(path), fate)
    await live_until_death(lab, _story(lab, begun))
    if die_at is not None:
        await asyncio.sleep(7)
        async with MortalLab(str(path), Fate(None), world=lab.world) as again:
            await asyncio.sleep(600)
            await _check(again)
    return fate.points, begun[0]


async def _check(lab: MortalLab) -> None:
    told = [one.text for one in lab.world.ledger.delivered]
    assert told == [text for text in ("um", "dois", "três") if text in told], f"twice or out of order: {told}"
    page = await lab.store.messages((await lab.session("loja")).id, direction="out")
    for message in page.items:
        code = message.reason.code if message.reason else None
        assert message.state in GONE or (message.state, code) == ("in_doubt", "in-doubt-held"), (message.state, code)
        assert message.state == "in_doubt" or message.content.text in told, "said to be gone and is not"
    assert sum(message.state == "in_doubt" for message in page.items) <= 2, "the first, and the one that died under way"


STEPS = ("accept", "claim_sends", "text", "settle_sends", "doubted", "settle_doubt")


def test_death_at_any_step_of_a_doubt(tmp_path: Path) -> None:
    """The first and the last time that each step of a message is taken: other rooms' steps have their own tests."""
    points, begun = run_virtual(lambda: _life(tmp_path / "whole.db", None), limit_s=20_000)
    of_messages = [at for at in range(begun, len(points)) if points[at].endswith(STEPS)]
    assert {"after settle_doubt", "after settle_sends", "before accept"} <= {points[at] for at in of_messages}
    first, last = {points[at]: at for at in reversed(of_messages)}, {points[at]: at for at in of_messages}
    for die_at in sorted({*first.values(), *last.values()}):
        try:
            run_virtual(lambda at=die_at: _life(tmp_path / f"{at}.db", at), limit_s=20_000)  # type: ignore[misc]
        except AssertionError as error:
            raise AssertionError(f"killed at point {die_at} ({points[die_at]}): {error}") from error
