"""The whole service on a disk that takes nothing for a while: it refuses new work by name, keeps what it had, says so
at `/readyz`, and goes on by itself when the disk does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import BASE_URL, Lab
from esteio.store.sqlite import SqliteStore
from tests.faulty_disk import FaultyDisk

pytestmark = pytest.mark.sqlite_only("the disk of a PostgreSQL is its server's matter")

KEY = "an-admin-key-for-tests-0123456789"
PHONE = "5511999990001"
CHAT = "5511988887777"
WRITES = [
    ("POST", "/v1/sessions/loja/messages", {"to": CHAT, "text": "recusada"}),
    ("POST", "/v1/sessions/loja/pause", {}),
    ("POST", "/v1/servers", {"name": "b", "kind": "wapi", "base_url": "https://h"}),
    ("PATCH", "/v1/servers/prov", {"limits": {"connects_in_flight": 3}}),
    ("POST", "/v1/webhooks", {"url": "https://93.184.216.34/x"}),
    ("POST", "/v1/keys", {"name": "k", "role": "read"}),
    ("DELETE", "/v1/sessions/loja", None),
]


@pytest.fixture
def disk() -> Iterator[FaultyDisk]:
    made = FaultyDisk("under-the-service")
    yield made
    made.unregister()


class Stage:
    """A lab whose provider reaches the real application, and a caller of it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        transport = httpx.ASGITransport(app=lab.gateway.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers={"apikey": KEY})
        self.webhooks: list[int] = []
        self.once_taken: Callable[[], Awaitable[None]] | None = None

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.http.request(method, path, json=body, headers=headers)

    async def send(self, text: str) -> int:
        body = {"to": CHAT, "text": text}
        return (await self.ask("POST", "/v1/sessions/loja/messages", body, **{"Idempotency-Key": text})).status_code

    async def webhook(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        answer = await self.http.post(url, content=body, headers=dict(headers))
        self.webhooks.append(answer.status_code)
        if self.once_taken is not None:
            taken, self.once_taken = self.once_taken, None
            await taken()
        return answer.status_code

    async def ready(self) -> tuple[int, str]:
        answer = await self.http.get("/readyz")
        return answer.status_code, answer.json()["status"]

    async def came_in(self) -> list[str]:
        page = (await self.ask("GET", "/v1/sessions/loja/messages?direction=in&limit=500")).json()
        return [message["text"] for message in page["items"]]


@asynccontextmanager
async def on_a_stage(path: Path) -> AsyncIterator[Stage]:
    store = SqliteStore(path / "esteio.db", inline=True, vfs="under-the-service")
    async with Lab(3, store=store, settings={"admin_key": KEY}) as lab:
        stage = Stage(lab)
        await lab.add_server("prov")
        await lab.adopt("prov", "loja", PHONE)
        lab.world.on_webhook = stage.webhook
        await asyncio.sleep(40)
        async with stage.http:
            yield stage


async def refused(stage: Stage, status: int, code: str, word: str) -> None:
    """Everything that would be written is refused by the same name; what is there can be read."""
    assert await stage.ready() == (503, word)
    assert (await stage.ask("GET", "/livez")).status_code == 200
    for method, path, body in WRITES:
        answer = await stage.ask(method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (method, path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0
    for path in ("/v1/sessions", "/v1/sessions/loja", "/v1/sessions/loja/messages", "/v1/servers", "/metrics"):
        assert (await stage.ask("GET", path)).status_code == 200, path


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("fault", "status", "code", "word"),
    [
        ("full", 507, "storage-full", "full"),
        ("read-only", 503, "storage-broken", "broken"),
        ("failing", 503, "storage-broken", "broken"),
    ],
)
def test_nothing_is_lost_on_a_disk_that_takes_nothing_and_all_goes_on_when_it_does(
    tmp_path: Path,
    disk: FaultyDisk,
    capsys: pytest.CaptureFixture[str],
    fault: str,
    status: int,
    code: str,
    word: str,
) -> None:
    async def story() -> None:
        async with on_a_stage(tmp_path) as stage:
            before = [f"antes {number}" for number in range(6)]
            assert [await stage.send(text) for text in before[:3]] == [202] * 3

            async def fails_now() -> None:
                """In the same breath: nothing of these has been read, claimed or settled."""
                assert [await stage.send(text) for text in before[3:]] == [202] * 3
                disk.fault = fault

            stage.once_taken = fails_now
            stage.lab.world.contact_sends(PHONE, CHAT, "na beira")
            await stage.lab.until(lambda: failed(disk), 60, 0.01)
            await refused(stage, status, code, word)
            stage.lab.world.contact_sends(PHONE, CHAT, "no escuro")
            assert await stage.send("depois") == status
            await asyncio.sleep(90)
            assert set(stage.webhooks) >= {status}, "the provider must hear that it was not taken"
            assert stage.lab.gateway.supervisor.healthy
            assert await stage.came_in() == []

            disk.fault = None
            assert await stage.ready() == (200, "ok")
            assert await stage.send("depois") == 202, "refused means not taken: the same key is no conflict"
            await stage.lab.until(lambda: settled(stage, 7), 1200)
            assert stage.lab.texts_delivered(CHAT) == [*before, "depois"]
            await asyncio.sleep(400)
            assert sorted(await stage.came_in()) == ["na beira", "no escuro"]
            assert (await stage.lab.session("loja")).state == "connected"

    run_virtual(story, limit_s=20_000)
    assert capsys.readouterr().err == "", "no task failed, no request ended as an error of our own"


async def failed(disk: FaultyDisk) -> bool:
    return disk.fault is not None


async def settled(stage: Stage, count: int) -> bool:
    return len(stage.lab.texts_delivered(CHAT)) >= count
