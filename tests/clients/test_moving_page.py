"""docs/how-to/moving-from-evolution.md is executed as it stands: an instance is adopted, used, and let go."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from esteio.sim.providers.evolution.instance import EvolutionInstance, WebhookRow
from esteio.sim.sandbox.servers import DEFAULT_KEY
from tests.clients.door import Door, opened
from tests.clients.hooks import listening
from tests.clients.journey import FRIEND
from tests.docs.examples import marked, needed, running

PAGE, TWIN = "docs/how-to/moving-from-evolution.md", "docs/how-to/moving-from-evolution.pt-BR.md"
PHONE = "5511999990001"


def test_the_two_pages_have_the_same_commands() -> None:
    names = {"SUA-CHAVE-DA-EVOLUTION": "YOUR-EVOLUTION-KEY", "loja": "shop", "Olá": "Hello"}
    assert [example.with_words(names) for example in marked(TWIN)] == marked(PAGE)


def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    needed("sh")

    async def whole() -> None:
        async with opened(tmp_path, server=False) as door, listening() as hooks:
            shop = await old_instance(door, hooks.url)
            there = {
                "https://evolution.example.com": door.world.servers["evolution"].base_url,
                "YOUR-EVOLUTION-KEY": DEFAULT_KEY,
            }
            added, adopts, key, look, back = (example.with_words(there) for example in marked(PAGE))
            async with running(f"http://127.0.0.1:{door.gateway.port}", door.key, tmp_path) as runner:
                await runner.run(added)
                assert "shop" in await runner.run(adopts)
                assert "esk_" in await runner.run(key)
                told = await runner.run(look)
                assert '"PENDING"' in told
                delivered = door.world.ledger.delivered
                while not delivered:
                    await asyncio.sleep(0.05)
                assert [(one.recipient, one.text) for one in delivered] == [("5511912345678", "Hello")]
                door.world.contact_sends(PHONE, FRIEND, "oi", "text")
                await hooks.until("messages.upsert", lambda: bool(hooks.of("shop", "messages.upsert")))
                assert shop.hook is not None
                assert shop.hook.url != hooks.url
                await runner.run(back)
                assert shop.hook.url == hooks.url
                assert shop.link is not None
                assert [call.verb for call in door.world.ledger.control if call.verb in ("restart", "logout")] == []

    asyncio.run(whole())


async def old_instance(door: Door, hook: str, name: str = "shop", phone: str = PHONE) -> EvolutionInstance:
    """What stands there before anybody has heard of Esteio: linked, open, its webhook at the program's address."""
    server = door.world.servers["evolution"]
    body = {"instanceName": name, "integration": "WHATSAPP-BAILEYS"}
    async with (
        aiohttp.ClientSession(headers={"apikey": server.apikey}) as client,
        client.post(f"{server.base_url}/instance/create", json=body) as made,
    ):
        assert made.status == 201
    shop = server.lines[name]
    assert isinstance(shop, EvolutionInstance)
    shop.wake_paired(phone)
    shop.hook = WebhookRow(hook, updated_at=door.world.now())
    return shop
