"""A client at the door, the gateway behind it, and a sandbox Evolution whose every received send is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import msgspec

from esteio.core.model.message import Message
from esteio.engine.commands.requests import KeyRequest
from esteio.providers.base import HttpRequest, HttpResponse
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.providers.faces import new_world
from esteio.sim.world.transport import SimTransport
from tests.media_hosts import MediaLab

ADMIN = "an-admin-key-of-the-tests"
PHONE = "5511999990001"
CUSTOMER = "5511988887777"
JID = f"{CUSTOMER}@s.whatsapp.net"
PICTURE = b"\xff\xd8\xff\xe0".ljust(64, b"\x00")


class Overheard(SimTransport):
    """The road to the sandbox, on which every send is kept as (call, body)."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.sends: list[tuple[str, dict[str, Any]]] = []

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        if "/message/send" in request.url:
            call = request.url.partition("/message/")[2].partition("/")[0]
            self.sends.append((call, msgspec.json.decode(request.body)))
        return await super().exchange(request)


class Stage:
    """What a test holds: `lab`, `sends` (what the sandbox received), and a client of the door."""

    def __init__(self, lab: MediaLab, road: Overheard) -> None:
        self.lab, self.sends = lab, road.sends
        transport = httpx.ASGITransport(app=lab.gateway.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://esteio/evolution", timeout=None)

    async def call(
        self, name: str, body: Any = None, *, key: str = ADMIN, to: str = "loja", **more: Any
    ) -> httpx.Response:
        """One send; `body` is JSON. Forms come by httpx's `data` and `files`."""
        headers = {"apikey": key, "accept-language": "en", **more.pop("headers", {})}
        if body is not None:
            more["json" if not isinstance(body, bytes) else "content"] = body
        return await self.http.post(f"/message/{name}/{to}", headers=headers, **more)

    async def sent(self, name: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """The answer of a send that must be taken."""
        answer = await self.call(name, body, **more)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def refused(self, status: int, message: Any, name: str, body: Any = None, **more: Any) -> None:
        """A send that must be refused in Evolution's envelope with this message."""
        answer = await self.call(name, body, **more)
        assert answer.status_code == status, answer.text
        assert answer.json()["response"]["message"] == message

    async def message(self, told: Mapping[str, Any]) -> Message:
        """The message behind an answer."""
        return await self.lab.message(told["key"]["id"])

    async def settled(self, told: Mapping[str, Any], state: str = "sent", within_s: float = 300) -> Message:
        """The same once it has gone so far."""
        after = ("sent", "delivered", "read") if state == "sent" else (state,)

        async def is_so() -> bool:
            return (await self.message(told)).state in after

        await self.lab.until(is_so, within_s)
        return await self.message(told)

    async def key(self, role: str, *sessions: str) -> str:
        """A key of ours."""
        request = KeyRequest("test", role, sessions or msgspec.UNSET)  # type: ignore[arg-type]
        return (await self.lab.commands.keys.create(request))[1]


Story = Callable[[Stage], Awaitable[None]]


def at_door(story: Story, *, policy: dict[str, Any] | None = None, kind: str = "evolution", **settings: Any) -> None:
    """Run one story: a linked session `loja` on a sandbox server of this kind. `settings` are the gateway's, and
    `policy` what differs from the default one."""

    async def whole() -> None:
        world = new_world(7)
        road = Overheard(world)
        options = {"admin_key": ADMIN, "policy": {"default": policy or {}}, **settings}
        async with MediaLab(7, world=world, transport=road, settings=options) as lab:
            await lab.add_server("evo", kind)
            await lab.adopt("evo", "loja", PHONE)
            stage = Stage(lab, road)
            try:
                await story(stage)
            finally:
                await stage.http.aclose()

    run_virtual(whole, limit_s=200_000)
