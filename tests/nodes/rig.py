"""Several gateways on one database and one simulated world, in one process under the virtual clock.

Each node has its own context: the loop knows by it whose a callback is, and runs none of a node that is frozen, as a
process that got SIGSTOP; thawed, it goes on in the middle of whatever it was at, its timers long overdue. A node that
is cut off meets a database that is away. Whoever reaches a provider is checked at that moment against the database:
whose session it is, and whether that node's lease runs. Never lives here: what must hold (the tests say).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextvars import Context, ContextVar, copy_context
from heapq import heapify, heappush
from typing import Any, Self, TypeVar

from esteio.clock import LoopClock
from esteio.core.model.ids import SessionName
from esteio.core.model.session import Session
from esteio.engine.commands.commands import Commands
from esteio.engine.runtime.node_leases import NodeName
from esteio.gateway import Gateway
from esteio.providers.base import HttpRequest, HttpResponse, Transport
from esteio.providers.registry import load
from esteio.sim.clock.virtual_loop import START_EPOCH, VirtualLoop
from esteio.sim.lab import SEALING_KEY, Lab
from esteio.sim.world.transport import SimTransport
from esteio.store.base import CrashReport, StoreFull, WriteError
from esteio.store.sql.db import Batch, Db, Item, Operation, Question
from esteio.store.sql.store import SqlStore
from esteio.store.sqlite.database import MEMORY, SqliteDatabase
from esteio.store.statistics import DatabaseStatistics
from esteio.vault import Vault
from tests.narrowing import of_type

T = TypeVar("T")
NODE: ContextVar[str] = ContextVar("node", default="")
READ_ONLY = ("fetchInstances", "findChats")


class Stopped:
    """What a frozen node would have run: callbacks in their order, and timers."""

    def __init__(self) -> None:
        self.ready: list[Any] = []
        self.timers: list[Any] = []


class NodesLoop(VirtualLoop):
    """A virtual loop that runs nothing of the nodes that are frozen."""

    def __init__(self, epoch0: float = START_EPOCH) -> None:
        self.frozen: dict[str, Stopped] = {}
        super().__init__(epoch0)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[T]:
        """A task is its maker's, also where that gives it a context of its own."""
        if context is not None and NODE not in context:
            context.run(NODE.set, NODE.get())
        return super().create_task(coro, name=name, context=context)

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Whoever answers a frozen node answers to its stopped process."""
        handle = super().call_soon(callback, *args, context=context)
        if self.frozen and (stopped := self.frozen.get(_node_of(self._ready[-1]))) is not None:
            stopped.ready.append(self._ready.pop())
        return handle

    def freeze(self, node: str) -> None:
        """Nothing of this node runs until it is thawed."""
        stopped = self.frozen.setdefault(node, Stopped())
        stopped.ready += [one for one in self._ready if _node_of(one) == node]
        stopped.timers += [one for one in self._timers if _node_of(one[2]) == node]
        ready = [one for one in self._ready if _node_of(one) != node]
        self._ready.clear()
        self._ready.extend(ready)
        self._timers[:] = [one for one in self._timers if _node_of(one[2]) != node]
        heapify(self._timers)

    def thaw(self, node: str) -> None:
        """It goes on: with what became ready meanwhile, then with its timers, of which many are overdue."""
        stopped = self.frozen.pop(node, None)
        if stopped is not None:
            self._ready.extend(stopped.ready)
            for when, count, timer in stopped.timers:
                heappush(self._timers, (when, count, timer))


def _node_of(handle: Any) -> str:
    return str(handle._context.get(NODE, ""))


class Reach:
    """One node's way to the database; `cut`: it is away."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self.cut = False

    def _open(self) -> SqliteDatabase:
        if self.cut:
            raise StoreFull("the database is away")
        return self._database

    @property
    def reader(self) -> Db:
        return self._open().reader

    async def write(self, operation: Operation[T], *, first: bool = False) -> T:
        return await self._open().write(operation, first=first)

    async def write_apart(self, operation: Operation[T]) -> T:
        return await self._open().write_apart(operation)

    async def write_each(self, operation: Batch[Item, T], item: Item) -> T:
        return await self._open().write_each(operation, item)

    async def snapshot(self, question: Operation[T]) -> T:
        return await self._open().snapshot(question)

    async def listen(self, told: Callable[[], None], others: Callable[[], bool]) -> None:
        await asyncio.Event().wait()

    async def session(self, question: Question, word: int | str) -> Session | None:
        return await self._open().session(question, word)


