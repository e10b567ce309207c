"""One run of a plan: a world, a supervisor in front of it, traffic, faults, the calm after them, and what came of it.

The supervisor is the real gateway under one policy, or the plain poller. Everything happens on the running loop's time;
the plan alone decides what the world does, so that each supervisor meets the same story. Never lives here: rules
(`checkers`), pictures (`report`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping
from time import perf_counter
from typing import Any, Protocol

import msgspec

from esteio.core.model import SessionId
from esteio.core.policy import DEFAULT, Policy, build
from esteio.core.session import Session
from esteio.engine.asks import MessageAsk, ServerAsk, SessionAsk
from esteio.engine.refusals import Refusal
from esteio.providers.registry import load
from esteio.sim.checkers import Checkers, Violation, text_of
from esteio.sim.faults import Fault
from esteio.sim.lab import BASE_URL, Lab
from esteio.sim.ledger import ControlCall, Delivered, SocketInterval
from esteio.sim.monitor import Monitor
from esteio.sim.plan import Plan, PlannedFault, PlannedLine, Talk
from esteio.sim.vloop import run_virtual
from esteio.sim.witness import Fall, Witness
from esteio.sim.world import World
from esteio.store.base import Work

CALM_S = 75 * 60.0
"""How long after the calm everything must be well: the longest quarantine and a whole ladder after it."""
POLL_S = 20.0
LATE_S = 60.0
ROUGH = frozenset({"slow", "errors_5xx", "licence_wall", "html_404", "server_down", "server_boot", "lost_response"})
"""Faults under which a server cannot be looked at."""
MONITOR = "monitor"


class MessageCounts(msgspec.Struct):
    """What became of the application's messages. `late`: delivered more than a minute after they were handed over."""

    accepted: int = 0
    delivered: int = 0
    refused_by_whatsapp: int = 0
    doubled: int = 0
    late: int = 0
    lost: int = 0
    """Handed over, not delivered, and nobody keeps them."""
    waiting: int = 0
    in_doubt: int = 0
    said_failed: int = 0
    """Failed or expired, and the application was told why."""


class Outcome(msgspec.Struct):
    """All that is known of one run. Times are seconds since its start unless they say epoch."""

    policy: str
    seed: int
    sessions: int
    servers: int
    hours: float
    faults: dict[str, int]
    falls: list[Fall]
    intervals: list[SocketInterval]
    lines: list[tuple[str, str]]
    epoch0: float
    ended_at: float
    messages: MessageCounts
    inbound: int = 0
    inbound_told: int = 0
    calls_per_minute: list[int] = []
    opens_per_minute: list[int] = []
    calls: dict[str, int] = {}
    budget_per_minute: float = 0.0
    unlinks: dict[str, int] = {}
    destructive: int = 0
    races: int = 0
    notices: int = 0
    false_alarms: int = 0
    violations: list[Violation] = []
    digest: str = ""
    real_s: float = 0.0
    calm_took_s: float = 0.0


class Supervisor(Protocol):
    """Who watches over the fleet and carries the application's messages."""

    name: str
    policy: Policy
    notices: int

    async def start(self) -> None: ...
    async def submit(self, talk: Talk) -> None: ...
    async def webhook(self, url: str, headers: Mapping[str, str], body: bytes) -> int: ...
    def usable(self, session: str) -> bool: ...
    async def sample(self) -> None: ...
    async def well(self) -> list[str]: ...
    async def account(self, storm: Storm, counts: MessageCounts) -> None: ...
    async def digest(self) -> bytes: ...
    async def aclose(self) -> None: ...


