"""`SimTransport`: the gateway's one door to the network, opening into a `World` instead of the internet.

Latency, time-outs and failures by the loop's time, with the certainties of a real network. An exchange that is answered
without any wait costs no task: such are nearly all of a fleet's. When the client gives up,
the server goes on working: what it was asked to do may still happen. Never lives here: a dialect.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from functools import lru_cache, partial
from typing import Any

from esteio.providers.base import HttpRequest, HttpResponse, TransportFailed
from esteio.sim.clock.virtual_loop import pause
from esteio.sim.world.network import Cut, Hung, Refused, through
from esteio.sim.world.server import SimServer
from esteio.sim.world.world import World


class SimTransport:
    """Implements `providers.base.Transport` over a world. `latency_s` is the way there and back, drawn per exchange;
    (0, 0) takes it away."""

    def __init__(self, world: World, latency_s: tuple[float, float] = (0.002, 0.02)) -> None:
        self.world = world
        self.latency_s = latency_s
        self._left_behind: set[asyncio.Task[HttpResponse]] = set()

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        answer = await self._answered(request)
        if self.world.ledger.untold:
            self.world.ledger.heard(answer)
        return answer

    async def _answered(self, request: HttpRequest) -> HttpResponse:
        server = self._home(request.url)
        if self.latency_s[1]:
            await pause(self.world.dice.uniform(*self.latency_s))
        answer = through(server, request)
        try:
            waits_for = answer.send(None)
        except StopIteration as done_at_once:
            return done_at_once.value  # type: ignore[no-any-return]
        except Refused as refused:
            raise TransportFailed(str(refused), sent="no") from refused
        except Cut as cut:
            raise TransportFailed(str(cut), sent="maybe") from cut
        except Hung:
            waits_for = None
        return await self._patiently(request, _for_ever() if waits_for is None else _the_rest(answer, waits_for))

    async def _patiently(self, request: HttpRequest, rest: Coroutine[Any, Any, HttpResponse]) -> HttpResponse:
        """What takes time goes on by itself when the client has given up."""
        task = asyncio.get_running_loop().create_task(rest)
        self._left_behind.add(task)
        task.add_done_callback(self._done)
        done, _ = await asyncio.wait((task,), timeout=request.timeout_s)
        if not done:
            raise TransportFailed(f"no answer within {request.timeout_s:g} s", sent="maybe", timed_out=True)
        try:
            return task.result()
        except Refused as refused:
            raise TransportFailed(str(refused), sent="no") from refused
        except Cut as cut:
            raise TransportFailed(str(cut), sent="maybe") from cut

    def _done(self, task: asyncio.Task[HttpResponse]) -> None:
        self._left_behind.discard(task)
        if not task.cancelled():
            task.exception()

    def _home(self, url: str) -> SimServer:
        host, path = _address(url)
        for server in self.world.by_host.get(host, ()):
            if path.startswith(server.base_path):
                return server
        raise TransportFailed(f"no such host: {host}", sent="no")

    async def aclose(self) -> None:
        for task in list(self._left_behind):
            task.cancel()
        await asyncio.gather(*self._left_behind, return_exceptions=True)


@lru_cache(maxsize=8192)
def _address(url: str) -> tuple[str, str]:
    _, _, tail = url.partition("://")
    host, slash, path = tail.partition("/")
    return host, slash + path


async def _for_ever() -> HttpResponse:
    never: asyncio.Future[HttpResponse] = asyncio.get_running_loop().create_future()
    return await never


async def _the_rest(answer: Coroutine[Any, Any, HttpResponse], waits_for: Any) -> HttpResponse:
    """A coroutine that has begun outside a task and waits for something, carried on inside one."""
    try:
        return await _carried_on(answer, waits_for)
    except Hung:
        return await _for_ever()


@types.coroutine
def _carried_on(answer: Coroutine[Any, Any, HttpResponse], waits_for: Any) -> Generator[Any, Any, HttpResponse]:
    step: Callable[[], Any]
    while True:
        try:
            heard = yield waits_for
        except BaseException as error:  # noqa: BLE001 - a cancellation, too, is the coroutine's own
            step = partial(answer.throw, error)
        else:
            step = partial(answer.send, heard)
        try:
            waits_for = step()
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
