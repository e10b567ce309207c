"""docs/how-to/moving-from-evolution.md is executed as it stands: an instance is adopted, used, and let go."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import aiohttp
import pytest

from esteio.sim.providers.evolution.instance import EvolutionInstance, WebhookRow
from esteio.sim.sandbox.servers import DEFAULT_KEY
from tests.clients.door import Door, opened
from tests.clients.hooks import listening
from tests.clients.journey import FRIEND

DOCS = Path(__file__).parents[2] / "docs" / "how-to"
PHONE = "5511999990001"
FAILS = 'set -euo pipefail; curl() { command curl --fail --silent --show-error "$@"; }\n'


def commands(page: str) -> list[str]:
    """The blocks of a page that people are to type."""
    return re.findall(r"^```sh\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


async def run(block: str, door: Door) -> str:
    """Type it; what it prints. A block that fails fails."""
    there = door.world.servers["evolution"].base_url
    typed = block.replace("https://evolution.example.com", there).replace("YOUR-EVOLUTION-KEY", DEFAULT_KEY)
    environ = os.environ | {
        "ESTEIO_URL": f"http://127.0.0.1:{door.gateway.port}",
        "ESTEIO_KEY": door.key,
        "ESTEIO_LANGUAGE": "en",
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    }
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", FAILS + typed, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told = (await process.communicate())[0].decode()
    assert process.returncode == 0, f"{typed}\n{told}"
    return told


def test_the_two_pages_have_the_same_commands() -> None:
    names = {"SUA-CHAVE-DA-EVOLUTION": "YOUR-EVOLUTION-KEY", "loja": "shop", "Olá": "Hello"}
    portuguese = "\0".join(commands("moving-from-evolution.pt-BR.md"))
    for theirs, ours in names.items():
        portuguese = portuguese.replace(theirs, ours)
    assert portuguese.split("\0") == commands("moving-from-evolution.md")


def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("the page's commands need bash and curl, which are not here")
    added, adopts, key, look, back = commands("moving-from-evolution.md")

    async def whole() -> None:
        async with opened(tmp_path, server=False) as door, listening() as hooks:
            shop = await old_instance(door, hooks.url)
            await run(added, door)
            assert "shop" in await run(adopts, door)
            assert "esk_" in await run(key, door)
            told = await run(look, door)
            assert '"PENDING"' in told
            delivered = door.world.ledger.delivered
            while not delivered:
                await asyncio.sleep(0.05)
            assert [(one.recipient, one.text) for one in delivered] == [("5511912345678", "Hello")]
            door.world.contact_sends(PHONE, FRIEND, "oi", "text")
            await hooks.until("messages.upsert", lambda: bool(hooks.of("shop", "messages.upsert")))
            assert shop.hook is not None
            assert shop.hook.url != hooks.url
            await run(back, door)
            assert shop.hook.url == hooks.url
            assert shop.link is not None
            assert [call.verb for call in door.world.ledger.control if call.verb in ("restart", "logout")] == []

    asyncio.run(whole())


async def old_instance(door: Door, hook: str) -> EvolutionInstance:
    """What stands there before anybody has heard of Esteio: linked, open, its webhook at the program's address."""
    server = door.world.servers["evolution"]
    body = {"instanceName": "shop", "integration": "WHATSAPP-BAILEYS"}
    async with (
        aiohttp.ClientSession(headers={"apikey": server.apikey}) as client,
        client.post(f"{server.base_url}/instance/create", json=body) as made,
    ):
        assert made.status == 201
    shop = server.lines["shop"]
    assert isinstance(shop, EvolutionInstance)
    shop.wake_paired(PHONE)
    shop.hook = WebhookRow(hook, updated_at=door.world.now())
    return shop
