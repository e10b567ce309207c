"""Those who subscribed to webhooks, as the relay meets them: up, slow, broken, gone; and what they were told.

`Subscribers` is a transport that leads to them instead of the internet. Everything that arrives is kept with its time,
also what is then refused, so that a checker can ask for loss, order and doubles. Never lives here: what is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from esteio.providers.base import HttpRequest, HttpResponse, TransportFailed
from esteio.sim.world.environment import Environment

PUBLIC_ADDRESS = "93.184.216.34"


class Arrived(msgspec.Struct, frozen=True):
    """One request that reached a subscriber, and how it was answered."""

    at: float
    request: HttpRequest
    status: int

    @property
    def id(self) -> str:
        return self.request.headers["webhook-id"]

    @property
    def body(self) -> Any:
        return msgspec.json.decode(self.request.body)


class Subscriber:
    """One receiver by its host name."""

    def __init__(self, world: Environment, host: str) -> None:
        self._world = world
        self.host = host
        self.url = f"https://{host}/hook"
        self.up = True
        self.status = 200
        self.retry_after = ""
        """The header of that name in its refusals."""
        self.takes_s = 0.01
        self.refuses: Callable[[Any], bool] = lambda _body: False
        """Bodies that it answers with 500, whatever `status` says."""
        self.knocks: list[float] = []
        """When somebody tried to reach it, also in vain."""
        self.arrived: list[Arrived] = []
        self._working: set[asyncio.Task[HttpResponse]] = set()

    @property
    def taken(self) -> list[Arrived]:
        """What it answered with 2xx, in order."""
        return [one for one in self.arrived if 200 <= one.status < 300]

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """One request. Raises `TransportFailed` while it is down."""
        self.knocks.append(self._world.now())
        if not self.up:
            raise TransportFailed("the connection was refused", sent="no")
        if self.takes_s > request.timeout_s:
            await asyncio.sleep(request.timeout_s)
            raise TransportFailed("no answer in time", sent="maybe", timed_out=True)
        # Its own task: what has arrived is worked on to its end, whoever has hung up meanwhile.
        task = asyncio.get_running_loop().create_task(self._work(request))
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return await asyncio.shield(task)

    async def _work(self, request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(self.takes_s)
        status = 500 if self.refuses(msgspec.json.decode(request.body)) else self.status
        self.arrived.append(Arrived(self._world.now(), request, status))
        return HttpResponse(status, {"retry-after": self.retry_after} if self.retry_after else {}, b"")


class Subscribers:
    """Implements `providers.base.Transport` and a resolver over a world's subscribers."""

    def __init__(self, world: Environment) -> None:
        self._world = world
        self._by_host: dict[str, Subscriber] = {}

    def add(self, host: str) -> Subscriber:
        """A new receiver at `https://HOST/hook`."""
        made = self._by_host[host] = Subscriber(self._world, host)
        return made

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        """The answer of the subscriber at the URL's host. Raises `TransportFailed` for an unknown host."""
        host = request.url.partition("://")[2].partition("/")[0]
        if host not in self._by_host:
            raise TransportFailed("the name could not be resolved", sent="no")
        return await self._by_host[host].answer(request)

    async def aclose(self) -> None:
        """Nothing is held open."""

    async def resolve(self, host: str) -> Sequence[str]:
        """A name that subscribed is out in the world. Raises OSError for any other."""
        if host not in self._by_host:
            raise OSError(f"no such host: {host}")
        return [PUBLIC_ADDRESS]
