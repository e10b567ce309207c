"""Who watches over the fleet in a storm: the real gateway under one policy, or the plain poller.

Both take the application's messages, believe something of each line, and are asked at the end what became of it all.
Never lives here: the story (`storm`), a rule (`checkers`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from esteio.core.messages.doubts import is_aside
from esteio.core.model.ids import MessageId, SessionId
from esteio.core.model.policy import DEFAULT, Policy
from esteio.core.model.session import Session
from esteio.engine.commands.requests import MessageRequest, ServerRequest, SessionRequest
from esteio.engine.errors import CommandError
from esteio.sim.lab import BASE_URL, Lab
from esteio.sim.providers.wapi.instance import WapiInstance
from esteio.sim.storm.baseline import Baseline
from esteio.sim.storm.checkers import Checkers, text_of
from esteio.sim.storm.observer import Observer
from esteio.sim.storm.plan import Plan, PlannedLine, Talk
from esteio.sim.world.world import World
from esteio.store.base import Store, Work

MONITOR = "monitor"
ADOPTING_S = 45.0
"""How long the fleet is left alone after it was taken over."""


class MessageCounts(msgspec.Struct):
    """What became of the application's messages. `late`: delivered more than a minute after they were handed over."""

    accepted: int = 0
    delivered: int = 0
    refused_by_whatsapp: int = 0
    doubled: int = 0
    untellable: int = 0
    """Delivered twice, and no provider could have told (`Checkers.untellable`); not among the doubled."""
    late: int = 0
    lost: int = 0
    """Handed over, not delivered, and nobody keeps them."""
    waiting: int = 0
    in_doubt: int = 0
    said_failed: int = 0
    """Failed or expired, and the application was told why."""


class Weather(Protocol):
    """What a supervisor sees of the storm that it goes through."""

    plan: Plan
    world: World
    tables: dict[str, dict[str, Any]]
    checkers: Checkers
    witness: Observer
    delivered_at: dict[str, float]
    """By text, when it first reached its contact."""


