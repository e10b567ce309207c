"""A real gateway process, killed with SIGKILL again and again under load, before real HTTP providers that misbehave."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from esteio.sim.faults import Fault
from esteio.sim.sandbox import live_world, serve_sandbox
from esteio.sim.world import World

KILLS = 20
KEY = "an-admin-key-for-tests-0123456789"
PHONE = "5511999990001"
CHATS = [f"55119888877{i:02}" for i in range(6)]
SETTINGS = """
[policy.default]
send_timeout_s = 5
probe_idle_s = 5
seconds_between_connects = 0
"""


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


class Gateway:
    """The process, and a way to ask it; everything is asked again until it answers."""

    def __init__(self, folder: Path, client: aiohttp.ClientSession) -> None:
        self.folder, self.client, self.port = folder, client, _free_port()
        self.process: asyncio.subprocess.Process | None = None
        (folder / "esteio.toml").write_text(SETTINGS, encoding="utf-8")

    async def start(self) -> None:
        source = str(Path(__file__).parents[2] / "src")
        environ = {**os.environ, "ESTEIO_ADMIN_KEY": KEY, "PYTHONPATH": source, "ESTEIO_LANGUAGE": "en"}
        words = ["serve", "--listen", f"127.0.0.1:{self.port}", "--data", "data", "--config", "esteio.toml"]
        with (self.folder / "log.txt").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "esteio", *words, cwd=self.folder, env=environ, stdout=log, stderr=log
            )

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)

    async def ended(self) -> None:
        assert self.process is not None
        await self.process.wait()

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Ask until there is an answer: a request that a kill cut off is repeated as a client would."""
        url = f"http://127.0.0.1:{self.port}{path}"
        while True:
            try:
                async with self.client.request(
                    method, url, json=body, headers={"apikey": KEY, **headers}, timeout=aiohttp.ClientTimeout(total=20)
                ) as answer:
                    return answer.status, await answer.json()
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.05)


@asynccontextmanager
async def _stage(folder: Path) -> AsyncIterator[tuple[World, Gateway]]:
    world = live_world()
    sandbox = await serve_sandbox(world, evolution="127.0.0.1:0")
    async with aiohttp.ClientSession() as client:
        gateway = Gateway(folder, client)
        await gateway.start()
        try:
            server = {"name": "evo", "kind": "evolution", "base_url": sandbox.urls["evolution"]}
            status, _ = await gateway.ask("POST", "/v1/servers", {**server, "credentials": {"apikey": "sandbox-key"}})
            assert status == 201
            await gateway.ask("POST", "/v1/sessions", {"name": "loja", "server": "evo"})
            while (sock := world.line("evolution", "loja").sock) is None or not sock.qr:
                await asyncio.sleep(0.1)
            world.phone(PHONE).scan(sock.qr)
            await _until_state(gateway, "connected")
            yield world, gateway
        finally:
            gateway.kill()
            await gateway.ended()
            await sandbox.aclose()


async def _until_state(gateway: Gateway, state: str) -> None:
    async with asyncio.timeout(60):
        while (await gateway.ask("GET", "/v1/sessions/loja"))[1]["state"] != state:
            await asyncio.sleep(0.1)


async def _load(gateway: Gateway, accepted: list[tuple[str, str]], stop: asyncio.Event) -> None:
    number = 0
    while not stop.is_set():
        chat, text = CHATS[number % len(CHATS)], f"mensagem {number}"
        body = {"to": chat, "text": text}
        status, told = await gateway.ask("POST", "/v1/sessions/loja/messages", body, **{"Idempotency-Key": text})
        assert status in (200, 202), told
        accepted.append((chat, text))
        number += 1
        await asyncio.sleep(0.02)


async def _torment(gateway: Gateway, world: World, dice: random.Random) -> None:
    world.inject("evolution", "loja", Fault("webhook_doubled", rate=0.3))
    for turn in range(KILLS):
        if turn % 4 == 1:
            world.inject("evolution", "loja", Fault("lost_response", count=1, how="cut", happens=turn % 8 == 1))
        if turn % 5 == 2:
            world.inject("evolution", "loja", Fault("ghost", variant="restart_cures"))
        world.contact_sends(PHONE, CHATS[0], f"resposta {turn}")
        await asyncio.sleep(dice.uniform(0.1, 1.0))
        gateway.kill()
        await gateway.ended()
        await gateway.start()
        await gateway.ask("GET", "/livez")


async def _all_settled(gateway: Gateway) -> None:
    """Nothing waits and nothing is in doubt: what was under way at a kill has been looked up at the provider."""
    async with asyncio.timeout(240):
        while True:
            waiting = 0
            for state in ("queued", "held", "sending", "in_doubt"):
                waiting += len((await gateway.ask("GET", f"/v1/sessions/loja/messages?state={state}"))[1]["items"])
            if not waiting:
                return
            await asyncio.sleep(1)


def test_twenty_kills_lose_nothing_double_nothing_and_keep_the_order(tmp_path: Path) -> None:
    async def story() -> None:
        async with _stage(tmp_path) as (world, gateway):
            accepted: list[tuple[str, str]] = []
            stop = asyncio.Event()
            load = asyncio.get_running_loop().create_task(_load(gateway, accepted, stop))
            await _torment(gateway, world, random.Random(9))
            stop.set()
            await load
            world.calm()
            await _all_settled(gateway)
            _check(world, accepted)
            await _check_inbound(gateway)

    asyncio.run(story())


def _check(world: World, accepted: list[tuple[str, str]]) -> None:
    assert len(accepted) > KILLS
    for chat in CHATS:
        mine = [told.text for told in world.ledger.delivered if told.recipient == chat]
        assert len(mine) == len(set(mine)), f"sent twice: {sorted(t for t in mine if mine.count(t) > 1)}"
        assert mine == [text for to, text in accepted if to == chat]
    assert world.ledger.unlinks == []


async def _check_inbound(gateway: Gateway) -> None:
    async with asyncio.timeout(60):
        while True:
            _, page = await gateway.ask("GET", "/v1/sessions/loja/messages?direction=in&limit=100")
            texts = sorted(message["text"] for message in page["items"])
            if texts == sorted(f"resposta {turn}" for turn in range(KILLS)):
                return
            await asyncio.sleep(1)
