"""One run of a plan: a world, a supervisor in front of it, traffic, faults, a calm end, and what came of it.

The supervisor is the real gateway under one policy, or the plain poller. Everything happens on the running loop's time;
the plan alone decides what the world does, so that each supervisor sees the same faults. Never lives here: rules
(`checkers`), pictures (`report`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from esteio.clock import stopwatch
from esteio.core.model.policy import DEFAULT, Policy, build
from esteio.providers.registry import load
from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.providers.faces import new_world
from esteio.sim.storm.checkers import Checkers, Violation, text_of
from esteio.sim.storm.observer import Fall, Observer, Return
from esteio.sim.storm.plan import Plan, PlannedFault
from esteio.sim.storm.supervisors import MONITOR, Guarded, MessageCounts, Poller, Supervisor
from esteio.sim.world.faults import Fault, inject
from esteio.sim.world.healing import calm
from esteio.sim.world.ledger import ControlCall, Delivered, SocketInterval
from esteio.store.base import Store

CALM_S = 75 * 60.0
"""How long after the calm everything must be well: the longest quarantine and a whole ladder after it."""
POLL_S = 20.0
LATE_S = 60.0
ROUGH = frozenset(
    {"slow", "errors_5xx", "licence_wall", "html_404", "key_refused", "server_down", "server_boot", "lost_response"}
)
"""Faults under which a server cannot be looked at."""


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
    returns: list[Return] = []
    """Lines that were down when WhatsApp could be reached again, and when they were back."""
    races: int = 0
    """Acts of ours that opened a second socket beside one that was on its way."""
    notices: int = 0
    false_alarms: int = 0
    violations: list[Violation] = []
    digest: str = ""
    real_s: float = 0.0
    """Of a story that several gateways watched: all of theirs together."""
    calm_took_s: float = 0.0
    gateways: int = 1
    """How many watched it, each over its own servers."""


class Storm:
    """One run. `tables` are the settings' `[policy.NAME]`; `rules` is the policy whose promises are checked, where it
    is not the one that is followed. Raises `PolicyError`, KeyError on a policy that does not exist. `store` stands for
    the one in memory."""

    def __init__(
        self,
        plan: Plan,
        policy: str,
        *,
        tables: Mapping[str, Mapping[str, Any]] | None = None,
        rules: Policy | None = None,
        store: Store | None = None,
    ) -> None:
        self.plan = plan
        self.tables = {name: dict(table) for name, table in (tables or {}).items()}
        policies = build(self.tables)
        self.world = new_world(plan.seed, plan.epoch0)
        followed = policies.get(policy, DEFAULT)
        kinds = {server.kind for server in plan.servers}
        probed = frozenset(kind for kind in kinds if load().get(kind).capabilities.socket_probe)
        self.checkers = Checkers(
            rules or followed,
            now=self.elapsed,
            servers=self.world.servers,
            usable=self._usable,
            later=self.world.later,
            came_up=self._came_up,
            probed=probed,
        )
        self.witness = Observer(self, self._is_rough, lambda server: self.world.servers[server].lines)
        self.world.ledger = self.witness
        self._rough_until: dict[str, float] = {}
        for server in plan.servers:
            self.world.add_server(server.name, server.kind)
        self.submitted: dict[str, float] = {}
        self.delivered_at: dict[str, float] = {}
        self.calls_per_minute: list[int] = []
        self.opens_per_minute: list[int] = []
        self.supervisor: Supervisor = Poller(self) if policy == MONITOR else Guarded(self, policies[policy], store)
        self.world.on_webhook = self.supervisor.webhook

    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.world.now() - self.plan.epoch0

    def _usable(self, session: str) -> bool:
        return self.supervisor.usable(session)

    def _came_up(self, server: str, session: str) -> float:
        return self.witness.came_up(server, session)

    def _is_rough(self, server: str) -> bool:
        return self._rough_until.get(server, 0.0) > self.world.now() or not self.world.servers[server].up

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
            self.checkers.server_stopped(fall)

    def kicked(self, at: float, server: str, session: str, cause: str) -> None:
        if self.supervisor.name != MONITOR:
            self.checkers.kicked(at, server, session, cause, lived_s=self.witness.alive_for(server, session, at))

    # -- the run --------------------------------------------------------------------------------------------------

    async def run(self) -> Outcome:
        """The whole story, and the calm after it."""
        began = stopwatch()
        await self.supervisor.start()
        tasks = [asyncio.get_running_loop().create_task(one) for one in (self._faults(), self._talk(), self._sample())]
        await asyncio.gather(*tasks[:2])
        await asyncio.sleep(max(0.0, self.plan.lasts_s - self.elapsed()))
        ended = self.elapsed()
        calm(self.world)
        took = await self._calm()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        outcome = await self._outcome(ended, took)
        await self.supervisor.aclose()
        outcome.real_s = stopwatch() - began
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
            self._rough_until[fault.server] = max(self._rough_until.get(fault.server, 0.0), until)
            self.witness.roughened(fault.server)
        server = self.world.servers[fault.server]
        if not server.up and fault.kind in ("server_boot", "server_down"):
            return
        if fault.session is not None and fault.session not in server.lines:
            return
        inject(self.world, fault.server, fault.session, Fault(fault.kind, **params))

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
                counts.untellable += text in self.checkers.untellable
                counts.doubled += times[text] > 1 + (text in self.checkers.untellable)
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
            returns=[one for one in self.witness.returns if not one.spoiled],
            destructive=sum(1 for one in self.witness.control if one.verb in ("logout", "delete")),
            races=sum(1 for one in self.witness.control if one.effect == "second_socket"),
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


def run(
    plan: Plan,
    policy: str,
    *,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
    rules: Policy | None = None,
    store: Callable[[], Store] | None = None,
) -> Outcome:
    """Run a plan under a policy (or `baseline`) on a fresh virtual loop. `store` makes another store than the one in
    memory; time stands still while it waits for its database."""

    async def main() -> Outcome:
        return await Storm(plan, policy, tables=tables, rules=rules, store=store() if store else None).run()

    return run_virtual(main, epoch0=plan.epoch0, waits_for_sockets=store is not None)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome as JSON values."""
    return msgspec.to_builtins(outcome)  # type: ignore[no-any-return]