class Storm:
    """One run. `tables` are the settings' `[policy.NAME]`; `rules` is the policy whose promises are checked, where it is
    not the one that is followed. Raises `PolicyError`, KeyError on a policy that does not exist."""

    def __init__(
        self,
        plan: Plan,
        policy: str,
        *,
        tables: Mapping[str, Mapping[str, Any]] | None = None,
        rules: Policy | None = None,
    ) -> None:
        self.plan = plan
        self.tables = {name: dict(table) for name, table in (tables or {}).items()}
        policies = build(self.tables)
        self.world = World(plan.seed, plan.epoch0)
        followed = policies.get(policy, DEFAULT)
        kinds = {server.kind for server in plan.servers}
        probed = frozenset(kind for kind in kinds if load().get(kind).capabilities.socket_probe)
        self.checkers = Checkers(
            rules or followed, self.elapsed, self.world.servers, self._usable, self.world.later, probed
        )
        self.witness = Witness(self, self._is_rough)
        self.world.ledger = self.witness
        self._rough_until: Counter[str] = Counter()
        for server in plan.servers:
            self.world.add_server(server.name, server.kind)
        self.submitted: dict[str, float] = {}
        self.delivered_at: dict[str, float] = {}
        self.calls_per_minute: list[int] = []
        self.opens_per_minute: list[int] = []
        self.supervisor: Supervisor = Poller(self) if policy == MONITOR else Guarded(self, policies[policy])
        self.world.on_webhook = self.supervisor.webhook

    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.world.now() - self.plan.epoch0

    def _usable(self, session: str) -> bool:
        return self.supervisor.usable(session)

    def _is_rough(self, server: str) -> bool:
        return self._rough_until[server] > self.world.now() or not self.world.servers[server].up

    # -- what the world tells -------------------------------------------------------------------------------------

    def delivered(self, told: Delivered) -> None:
        self.delivered_at.setdefault(told.text, told.at)
        if self.supervisor.name != MONITOR:
            self.checkers.delivered(told)

    def controlled(self, call: ControlCall) -> None:
        if self.supervisor.name != MONITOR:
            self.checkers.controlled(call)

    def went_down(self, fall: Fall) -> None:
        if self.supervisor.name != MONITOR:
            self.checkers.went_down(fall)

    def kicked(self, at: float, server: str, session: str, cause: str) -> None:
        if self.supervisor.name != MONITOR:
            self.checkers.kicked(at, server, session, cause)

    # -- the run --------------------------------------------------------------------------------------------------

    async def run(self) -> Outcome:
        """The whole story, and the calm after it."""
        began = perf_counter()
        await self.supervisor.start()
        tasks = [asyncio.get_running_loop().create_task(one) for one in (self._faults(), self._talk(), self._sample())]
        await asyncio.gather(*tasks[:2])
        await asyncio.sleep(max(0.0, self.plan.lasts_s - self.elapsed()))
        ended = self.elapsed()
        self.world.calm()
        took = await self._calm()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        outcome = await self._outcome(ended, took)
        await self.supervisor.aclose()
        outcome.real_s = perf_counter() - began
        return outcome

    async def _faults(self) -> None:
        for fault in self.plan.faults:
            await asyncio.sleep(max(0.0, fault.at - self.elapsed()))
            self._inject(fault)

    def _inject(self, fault: PlannedFault) -> None:
        params = dict(fault.params)
        if fault.kind in ROUGH:
            lasts = (
                float(params.get("for_s", 120.0)) + float(params.get("boot_s", 0.0)) + float(params.get("flap_s", 0.0))
            )
            until = self.world.now() + lasts + 30.0
            self._rough_until[fault.server] = max(self._rough_until[fault.server], until)  # type: ignore[call-overload]
            self.witness.roughened(fault.server)
        server = self.world.servers[fault.server]
        if not server.up and fault.kind in ("server_boot", "server_down"):
            return
        if fault.session is not None and fault.session not in server.lines:
            return
        self.world.inject(fault.server, fault.session, Fault(fault.kind, **params))

    async def _talk(self) -> None:
        for talk in self.plan.talks():
            wait = talk.at - self.elapsed()
            if wait > 0:
                await asyncio.sleep(wait)
            line = self.plan.lines[talk.line]
            if talk.way == "in":
                self.world.contact_sends(line.number, talk.contact, f"i{talk.number}")
            else:
                self.submitted[text_of(talk.number)] = self.world.now()
                self.witness.wanted_to_send(self.world.now(), line.server, line.name)
                await self.supervisor.submit(talk)

    async def _sample(self) -> None:
        calls = opens = 0
        while True:
            await asyncio.sleep(60.0)
            await self.supervisor.sample()
            total = self.witness.calls.total()
            self.calls_per_minute.append(total - calls)
            now_opens = sum(1 for one in self.witness.control[opens:] if one.verb in ("connect", "restart", "create"))
            self.opens_per_minute.append(now_opens)
            calls, opens = total, len(self.witness.control)

    async def _calm(self) -> float:
        """Wait until all is well; what is not by then is a violation."""
        began = self.elapsed()
        troubles: list[str] = []
        while self.elapsed() - began < CALM_S:
            await asyncio.sleep(POLL_S)
            troubles = await self.supervisor.well()
            if not troubles and self.elapsed() - began > 300.0:
                return self.elapsed() - began
        for trouble in troubles:
            self.checkers.broken("liveness", trouble)
        return CALM_S

    # -- the account ----------------------------------------------------------------------------------------------

    async def _outcome(self, ended: float, calm_took: float) -> Outcome:
        counts = MessageCounts(accepted=len(self.submitted))
        await self.supervisor.account(self, counts)
        refused = {one.text for one in self.witness.refused}
        times = Counter(one.text for one in self.witness.delivered)
        for text, at in self.submitted.items():
            if text in times:
                counts.delivered += 1
                counts.doubled += times[text] > 1
                counts.late += self.delivered_at[text] - at > LATE_S
            elif text in refused:
                counts.refused_by_whatsapp += 1
        counts.lost = (
            counts.accepted
            - counts.delivered
            - counts.refused_by_whatsapp
            - (counts.waiting + counts.in_doubt + counts.said_failed)
        )
        if self.supervisor.name != MONITOR:
            self.checkers.all_told(self.world.now(), self.plan.epoch0)
        policy = self.supervisor.policy
        own = sum(1 for one in self.witness.inbound if one.emitted)
        return Outcome(
            policy=self.supervisor.name,
            seed=self.plan.seed,
            sessions=len(self.plan.lines),
            servers=len(self.plan.servers),
            hours=self.plan.hours,
            faults=dict(sorted(Counter(one.kind for one in self.plan.faults).items())),
            falls=self.witness.falls,
            intervals=self.witness.sockets,
            lines=[(line.server, line.name) for line in self.plan.lines],
            epoch0=self.plan.epoch0,
            ended_at=ended,
            messages=counts,
            inbound=len(self.witness.inbound),
            inbound_told=own,
            calls_per_minute=self.calls_per_minute,
            opens_per_minute=self.opens_per_minute,
            calls=_by_verb(self.witness.calls),
            budget_per_minute=60.0 / max(policy.seconds_between_connects, 0.1) * len(self.plan.servers),
            unlinks=dict(sorted(Counter(one.cause for one in self.witness.unlinks).items())),
            destructive=sum(1 for one in self.witness.control if one.verb in ("logout", "delete")),
            races=sum(1 for one in self.witness.duels if one.cause == "connect_race"),
            notices=self.supervisor.notices,
            false_alarms=len(self.witness.false_alarms),
            violations=self.checkers.violations,
            digest=await self._digest(),
            calm_took_s=calm_took,
        )

    async def _digest(self) -> str:
        told = hashlib.blake2b(digest_size=16)
        for one in self.witness.delivered:
            told.update(f"{one.at:.6f} {one.session} {one.recipient} {one.text} {one.provider_id}\n".encode())
        told.update(await self.supervisor.digest())
        return told.hexdigest()


