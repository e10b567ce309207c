"""The shop: one Evolution server with one session, a client before it, and its webhooks as they came."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from esteio.providers.base import HttpRequest
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.providers.faces import new_world
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.instance import Truth
from esteio.sim.world.transport import SimTransport

PHONE, CONTACT = "5511955550001", "5511988887777"
CLOSED = "Connection Closed"


class Shop:
    """One Evolution server with one session that has been well for long, and a client before it."""

    def __init__(self, version: str = "2.3.7", seed: int = 3) -> None:
        self.world = new_world(seed)
        self.server = self.world.add_server("evo", "evolution", version)
        self.server.race_rate = 0.0
        self.line = self.world.plant("evo", "a", PHONE, webhook_url="http://gateway.sim/in/t")
        self.server.known_numbers.add(CONTACT)
        self.client = SimTransport(self.world)
        self.hooks: list[tuple[float, Any]] = []
        self.world.on_webhook = self.receive
        self.answers: Callable[[str], int] = lambda _event: 200

    async def receive(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        told = msgspec.json.decode(body)
        self.hooks.append((self.world.now(), told))
        return self.answers(told["event"])

    async def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, timeout_s: float = 75.0
    ) -> tuple[int, Any]:
        raw = b"" if body is None else msgspec.json.encode(body)
        request = HttpRequest(method, f"{self.server.base_url}{path}", {"apikey": "SIM-KEY"}, raw, timeout_s)
        response = await self.client.exchange(request)
        return response.status, response.json() if not response.is_html else response

    async def send(self, text: str = "oi", timeout_s: float = 75.0) -> tuple[int, Any]:
        return await self.ask("POST", "/message/sendText/a", {"number": CONTACT, "text": text}, timeout_s)

    async def state(self) -> str | None:
        state: str | None = (await self.ask("GET", "/instance/connectionState/a"))[1]["instance"].get("state")
        return state

    async def presence(self) -> int:
        return (await self.ask("POST", "/instance/setPresence/a", {"presence": "unavailable"}))[0]

    async def restart(self) -> tuple[int, Any]:
        return await self.ask("POST", "/instance/restart/a")

    async def connect(self) -> Any:
        return (await self.ask("GET", "/instance/connect/a"))[1]

    def inject(self, kind: str, **params: Any) -> None:
        inject(self.world, "evo", "a", Fault(kind, **params))

    def truth(self) -> Truth:
        return self.world.truth("evo", "a")

    def events(self, name: str) -> list[dict[str, Any]]:
        return [told for _, told in self.hooks if told["event"] == name]

    def delivered(self, text: str) -> int:
        return self.world.ledger.times_delivered(CONTACT, text)


Scene = Callable[[Shop], Awaitable[None]]


def scene(version: str = "2.3.7", limit_s: float = 4 * 86400) -> Callable[[Scene], Callable[[], None]]:
    def wrap(coroutine: Scene) -> Callable[[], None]:
        def test() -> None:
            async def main() -> None:
                await coroutine(Shop(version))

            run_virtual(main, limit_s=limit_s)

        test.__name__ = coroutine.__name__
        return test

    return wrap
