"""What many run today, to compare with: a plain poller beside an application that sends straight to the provider.

Every `EVERY_S` each instance's state is read; "close" calls for a restart at once, three failed reads in a row do too;
two tries, each looked at after a minute, and a notice every half hour while it is down. A send is posted once, and what
the provider refuses is lost. It stands on the same world and speaks through the same adapters as the gateway.

Never lives here: a judgement of evidence. That is the point of the comparison.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from esteio.core.model.content import Content
from esteio.core.model.ids import ServerName
from esteio.providers import driver
from esteio.providers.base import OutgoingMessage, Provider, SessionEndpoint
from esteio.providers.registry import load
from esteio.sim.storm.plan import Plan, PlannedLine
from esteio.sim.world.transport import SimTransport
from esteio.sim.world.world import World

EVERY_S = 300.0
FAILURES = 3
TRIES = 2
LOOK_AFTER_S = 60.0
NOTICE_EVERY_S = 1800.0
SEND_TIMEOUT_S = 75.0
HOOK = "http://app.sim/hook"


class Watched(msgspec.Struct):
    """One instance as the poller knows it."""

    line: PlannedLine
    provider: Provider
    where: SessionEndpoint
    failures: int = 0
    tries: int = 0
    down: bool = False
    told_at: float = 0.0


class Baseline:
    """The poller. `believed(line, usable)` hears what it thinks of a line; `told` counts the notices."""

    def __init__(self, world: World, plan: Plan, believed: Callable[[PlannedLine, bool], None]) -> None:
        self.world, self._believed = world, believed
        self.transport = SimTransport(world)
        self.notices = 0
        self.answers: dict[str, int] = {}
        """How the sends were answered."""
        self._watched = [self._watch(plan, line) for line in plan.lines]
        self._tasks: list[asyncio.Task[None]] = []

    def _watch(self, plan: Plan, line: PlannedLine) -> Watched:
        kind = next(server.kind for server in plan.servers if server.name == line.server)
        home = self.world.servers[line.server]
        self.world.plant(line.server, line.name, line.number, webhook_url=HOOK, token=f"token-{line.name}")
        ref = {"instance_id": line.name, "token": f"token-{line.name}"} if kind == "wapi" else {}
        ref |= {"instance_name": line.name} if kind == "evolution" else {}
        where = SessionEndpoint(
            server=ServerName(line.server),
            base_url=home.base_url,
            credentials={} if kind == "wapi" else {"apikey": home.apikey},
            session=line.name,
            ref=ref,
            phone=line.number,
            webhook_url=HOOK,
        )
        return Watched(line, load().get(kind), where)

    async def start(self) -> None:
        """Begin to poll; the instances are spread over the first period."""
        for index, one in enumerate(self._watched):
            first = EVERY_S * index / len(self._watched)
            self._tasks.append(asyncio.get_running_loop().create_task(self._poll(one, first)))

    async def aclose(self) -> None:
        """Ends the polling tasks and closes the transport."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.transport.aclose()

    # -- the application's send -----------------------------------------------------------------------------------

    async def send(self, index: int, contact: str, text: str) -> None:
        """Post it once; whatever the answer is, that was it."""
        one = self._watched[index]
        message = OutgoingMessage(contact, Content("text", text=text))
        flow = one.provider.send(one.where, self.world.now(), message, SEND_TIMEOUT_S)
        outcome = await driver.run(flow, self.transport)
        self.answers[outcome.certainty] = self.answers.get(outcome.certainty, 0) + 1

    # -- the poll -------------------------------------------------------------------------------------------------

    async def _poll(self, one: Watched, first: float) -> None:
        await asyncio.sleep(first)
        while True:
            await self._check(one)
            await asyncio.sleep(LOOK_AFTER_S if one.down and one.tries < TRIES else EVERY_S)

    async def _check(self, one: Watched) -> None:
        said = await self._state(one)
        if said == "open":
            one.failures = one.tries = 0
            self._is(one, down=False)
            return
        one.failures += 1
        if said != "close" and one.failures < FAILURES:
            return
        self._is(one, down=True)
        if one.tries < TRIES:
            one.tries += 1
            await driver.run(one.provider.restart(one.where, self.world.now()), self.transport)

    async def _state(self, one: Watched) -> str:
        outcome = await driver.run(one.provider.probe(one.where, self.world.now(), "state"), self.transport)
        kinds = [evidence.kind for evidence in outcome.evidence]
        if "said_open" in kinds:
            return "open"
        return "close" if "said_closed" in kinds else "?"

    def _is(self, one: Watched, *, down: bool) -> None:
        if down != one.down:
            one.down = down
            self._believed(one.line, not down)
        now = self.world.now()
        if down and now - one.told_at >= NOTICE_EVERY_S:
            one.told_at = now
            self.notices += 1
