"""Media that came in without its bytes, and which files of the media store are named by whom.

A file is named by the column `stored` of messages, several of which may name one. Never lives here: the files
(`store.media`), when a fetch is tried again (`core.messages.media_fetch`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from esteio.core.model.content import Content, Media
from esteio.core.model.ids import MessageId, SessionId
from esteio.core.model.state import Reason
from esteio.store.base import MediaFetch, MediaSettlement
from esteio.store.sql import rows
from esteio.store.sql.base import SqlSubject, add_message_event
from esteio.store.sql.db import Db, Row
from esteio.store.sql.messages.acceptance import shown
from esteio.store.sql.rows.content import content_of, stored_name

_source = msgspec.json.Decoder(dict[str, str])


class SqlMedia(SqlSubject):
    """Fetches that are due, and which messages name a stored file."""

    async def fetches(self, limit: int, *, node: int | None = None) -> Sequence[MediaFetch]:
        return [_fetch_of(row) for row in await self._reader.rows("media_fetches", {"limit": limit, "node": node})]

    async def settle(self, settlement: MediaSettlement) -> bool:
        return await self._write(lambda db: _settle(db, settlement))

    async def in_use(self) -> frozenset[str]:
        return frozenset(await self._reader.values("messages_unsent_media", {}))

    async def of_session(self, session_id: SessionId) -> Sequence[str]:
        return await self._reader.values("media_of_session", {"session_id": session_id})

    async def unused(self, names: Collection[str]) -> Sequence[str]:
        return await unused(self._reader, names)

    async def forget(self, names: Collection[str], reason: Reason) -> None:
        async def operation(db: Db) -> None:
            for name in names:
                for row in await db.rows("messages_with_media", {"stored": name}):
                    await _put(db, row.id, _without_bytes(content_of(row.content), reason))

        await self._write(operation)


async def _settle(db: Db, settlement: MediaSettlement) -> bool:
    key = {"message_id": settlement.message_id}
    if settlement.due_at is not None:
        return await db.run("media_fetch_again", {**key, "due_at": settlement.due_at}) > 0
    row = await db.row("message", {"id": settlement.message_id})
    if not await db.run("media_fetch_over", key) or row is None or settlement.media is None:
        return False
    message = shown(row)
    content = msgspec.structs.replace(message.content, media=settlement.media)
    await _put(db, message.id, content)
    changed = msgspec.structs.replace(message, content=content)
    await add_message_event(db, "message.media_changed", changed, settlement.at)
    return True


def _fetch_of(row: Row) -> MediaFetch:
    return MediaFetch(
        message_id=row.message_id,
        session_id=row.session_id,
        server=row.server,
        source=_source.decode(row.source),
        since=row.since,
        due_at=row.due_at,
        tries=row.tries,
    )


async def unused(db: Db, names: Collection[str]) -> list[str]:
    """Those of the names that no message names."""
    named = set(await db.values("media_named", {"listed": rows.to_text(sorted(names))})) if names else set()
    return [name for name in names if name not in named]


async def owe(db: Db, message_id: MessageId, session_id: SessionId, media: Media, now: float) -> None:
    """The row that says what the provider is to be asked for."""
    source = rows.to_text(dict(media.source or {}))
    await db.put("media_fetch_add", {"message_id": message_id, "session_id": session_id, "source": source, "now": now})


def _without_bytes(content: Content, reason: Reason) -> Content:
    media = content.media
    bare = None if media is None else msgspec.structs.replace(media, stored=None, gone=reason)
    return msgspec.structs.replace(content, media=bare)


async def _put(db: Db, message_id: str, content: Content) -> None:
    params = {"id": message_id, "content": rows.to_text(content), "stored": stored_name(content)}
    await db.put("message_content", params)