def _by_verb(calls: Mapping[tuple[str, str], int]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (_, verb), count in calls.items():
        found[verb] += count
    return dict(sorted(found.items()))


# -- the gateway --------------------------------------------------------------------------------------------------


class Guarded(Lab):
    """The gateway under one policy as a supervisor."""

    def __init__(self, storm: Storm, policy: Policy) -> None:
        self.storm, self.name, self.policy = storm, policy.name, policy
        self._ids: dict[str, SessionId] = {}
        self._tokens: dict[str, Session] = {}
        self._accepted: dict[str, tuple[str, str]] = {}
        self._unsettled: dict[str, None] = {}
        self._gates: dict[str, bool] = {}
        super().__init__(storm.plan.seed, world=storm.world, settings={"policy": storm.tables})
        self.told.notify = self._notified  # type: ignore[method-assign]
        self._ring = self.gateway.hub.session_changed
        self.gateway.hub.session_changed = self._changed  # type: ignore[method-assign]

    @property
    def notices(self) -> int:
        return len(self.told.notices)

    async def _notified(self, work: Work) -> bool:
        self.told.notices.append(work)
        self.storm.checkers.noticed(work)
        return True

    def _changed(self, session_id: SessionId) -> None:
        self._ring(session_id)
        session = self.gateway.reconciler.peek(session_id)
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
        for stored in await self.store.servers():
            self.storm.checkers.server_changed(stored.server)

    async def start(self) -> None:
        await self.gateway.start()
        for server in self.storm.plan.servers:
            await self._add(server.name, server.kind)
        for line in self.storm.plan.lines:
            await self._take_over(line)
        await asyncio.sleep(45.0)

    async def _add(self, name: str, kind: str) -> None:
        server = self.world.servers[name]
        credentials = {} if kind == "wapi" else {"apikey": server.apikey}
        await self.commands.add_server(ServerAsk(name, kind, server.base_url, credentials))

    async def _take_over(self, line: PlannedLine) -> None:
        """The session as its server's people left it: linked for long, its webhook already ours."""
        ask = SessionAsk(
            line.name, line.server, line.number, self._ref(line.server, line.name), self.name, adopt=True, wait_s=0
        )
        self.world.plant(line.server, line.name, line.number, token=f"token-{line.name}")
        opened = await self.commands.create_session(ask, "storm")
        self._ids[line.name] = opened.session.id

    async def submit(self, talk: Talk) -> None:
        line = self.storm.plan.lines[talk.line]
        session = self.gateway.reconciler.peek(self._ids[line.name]) or await self.session(line.name)
        text = text_of(talk.number)
        message, _ = await self.commands.send(session, MessageAsk(talk.contact, text), caller="storm")
        self._accepted[message.id] = (line.name, text)
        self._unsettled[message.id] = None

    async def webhook(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        token, _, path = url.removeprefix(f"{BASE_URL}/in/").partition("/")
        session = self._tokens.get(token)
        try:
            if session is None:
                session = self._tokens[token] = await self.commands.session_of_token(token)
            await self.commands.accept_webhook(session, path, {k.lower(): v for k, v in headers.items()}, body)
        except Refusal:
            return 404
        return 200

    async def well(self) -> list[str]:
        troubles = []
        now = self.world.now()
        for line in self.storm.plan.lines:
            session = self.gateway.reconciler.peek(self._ids[line.name]) or await self.session(line.name)
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
            elif (message.session, message.chat) not in seen:
                seen.add((message.session, message.chat))
                stuck = self.storm.checkers.stuck(message, await self.session(message.session), now)
                troubles += [stuck] if stuck else []
        return troubles

    async def account(self, storm: Storm, counts: MessageCounts) -> None:
        gone = storm.delivered_at.keys() | {one.text for one in storm.witness.refused}
        for message_id, (name, text) in self._accepted.items():
            message = await self.store.message(message_id)  # type: ignore[arg-type]
            if message is None:
                storm.checkers.missing(name, text)
                continue
            storm.checkers.settled(message, at_whatsapp=text in gone)
            if text in gone:
                continue
            counts.waiting += message.state in ("queued", "sending", "held")
            counts.in_doubt += message.state == "in_doubt"
            counts.said_failed += message.state in ("failed", "expired")

    async def digest(self) -> bytes:
        told = hashlib.blake2b(digest_size=32)
        for line in self.storm.plan.lines:
            for entry in await self.store.timeline(self._ids[line.name], 0, 1_000_000):
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

    def __init__(self, storm: Storm) -> None:
        self.storm = storm
        self._usable: dict[str, bool] = {}
        self.monitor = Monitor(storm.world, storm.plan, self._believed)
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
        await asyncio.sleep(45.0)

    async def submit(self, talk: Talk) -> None:
        sending = self.monitor.send(talk.line, talk.contact, text_of(talk.number))
        task = asyncio.get_running_loop().create_task(sending)
        self._sends.add(task)
        task.add_done_callback(self._sends.discard)

    async def webhook(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        return 200

    async def well(self) -> list[str]:
        return []

    async def account(self, storm: Storm, counts: MessageCounts) -> None:
        return

    async def digest(self) -> bytes:
        return b""

    async def aclose(self) -> None:
        for task in self._sends:
            task.cancel()
        await self.monitor.aclose()


def run(
    plan: Plan,
    policy: str,
    *,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
    rules: Policy | None = None,
) -> Outcome:
    """Run a plan under a policy (or `monitor`) on a fresh virtual loop."""

    async def main() -> Outcome:
        return await Storm(plan, policy, tables=tables, rules=rules).run()

    return run_virtual(main, epoch0=plan.epoch0)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome as JSON values."""
    return msgspec.to_builtins(outcome)  # type: ignore[no-any-return]
