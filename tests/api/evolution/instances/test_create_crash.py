"""kill -9 at every durable step of a create at the door: afterwards all of the instance is there, or nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from esteio.engine.commands.requests import KeyRequest
from esteio.sim.clock.virtual_loop import run_virtual
from tests.crash_points import Fate, MortalLab
from tests.engine.engine_stage import live_until_death

PHONE = "5511955550001"
TOKEN = "MYTOKEN-123"
BODY: dict[str, Any] = {
    "instanceName": "loja",
    "integration": "WHATSAPP-BAILEYS",
    "qrcode": True,
    "token": TOKEN,
    "readMessages": True,
    "webhook": {"url": "https://crm.sim/hook", "events": ["MESSAGES_UPSERT"]},
}


def client(lab: MortalLab, key: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=lab.gateway.door, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://door", headers={"apikey": key}, timeout=None)


async def _story(lab: MortalLab, made: list[str], begun: list[int]) -> None:
    lab.subscribers.add("crm.sim")
    await lab.add_server("evo")
    made.append((await lab.commands.keys.create(KeyRequest("test", "operate")))[1])
    begun.append(len(lab.fate.points))
    async with client(lab, made[0]) as http:
        answered = await http.post("/instance/create", json=BODY)
        assert answered.status_code == 201, answered.text


async def _life(path: Path, die_at: int | None) -> tuple[list[str], int]:
    fate, made, begun = Fate(die_at), list[str](), list[int]()
    lab = MortalLab(str(path), fate)
    await live_until_death(lab, _story(lab, made, begun))
    if die_at is not None:
        async with MortalLab(str(path), Fate(None), world=lab.world) as again:
            await _check(again, made[0])
    return fate.points, begun[0]


async def _check(lab: MortalLab, key: str) -> None:
    lab.subscribers.add("crm.sim")
    async with client(lab, key) as http, client(lab, TOKEN) as own:
        there = (await http.get("/instance/connectionState/loja")).status_code == 200
        assert (await own.get("/instance/connectionState/loja")).status_code == (200 if there else 401)
        again = await http.post("/instance/create", json=BODY)
        assert again.status_code == (403 if there else 201), again.text
        found = (await own.get("/webhook/find/loja")).json()
        assert (found["url"], found["events"]) == ("https://crm.sim/hook", ["MESSAGES_UPSERT"])
        (row,) = (await own.get("/instance/fetchInstances")).json()
        assert row["Setting"]["readMessages"] is True
        await asyncio.sleep(120)
        shown = (await own.get("/instance/connect/loja")).json()
        assert list(lab.world.servers["evo"].lines) == ["loja"]
        lab.world.phone(PHONE).scan(shown["code"])
        await lab.until_state("loja", "connected", 120)


def test_all_of_it_is_there_or_nothing(tmp_path: Path) -> None:
    points, begun = run_virtual(lambda: _life(tmp_path / "whole.db", None), limit_s=20_000)
    assert {"before sessions.add", "after sessions.add"} <= set(points[begun:])
    first = {points[at]: at for at in reversed(range(begun, len(points)))}
    for die_at in sorted(first.values()):
        try:
            run_virtual(lambda at=die_at: _life(tmp_path / f"{at}.db", at), limit_s=20_000)  # type: ignore[misc]
        except AssertionError as error:
            raise AssertionError(f"killed at point {die_at} ({points[die_at]}): {error}") from error
