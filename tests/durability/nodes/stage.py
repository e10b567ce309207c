"""Three real gateways on one real PostgreSQL, each by a way of its own, before one sandbox; and an application.

The application hands its messages to any node in turn and repeats with the same key what was not answered; a load
balancer leads the providers' webhooks to any node; a subscriber takes what is delivered. Never
lives here: a fault, what must hold.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from esteio.sim.sandbox.servers import live_world, serve_sandbox
from esteio.sim.world.world import World
from tests.durability.nodes.node_process import Node, Unanswered
from tests.durability.nodes.witness import Book, SeenFace
from tests.postgres_server.cluster import Cluster
from tests.postgres_server.proxy import Proxy

NODES = ("red", "green", "blue")
"""Names among which the first six sessions are spread over all."""
SESSIONS = 6
CHATS = 1
PAUSE_S = 0.7
"""Of each chat's application, between two messages."""
NUMBER = "5511999{:06}"
CONTACT = "55119888{:05}"
_databases = count(1)
_BEGUN = "SELECT state, CAST(CAST(facts AS jsonb) ->> 'webhook_set_at' AS double precision) > 0 FROM sessions"
"""What is written to an adopted session before its server calls us is told by no webhook."""


class Subscriber:
    """Takes events, and remembers in which order they first came."""

    def __init__(self) -> None:
        self.url = ""
        self.came: list[int] = []
        self._seen: set[int] = set()

    async def take(self, request: web.Request) -> web.Response:
        seq = int(request.headers["webhook-id"].split("_")[1])
        await request.read()
        if seq not in self._seen:
            self._seen.add(seq)
            self.came.append(seq)
        return web.Response(status=204)


class Application:
    """What an application sent, and what the world's contacts wrote to it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._stop, self._over = asyncio.Event(), asyncio.Event()
        self.accepted: dict[tuple[str, str], list[str]] = {}
        """By session and chat, in the order of acceptance."""
        self.written: list[str] = []
        self.by_node: Counter[str] = Counter()

    async def run(self) -> None:
        """Until `end`."""
        places = [(name, at) for name in self._stage.sessions for at in range(CHATS)]
        pairs = [(name, CONTACT.format(n)) for n, (name, _) in enumerate(places)]
        async with asyncio.TaskGroup() as group:
            for session, chat in pairs:
                group.create_task(self._send(session, chat))
            group.create_task(self._write())
        self._over.set()

    async def end(self) -> None:
        """Nothing is handed over from now on, and what is on its way was answered: it may come late from a node that
        was away, and is no loss."""
        self._stop.set()
        await self._over.wait()

    async def _send(self, session: str, chat: str) -> None:
        """One after another: the next is handed over when the one before was accepted."""
        mine = self.accepted[session, chat] = []
        while not self._stop.is_set():
            text = f"{session} {chat} {len(mine)}"
            body, key = {"to": chat, "text": text}, {"Idempotency-Key": text}
            node = await self._stage.asked("POST", f"/v1/sessions/{session}/messages", body, (200, 202), **key)
            self.by_node[node.name] += 1
            mine.append(text)
            await asyncio.sleep(PAUSE_S)

    async def _write(self) -> None:
        while not self._stop.is_set():
            turn = len(self.written)
            self.written.append(f"resposta {turn}")
            phone = NUMBER.format(turn % SESSIONS)
            self._stage.world.contact_sends(phone, CONTACT.format(turn % (SESSIONS * CHATS)), self.written[-1])
            await asyncio.sleep(0.5)


class Stage:
    """All of it, running."""

    def __init__(self, cluster: Cluster, database: str, world: World, nodes: Mapping[str, Node]) -> None:
        self.world, self.nodes = world, nodes
        self.ways: dict[str, Proxy] = {}
        """Each node's, to the database."""
        self.book = Book(cluster.url(database))
        self.subscriber = Subscriber()
        self.sessions = [f"s{n}" for n in range(SESSIONS)]
        self.face: SeenFace
        self._turn = count()

    # -- callers ----------------------------------------------------------------------------------------------------

    def any(self) -> Node:
        """The next one in turn, whether it lives or not: a caller does not know."""
        nodes = list(self.nodes.values())
        return nodes[next(self._turn) % len(nodes)]

    async def asked(self, method: str, path: str, body: Any, fine: Sequence[int], **headers: str) -> Node:
        """Ask node after node until one answers well; which it was."""
        while True:
            node = self.any()
            try:
                status, told = await node.ask(method, path, body, **headers)
            except Unanswered:
                await asyncio.sleep(0.05)
                continue
            if status in fine:
                return node
            assert status in (500, 502, 503, 504), (status, told)
            await asyncio.sleep(0.05)

    async def hook(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """A provider's webhook, led to any node; to the next where nobody answers."""
        for _ in NODES:
            try:
                return await self.any().hook(urlsplit(url).path, dict(headers), body)
            except Unanswered:
                continue
        return 0

    # -- what is waited for -----------------------------------------------------------------------------------------

    async def until(self, what: str, holds: Callable[[], Awaitable[bool]], within_s: float = 90.0) -> None:
        try:
            async with asyncio.timeout(within_s):
                while not await holds():
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"never: {what}; in the database:\n{self.book.under_way()}") from None

    async def holders(self) -> dict[str, str]:
        return await asyncio.to_thread(self.book.holders)

    async def held_by(self, name: str) -> list[str]:
        """The sessions of this node; some, before long."""
        found: list[str] = []

        async def some() -> bool:
            found[:] = [session for session, node in (await self.holders()).items() if node == name]
            return bool(found)

        await self.until(f"{name} holds a session", some)
        return found

    async def taken_over(self, sessions: Sequence[str], before: str) -> None:
        """Until others hold all of these."""

        async def so() -> bool:
            holders = await self.holders()
            return all(holders[one] not in ("", before) for one in sessions)

        await self.until(f"{sessions} of {before} are taken over", so)

    async def acted_for(self, sessions: Sequence[str], before: str) -> None:
        """Until others have sent for each of these, from now on."""
        since = len(self.face.acts)

        async def so() -> bool:
            return {*sessions} <= {act.session for act in self.face.acts[since:] if act.node != before}

        await self.until(f"others than {before} send for {sessions}", so)

    # -- the beginning ----------------------------------------------------------------------------------------------

    async def open(self, provider: str) -> None:
        """The server, its sessions, and the subscriber are known; every node has its share."""
        await asyncio.gather(*(node.start() for node in self.nodes.values()))
        async with asyncio.timeout(120):
            await asyncio.gather(*(node.ready() for node in self.nodes.values()))
        await asyncio.to_thread(self.book.open)
        for n, name in enumerate(self.sessions):
            self.world.plant("evolution", name, NUMBER.format(n))
        server = {"name": "evo", "kind": "evolution", "base_url": provider, "credentials": {"apikey": "sandbox-key"}}
        await self.asked("POST", "/v1/servers", server, (201, 409))
        await self.asked("POST", "/v1/servers/evo/adopt", {"instances": "all"}, (200,))
        await self.asked("POST", "/v1/webhooks", {"url": self.subscriber.url}, (201,))

        async def settled() -> bool:
            rows = await asyncio.to_thread(self.book.rows, _BEGUN)
            holders = await self.holders()
            spread = {node for node in holders.values() if node} == {*self.nodes}
            begun = set(rows) == {("connected", True)}
            return spread and len(holders) == SESSIONS and begun

        await self.until("every session is connected and its webhook ours, every node has some", settled)