class Supervisor(Protocol):
    """Who watches over the fleet and carries the application's messages."""

    @property
    def name(self) -> str: ...
    @property
    def policy(self) -> Policy: ...
    @property
    def notices(self) -> int: ...
    async def start(self) -> None:
        """Takes over the plan's servers and sessions; returns when traffic may begin."""
        ...

    async def submit(self, talk: Talk) -> None:
        """Takes one message of the application's, to be sent to its contact."""
        ...

    async def webhook(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Takes a provider's webhook; gives the HTTP status to answer with."""
        ...

    def usable(self, session: str) -> bool:
        """Whether an application may send by this session now, as far as the supervisor believes."""
        ...

    async def sample(self) -> None:
        """Compares at this moment what the supervisor stored with what the checkers allow."""
        ...

    async def well(self) -> list[str]:
        """What is still not in order after the calm, one sentence each; empty when all is."""
        ...

    async def account(self, storm: Weather, counts: MessageCounts) -> None:
        """Adds to `counts` what became of every message that was submitted, and checks those that ended."""
        ...

    async def digest(self) -> bytes:
        """A hash of every decision of the run; equal for equal runs. Empty where nothing is decided."""
        ...

    async def aclose(self) -> None:
        """Ends its tasks; the world goes on without it."""
        ...


class Guarded(Lab):
    """The gateway under one policy as a supervisor."""

    def __init__(self, storm: Weather, policy: Policy, store: Store | None = None) -> None:
        self.storm, self.policy, self.name = storm, policy, policy.name
        self._ids: dict[str, SessionId] = {}
        self._tokens: dict[str, Session] = {}
        self._accepted: dict[str, tuple[str, str]] = {}
        self._unsettled: dict[str, None] = {}
        self._gates: dict[str, bool] = {}
        super().__init__(storm.plan.seed, world=storm.world, settings={"policy": storm.tables}, store=store)
        self.told.notify = self._notified  # type: ignore[method-assign]
        self._ring = self.gateway.waiters.session_changed
        self.gateway.waiters.session_changed = self._changed  # type: ignore[method-assign]

    @property
    def notices(self) -> int:
        return len(self.told.notices)

    async def _notified(self, work: Work) -> bool:
        self.told.notices.append(work)
        self.storm.checkers.noticed(work)
        return True

    def _changed(self, session_id: SessionId) -> None:
        self._ring(session_id)
        session = self.gateway.memory.peek(session_id)
        if session is None:
            return
        checkers, witness = self.storm.checkers, self.storm.witness
        checkers.session_changed(session)
        usable = session.gate == "open"
        if self._gates.get(session.name) != usable:
            self._gates[session.name] = usable
            witness.believed(self.world.now(), session.server, session.name, usable=usable)

    def usable(self, session: str) -> bool:
        return self._gates.get(session, False)

    async def sample(self) -> None:
        for stored in await self.store.servers.all():
            self.storm.checkers.server_changed(stored.server)

    async def start(self) -> None:
        await self.gateway.start()
        for server in self.storm.plan.servers:
            await self._add(server.name, server.kind)
        for line in self.storm.plan.lines:
            await self._take_over(line)
        await asyncio.sleep(ADOPTING_S)

    async def _add(self, name: str, kind: str) -> None:
        server = self.world.servers[name]
        credentials = {} if kind == "wapi" else {"apikey": server.apikey}
        await self.commands.servers.add(ServerRequest(name, kind, server.base_url, credentials))

    async def _take_over(self, line: PlannedLine) -> None:
        """The session as its server's people left it: linked for long, its webhook already ours."""
        ask = SessionRequest(
            line.name, line.server, line.number, self._ref(line.server, line.name), self.name, adopt=True, wait_s=0
        )
        self.world.plant(line.server, line.name, line.number, token=f"token-{line.name}")
        opened = await self.commands.sessions.create(ask, "storm")
        self._ids[line.name] = opened.session.id

    async def submit(self, talk: Talk) -> None:
        line = self.storm.plan.lines[talk.line]
        session = self.gateway.memory.peek(self._ids[line.name]) or await self.session(line.name)
        text = text_of(talk.number)
        message, _ = await self.commands.messages.send(session, MessageRequest(talk.contact, text), caller="storm")
        self._accepted[message.id] = (line.name, text)
        self._unsettled[message.id] = None

    async def webhook(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        token, _, path = url.removeprefix(f"{BASE_URL}/in/").partition("/")
        session = self._tokens.get(token)
        try:
            if session is None:
                session = self._tokens[token] = await self.commands.provider_webhooks.session_of_token(token)
            await self.commands.provider_webhooks.accept(
                session, path, {k.lower(): v for k, v in headers.items()}, body
            )
        except CommandError:
            return 404
        return 200

    async def well(self) -> list[str]:
        troubles = []
        now = self.world.now()
        for line in self.storm.plan.lines:
            session = self.gateway.memory.peek(self._ids[line.name]) or await self.session(line.name)
            trouble = self.storm.checkers.settled_down(session, self.world.truth(line.server, line.name))
            if trouble:
                troubles.append(trouble)
        return troubles or await self._stuck(now)

    async def _stuck(self, now: float) -> list[str]:
        """Heads of chats that neither move nor say why."""
        seen: set[tuple[str, str]] = set()
        troubles = []
        for message_id in list(self._unsettled):
            message = await self.message(message_id)
            if message.state not in ("queued", "held", "sending", "in_doubt"):
                del self._unsettled[message_id]
            elif is_aside(message):
                continue
            elif (message.session, message.chat) not in seen:
                seen.add((message.session, message.chat))
                stuck = self.storm.checkers.stuck(message, await self.session(message.session), now)
                troubles += [stuck] if stuck else []
        return troubles

    async def account(self, storm: Weather, counts: MessageCounts) -> None:
        gone = storm.delivered_at.keys() | {one.text for one in storm.witness.refused}
        queued = self._in_providers_queues()
        for message_id, (name, text) in self._accepted.items():
            message = await self.store.messages.get(MessageId(message_id))
            if message is None:
                storm.checkers.missing(name, text)
                continue
            # Its reason says so once it has been waited for long enough.
            parked = text in queued and (message.provider_queued_at is not None or message.reason is not None)
            storm.checkers.settled(message, at_whatsapp=text in gone, parked=parked)
            if text in gone:
                continue
            counts.waiting += parked or message.state in ("queued", "sending", "held")
            counts.in_doubt += message.state == "in_doubt"
            counts.said_failed += message.state in ("failed", "expired")

    def _in_providers_queues(self) -> set[str]:
        """What providers have taken and not sent, on lines that nothing gives back (a ban): there it waits for good."""
        lines = [line for server in self.world.servers.values() for line in server.lines.values()]
        return {one.text for line in lines if isinstance(line, WapiInstance) for one in line.queue}

    async def digest(self) -> bytes:
        told = hashlib.blake2b(digest_size=32)
        for line in self.storm.plan.lines:
            for entry in await self.store.journal.page(self._ids[line.name], 0, 1_000_000):
                if entry.kind != "evidence":
                    told.update(
                        f"{line.name} {entry.at:.6f} {entry.kind} {entry.code} {sorted(entry.args.items())}\n".encode()
                    )
        return told.digest()

    async def aclose(self) -> None:
        await self.gateway.aclose()


class Poller:
    """The plain poller as a supervisor."""

    name = MONITOR
    policy = DEFAULT

    def __init__(self, storm: Weather) -> None:
        self.storm = storm
        self._usable: dict[str, bool] = {}
        self.monitor = Baseline(storm.world, storm.plan, self._believed)
        self._sends: set[asyncio.Task[None]] = set()

    @property
    def notices(self) -> int:
        return self.monitor.notices

    def _believed(self, line: PlannedLine, usable: bool) -> None:
        self._usable[line.name] = usable
        self.storm.witness.believed(self.storm.world.now(), line.server, line.name, usable=usable)

    def usable(self, session: str) -> bool:
        return self._usable.get(session, True)

    async def sample(self) -> None:
        return

    async def start(self) -> None:
        await self.monitor.start()
        await asyncio.sleep(ADOPTING_S)

    async def submit(self, talk: Talk) -> None:
        sending = self.monitor.send(talk.line, talk.contact, text_of(talk.number))
        task = asyncio.get_running_loop().create_task(sending)
        self._sends.add(task)
        task.add_done_callback(self._sends.discard)

    async def webhook(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The application takes everything at once."""
        del url, headers, body
        return 200

    async def well(self) -> list[str]:
        return []

    async def account(self, storm: Weather, counts: MessageCounts) -> None:
        """It keeps nothing: what was not delivered is lost."""
        del storm, counts

    async def digest(self) -> bytes:
        return b""

    async def aclose(self) -> None:
        for task in self._sends:
            task.cancel()
        await self.monitor.aclose()
