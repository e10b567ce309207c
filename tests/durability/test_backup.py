"""`esteio backup` of a gateway under load, restored elsewhere: what was accepted before it is there, in order."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.durability.gateway_process import Gateway, stage

SOURCE = str(Path(__file__).parents[2] / "src")
CHATS = [f"55119888877{i:02}" for i in range(4)]
BACKUPS = 3


async def verb(folder: Path, *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "esteio", *words, cwd=folder, env={"PYTHONPATH": SOURCE, "ESTEIO_LANGUAGE": "en"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()
    return told.decode()


async def _load(gateway: Gateway, accepted: list[str], stop: asyncio.Event) -> None:
    number = 0
    while not stop.is_set():
        text = f"mensagem {number}"
        body = {"to": CHATS[number % len(CHATS)], "text": text}
        status, _ = await gateway.ask("POST", "/v1/sessions/loja/messages", body)
        assert status in (200, 202)
        accepted.append(text)
        number += 1


async def _texts(gateway: Gateway) -> list[str]:
    """What the restored gateway holds of outgoing texts, oldest first."""
    found: list[str] = []
    after = ""
    while True:
        _, page = await gateway.ask("GET", f"/v1/sessions/loja/messages?direction=out&limit=200{after}")
        found += [item["text"] for item in page["items"]]
        if page["next"] is None:
            return found if found == sorted(found, key=_number) else found[::-1]
        after = f"&after={page['next']}"


def _number(text: str) -> int:
    return int(text.split()[1])


async def _story(folder: Path) -> None:
    home = folder / "home"
    home.mkdir()
    async with stage(home) as (_world, gateway):
        accepted: list[str] = []
        stop = asyncio.Event()
        loading = asyncio.create_task(_load(gateway, accepted, stop))
        before = []
        for turn in range(BACKUPS):
            while len(accepted) < 40 * (turn + 1):
                await asyncio.sleep(0.01)
            before.append(len(accepted))
            await verb(home, "backup", str(folder / f"{turn}.tar"), "--data", "data", "--config", "esteio.toml")
        stop.set()
        await loading
        for turn, mark in enumerate(before):
            there = folder / f"there{turn}"
            there.mkdir()
            copy = Gateway(there, gateway.client)
            await verb(there, "restore", str(folder / f"{turn}.tar"), "--data", "data", "--waiting", "expire")
            await copy.start()
            try:
                held = await _texts(copy)
            finally:
                copy.kill()
                await copy.ended()
            assert held[:mark] == accepted[:mark], "all that was accepted before the mark, in order"
            assert held == [f"mensagem {n}" for n in range(len(held))], "and no hole after it"


@pytest.mark.sqlite_only("a PostgreSQL is backed up by its own tools; `esteio backup` refuses it (tests/cli)")
def test_a_backup_under_load_holds_all_that_was_accepted_before_it(tmp_path: Path) -> None:
    asyncio.run(_story(tmp_path))
