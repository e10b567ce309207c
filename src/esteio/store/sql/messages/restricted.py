"""While WhatsApp restricts a session (463), messages to contacts who never wrote are held; an answer releases them.

Whether a chat is warm is read from its messages when its turn comes, never from a flag. Never lives here: which chats
are warm (`core.messages.restricted`), since when a session is restricted (`core.judge.restriction`).
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.core.messages import restricted
from esteio.core.model.ids import SessionId
from esteio.core.views.documents import timestamp
from esteio.store.sql import rows
from esteio.store.sql.db import Db, Row
from esteio.store.sql.messages.send_lanes import refresh_lane

COLD_AT_ONCE = 200
"""Lanes of a restricted session that one claim looks at."""


async def warm_of(db: Db, session_id: SessionId, lanes: Sequence[Row], cold_until: float, now: float) -> list[Row]:
    """Those of these due lanes (chat, head) that may go; the heads of the others wait until the restriction ends."""
    warm = []
    for lane in lanes:
        if await _is_warm(db, session_id, lane.chat, cold_until, now):
            warm.append(lane)
        else:
            reason = rows.to_text(restricted.held(timestamp(cold_until) or ""))
            await db.put("message_wait", {"seq": lane.head, "due_at": cold_until, "reason": reason})
            await refresh_lane(db, session_id, lane.chat)
    return warm


async def thaw(db: Db, session_id: SessionId, chat: str, now: float) -> bool:
    """Somebody wrote to us there: what waited for warmth goes. Whether something did."""
    held = f'{{"code":"{restricted.HELD}"%'
    params = {"session_id": session_id, "chat": chat, "now": now, "held": held}
    if not await db.run("message_release", params):
        return False
    await refresh_lane(db, session_id, chat)
    return True


async def _is_warm(db: Db, session_id: SessionId, chat: str, cold_until: float, now: float) -> bool:
    if restricted.always_warm(chat):
        return True
    key = {"session_id": session_id, "chat": chat}
    if await db.row("chat_heard", {**key, "since": restricted.heard_since(now)}) is not None:
        return True
    return await db.row("chat_reached", {**key, "since": restricted.reached_since(cold_until)}) is not None
