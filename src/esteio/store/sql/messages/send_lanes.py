"""Lanes: whose turn it is in each chat. Every change of an outgoing message's state ends here.

A lane's row stands while its chat has a message queued, sending, parked (sent, and perhaps still in the provider's own
queue), or in a doubt that may still be resolved (one that is set aside holds nobody up). It names the head and, while
nothing is under way, when the head is due. It is always computed from the messages, in the transaction that changed
them.

Never lives here: which lane goes first (`outbox`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeAlias

from esteio.core.messages.transitions import STATE_AFTER, Event, states_before
from esteio.core.model.ids import SessionId
from esteio.core.model.message import Message
from esteio.core.model.state import Reason
from esteio.store.sql import rows
from esteio.store.sql.base import add_message_event, add_message_events
from esteio.store.sql.db import Db, Row, row_each
from esteio.store.sql.locks import lock_session

Lane: TypeAlias = tuple[SessionId, str]
"""A session's chat."""


def place_of(session_id: SessionId, priority: int) -> int:
    """The lane's sort key: its session, then 9 − priority."""
    return session_id * 10 + 9 - priority


async def refresh_lane(db: Db, session_id: SessionId, chat: str) -> None:
    """Compute a lane anew from its messages."""
    await refresh_lanes(db, [(session_id, chat)])


async def refresh_lanes(db: Db, lanes: Collection[Lane]) -> None:
    """Compute several lanes anew from their messages."""
    await _lock(db, lanes)
    keys = [{"session_id": session_id, "chat": chat} for session_id, chat in lanes]
    waiting, free = [], []
    for lane, busy in zip(lanes, await row_each(db, "send_lane_busy", keys), strict=True):
        if busy is not None:  # guard: chat-waits-for-doubt
            waiting.append((lane, busy, None))
        else:
            free.append(lane)
    await _set_lanes(db, waiting)
    await advance_lanes(db, free)


async def advance_lanes(db: Db, lanes: Collection[Lane]) -> None:
    """The same when it is known that nothing of them is under way."""
    await _lock(db, lanes)
    keys = [{"session_id": session_id, "chat": chat} for session_id, chat in lanes]
    heads = await row_each(db, "send_lane_head", keys)
    ended = [key for key, head in zip(keys, heads, strict=True) if head is None]
    if ended:
        await db.put_each("send_lane_close", ended)
    await _set_lanes(
        db, [(lane, head, head.due_at) for lane, head in zip(lanes, heads, strict=True) if head is not None]
    )


async def _lock(db: Db, lanes: Collection[Lane]) -> None:
    for session_id in sorted({session_id for session_id, _ in lanes}):
        await lock_session(db, session_id)


async def _set_lanes(db: Db, lanes: Sequence[tuple[Lane, Row, float | None]]) -> None:
    many = [
        {
            "session_id": session_id,
            "chat": chat,
            "head": head.seq,
            "sort_key": place_of(session_id, head.priority),
            "due_at": due_at,
        }
        for (session_id, chat), head, due_at in lanes
    ]
    if many:
        await db.put_each("send_lane_set", many)


async def brief_of_session(db: Db, session_id: SessionId) -> tuple[str, str]:
    """The session's name and its server, remembered: neither ever changes, and ids are never reused. Empty when it is
    unknown."""
    known = db.briefs.get(session_id)
    if known is None:
        brief = await db.row("session_brief", {"id": session_id})
        if brief is None:
            return "", ""
        known = db.briefs[session_id] = (str(brief.name), str(brief.server))
    return known


async def name_of_session(db: Db, session_id: SessionId) -> str:
    """The session's name, empty when it is unknown."""
    return (await brief_of_session(db, session_id))[0]


async def announce(db: Db, row: Row, at: float) -> Message:
    """The message of a row just written, with its `message.state_changed` event."""
    message = rows.message_of(row, await name_of_session(db, row.session_id))
    await add_message_event(db, "message.state_changed", message, at)
    return message


async def announce_each(db: Db, written: Sequence[tuple[Row, float]]) -> None:
    """The same events of several rows, each with its time, in their order."""
    told = [(rows.message_of(row, await name_of_session(db, row.session_id)), at) for row, at in written]
    if told:
        await add_message_events(db, "message.state_changed", told)


async def end_queued(db: Db, seq: int, event: Event, reason: Reason | None, now: float) -> Message | None:
    """A queued message fails or expires; None when it was not queued any more."""
    (before,) = states_before(event)
    params = {
        "seq": seq,
        "before": before,
        "state": STATE_AFTER[event],
        "reason": rows.text_or_none(reason),
        "now": now,
    }
    row = await db.row("message_end", params)
    if row is None:
        return None
    await refresh_lane(db, row.session_id, row.chat)
    return await announce(db, row, now)
