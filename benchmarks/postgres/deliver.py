"""`deliver-postgres`: from a POST to a settled message on PostgreSQL, with one node and with two, beside the bare loop.

Load, gateways, provider and PostgreSQL are processes of their own, and all of them share the machine: what each spent
on a message stands beside the figure, and `busy` says how much of all cores they used together. Each side of each round
has a new database on the one server. With two nodes each takes half of the load, of the sessions that it happens to be
handed, not of those that it owns. `delay_ms` runs every side a second time with that much added to every round trip to
the database. A round whose messages are not all `sent`, each once and in order, is no figure but a failure.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from benchmarks import processes
from benchmarks.deliver import Deliver, all_sent, bare_settled
from benchmarks.gateway import KEY, Api, gateway, until_seen
from benchmarks.load import Plan, Seen
from benchmarks.postgres.server import Server, server
from benchmarks.processes import Child, Say, listening

_CORES = os.cpu_count() or 1


class DeliverPostgres(Deliver, frozen=True):
    """The same size, and what is added to every round trip to the database in a second turn of each round."""

    delay_ms: float = 0.0
    nodes: int = 2


class Side(msgspec.Struct, frozen=True):
    """What one side did: messages settled a second, CPU of each party in µs a message, and how much of all cores was
    used from the first request to the last settlement."""

    per_s: float
    cpu_us: dict[str, float]
    busy: float


class _Asked(msgspec.Struct, frozen=True):
    nodes: int
    delayed: bool
    profile: Path | None


class _Parties:
    """Who shares the machine, and what each has spent since this was made."""

    def __init__(self, database: Server, **children: Sequence[Child]) -> None:
        self._database, self._children = database, children
        self._before = self._spent()

    def _spent(self) -> dict[str, float]:
        spent = {name: sum(one.cpu_s() for one in each) for name, each in self._children.items()}
        return {**spent, "postgres": self._database.cpu_s()}

    def spent_s(self) -> dict[str, float]:
        """By party, in seconds."""
        return {name: now - self._before[name] for name, now in self._spent().items()}


def _side(messages: int, spent: dict[str, float], seen: Sequence[Seen], ended_at: float) -> Side:
    spent = {**spent, "load": sum(one.cpu_s for one in seen)}
    took = ended_at - min(one.began_at for one in seen)
    cpu_us = {name: round(each / messages * 1e6, 1) for name, each in spent.items()}
    return Side(messages / took, cpu_us, round(sum(spent.values()) / took / _CORES, 2))


async def run(ask: DeliverPostgres, directory: Path, say: Say, profile: Path | None = None) -> dict[str, Any]:
    """The line to print: medians, and each round."""
    rounds: list[dict[str, Side]] = []
    async with server(directory, delay_ms=ask.delay_ms) as database:
        for number in range(1, ask.rounds + 1):
            sides: dict[str, Side] = {}
            for delayed in (False, True) if ask.delay_ms else (False,):
                late = "_delayed" if delayed else ""
                sides[f"bare{late}"] = await _bare(ask, directory, database, delayed)
                for nodes in range(1, ask.nodes + 1):
                    name = f"nodes_{nodes}{late}"
                    sides[name] = await _nodes(ask, directory, database, _Asked(nodes, delayed, profile))
            told = ", ".join(f"{name} {side.per_s:,.0f} msg/s" for name, side in sides.items())
            say(f"round {number}: {told}")
            rounds.append(sides)
    figures = {name: median(_figures(one)[name] for one in rounds) for name in _figures(rounds[0])}
    middle = {name: _middle([one[name] for one in rounds]) for name in rounds[0]}
    asked = msgspec.to_builtins(ask)
    return {"bench": "deliver-postgres", **figures, "sides": middle, **asked, "each": msgspec.to_builtins(rounds)}


def _figures(sides: dict[str, Side]) -> dict[str, float]:
    rates = {f"{name}_per_s": round(side.per_s) for name, side in sides.items()}
    ratios: dict[str, float] = {}
    for over, under in (("nodes_1", "bare"), ("nodes_2", "nodes_1"), ("nodes_1_delayed", "nodes_1")):
        if over in sides and under in sides:
            ratios[f"{over}_to_{under}"] = round(sides[over].per_s / sides[under].per_s, 3)
    return {**rates, **ratios}


def _middle(sides: Sequence[Side]) -> dict[str, Any]:
    cpu_us = {party: median(one.cpu_us[party] for one in sides) for party in sides[0].cpu_us}
    return {"cpu_us": cpu_us, "busy": median(one.busy for one in sides)}


async def _bare(ask: DeliverPostgres, directory: Path, database: Server, delayed: bool) -> Side:
    url = database.database(delayed=delayed)
    async with listening("benchmarks.stub", directory, "stub-of-bare") as provider:
        words = (url, f"http://127.0.0.1:{provider.port}")
        async with listening("benchmarks.postgres.bare", directory, "bare", *words) as bare:
            plan = ask.plan(bare.port, "/rows")
            await processes.load(plan)
            await bare_settled(bare.port, ask.warm)
            parties = _Parties(database, bare=[bare], stub=[provider])
            seen = await processes.load(msgspec.structs.replace(plan, count=ask.messages, first=ask.warm))
            ended_at = await bare_settled(bare.port, ask.warm + ask.messages)
            found = _side(ask.messages, parties.spent_s(), [seen], ended_at)
    database.drop(url)
    return found


async def _nodes(ask: DeliverPostgres, directory: Path, database: Server, side: _Asked) -> Side:
    nodes, profile = side.nodes, side.profile
    url = database.database(delayed=side.delayed)
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(listening("benchmarks.stub", directory, "stub"))
        data = directory / url.rsplit("/", 1)[1]
        apis = [
            await stack.enter_async_context(
                gateway(directory, None if number else profile, data=data / str(number), database=url)
            )
            for number in range(nodes)
        ]
        names = await apis[0].adopt(provider.port, ask.sessions)
        plans = _plans(ask, apis, names)
        await asyncio.gather(*(processes.load(plan) for plan in plans))
        warm = sum(plan.count for plan in plans)
        await until_seen(provider.port, warm)
        parties = _Parties(database, gateways=[api.process for api in apis], stub=[provider])
        counted = [msgspec.structs.replace(plan, count=ask.messages // nodes, first=plan.count) for plan in plans]
        seen = await asyncio.gather(*(processes.load(plan) for plan in counted))
        messages = sum(plan.count for plan in counted)
        await until_seen(provider.port, warm + messages)
        spent = parties.spent_s()
        ended_at = await all_sent(apis[0], names, provider.port, warm + messages)
        found = _side(messages, spent, seen, ended_at)
    database.drop(url)
    return found


def _plans(ask: DeliverPostgres, apis: Sequence[Api], names: Sequence[str]) -> list[Plan]:
    """Each node's share of the load. A chat belongs to one session and so to one load, which hands its messages in one
    after the other."""
    shares = [names[number :: len(apis)] for number in range(len(apis))]
    return [
        Plan(
            api.port,
            tuple(f"/v1/sessions/{name}/messages" for name in share),
            max(1, ask.warm // len(apis)),
            connections=max(1, ask.connections // len(apis)),
            chats=max(1, ask.chats // len(apis)),
            headers={"authorization": f"Bearer {KEY}"},
        )
        for api, share in zip(apis, shares, strict=True)
    ]
