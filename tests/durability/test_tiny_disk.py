"""A real gateway process on a real file system of a few megabytes that is filled up under it, its log included.

Needs a mount of its own (Linux, a user namespace); where that is not allowed, `test_full_disk` says the same over a
disk that is only said to be full.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from esteio.sim.world.world import World
from tests.durability.gateway_process import PHONE, Gateway, stage

pytestmark = pytest.mark.sqlite_only("the disk of a PostgreSQL is its server's matter")

UNSHARE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
TINY = 'mkdir -p data && mount -t tmpfs -o size=4m tiny data && exec "$@" >>data/log.txt 2>&1'
FROZEN = 'mkdir -p data && mount -t tmpfs -o size=4m,ro tiny data && exec "$@"'
CHAT = "5511988887777"


def _may_mount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    trial = subprocess.run([*UNSHARE, "mount -t tmpfs tiny ."], cwd=folder, capture_output=True, check=False)
    return trial.returncode == 0


@pytest.fixture(autouse=True)
def _mounting(tmp_path: Path) -> None:
    if not _may_mount(tmp_path):
        pytest.skip("no file system may be mounted here")


class Filler:
    """Takes all the room there is, as seen from inside the process."""

    def __init__(self, gateway: Gateway) -> None:
        assert gateway.process is not None
        self._path = Path(f"/proc/{gateway.process.pid}/root{gateway.folder}/data/filler")

    def fill(self) -> None:
        with self._path.open("ab", buffering=0) as file:
            for size in (65_536, 4096, 1):
                try:
                    while file.write(b"x" * size):
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        self._path.unlink()


async def _send(gateway: Gateway, text: str) -> tuple[int, str]:
    body = {"to": CHAT, "text": text}
    status, told = await gateway.ask("POST", "/v1/sessions/loja/messages", body, **{"Idempotency-Key": text[:200]})
    return status, told.get("code", "")


async def _fill_until_refused(gateway: Gateway, filler: Filler, accepted: list[str]) -> None:
    """What is full may still hold a little in places that were taken before."""
    filler.fill()
    for number in range(500):
        text = f"cheio {number} " + "x" * 4000
        status, code = await _send(gateway, text)
        if status == 507:
            assert code == "storage-full"
            return
        assert status in (200, 202)
        accepted.append(text)
    raise AssertionError("it never got full")


def test_a_file_system_that_runs_full_under_the_process(tmp_path: Path) -> None:
    async def story() -> None:
        async with stage(tmp_path, (*UNSHARE, TINY, "sh")) as (world, gateway):
            accepted = [f"antes {number}" for number in range(5)]
            for text in accepted:
                assert (await _send(gateway, text))[0] in (200, 202)
            filler = Filler(gateway)
            await _fill_until_refused(gateway, filler, accepted)

            assert await gateway.ask("GET", "/readyz") == (503, {"status": "full"})
            world.contact_sends(PHONE, CHAT, "no escuro")
            # So many that the log, which tells of each, needs room that there is not.
            assert {(await _send(gateway, f"recusada {number}"))[0] for number in range(60)} == {507}
            assert (await gateway.ask("GET", "/v1/sessions/loja"))[1]["name"] == "loja"
            await asyncio.sleep(1)
            assert gateway.process is not None
            assert gateway.process.returncode is None, "it must outlive its disk and its log"

            filler.free()
            assert await gateway.ask("GET", "/readyz") == (200, {"status": "ok"})
            assert (await _send(gateway, "depois"))[0] in (200, 202)
            await _until(lambda: _delivered(world) == [*accepted, "depois"])
            await _until(lambda: _taken(world))

    asyncio.run(story())


def _delivered(world: World) -> list[str]:
    return [told.text for told in world.ledger.delivered if told.recipient == CHAT]


def _taken(world: World) -> bool:
    """The message that came in while the disk was full was posted until it was taken."""
    (told,) = world.ledger.inbound
    first = told.emitted[0]
    return first.posts > 1 and first.answered == 200


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.1)


def test_a_start_on_a_read_only_file_system_is_refused_in_a_sentence(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "esteio", "serve", "--listen", "127.0.0.1:0", "--data", "data"]
    done = subprocess.run(
        [*UNSHARE, FROZEN, "sh", *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "data" in done.stderr
    assert "ead-only" in done.stderr