@asynccontextmanager
async def stage(
    cluster: Cluster, folder: Path, *, skews: Mapping[str, float] = {}, port: int = 0
) -> AsyncIterator[tuple[Stage, Application]]:
    """`port`: of what stands between the nodes and the database beside their proxies; the application runs."""
    database = f"nodes_{folder.name[-20:]}_{next(_databases)}".replace("-", "_")
    cluster.create(database)
    world = live_world()
    async with AsyncExitStack() as stack:
        stack.callback(cluster.drop, database)
        client = await stack.enter_async_context(aiohttp.ClientSession())
        nodes: dict[str, Node] = {}
        found = Stage(cluster, database, world, nodes)
        for name in NODES:
            way = found.ways[name] = stack.enter_context(Proxy(port or cluster.port))
            url = cluster.url(database, port=way.port)
            nodes[name] = Node(name, folder / name, client, url, skews.get(name, 0.0))
            stack.push_async_callback(nodes[name].kill)
        world.on_webhook = found.hook
        sandbox = await serve_sandbox(world, evolution="127.0.0.1:0")
        stack.push_async_callback(sandbox.aclose)
        home = world.servers["evolution"]
        found.face = home.face = SeenFace(home)
        await stack.enter_async_context(_listening(found.subscriber))
        await found.open(sandbox.urls["evolution"])
        async with asyncio.TaskGroup() as group:
            application = Application(found)
            running = group.create_task(application.run())
            yield found, application
            running.cancel()


@asynccontextmanager
async def _listening(subscriber: Subscriber) -> AsyncIterator[None]:
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/events", subscriber.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        subscriber.url = f"http://127.0.0.1:{runner.addresses[0][1]}/events"
        yield
    finally:
        await runner.cleanup()
