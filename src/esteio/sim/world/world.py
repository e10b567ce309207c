"""The one ground-truth world: phones, WhatsApp, provider servers, and the ledger of what really happened.

A test, the storm, the demo and the sandbox all hold one `World`. The dialects that its servers speak are handed in
(`sim.providers.faces.new_world` hands in all of them). Never lives here: a dialect, HTTP, a fault (see `faults`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from esteio.sim.clock.virtual_loop import START_EPOCH
from esteio.sim.world.environment import Environment
from esteio.sim.world.instance import Instance, Truth
from esteio.sim.world.server import Face, SimServer
from esteio.sim.world.webhooks import WebhookSender

Faces = Mapping[str, Callable[[SimServer], Face]]
"""By a server's kind: what makes the HTTP side of such a server."""


class World(Environment):
    """The simulated world: an environment, and servers of the kinds that `faces` has a dialect for."""

    def __init__(
        self, faces: Faces, seed: int = 0, epoch0: float = START_EPOCH, *, connecting_event_rate: float = 1.0
    ) -> None:
        super().__init__(seed, epoch0, connecting_event_rate=connecting_event_rate)
        self._faces = faces
        self.servers: dict[str, SimServer] = {}
        self.by_host: dict[str, list[SimServer]] = {}

    def add_server(
        self, name: str, kind: str, version: str = "2.3.7", base_url: str | None = None, apikey: str = "SIM-KEY"
    ) -> SimServer:
        """A provider server that runs. Names and base URLs are unique; ValueError: no face for this kind."""
        face = self._faces.get(kind)
        if face is None:
            raise ValueError(f"no face for servers of kind {kind!r}; known: {', '.join(self._faces)}")
        server = SimServer(
            self, name, kind=kind, version=version, base_url=base_url or f"http://{name}.sim", apikey=apikey
        )
        server.face = face(server)
        server.webhook_sender = WebhookSender(self, name, server.face.retry_rule)
        self.servers[name] = server
        self.mount(server)
        return server

    def mount(self, server: SimServer) -> None:
        """Make the server reachable under its `base_url` (again, after the sandbox gave it a port)."""
        for homes in self.by_host.values():
            if server in homes:
                homes.remove(server)
        homes = self.by_host.setdefault(server.host, [])
        homes.append(server)
        homes.sort(key=lambda one: -len(one.base_path))

    def restart_server(self, name: str, *, down_s: float = 2.0, boot_s: float = 20.0, flap_s: float = 0.0) -> None:
        """The process is restarted: refused for `down_s`, instances come back within `boot_s`, sockets are thrown out
        again for `flap_s`."""
        self.servers[name].reboot(down_s, boot_s, flap_s)

    def plant(self, server: str, session: str, number: str, *, webhook_url: str = "", token: str = "") -> Instance:
        """An instance that exists at the provider, paired with `number` and open, as after a good week."""
        self.phone(number)
        return self.servers[server].face.plant(session, number, webhook_url=webhook_url, token=token)

    def line(self, server: str, session: str) -> Instance:
        """The instance; KeyError when the server does not hold it."""
        return self.servers[server].lines[session]

    def truth(self, server: str, session: str) -> Truth:
        """What is really so. KeyError when there is no such instance."""
        return self.line(server, session).truth()

    def truths(self) -> list[Truth]:
        """What is really so with every instance of every server (`Instance.truth`)."""
        return [instance.truth() for server in self.servers.values() for instance in server.lines.values()]
