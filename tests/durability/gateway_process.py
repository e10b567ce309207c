"""A real gateway process before real HTTP providers: started, asked until it answers, killed or ended."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from esteio.sim.sandbox.servers import live_world, serve_sandbox
from esteio.sim.world.world import World

KEY = "an-admin-key-for-tests-0123456789"
PHONE = "5511999990001"
SETTINGS = """
[policy.default]
send_timeout_s = 5
probe_idle_s = 5
seconds_between_connects = 0
restart_cooldown_s = 5
ramp_s = 5
"""


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


class Gateway:
    """The process, and a way to ask it; everything is asked again until it answers."""

    def __init__(
        self,
        folder: Path,
        client: aiohttp.ClientSession,
        within: Sequence[str] = (),
        program: str = "",
        environ: Mapping[str, str] = {},
    ) -> None:
        """`within`: words before the command, that put it into surroundings of its own. `program`: what runs instead of
        `python -m esteio`."""
        self.environ = environ
        self.folder, self.client, self.port = folder, client, free_port()
        self.within = within
        self.runs = ("-c", program) if program else ("-m", "esteio")
        self.process: asyncio.subprocess.Process | None = None
        (folder / "esteio.toml").write_text(SETTINGS, encoding="utf-8")

    async def start(self) -> None:
        source = str(Path(__file__).parents[2] / "src")
        environ = {**os.environ, "ESTEIO_ADMIN_KEY": KEY, "PYTHONPATH": source, "ESTEIO_LANGUAGE": "en", **self.environ}
        words = ["serve", "--listen", f"127.0.0.1:{self.port}", "--data", "data", "--config", "esteio.toml"]
        with (self.folder / "log.txt").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.within,
                sys.executable,
                *self.runs,
                *words,
                cwd=self.folder,
                env=environ,
                stdout=log,
                stderr=log,
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
async def stage(
    folder: Path, within: Sequence[str] = (), program: str = "", database: str = ""
) -> AsyncIterator[tuple[World, Gateway]]:
    world = live_world()
    sandbox = await serve_sandbox(world, evolution="127.0.0.1:0")
    async with aiohttp.ClientSession() as client:
        gateway = Gateway(folder, client, within, program, {"ESTEIO_DATABASE": database})
        await gateway.start()
        try:
            server = {"name": "evo", "kind": "evolution", "base_url": sandbox.urls["evolution"]}
            status, _ = await gateway.ask("POST", "/v1/servers", {**server, "credentials": {"apikey": "sandbox-key"}})
            assert status == 201
            await gateway.ask("POST", "/v1/sessions", {"name": "loja", "server": "evo"})
            while (sock := world.line("evolution", "loja").sock) is None or not sock.qr:
                await asyncio.sleep(0.1)
            world.phone(PHONE).scan(sock.qr)
            await until_state(gateway, "connected")
            yield world, gateway
        finally:
            gateway.kill()
            await gateway.ended()
            await sandbox.aclose()


async def until_state(gateway: Gateway, state: str) -> None:
    async with asyncio.timeout(60):
        while (await gateway.ask("GET", "/v1/sessions/loja"))[1]["state"] != state:
            await asyncio.sleep(0.1)
