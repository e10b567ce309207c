"""The clients at the door, with the sandbox behind it: only their base address and their key have changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from tests.clients.client import started
from tests.clients.door import opened
from tests.clients.hooks import listening
from tests.clients.journey import Journey, all_of


def test_every_client_goes_its_whole_way_at_the_door(clients: Mapping[str, Path], tmp_path: Path) -> None:
    async def whole() -> None:
        async with opened(tmp_path) as door:

            async def one(place: int, name: str, folder: Path) -> None:
                address = door.address_for(name)
                async with listening() as hooks, started(name, folder, address, door.key) as client:
                    await Journey(client, door.world, hooks, f"loja {name}", f"551199999000{place}").whole()

            await all_of(one(place, *client) for place, client in enumerate(clients.items()))

    asyncio.run(whole())
