"""What it costs to watch many sessions that are well: the gateway's share of a core, its memory, and late looks.

The gateway finds the sessions in its database, as after a restart; what is measured begins when it has looked at all of
them. Only looks go on then: nothing is sent, nothing comes in, no socket dies. Real time, real HTTP, SQLite on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.gateway import PROVIDER_KEY, Api, gateway
from benchmarks.processes import Failed, Say, ask, listening
from benchmarks.watching.fleet import GATEWAY_URL, Watched, phone, session_name
from esteio.clock import SystemClock
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.server import Server
from esteio.core.model.session import Session
from esteio.engine.runtime import sealed_for
from esteio.store.base import Store
from esteio.store.sqlite import SqliteStore
from esteio.vault import Vault, open_vault

AT_ONCE = 500
"""So many rows are handed to the store together while the database is filled."""
STEP_S = 1.0
SAMPLES = 10
"""How often memory is looked at while it is measured."""
WARM_S = 3600.0
"""The longest that the first look at all of them may take."""


class Supervise(msgspec.Struct, frozen=True):
    """The size of one measurement: sessions spread over servers, watched for `seconds`, each looked at every
    `period_s`."""

    sessions: int
    servers: int
    seconds: float
    period_s: float


async def run(ask_for: Supervise, directory: Path, say: Say, profile: Path | None) -> dict[str, Any]:
    """The figures. Raises `Failed` when a session is not connected at the end."""
    each = -(-ask_for.sessions // ask_for.servers)
    words = (str(ask_for.servers), str(ask_for.period_s), str(each))
    async with listening("benchmarks.watching.fleet", directory, "fleet", *words) as fleet:
        ports = (await watched(fleet.port)).ports
        data = directory / "data"
        say(f"{ask_for.sessions} sessions are written down")
        await _fill(data, ask_for, ports)
        settings = directory / "esteio.toml"
        settings.write_text(
            f"public_url = '{GATEWAY_URL}'\n[policy.default]\nprobe_idle_s = {ask_for.period_s}\n"
            "[log]\nlevel = 'warning'\n",
            "utf-8",
        )
        async with gateway(directory, profile, data=data, settings=settings) as api:
            warm_s = await all_looked_at(fleet.port, [api], ask_for.sessions, say)
            say(f"all were looked at after {warm_s:.0f} s; now {ask_for.seconds:.0f} s are measured")
            figures = await _measured(fleet.port, api, ask_for)
            if wrong := await unwell(api):
                raise Failed(wrong)
    return {"bench": "supervise", **figures, **msgspec.to_builtins(ask_for), "first_looks_s": round(warm_s, 1)}


async def _fill(data: Path, ask_for: Supervise, ports: list[int]) -> None:
    """Servers and sessions as adopting them leaves them, straight into the database."""
    data.mkdir()  # noqa: ASYNC240 - once, before anything waits
    clock, store, vault = SystemClock(), SqliteStore(data / "esteio.db"), open_vault(data, None)
    await store.start(clock.now())
    nothing = b""
    await add_servers(store, vault, ports, clock.now())
    for first in range(0, ask_for.sessions, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, ask_for.sessions))
        await asyncio.gather(*(_adopted(store, clock, nothing, number, ask_for.servers) for number in numbers))
    await store.aclose()


async def _adopted(store: Store, clock: SystemClock, sealed: bytes, number: int, servers: int) -> None:
    session = adopted(number, servers, clock.now())
    added = await store.sessions.add(session, session.name, sealed, session.since, (), ())
    await store.journal.add_evidence(added.id, added.server, [wish_of(session)], session.since)


def adopted(number: int, servers: int, now: float) -> Session:
    """The session `number` of all, right after it was adopted."""
    place, index = number % servers, number // servers
    return Session(
        id=SessionId(0),
        name=SessionName(session_name(place, index)),
        phone=phone(place, index),
        server=ServerName(server_name(place)),
        kind="evolution",
        created_at=now,
        since=now,
        gate_since=now,
        wake_at=now,
    )


def wish_of(session: Session) -> Evidence:
    """What its adoption leaves in the journal."""
    return Evidence("adopted", session.since, session.since, "operator", {"who": "bench"})


def server_name(place: int) -> str:
    """What the server is called whose port is the fleet's number `place`."""
    return f"stub-{place:02d}"


async def add_servers(store: Store, vault: Vault, ports: Sequence[int], now: float) -> None:
    """All servers of the fleet."""
    for place, port in enumerate(ports):
        server = Server(ServerName(server_name(place)), "evolution", f"http://127.0.0.1:{port}")
        sealed = vault.seal({"apikey": PROVIDER_KEY}, sealed_for.server(server.name))
        await store.servers.add(server, sealed, now)


async def watched(port: int, path: str = "/_bench/fleet") -> Watched:
    """What the fleet has seen."""
    return msgspec.convert(await ask(port, path), Watched)


async def all_looked_at(port: int, apis: Sequence[Api], sessions: int, say: Say) -> float:
    """Until each was looked at and found connected; the seconds it took. Raises `Failed` when that takes too long."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        told = await watched(port)
        if told.looked_at >= sessions and not await _some(apis[0], "connecting"):
            return loop.time() - began
        dead = next((api for api in apis if not api.process.alive), apis[0])
        if loop.time() - began > WARM_S or not dead.process.alive:
            raise Failed(f"only {told.looked_at} of {sessions} were found in time: {dead.process.last_words()}")
        say(f"{told.looked_at} were looked at")
        await asyncio.sleep(STEP_S)


async def _some(api: Api, state: str) -> list[Any]:
    return list((await api.call("GET", f"/v1/sessions?state={state}&limit=1"))["items"])


async def _measured(port: int, api: Api, ask_for: Supervise) -> dict[str, Any]:
    # A first look takes longer than a later one: what came a period after it says nothing of how late looks are.
    await asyncio.sleep(ask_for.period_s)
    await watched(port, "/_bench/begin")
    loop = asyncio.get_running_loop()
    began, spent, rss = loop.time(), api.process.cpu_s(), 0.0
    while (left := began + ask_for.seconds - loop.time()) > 0:
        await asyncio.sleep(min(left, ask_for.seconds / SAMPLES))
        rss = max(rss, api.process.rss_mb())
    seconds = loop.time() - began
    cpu = (api.process.cpu_s() - spent) / seconds
    told = await watched(port)
    return {
        "cpu_percent": round(cpu * 100, 1),
        "rss_mb": round(rss),
        "rss_peak_mb": round(api.process.rss_mb(peak=True)),
        "cpu_us_per_look": round(cpu * seconds / max(1, told.looks) * 1e6),
        **seen_by(told, seconds),
    }


def seen_by(told: Watched, seconds: float) -> dict[str, Any]:
    """What the fleet saw of looks in so many seconds."""
    return {
        "looks_per_s": round(told.looks / seconds, 1),
        "requests_per_s": round(told.requests / seconds, 1),
        "requests_by_kind": told.requests_by_kind,
        "looked_at": told.looked_at,
        "late_p50_s": told.late_p50_s,
        "late_p99_s": told.late_p99_s,
        "late_most_s": told.late_most_s,
        "soonest_s": told.soonest_s,
    }


async def unwell(api: Api) -> str:
    """One that is not connected, and why; empty when there is none."""
    for state in ("connecting", "awaiting_qr", "degraded", "disconnected", "error"):
        wrong = await _some(api, state)
        if wrong:
            return f"session {wrong[0]['name']} is {state}: {wrong[0]['reason']}"
    return ""
