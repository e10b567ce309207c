"""A fleet in the database as a gateway left it: sessions that are well, a few in trouble, on servers of the stub."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from benchmarks.watching.fleet import UNPAIRED, phone, session_name
from benchmarks.watching.supervise import add_servers, server_name
from esteio.clock import SystemClock
from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.session import Session
from esteio.core.model.state import Axis, Reason
from esteio.store.sqlite import SqliteStore
from esteio.vault import open_vault

AT_ONCE = 500
TROUBLED_EVERY = 50


async def fill(data: Path, sessions: int, ports: list[int]) -> None:
    """Straight into the database. A session's name is the token of its webhook address, too."""
    data.mkdir()  # noqa: ASYNC240 - once, before anything waits
    clock, store, vault = SystemClock(), SqliteStore(data / "esteio.db"), open_vault(data, None)
    now = clock.now()
    await store.start(now)
    nothing = b""
    await add_servers(store, vault, ports, now)
    rows = [_session(number, len(ports), now) for number in range(sessions)]
    rows.append(_row(UNPAIRED, 0, now, state="awaiting_qr", reason=Reason("awaiting-qr")))
    for first in range(0, len(rows), AT_ONCE):
        await asyncio.gather(
            *(store.sessions.add(row, row.name, nothing, now, (), ()) for row in rows[first : first + AT_ONCE])
        )
    await store.aclose()


def _session(number: int, servers: int, now: float) -> Session:
    place, index = number % servers, number // servers
    name = session_name(place, index)
    if number % TROUBLED_EVERY == 0:
        return _row(name, place, now, state="disconnected", reason=Reason("closed"), phone=phone(place, index))
    proved = Axis("yes", "send_accepted", now)
    return _row(
        name, place, now, state="connected", reason=Reason("live"), phone=phone(place, index), can_send=proved,
        can_receive=proved, gate="open", linked=True,
    )  # fmt: skip


def _row(name: str, place: int, now: float, **more: Any) -> Session:
    server = ServerName(server_name(place))
    return Session(SessionId(0), SessionName(name), server, "evolution", now, since=now, gate_since=now, **more)
