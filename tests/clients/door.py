"""A real `esteio serve` with its Evolution door, before the sandbox: what the clients are pointed at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from esteio.sim.sandbox.servers import DEFAULT_KEY, live_world, serve_sandbox
from esteio.sim.world.world import World
from tests.durability.gateway_process import KEY, Gateway, free_port

STARTS_S = 60.0
SETTINGS = """
allow_targets = ["127.0.0.0/8"]

[door]
listen = "127.0.0.1:{port}"
dedupe_s = {dedupe_s}

[policy.default]
send_timeout_s = 5
probe_idle_s = 5
seconds_between_connects = 0
restart_cooldown_s = 5
ramp_s = 5
"""


# As `esteio`; but this provider never goes on with a request for long after we hung up, so that a minute's patience
# with those that do would only be waited out here.
PROGRAM = """
from esteio.core.messages import doubts
from esteio.providers.evolution import history
doubts.LINGERS_S = 2.0
history.SETTLED_S = 4.0
from esteio.cli import main
main()
"""


class Door:
    """Where a client finds it, and the process behind. Its key is an admin's."""

    key = KEY

    def __init__(self, world: World, gateway: Gateway, port: int) -> None:
        self.world, self.gateway = world, gateway
        self.url = f"http://127.0.0.1:{gateway.port}/evolution"
        self.root = f"http://127.0.0.1:{port}"
        """The door alone, for clients that drop a base path."""

    def address_for(self, client: str) -> str:
        """pyevolutionapi joins addresses so that a base path is lost."""
        return self.root if client == "pyevolutionapi" else self.url


@asynccontextmanager
async def opened(folder: Path, *, dedupe_s: float = 0, server: bool = True) -> AsyncIterator[Door]:
    """The gateway with one Evolution server, until the block ends. `server`: whether it knows of that already."""
    world = live_world()
    sandbox = await serve_sandbox(world, evolution="127.0.0.1:0")
    # The real one's race between a logout and what it deletes is no client's affair.
    world.servers["evolution"].race_rate = 0.0
    async with aiohttp.ClientSession() as client:
        gateway, port = Gateway(folder, client, program=PROGRAM), free_port()
        (folder / "esteio.toml").write_text(SETTINGS.format(port=port, dedupe_s=dedupe_s), encoding="utf-8")
        await gateway.start()
        try:
            async with asyncio.timeout(STARTS_S):
                await gateway.ask("GET", "/v1/servers")
            if server:
                stands = {"name": "evo", "kind": "evolution", "base_url": sandbox.urls["evolution"]}
                body = {**stands, "credentials": {"apikey": DEFAULT_KEY}}
                status, said = await gateway.ask("POST", "/v1/servers", body)
                assert status == 201, said
            yield Door(world, gateway, port)
        finally:
            gateway.kill()
            await gateway.ended()
            await sandbox.aclose()
