"""kill -9 at every step of a media that comes in: no bytes are lost, none stay unnamed, nothing is told twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from esteio.sim.clock.virtual_loop import run_virtual
from esteio.store.media import name_of
from tests.crash_points import Fate, MortalLab
from tests.engine.engine_stage import CUSTOMER, PHONE, came_in, event_types, live_until_death

PICTURE = b"\xff\xd8\xff\xe0 once and for all"


async def _story(lab: MortalLab, kind: str, begun: list[int]) -> None:
    await lab.add_server("prov", kind)
    await lab.adopt("prov", "loja", PHONE)
    await asyncio.sleep(20)
    begun.append(len(lab.fate.points))
    lab.world.contact_sends(PHONE, CUSTOMER, "veja", "image", data=PICTURE)
    await asyncio.sleep(20)


async def _life(path: Path, kind: str, die_at: int | None) -> tuple[list[str], int]:
    fate, begun = Fate(die_at), list[int]()
    lab = MortalLab(str(path), fate)
    await live_until_death(lab, _story(lab, kind, begun))
    if die_at is not None:
        async with MortalLab(str(path), Fate(None), world=lab.world) as again:
            await asyncio.sleep(3700)
            await _check(again, Path(f"{path}.media"))
    return fate.points, begun[0]


async def _check(lab: MortalLab, folder: Path) -> None:
    messages = await came_in(lab)
    received = await event_types(lab, "message.received")
    assert len(messages) == len(received) <= 1
    changed = await event_types(lab, "message.media_changed")
    assert len(changed) == sum(event.data["media"]["state"] == "fetching" for event in received)
    files = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    assert files == [message.content.media.stored for message in messages]
    assert files in ([], [name_of(PICTURE)])
    assert await lab.store.media.fetches(10) == []


@pytest.mark.parametrize("kind", ["evolution", "wapi"])
def test_death_at_any_step_loses_no_bytes_and_leaves_none_behind(tmp_path: Path, kind: str) -> None:
    points, begun = run_virtual(lambda: _life(tmp_path / "whole.db", kind, None), limit_s=50_000)
    surely = {"after inbox.accept", "before inbox.settle", "after inbox.settle"}
    if kind == "wapi":
        surely |= {"before media.settle", "after media.settle", "after POST message/download-media"}
    assert surely <= set(points[begun:])
    for die_at in range(begun, len(points)):
        try:
            run_virtual(lambda at=die_at: _life(tmp_path / f"{at}.db", kind, at), limit_s=50_000)  # type: ignore[misc]
        except AssertionError as error:
            raise AssertionError(f"killed at point {die_at} ({points[die_at]}): {error}") from error
