"""A past for a gateway without an engine: what its sessions and servers went through."""

from __future__ import annotations

import msgspec

from esteio.core.model.ids import ServerName
from esteio.core.model.recovery import Outage
from esteio.core.model.session import Session
from esteio.store.base import DecisionCommit, JournalEntry, ServerCommit
from esteio.store.sql.db import Db
from tests.api.conftest import Gateway
from tests.narrowing import not_none

HOUR, DAY = 3600.0, 86_400.0


async def lived(gateway: Gateway, name: str, *, age_s: float = 40 * DAY, **more: str) -> Session:
    """A session that has been there, connected, for so long."""
    await gateway.add_session(name, **more)
    session = await gateway.judge(name, state="connected", gate="open", linked=True, since=gateway.clock.now() - age_s)
    began = (session.since, session.id)

    async def make_older(_: Db) -> None:
        change = "UPDATE sessions SET created_at = ? WHERE id = ?"
        gateway.store.database.db.connection.execute(change, began)

    await gateway.store.database.write(make_older)
    return await gateway.session(name)


async def fell(
    gateway: Gateway, name: str, ago_s: float, lasted_s: float | None, because: str = "ghost-socket", ident: str = ""
) -> str:
    """An outage of a session that began so long ago; `lasted_s` None: it is not over. Its id."""
    session, since = await gateway.session(name), gateway.clock.now() - ago_s
    ended = None if lasted_s is None else since + lasted_s
    outage = Outage(ident or f"out_{session.id}_{session.row_version}", since, because, ended_at=ended)
    now_down = {"outage": outage, "state": "disconnected", "since": since, "gate": "held"} if ended is None else {}
    commit = DecisionCommit(
        session=msgspec.structs.replace(session, **now_down),
        outages=(outage,),
        previous_state=session.state if now_down else None,
    )
    assert await gateway.store.decisions.commit_session(commit)
    return outage.id


async def said(gateway: Gateway, name: str, *lines: tuple[str, str, float, dict[str, str]]) -> None:
    """Lines of a session's journal: kind, code, how long ago, values."""
    session, now = await gateway.session(name), gateway.clock.now()
    entries = tuple(JournalEntry(kind, now - ago, code, args) for kind, code, ago, args in lines)  # type: ignore[arg-type]
    assert await gateway.store.decisions.commit_session(DecisionCommit(session=session, journal=entries))


async def server_fell(
    gateway: Gateway, name: str, ago_s: float, lasted_s: float | None, because: str = "server_unreachable"
) -> str:
    """The same of a server."""
    server, since = not_none(await gateway.store.servers.get(ServerName(name))).server, gateway.clock.now() - ago_s
    ended = None if lasted_s is None else since + lasted_s
    outage = Outage(f"sout_{name}_{server.row_version}", since, because, ended_at=ended)
    stands = msgspec.structs.replace(server, outage=outage if ended is None else None)
    assert await gateway.store.decisions.commit_server(ServerCommit(server=stands, outage=outage))
    return outage.id
