"""A client of the door before a whole gateway and a simulated Evolution, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec

from esteio.engine.commands.requests import KeyRequest, Role
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.instance import Instance
from tests.media_hosts import MediaLab
from tests.sim.ghost_stage import linked

PHONE = "5511999990001"
CUSTOMER = "5511988887777"
JID = f"{CUSTOMER}@s.whatsapp.net"


class Client:
    """One who knows Evolution's API and nothing else. `name`: the instance."""

    def __init__(self, lab: Lab, key: str, name: str = "loja") -> None:
        self.lab, self.name = lab, name
        transport = httpx.ASGITransport(app=lab.gateway.door)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://door", headers={"apikey": key})

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """One request; `{}` in the path is the instance."""
        content = None if body is None else msgspec.json.encode(body)
        headers = {"content-type": "application/json", "accept-language": "en"}
        return await self.http.request(method, path.format(self.name), content=content, headers=headers, **more)

    async def said(self, status: int, method: str, path: str, body: Any = None) -> Any:
        """The answer, which must have this status."""
        answer = await self.call(method, path, body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def find(self, where: Any = None, **more: Any) -> list[dict[str, Any]]:
        """The records of a look for messages."""
        body = {"where": where or {}, **more}
        found: list[dict[str, Any]] = (await self.said(200, "POST", "/chat/findMessages/{}", body))["messages"][
            "records"
        ]
        return found

    async def refused(self, status: int, method: str, path: str, body: Any = None) -> str:
        """A refusal in Evolution's envelope; its words."""
        answer = await self.said(status, method, path, body)
        assert answer["status"] == status
        message: str = answer["response"]["message"][0]
        return message


Story = Callable[[Client, Lab, Instance], Awaitable[None]]


async def client(lab: Lab, name: str = "loja", role: Role = "send") -> Client:
    """A client with a key for this session alone."""
    _, secret = await lab.commands.keys.create(KeyRequest("client", role, (name,)))
    return Client(lab, secret, name)


def play(story: Story, *, seed: int = 7, settings: dict[str, Any] | None = None) -> None:
    """Run one story with a linked session."""

    async def whole() -> None:
        async with MediaLab(seed, settings=settings) as lab:
            line = await linked(lab)
            await story(await client(lab), lab, line)

    run_virtual(whole, limit_s=200_000)


async def settled(lab: Lab, message_id: str) -> str:
    """The message's state once it has gone (or failed)."""

    async def is_so() -> bool:
        return (await lab.message(message_id)).state not in ("queued", "held", "sending")

    await lab.until(is_so, 300)
    return (await lab.message(message_id)).state


async def down(lab: Lab) -> None:
    """The server is gone, and Esteio has noticed."""
    inject(lab.world, "prov", None, Fault("server_down"))

    async def is_noticed() -> bool:
        return (await lab.session("loja")).gate == "held"

    await lab.until(is_noticed, 600)


async def sent(lab: Lab, text: str = "Oi", session: str = "loja", **more: Any) -> str:
    """A message of ours that has gone; our id."""
    message_id = await lab.send(session, CUSTOMER, text, **more)
    assert await settled(lab, message_id) in ("sent", "delivered", "read")
    return message_id
