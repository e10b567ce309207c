"""Real processes on a real PostgreSQL, before a real sandbox: one is killed, the other goes on."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from esteio.sim.sandbox.servers import live_world, serve_sandbox
from tests.durability.gateway_process import PHONE, Gateway

SECRET = "bm9kZXMtb2Ytb25lLWRhdGFiYXNlLXNoYXJlLXRoaXM="
CHAT = "5521988887777"


class Nodes:
    """Two processes, and a caller that asks one of those that live."""

    def __init__(self, folder: Path, client: aiohttp.ClientSession, database: str) -> None:
        self.all: dict[str, Gateway] = {}
        for name in ("n1", "n2"):
            (folder / name).mkdir()
            more = {"ESTEIO_DATABASE": database, "ESTEIO_NODE": name, "ESTEIO_SECRET_KEY": SECRET}
            self.all[name] = Gateway(folder / name, client, environ=more)
        self.living = dict(self.all)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        return (await next(iter(self.living.values())).ask(method, path, body))[1]

    async def shown(self) -> dict[str, dict[str, Any]]:
        return {node["id"]: node for node in (await self.ask("GET", "/v1/gateway/checks"))["nodes"]}

    async def kill(self, name: str) -> None:
        gateway = self.living.pop(name)
        gateway.kill()
        await gateway.ended()


async def until(done: Any, within_s: float = 90.0) -> None:
    async with asyncio.timeout(within_s):
        while not await done():
            await asyncio.sleep(0.2)


@pytest.mark.slow
def test_a_killed_nodes_session_is_taken_over_and_its_messages_go_out_once(tmp_path: Path, postgres_url: str) -> None:
    async def story() -> None:
        world = live_world()
        sandbox = await serve_sandbox(world, evolution="127.0.0.1:0")
        async with aiohttp.ClientSession() as client:
            nodes = Nodes(tmp_path, client, postgres_url)
            await asyncio.gather(*(gateway.start() for gateway in nodes.all.values()))
            try:
                await _linked(nodes, world, sandbox.urls["evolution"])
                holder = await _holder(nodes)
                for number in range(3):
                    await _send(nodes, number)
                await nodes.kill(holder)
                for number in range(3, 6):
                    await _send(nodes, number)

                async def all_gone() -> bool:
                    return len({one.text for one in world.ledger.delivered}) == 6

                await until(all_gone, 240)
                times = Counter(one.text for one in world.ledger.delivered)
                assert set(times.values()) == {1}, times
                assert await _holder(nodes) != holder
            finally:
                for name in list(nodes.living):
                    await nodes.kill(name)
                await sandbox.aclose()

    asyncio.run(story())


async def _linked(nodes: Nodes, world: Any, url: str) -> None:
    await nodes.ask(
        "POST",
        "/v1/servers",
        {"name": "evo", "kind": "evolution", "base_url": url, "credentials": {"apikey": "sandbox-key"}},
    )
    await nodes.ask("POST", "/v1/sessions", {"name": "loja", "server": "evo"})

    async def code_shown() -> bool:
        line = world.servers["evolution"].lines.get("loja")
        return bool(line is not None and line.sock is not None and line.sock.qr)

    await until(code_shown)
    world.phone(PHONE).scan(world.line("evolution", "loja").sock.qr)

    async def connected() -> bool:
        return bool((await nodes.ask("GET", "/v1/sessions/loja"))["state"] == "connected")

    await until(connected)


async def _holder(nodes: Nodes) -> str:
    found: list[str] = []

    async def held() -> bool:
        found[:] = [name for name, node in (await nodes.shown()).items() if node["sessions"]]
        return len(found) == 1

    await until(held)
    return found[0]


async def _send(nodes: Nodes, number: int) -> None:
    await nodes.ask("POST", "/v1/sessions/loja/messages", {"to": CHAT, "text": f"m{number}"})
