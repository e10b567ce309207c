"""Two real processes on a real PostgreSQL behind a load balancer, exchanged one after the other under load."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from esteio.sim.sandbox.servers import live_world, serve_sandbox
from esteio.sim.world.world import World
from tests.cli.cli_processes import Running, free_port
from tests.durability.gateway_process import KEY, PHONE, SETTINGS

SAME = {
    "ESTEIO_ADMIN_KEY": KEY,
    "ESTEIO_SECRET_KEY": "what-one-seals-the-other-opens",
    "ESTEIO_DRAIN_UNREADY_S": "3",
    "ESTEIO_DRAIN_CALLS_S": "30",
    "ESTEIO_CONFIG": "esteio.toml",
}
CHATS = [f"55119888877{number:02}" for number in range(4)]
LOOK_EVERY_S = 0.2


class Node:
    """One of the two, over its restarts."""

    def __init__(self, name: str, folder: Path, settings: dict[str, str]) -> None:
        self.port, self.ready = free_port(), False
        self._name, self._folder, self._settings = name, folder, settings
        self.process = self._started()

    def _started(self) -> Running:
        listen = f"127.0.0.1:{self.port}"
        return Running(
            "serve",
            "--listen",
            listen,
            "--data",
            self._name,
            cwd=self._folder,
            ESTEIO_NODE=self._name,
            **self._settings,
        )

    async def exchanged(self) -> None:
        """Told to stop as by a supervisor, and started anew when it has ended."""
        self.process.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(self.process.process.wait, 180) == 0, self.process.err.read_text()
        self.ready = False
        self.process = self._started()
        await self.until_ready()

    async def until_ready(self) -> None:
        async with asyncio.timeout(180):
            while not self.ready:
                await asyncio.sleep(LOOK_EVERY_S)


class LoadBalancer:
    """Takes connections to nodes that said at their last look that they are ready, in turn."""

    def __init__(self, nodes: list[Node], port: int) -> None:
        self._nodes, self.port = nodes, port
        self._turns = cycle(nodes)

    async def look(self, client: aiohttp.ClientSession) -> None:
        """Asks all of them, for ever."""
        while True:
            for node in self._nodes:
                node.ready = await self._is_ready(client, node)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _is_ready(self, client: aiohttp.ClientSession, node: Node) -> bool:
        with suppress(aiohttp.ClientError, TimeoutError):
            async with client.get(f"http://127.0.0.1:{node.port}/readyz") as answer:
                return answer.status == 200
        return False

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from end to end."""
        try:
            node = next(node for node in (next(self._turns) for _ in self._nodes) if node.ready)
            there, back = await asyncio.open_connection("127.0.0.1", node.port)
            await asyncio.gather(_piped(reader, back), _piped(there, writer))
        except (StopIteration, RuntimeError, OSError):
            writer.close()


async def _piped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()


class Installation:
    """Nodes, what stands before them, and a client that counts what is refused."""

    def __init__(self, world: World, nodes: list[Node], client: aiohttp.ClientSession, url: str) -> None:
        self.world, self.nodes = world, nodes
        self.refused: list[object] = []
        self._client, self._url = client, url

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer's document; what is no success is kept in `refused`, and asked again."""
        while True:
            try:
                async with self._client.request(
                    method, self._url + path, json=body, headers={"apikey": KEY, **headers}
                ) as answer:
                    if answer.status < 300:
                        return await answer.json()
                    self.refused.append((answer.status, await answer.text()))
            except aiohttp.ClientError as error:
                self.refused.append(error)
            await asyncio.sleep(0.1)

    async def send(self, number: int) -> tuple[str, str]:
        chat, text = CHATS[number % len(CHATS)], f"mensagem {number}"
        key = {"Idempotency-Key": text}
        await self.ask("POST", "/v1/sessions/loja/messages", {"to": chat, "text": text}, **key)
        return chat, text


@asynccontextmanager
async def installation(folder: Path, url: str) -> AsyncIterator[Installation]:
    world, port = live_world(), free_port()
    sandbox = await serve_sandbox(world, evolution="127.0.0.1:0")
    (folder / "esteio.toml").write_text(SETTINGS, encoding="utf-8")
    front = f"http://127.0.0.1:{port}"
    settings = {**SAME, "ESTEIO_DATABASE": url, "ESTEIO_PUBLIC_URL": front}
    nodes = [Node(name, folder, settings) for name in ("a", "b")]
    balancer = LoadBalancer(nodes, port)
    server = await asyncio.start_server(balancer.take, "127.0.0.1", port)
    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True), timeout=aiohttp.ClientTimeout(total=30)
        ) as client:
            looks = asyncio.create_task(balancer.look(client))
            for node in nodes:
                await node.until_ready()
            yield Installation(world, nodes, client, front)
            looks.cancel()
    finally:
        for node in nodes:
            node.process.process.kill()
            node.process.process.wait()
        server.close()
        await sandbox.aclose()


@pytest.mark.slow
def test_nodes_are_exchanged_under_load_and_nothing_is_refused_lost_or_doubled(
    tmp_path: Path, postgres_url: str
) -> None:
    async def story() -> None:
        async with installation(tmp_path, postgres_url) as here:
            await _link(here)
            accepted: list[tuple[str, str]] = []
            enough = asyncio.Event()
            load = asyncio.create_task(_load(here, accepted, enough))
            for node in here.nodes:
                await node.exchanged()
            enough.set()
            await load
            async with asyncio.timeout(180):
                while len(here.world.ledger.delivered) < len(accepted):
                    await asyncio.sleep(LOOK_EVERY_S)
            assert here.refused == []
            for chat in CHATS:
                came = [one.text for one in here.world.ledger.delivered if one.recipient == chat]
                assert came == [text for to, text in accepted if to == chat]
            # The session may be on its way to the node that came back last.
            async with asyncio.timeout(60):
                while (checks := await here.ask("GET", "/v1/gateway/checks"))["unowned_sessions"]:
                    await asyncio.sleep(LOOK_EVERY_S)
            assert {node["id"]: node["state"] for node in checks["nodes"]} == {"a": "alive", "b": "alive"}

    asyncio.run(story())


async def _link(here: Installation) -> None:
    world = here.world
    (server,) = [one for one in world.servers.values() if one.kind == "evolution"]
    credentials = {"apikey": "sandbox-key"}
    await here.ask(
        "POST",
        "/v1/servers",
        {"name": "evo", "kind": "evolution", "base_url": server.base_url, "credentials": credentials},
    )
    await here.ask("POST", "/v1/sessions", {"name": "loja", "server": "evo"})
    async with asyncio.timeout(60):
        while (sock := world.line("evolution", "loja").sock) is None or not sock.qr:
            await asyncio.sleep(LOOK_EVERY_S)
        world.phone(PHONE).scan(sock.qr)
        while (await here.ask("GET", "/v1/sessions/loja"))["state"] != "connected":
            await asyncio.sleep(LOOK_EVERY_S)


async def _load(here: Installation, accepted: list[tuple[str, str]], enough: asyncio.Event) -> None:
    number = 0
    while not enough.is_set():
        accepted.append(await here.send(number))
        number += 1
        await asyncio.sleep(0.05)
