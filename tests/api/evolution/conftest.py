"""The door with everything behind it, in virtual time: the gateway, its engine, and a sandbox Evolution."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest

from esteio.engine.commands.requests import KeyRequest
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.sim.providers.evolution.instance import EvolutionInstance

ADMIN = "an-admin-key-of-the-tests"
NUMBER = "5511955550001"


class DoorLab:
    """What a test holds: `lab` is the gateway and its world; `call` is a client at the door. No answer may hold a key
    of the provider's."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        transport = httpx.ASGITransport(app=lab.gateway.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://esteio/evolution", timeout=None)

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = ADMIN, **more: Any
    ) -> httpx.Response:
        """One request; `body` is JSON unless it is bytes."""
        headers = {"accept-language": "en", **more.pop("headers", {})}
        if key is not None:
            headers["apikey"] = key
        if body is not None:
            headers.setdefault("content-type", "application/json")
            more["content"] = body if isinstance(body, bytes) else msgspec.json.encode(body)
        answered = await self.http.request(method, path, headers=headers, **more)
        for secret in self.provider_keys():
            assert secret not in answered.text, "a key of the provider's"
            assert secret not in str(answered.headers), "a key of the provider's"
        return answered

    async def said(self, method: str, path: str, body: Any = None, *, status: int = 200, **more: Any) -> Any:
        """The same, as the document of an answer that must have this status."""
        answered = await self.call(method, path, body, **more)
        assert answered.status_code == status, answered.text
        return answered.json()

    async def refused(self, status: int, message: Any, method: str, path: str, body: Any = None, **more: Any) -> None:
        """A request that must be refused in Evolution's envelope with this message."""
        told = await self.said(method, path, body, status=status, **more)
        assert (told["status"], told["response"]["message"]) == (status, message)

    def provider_keys(self) -> list[str]:
        """Every secret of the provider's that a client could use there."""
        servers = self.lab.world.servers.values()
        tokens = [str(getattr(line, "token", "")) for server in servers for line in server.lines.values()]
        return [key for key in (*(server.apikey for server in servers), *tokens) if key]

    async def key(self, role: str, *sessions: str) -> str:
        """A key of ours."""
        request = KeyRequest("test", role, sessions or msgspec.UNSET)  # type: ignore[arg-type]
        return (await self.lab.commands.keys.create(request))[1]

    async def create(self, name: str = "loja", **more: Any) -> Any:
        """An instance made at the door; create's answer."""
        body = {"instanceName": name, "integration": "WHATSAPP-BAILEYS", "qrcode": True, **more}
        return await self.said("POST", "/instance/create", body, status=201)

    async def linked(self, name: str = "loja", number: str = NUMBER, **more: Any) -> Any:
        """An instance whose code a phone has scanned; create's answer."""
        made = await self.create(name, **more)
        self.lab.world.phone(number).scan(made["qrcode"]["code"])
        await self.lab.until_state(name, "connected", 120)
        return made

    def line(self, name: str = "loja") -> EvolutionInstance:
        """What is true of an instance in the sandbox."""
        line = self.lab.world.line("evo", name)
        assert isinstance(line, EvolutionInstance)
        return line


DoorTest = Callable[[DoorLab], Awaitable[None]]
DoorRunner = Callable[..., None]


@asynccontextmanager
async def door_lab(**settings: Any) -> AsyncIterator[DoorLab]:
    """A gateway that knows the sandbox Evolution `evo`."""
    lab = Lab(settings={"admin_key": ADMIN, "allow_targets": ("127.0.0.0/8",), **settings})
    async with lab:
        await lab.add_server("evo")
        door = DoorLab(lab)
        try:
            yield door
        finally:
            await door.http.aclose()


@pytest.fixture
def at_door() -> DoorRunner:
    """Runs `async def test(door)` in virtual time, with these settings."""

    def runner(test: DoorTest, **settings: Any) -> None:
        async def whole() -> None:
            async with door_lab(**settings) as door:
                await test(door)

        run_virtual(whole)

    return runner
