"""kill -9 at every durable step and every call to a provider: what does the next start see, and what does it do?"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.world.faults import Fault, inject
from tests.crash_points import Fate, MortalLab
from tests.engine.engine_stage import live_until_death

PHONE, CUSTOMER, OTHER = "5511999990001", "5511988887777", "5511977776666"
STRIDE = 8
"""Each of this many test cases kills at every STRIDE-th point, beginning with its own number."""


async def _refused(_url: str, _headers: object, _body: bytes) -> int:
    raise ConnectionError


async def _story(lab: MortalLab, accepted: list[str]) -> None:
    """Two customers are written to, the socket dies under it, Esteio heals it, a customer answers."""
    await lab.add_server("evo")
    await lab.adopt("evo", "loja", PHONE)
    # The provider keeps messages, and holds one: from an empty list nobody could tell that a send is absent.
    lab.world.phone(PHONE).send(OTHER, "do telefone")
    await asyncio.sleep(5)
    await _send(lab, CUSTOMER, "um", accepted)
    await asyncio.sleep(5)
    inject(lab.world, "evo", "loja", Fault("ghost", variant="restart_cures"))
    for to, text in ((CUSTOMER, "dois"), (CUSTOMER, "três"), (OTHER, "quatro")):
        await _send(lab, to, text, accepted)
    lab.world.contact_sends(PHONE, CUSTOMER, "resposta")
    await asyncio.sleep(60)


async def _send(lab: MortalLab, to: str, text: str, accepted: list[str]) -> None:
    await lab.send("loja", to, text)
    accepted.append(text)


async def _life(path: Path, die_at: int | None) -> tuple[list[str], bool]:
    """One life that ends at a point, and the next on the same disk; what must hold afterwards is checked here."""
    fate = Fate(die_at)
    lab = MortalLab(str(path), fate)
    accepted: list[str] = []
    async with asyncio.timeout(10_000):
        await live_until_death(lab, _story(lab, accepted))
        lab.world.on_webhook = _refused
        if "evo" not in lab.world.servers or die_at is None:
            return fate.points, False
        await asyncio.sleep(7)
        again = MortalLab(str(path), Fate(None), world=lab.world)
        async with again:
            if await again.store.sessions.by_name("loja") is None:  # type: ignore[arg-type]
                return fate.points, False
            await asyncio.sleep(400)
            _check(again, accepted)
            await _settled(again)
    return fate.points, True


def _check(lab: MortalLab, accepted: list[str]) -> None:
    told = [d.text for d in lab.world.ledger.delivered]
    assert not set(accepted) - set(told), f"accepted and lost: {set(accepted) - set(told)}"
    assert len(told) == len(set(told)), f"sent twice: {told}"
    mine = [d.text for d in lab.world.ledger.delivered if d.recipient == CUSTOMER]
    order = [text for text in ("um", "dois", "três") if text in mine]
    assert mine == order, f"out of order: {mine}"
    assert lab.world.ledger.unlinks == []
    assert [c.verb for c in lab.world.ledger.control if c.verb in ("logout", "delete")] == []
    assert lab.world.ledger.duels == []
    assert lab.world.truth("evo", "loja").alive


async def _settled(lab: MortalLab) -> None:
    session = await lab.session("loja")
    assert session.state == "connected", (session.state, session.reason)
    page = await lab.store.messages.page(session.id, direction="out")
    assert {message.state for message in page.items} <= {"sent", "delivered", "read"}, [m.state for m in page.items]


def test_how_many_points_there_are(tmp_path: Path) -> None:
    points, _ = run_virtual(lambda: _life(tmp_path / "esteio.db", None), limit_s=20_000)
    assert len(points) > 60
    assert {
        "after messages.accept",
        "before outbox.settle",
        "after decisions.commit_session",
        "after work.claim",
    } <= set(points)
    assert any(point.startswith("after POST message/sendText") for point in points)
    assert any(point.startswith("after POST instance/restart") for point in points)


@pytest.mark.parametrize("first", range(STRIDE))
def test_death_at_any_point_loses_nothing_doubles_nothing_and_repeats_nothing(tmp_path: Path, first: int) -> None:
    points, _ = run_virtual(lambda: _life(tmp_path / "whole.db", None), limit_s=20_000)
    lived = 0
    for die_at in range(first, len(points), STRIDE):
        try:
            _, went_on = run_virtual(lambda at=die_at: _life(tmp_path / f"{at}.db", at), limit_s=20_000)  # type: ignore[misc]
        except AssertionError as error:
            raise AssertionError(f"killed at point {die_at} ({points[die_at]}): {error}") from error
        lived += went_on
    assert lived > 0
