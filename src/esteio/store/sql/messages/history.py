"""Messages as a person looks for them, across sessions or in one, newest first; and what became of one of them.

By an id, a chat, a state, by words of a text. A look goes through a bounded number of rows, the newest first, and says
how far back it came; the next one goes on from there. So none costs more than some 40 ms, however many are stored.
Never lives here: who may look.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from esteio.core.model.address import kind_of, spellings
from esteio.core.model.message import Message, MessageState
from esteio.core.model.tenant import ALL
from esteio.store.base import FoundPage, MessageSearch
from esteio.store.sql import rows
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db, Row
from esteio.store.sql.messages.acceptance import shown
from esteio.store.sql.messages.messages import REACH, page, position

FURTHER = 5
"""So many times as far a look comes that compares no texts."""
LEAST_DIGITS = 4
"""So many digits are looked for in phones too."""
_WAITING = {"queued", "held", "sending", "in_doubt"}
_DEAD = {"failed", "expired"}


class SqlMessageHistory(SqlSubject):
    """Reads only."""

    async def search(self, wanted: MessageSearch, *, limit: int, after: str | None = None) -> FoundPage:
        return await self._snapshot(lambda db: _found(db, wanted, limit, after))

    async def steps(self, message: Message) -> Sequence[tuple[MessageState, float]]:
        listed = await self._reader.rows(
            "message_steps", {**_chat_of(message), "since": message.created_at, "id": message.id}
        )
        return [(row.state, row.at) for row in listed]

    async def overtaken(self, message: Message) -> bool:
        return bool(await self._reader.value("chat_went_on", {**_chat_of(message), "since": message.updated_at}))


def _chat_of(message: Message) -> rows.Params:
    return {"session_name": message.session, "chat": message.chat}


async def _found(db: Db, wanted: MessageSearch, limit: int, after: str | None) -> FoundPage:
    if wanted.session_id is not None and not wanted.words and not wanted.chat and not wanted.dead:
        plain = await page(db, wanted.session_id, wanted.state, wanted.direction, limit, after)
        return FoundPage(plain.items, plain.next)
    params = await _params(db, wanted)
    if wanted.words and after is None and (exact := await _by_ids(db, params, limit)):
        return FoundPage(tuple(shown(row) for row in exact), None)
    created_at, seq = position(after)
    params |= {"created_at": created_at, "seq": seq if after is not None else _LAST, "limit": limit + 1}
    statement = await _statement(db, wanted)
    floor = await _floor(db, statement, {**params, "reach": REACH * (1 if wanted.words else FURTHER)})
    floors = {"floor": 0, "floor_at": 0.0} if floor is None else {"floor": floor.seq, "floor_at": floor.created_at}
    return _page_of(await db.rows(statement, {**params, **floors}), limit, floor)


_LAST = 2**62


def _page_of(listed: Sequence[Row], limit: int, floor: Row | None) -> FoundPage:
    items = tuple(shown(row) for row in listed[:limit])
    if len(listed) > limit:
        return FoundPage(items, _place(listed[limit - 1]))
    if floor is None:
        return FoundPage(items, None)
    return FoundPage(items, _place(floor), reached_at=floor.created_at)


def _place(row: Row) -> str:
    return f"{row.created_at!r}:{row.seq}"


async def _statement(db: Db, wanted: MessageSearch) -> str:
    if wanted.dead or wanted.state in _DEAD:
        return "search_dead"
    if wanted.session_id is not None:
        return "search_session"
    if wanted.state in _WAITING and await db.value("search_waiting_many", {"reach": REACH}) < REACH:
        return "search_waiting"
    return "search_all"


async def _floor(db: Db, statement: str, params: rows.Params) -> Row | None:
    """The last row that this look comes to; None where it comes to the end."""
    return None if statement == "search_waiting" else await db.row(f"{statement}_floor", params)


async def _by_ids(db: Db, params: rows.Params, limit: int) -> list[Row]:
    """Those with this very id, ours or the provider's, however old."""
    exact = params["exact"]
    return list(await db.rows("search_ids", {**params, "limit": limit})) if " " not in exact else []


async def _params(db: Db, wanted: MessageSearch) -> rows.Params:
    words = wanted.words.strip()
    digits = "".join(letter for letter in words if letter.isdigit())
    only_digits = len(digits) >= LEAST_DIGITS and not any(letter.isalpha() for letter in words)
    held = wanted.state == "held"
    sessions = await _sessions(db, wanted)
    params: dict[str, Any] = {
        "session_id": wanted.session_id,
        "direction": wanted.direction,
        "state": "queued" if held else wanted.state,
        "gate": "held" if held else "open" if wanted.state == "queued" else None,
        "chat": rows.to_text(_spelled(wanted.chat)) if wanted.chat else None,
        "words": f"%{_literal(words)}%" if words else None,
        "exact": words,
        "digits": f"%{digits}%" if only_digits else None,
        "scoped": int(sessions is not None),
        "listed": rows.to_text(sessions or []),
    }
    return params


def _spelled(chat: str) -> tuple[str, ...]:
    return spellings(chat) if kind_of(chat) == "phone" else (chat,)


async def _sessions(db: Db, wanted: MessageSearch) -> list[int] | None:
    """None: all."""
    if wanted.session_id is not None:
        return [wanted.session_id]
    reach = wanted.reach
    if reach == ALL:
        return None
    statement = "search_sessions" if reach.tenant is None else "search_sessions_of_tenant"
    return [one.id for one in await db.rows(statement, {"tenant": reach.tenant}) if reach.named(one.name)]


def _literal(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
