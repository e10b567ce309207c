"""The bytes of a media over real HTTP: each sandbox hands them out by its own calls, and each adapter gets them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from esteio.core.model.ids import ServerName
from esteio.providers import driver
from esteio.providers.base import SessionEndpoint
from esteio.providers.driver import AiohttpTransport
from esteio.providers.registry import load
from esteio.sim.sandbox.servers import serve_sandbox
from esteio.sim.world.world import World

PHONE, CUSTOMER = "5511999990001", "5511988887777"
PICTURE = b"\xff\xd8\xff\xe0 over the wire"


def source_of(world: World, kind: str, provider_id: str) -> dict[str, str]:
    if kind == "wapi":
        keys = {"mediaKey": f"key-{provider_id}", "directPath": f"/v/{provider_id}.enc", "mimetype": "image/jpeg"}
        return {"id": provider_id, **keys}
    return {"id": provider_id}


@pytest.mark.parametrize("kind", ["evolution", "baileys", "wapi"])
def test_each_adapter_gets_the_bytes_from_its_sandbox(kind: str) -> None:
    async def main() -> None:
        listen: dict[str, Any] = {kind: "127.0.0.1:0"}
        box = await serve_sandbox(**listen)
        road = AiohttpTransport()
        try:
            world = box.world
            world.plant(kind, "loja", PHONE)
            await asyncio.sleep(0.5)
            provider_id = world.contact_sends(PHONE, CUSTOMER, "veja", "image", data=PICTURE)
            await asyncio.sleep(0.5)
            where = SessionEndpoint(
                server=ServerName(kind),
                base_url=box.urls[kind],
                credentials={"apikey": world.servers[kind].apikey},
                session="loja",
                ref={"instance_id": "loja", "token": "token-loja", "instance_name": "loja", "session": "loja"},
            )
            provider = load().get(kind)
            source = source_of(world, kind, provider_id)
            outcome = await driver.run(provider.download(where, world.now(), "image", source), road)
            assert (outcome.data, outcome.detail) == (PICTURE, "")
            world.media_gone.add(provider_id)
            outcome = await driver.run(provider.download(where, world.now(), "image", source), road)
            assert (outcome.data, outcome.said_no, bool(outcome.detail)) == (b"", True, True)
        finally:
            await road.aclose()
            await box.aclose()

    asyncio.run(main())
