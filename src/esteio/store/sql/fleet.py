"""The sessions as a person looks through them: counted by server and state, and page by page, in trouble first.

Never lives here: what a state means, whose key sees what (`engine.key_scope`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from esteio.core.model.state import TROUBLED_FIRST, SessionState
from esteio.store.base import FleetCounts, FleetFilter, Page, Total
from esteio.store.sql import rows
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db

_BY_NAME: Final[SessionState] = "connected"
"""Those that are well keep their place; of the others the latest trouble stands first."""
_BEFORE_ALL: Final[rows.Params] = {"since": float("inf"), "id": 2**62, "name": ""}


class SqlFleet(SqlSubject):
    """The fleet of this database. Each state is a walk along an index of its own, so a page costs what it shows."""

    async def totals(self, which: FleetFilter) -> Sequence[Total]:
        statement = "fleet_totals" if which.reach.tenant is None else "fleet_totals_of_tenant"
        found = await self._reader.rows(statement, _filter_params(which))
        return [Total(row.server, row.state, row.sessions) for row in found if _meant(which, row.server, row.state)]

    async def counts(self) -> FleetCounts:
        return await self._snapshot(_counts)

    async def page(self, which: FleetFilter, *, limit: int = 100, after: str | None = None) -> Page:
        return await self._snapshot(lambda db: _page(db, which, limit, after))


async def _counts(db: Db) -> FleetCounts:
    found = await db.rows("fleet_words", {})
    states, can_send, can_receive = (_summed(found, word) for word in ("state", "can_send", "can_receive"))
    waiting = {row.gate: row.messages for row in await db.rows("fleet_waiting", {})}
    (open_now,) = await db.rows("fleet_outages", {})
    return FleetCounts(states, can_send, can_receive, waiting, open_now.outages, open_now.down_since)


def _summed(found: Sequence[Any], word: str) -> Counter[Any]:
    counts: Counter[Any] = Counter()
    for row in found:
        counts[getattr(row, word)] += row.sessions
    return counts


def _meant(which: FleetFilter, server: str, state: str) -> bool:
    return which.server in (None, server) and (not which.states or state in which.states)


async def _page(db: Db, which: FleetFilter, limit: int, after: str | None) -> Page:
    begun, place = _place(after)
    states = [one for one in TROUBLED_FIRST[begun:] if not which.states or one in which.states]
    params = {**_filter_params(which), "server": which.server}
    found: list[Any] = []
    for state in states:
        start = place if state == TROUBLED_FIRST[begun] else _BEFORE_ALL
        statement = f"fleet{_whose(which)}_by_{'name' if state == _BY_NAME else 'since'}"
        found += await db.rows(statement, {**params, **start, "state": state, "limit": limit + 1 - len(found)})
        if len(found) > limit:
            break
    shown = tuple(rows.session_of(row) for row in found[:limit])
    return Page(shown, _cursor(found[limit - 1]) if len(found) > limit else None)


def _whose(which: FleetFilter) -> str:
    if which.reach.tenant is not None:
        return "_of_tenant"
    return "_of_server" if which.server else ""


def _cursor(row: Any) -> str:
    return f"{row.state}:{row.since!r}:{row.id}:{row.name}"


def _place(after: str | None) -> tuple[int, rows.Params]:
    """Where the walk goes on: the state's number in the order, and the last row that was shown. Raises `ValueError`."""
    if after is None:
        return 0, _BEFORE_ALL
    state, since, session_id, name = after.split(":")
    return [*TROUBLED_FIRST].index(state), {"since": float(since), "id": int(session_id), "name": name}  # type: ignore[arg-type]


def _filter_params(which: FleetFilter) -> rows.Params:
    phones = [f"%{phone}%" for phone in which.phones]
    return {
        "text": f"%{_literal(which.text.lower())}%" if which.text or phones else None,
        "phone": phones[0] if phones else None,
        "phone_too": phones[1] if len(phones) > 1 else None,
        "globs": rows.to_text(which.reach.globs) if which.reach.globs else None,
        "tenant": which.reach.tenant,
    }


def _literal(text: str) -> str:
    """The text as LIKE reads it, its own wildcards none."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