class NodeStore(SqlStore):
    """A node's store over the database that all share: it is opened and closed elsewhere."""

    write_error: WriteError = ""

    def __init__(self, reach: Reach) -> None:
        self.reach = reach
        self.statistics = DatabaseStatistics()
        super().__init__(reach)

    async def start(self, now: float) -> CrashReport:
        return CrashReport((), ())

    async def aclose(self) -> None:
        """The others go on."""

    async def ping(self, now: float) -> None:
        async def operation(db: Db) -> None:
            await db.run("heartbeat", {"now": await db.clock(now)})

        await self.reach.write(operation)


class NodeRoad:
    """A node's road to the providers. What has left goes on without it."""

    def __init__(self, node: Node, real: Transport) -> None:
        self._node, self._real = node, real

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        self._node.lab.reached(self._node, request)
        world = Context()
        world.run(NODE.set, "")
        going = asyncio.get_running_loop().create_task(self._exchange(request), context=world)
        return await asyncio.shield(going)

    async def _exchange(self, request: HttpRequest) -> HttpResponse:
        return await self._real.exchange(request)

    async def aclose(self) -> None:
        """It is the world's."""


class Node:
    """One gateway of several. A restart is another `Node` of the same name."""

    def __init__(self, lab: NodesLab, name: str, skew_s: float = 0.0) -> None:
        self.lab, self.name = lab, name
        self.reach = Reach(lab.database)
        self.alive = False
        self.context = copy_context()
        self.context.run(NODE.set, name)
        self.clock = LoopClock(lab.world.epoch0 + skew_s, lab.draw())
        self.gateway: Gateway = self.context.run(self._gateway)

    def _gateway(self) -> Gateway:
        lab = self.lab
        return Gateway(
            lab.settings,
            store=NodeStore(self.reach),
            clock=self.clock,
            transport=NodeRoad(self, lab.road),
            public_transport=lab.subscribers,
            media_store=lab.media_store,
            resolve=lab.subscribers.resolve,
            registry=load(),
            vault=Vault(SEALING_KEY),
            notifier=lab.told,
            node=NodeName(self.name, self.clock),
        )

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Something that this node does."""
        return await asyncio.get_running_loop().create_task(work, context=self.context)

    async def start(self) -> None:
        await self.run(self.gateway.start())
        self.alive = True

    async def stop(self) -> None:
        """As at SIGTERM."""
        self.alive = False
        self.gateway.drain()
        await self.run(self.gateway.aclose())

    @property
    def frozen(self) -> bool:
        return self.name in self.lab.loop.frozen

    def freeze(self) -> None:
        """As at SIGSTOP."""
        self.lab.loop.freeze(self.name)

    def thaw(self) -> None:
        """As at SIGCONT."""
        self.lab.loop.thaw(self.name)

    async def kill(self) -> None:
        """As at kill -9: it says goodbye to nobody."""
        self.alive, self.reach.cut = False, True
        gateway = self.gateway
        await gateway.supervisor.aclose()
        await gateway.scheduler.aclose()
        workers = (gateway.sends, gateway.work, gateway.deliveries, gateway.fetcher)
        await asyncio.gather(*(worker.aclose(0) for worker in workers))
        if gateway.nodes is not None:
            await gateway.nodes.aclose()

    @property
    def serves(self) -> bool:
        """Whether whoever shares out the callers sends any here."""
        return self.alive and not self.frozen and not self.reach.cut


class NodesLab(Lab):
    """One world, one database, and nodes `n0`, `n1` … over it. Use as an async context manager, in a `NodesLoop`."""

    def __init__(self, nodes: int = 3, seed: int = 0, *, skews: Mapping[int, float] = {}, **settings: Any) -> None:
        self.loop = of_type(NodesLoop, asyncio.get_running_loop())
        self.database = SqliteDatabase(MEMORY, inline=True, vfs=None)
        self.database.open()
        self.database.db.own_clock = self._database_clock
        self.nodes: list[Node] = []
        self._turn = 0
        self._skews, self._count = skews, nodes
        self.trespasses: list[str] = []
        """Who reached a provider for a session that was not his."""
        self.reaches: dict[str, list[tuple[float, str]]] = {}
        """By session, when which node reached its provider for it."""
        # A line is looked at so often that who goes on looking at it is seen.
        policy = {"default": {"probe_idle_s": 5.0}}
        super().__init__(seed, settings={"policy": policy, **settings})

    def _database_clock(self) -> float:
        return self.world.now()

    def draw(self) -> int:
        return self.world.dice.getrandbits(32)

    def _gateway(self) -> Gateway:
        self.road = SimTransport(self.world)
        self.nodes = [Node(self, f"n{n}", self._skews.get(n, 0.0)) for n in range(self._count)]
        return self.nodes[0].gateway

    def any(self) -> Node:
        """The next one that a caller is led to."""
        serving = [node for node in self.nodes if node.serves]
        self._turn += 1
        return serving[self._turn % len(serving)]

    @property
    def commands(self) -> Commands:
        return self.any().gateway.commands

    async def __aenter__(self) -> Self:
        self.world.on_webhook = self._shared_webhook
        await asyncio.gather(*(node.start() for node in self.nodes))
        self.store = NodeStore(Reach(self.database))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.world.on_webhook = None
        for node in self.nodes:
            node.reach.cut = True
            node.thaw()
        for node in self.nodes:
            if node.alive:
                await node.kill()

    async def _shared_webhook(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        if not any(node.serves for node in self.nodes):
            return 503
        return await self.any().run(self._webhook(url, headers, body))

    def node(self, name: str) -> Node:
        """The present process of this name."""
        return next(node for node in reversed(self.nodes) if node.name == name)

    async def again(self, name: str) -> Node:
        """A new process of this node."""
        node = Node(self, name)
        self.nodes.append(node)
        await node.start()
        return node

    # -- who acts ---------------------------------------------------------------------------------------------------

    def holders(self) -> dict[str, str]:
        """Whose each session is now, by the database; "" for one that nobody living holds."""
        rows = self.database.db.connection.execute(
            "SELECT s.name, n.id, n.ended, n.lease_until FROM sessions s"
            " JOIN session_owners o ON o.session_id = s.id LEFT JOIN nodes n ON n.epoch = o.node"
        )
        now = self.world.now()
        return {name: node if node and not ended and until > now else "" for name, node, ended, until in rows}

    def reached(self, node: Node, request: HttpRequest) -> None:
        """Each exchange that is about a session is its holder's."""
        words = request.url.split("?")[0].rsplit("/", 1)
        holders = self.holders()
        session = words[-1]
        if session not in holders or any(word in request.url for word in READ_ONLY):
            return
        self.reaches.setdefault(session, []).append((self.world.now(), node.name))
        if holders[session] != node.name:
            what = f"{request.method} {request.url.split('/', 3)[-1]}"
            self.trespasses.append(f"{self.world.now():.3f} {node.name}: {what}, held by {holders[session] or '-'}")

    async def held_by(self, session: str, name: str, within_s: float = 30.0) -> float:
        async def is_so() -> bool:
            return self.holders()[session] == name

        return await self.until(is_so, within_s)

    async def all_held(self, within_s: float = 30.0) -> float:
        """Until every session has a living holder; the seconds it took."""

        async def is_so() -> bool:
            return all(self.holders().values())

        return await self.until(is_so, within_s)

    async def fleet(self, count: int, server: str = "evo") -> list[str]:
        """So many linked sessions, settled."""
        await self.add_server(server)
        names = [f"s{n:02}" for n in range(count)]
        for n, name in enumerate(names):
            await self.adopt(server, name, f"55119999{n:05}")
        await self.all_held()
        return names

    async def found(self, name: str) -> Session:
        return of_type(Session, await self.store.sessions.by_name(SessionName(name)))


def run_nodes(story: Callable[[], Awaitable[T]], limit_s: float = 20_000) -> T:
    """Run a story to its end on a fresh loop of nodes."""
    loop = NodesLoop()
    loop.limit(limit_s)
    asyncio.set_event_loop(loop)

    async def whole() -> T:
        return await story()

    try:
        return loop.run_until_complete(whole())
    finally:
        loop.limit(None)
        for node in list(loop.frozen):
            loop.thaw(node)
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        asyncio.set_event_loop(None)
