"""The clients against the sandbox's Evolution itself: whoever fails here fails for a reason that is not the door's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from esteio.sim.sandbox.servers import DEFAULT_KEY, live_world, serve_sandbox
from tests.clients.client import CLIENTS, started
from tests.clients.hooks import listening
from tests.clients.journey import Journey, all_of
from tests.clients.packages import Unavailable


@pytest.mark.parametrize("name", CLIENTS)
def test_installed(packages: Mapping[str, Path | Unavailable], name: str) -> None:
    found = packages[name]
    if isinstance(found, Unavailable):
        pytest.skip(str(found))
    assert any(found.iterdir())


def test_every_client_goes_its_whole_way_at_the_sandbox(clients: Mapping[str, Path]) -> None:
    async def whole() -> None:
        world = live_world()
        sandbox = await serve_sandbox(world, evolution="127.0.0.1:0")
        # The real one's race between a logout and what it deletes is no client's affair.
        world.servers["evolution"].race_rate = 0.0
        base = sandbox.urls["evolution"]

        async def one(place: int, name: str, folder: Path) -> None:
            async with listening() as hooks, started(name, folder, base, DEFAULT_KEY) as client:
                await Journey(client, world, hooks, f"loja {name}", f"551199999000{place}").whole()

        try:
            await all_of(one(place, *client) for place, client in enumerate(clients.items()))
        finally:
            await sandbox.aclose()

    asyncio.run(whole())
