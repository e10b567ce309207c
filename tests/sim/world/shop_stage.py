"""The shop: one Evolution server with one session, a client before it, and its webhooks as they came."""

import msgspec

from esteio.providers.base import HttpRequest
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.providers.faces import new_world
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.transport import SimTransport

PHONE, CONTACT = "5511955550001", "5511988887777"
CLOSED = "Connection Closed"


class Shop:
    """One Evolution server with one session that has been well for long, and a client before it."""

    def __init__(self, version="2.3.7", seed=3):
        self.world = new_world(seed)
        self.server = self.world.add_server("evo", "evolution", version)
        self.server.race_rate = 0.0
        self.line = self.world.plant("evo", "a", PHONE, webhook_url="http://gateway.sim/in/t")
        self.server.known_numbers.add(CONTACT)
        self.client = SimTransport(self.world)
        self.hooks = []
        self.world.on_webhook = self.receive
        self.answers = lambda _event: 200

    async def receive(self, url, headers, body):
        told = msgspec.json.decode(body)
        self.hooks.append((self.world.now(), told))
        return self.answers(told["event"])

    async def ask(self, method, path, body=None, timeout_s=75.0):
        raw = b"" if body is None else msgspec.json.encode(body)
        request = HttpRequest(method, f"{self.server.base_url}{path}", {"apikey": "SIM-KEY"}, raw, timeout_s)
        response = await self.client.exchange(request)
        return response.status, response.json() if not response.is_html else response

    async def send(self, text="oi", timeout_s=75.0):
        return await self.ask("POST", "/message/sendText/a", {"number": CONTACT, "text": text}, timeout_s)

    async def state(self):
        return (await self.ask("GET", "/instance/connectionState/a"))[1]["instance"].get("state")

    async def presence(self):
        return (await self.ask("POST", "/instance/setPresence/a", {"presence": "unavailable"}))[0]

    async def restart(self):
        return await self.ask("POST", "/instance/restart/a")

    async def connect(self):
        return (await self.ask("GET", "/instance/connect/a"))[1]

    def inject(self, kind, **params):
        inject(self.world, "evo", "a", Fault(kind, **params))

    @property
    def truth(self):
        return self.world.truth("evo", "a")

    def events(self, name):
        return [told for _, told in self.hooks if told["event"] == name]

    def delivered(self, text):
        return self.world.ledger.times_delivered(CONTACT, text)


def scene(version="2.3.7", limit_s=4 * 86400):
    def wrap(coroutine):
        def test():
            async def main():
                await coroutine(Shop(version))

            run_virtual(main, limit_s=limit_s)

        test.__name__ = coroutine.__name__
        return test

    return wrap
