"""A real gateway process, killed in the middle of adoptions, and of the deletes that give the instances back.

At whatever instant: the webhook that stood at the provider stands there still, or is kept, sealed, in our database. So
`DELETE … keep` puts it back, whichever start of the process it is asked of. `ADOPTING_KILLS` says how often (10).
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from esteio.engine.runtime.sealed_for import session_row
from esteio.providers.base import StandingWebhook
from esteio.sim.providers.evolution.instance import EvolutionInstance, WebhookRow
from esteio.sim.sandbox.servers import live_world, serve_sandbox
from esteio.sim.world.world import World
from esteio.vault import open_vault
from tests.durability.dialects import turns
from tests.durability.gateway_process import Gateway
from tests.postgres_server.raw import raw_at

KILLS = int(os.environ.get("ADOPTING_KILLS", "10"))
EACH = 5
EVENTS = ("MESSAGES_UPSERT", "CHATS_UPSERT")


class Kept:
    """What stood at the provider before we came, and where it is now."""

    def __init__(self, world: World, data: Path, database: str) -> None:
        self.world, self.data = world, data
        self.rows = raw_at(database or data / "esteio.db").rows
        self.before: dict[str, WebhookRow] = {}

    def plant(self, turn: int) -> list[str]:
        names = [f"r{turn}-{n}" for n in range(EACH)]
        for n, name in enumerate(names):
            line = self.world.plant("evolution", name, f"55119777{turn:02}{n:03}")
            assert isinstance(line, EvolutionInstance)
            line.hook = WebhookRow(f"http://127.0.0.1:9/{name}", EVENTS, headers={"x-tenant": name}, by_events=True)
            self.before[name] = line.hook
        return names

    def check(self) -> None:
        """Nothing is lost; asked while no gateway runs."""
        kept = self._kept()
        for name, before in self.before.items():
            assert self.stands(name) or kept.get(name) == (before.url, dict(before.headers or {})), name

    def _hook(self, name: str) -> WebhookRow | None:
        line = self.world.line("evolution", name)
        assert isinstance(line, EvolutionInstance)
        return line.hook

    def stands(self, name: str) -> bool:
        now, before = self._hook(name), self.before[name]
        assert now is not None
        same = (now.url, now.events, now.headers) == (before.url, before.events, before.headers)
        return same and (now.by_events, now.enabled) == (True, True)

    def ours(self, name: str) -> bool:
        now = self._hook(name)
        return now is not None and "/in/" in now.url

    def _kept(self) -> Mapping[str, tuple[str, dict[str, str]]]:
        rows = self.rows("SELECT name, replaced, created_at FROM sessions WHERE replaced IS NOT NULL")
        assert not any(b"127.0.0.1:9" in sealed for _, sealed, _ in rows), "kept open"
        vault = open_vault(self.data, None)
        places = {name: session_row(name, created_at, "replaced") for name, _, created_at in rows}
        words = {name: vault.unseal(sealed, places[name])["webhook"] for name, sealed, _ in rows}
        found = {name: msgspec.json.decode(word, type=StandingWebhook) for name, word in words.items()}
        return {name: (one.url, dict(one.headers)) for name, one in found.items()}


async def _killed_in(
    gateway: Gateway, kept: Kept, doing: Coroutine[Any, Any, None], so_far: Callable[[], bool], after_s: float
) -> None:
    """The gateway is killed a moment after it came so far, and does the same again after its next start."""
    task = asyncio.get_running_loop().create_task(doing)
    await _until(so_far)
    await asyncio.sleep(after_s)
    gateway.kill()
    await gateway.ended()
    kept.check()
    await gateway.start()
    await task


async def _adopt(gateway: Gateway, names: list[str]) -> None:
    status, told = await gateway.ask("POST", "/v1/servers/evo/adopt", {"instances": names})
    assert status == 200, told
    assert {one["result"] for one in told["items"]} <= {"adopted", "already-adopted"}, told


async def _give_back(gateway: Gateway, names: list[str]) -> None:
    async def one(name: str) -> None:
        while True:
            status, told = await gateway.ask("DELETE", f"/v1/sessions/{name}?at_provider=keep")
            if status in (204, 404):
                return
            assert status == 202, told

    await asyncio.gather(*(one(name) for name in names))


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not true():
            await asyncio.sleep(0.001)


async def _round(gateway: Gateway, kept: Kept, names: list[str], far: int, dice: random.Random) -> None:
    """Adopted and given back, with a kill in the middle of either: when so many of the instances were through it."""

    def taken() -> int:
        return sum(map(kept.ours, names))

    def back() -> int:
        return sum(map(kept.stands, names))

    moment = 0.01 if far else 0.3
    await _killed_in(gateway, kept, _adopt(gateway, names), lambda: taken() >= far, dice.uniform(0, moment))
    await _until(lambda: taken() == EACH)
    await _killed_in(gateway, kept, _give_back(gateway, names), lambda: back() >= far, dice.uniform(0, moment))
    assert back() == EACH


async def _story(folder: Path, rounds: range, database: str) -> None:
    dice, world = random.Random(14), live_world()
    sandbox = await serve_sandbox(world, evolution="127.0.0.1:0")
    async with aiohttp.ClientSession() as client:
        gateway = Gateway(folder, client, environ={"ESTEIO_DATABASE": database})
        kept = Kept(world, folder / "data", database)
        await gateway.start()
        try:
            server = {"name": "evo", "kind": "evolution", "base_url": sandbox.urls["evolution"]}
            await gateway.ask("POST", "/v1/servers", {**server, "credentials": {"apikey": "sandbox-key"}})
            for turn in rounds:
                await _round(gateway, kept, kept.plant(turn), turn % EACH, dice)
        finally:
            gateway.kill()
            await gateway.ended()
            await sandbox.aclose()


@pytest.mark.parametrize(("dialect", "rounds"), turns([(range(KILLS // 2),)], [(range(2, 3),)]))
def test_the_webhook_that_stood_there_is_never_lost(
    tmp_path: Path, new_database: Callable[[], str], rounds: range
) -> None:
    asyncio.run(_story(tmp_path, rounds, new_database()))
