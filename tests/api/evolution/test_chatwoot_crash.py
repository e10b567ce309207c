"""kill -9 while an agent's message is taken in: Chatwoot tells it again, and the customer gets each part of it once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from esteio.providers.base import HttpRequest, HttpResponse
from esteio.sim.clock.virtual_loop import run_virtual
from tests.api.evolution.test_chatwoot import CUSTOMER, written
from tests.crash_points import Fate, MortalLab
from tests.engine.engine_stage import live_until_death

BODY = written(attachments=[{"file_type": "audio", "data_url": "https://chatwoot.example/files/a.ogg"}])
"""Words and a sound: two messages, for a sound has no words beside it."""
BEGINS = "chatwoot begins"
STRIDE = 3


async def _file(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, {"content-type": "audio/ogg"}, b"OggS" + bytes(60))


def with_files(lab: MortalLab) -> MortalLab:
    """Chatwoot's host is there, and every address of it is a sound."""
    lab.subscribers.add("chatwoot.example")
    lab.subscribers.exchange = _file  # type: ignore[method-assign]
    return lab


async def tell(lab: MortalLab) -> int:
    """What the inbox posts; the status. Raises what a connection that breaks off raises."""
    parts = urlsplit(lab.gateway.chatwoot.address(await lab.session("line")))
    transport = httpx.ASGITransport(app=lab.gateway.door)
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        return (await client.post(f"{parts.path.removeprefix('/evolution')}?{parts.query}", json=BODY)).status_code


async def _story(lab: MortalLab) -> None:
    await lab.add_server("evo")
    await lab.adopt("evo", "line", "5511955550001")
    await lab.until_state("line", "connected", 60)
    # From an empty list at the server nobody could tell that a send is absent.
    lab.world.phone("5511955550001").send("5511977776666", "do telefone")
    await asyncio.sleep(5)
    lab.fate.points.append(BEGINS)
    assert await tell(lab) == 200
    await lab.until(lambda: _is_there(lab), 60)


async def _life(path: Path, die_at: int | None) -> list[str]:
    fate = Fate(die_at)
    lab = with_files(MortalLab(str(path), fate))
    await live_until_death(lab, _story(lab))
    if die_at is None:
        return fate.points
    again = with_files(MortalLab(str(path), Fate(None), world=lab.world))
    async with again:
        assert await tell(again) == 200
        await again.until(lambda: _is_there(again), 400)
        told = [(one.kind, one.text) for one in again.world.ledger.delivered if one.recipient == CUSTOMER]
        assert len(told) == 2, told
        assert told[0] == ("text", "Olá")
        assert told[1][0] == "audio"
    return fate.points


async def _is_there(lab: MortalLab) -> bool:
    session = await lab.session("line")
    page = await lab.store.messages.page(session.id, direction="out")
    ours = [one for one in page.items if one.client_ref == "chatwoot:11"]
    return len(ours) == 2 and all(one.state in ("sent", "delivered", "read") for one in ours)


@pytest.mark.parametrize("first", range(STRIDE))
def test_death_at_any_point_after_it_was_told_doubles_nothing_and_loses_nothing(tmp_path: Path, first: int) -> None:
    points = run_virtual(lambda: _life(tmp_path / "whole.db", None), limit_s=20_000)
    begins = points.index(BEGINS)
    assert "after messages.accept" in points[begins:]
    for die_at in range(begins + first, len(points), STRIDE):
        try:
            run_virtual(lambda at=die_at: _life(tmp_path / f"{at}.db", at), limit_s=20_000)  # type: ignore[misc]
        except (AssertionError, TimeoutError) as error:
            raise AssertionError(f"killed at point {die_at} ({points[die_at]}): {error}") from error
