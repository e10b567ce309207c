"""The QR held for a session, with the event that a new one makes; and the link that shows it to the phone's owner.

Never lives here: whether a code may still be shown, or a link still opens.
"""

from __future__ import annotations

from esteio.core.model.ids import SessionId
from esteio.core.views import documents
from esteio.store.base import EventRow, JournalEntry, PairLink, Qr
from esteio.store.sql import journal, rows
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db
from esteio.store.sql.messages.send_lanes import name_of_session
from esteio.store.sql.sessions import server_of_session


class SqlQrCodes(SqlSubject):
    """At most one QR code a session; a new one and its event are written in one transaction."""

    async def put(self, session_id: SessionId, qr: Qr) -> None:
        """An older one than the one held is left out."""
        await self._write(lambda db: put_code(db, session_id, qr))

    async def get(self, session_id: SessionId) -> Qr | None:
        """As it was put; whether it is still good is for the caller, who has a clock."""
        row = await self._reader.row("qr", {"session_id": session_id})
        return None if row is None else rows.qr_of(row)


async def put_code(db: Db, session_id: SessionId, qr: Qr) -> None:
    """Keep it unless a newer one is there; one that was not seen before is told (`session.qr`)."""
    held = await db.row("qr", {"session_id": session_id})
    name = await name_of_session(db, session_id)
    if not name:
        # The session was deleted meanwhile.
        return
    if not await db.run("qr_put", rows.qr_params(session_id, qr)) or (held is not None and held.code == qr.code):
        return
    data = {"session": name, "qr": documents.as_data(documents.qr(qr)), "pairing_code": qr.pairing_code}
    await db.put("event_add", rows.event_params(EventRow("session.qr", qr.seen_at, data, name)))  # type: ignore[arg-type]


class SqlPairLinks(SqlSubject):
    """At most one a session; making and dropping it write their line of the timeline in the same transaction."""

    async def put(self, link: PairLink, token_hash: bytes, line: JournalEntry) -> None:
        """Raises `LookupError` when the session is gone."""

        async def operation(db: Db) -> None:
            server = await server_of_session(db, link.session_id)
            if server is None:
                raise LookupError(link.session_id)
            await db.put("pair_link_put", rows.pair_link_params(link, token_hash))
            await journal.add_entries(db, [line], link.session_id, server)

        await self._write(operation)

    async def get(self, session_id: SessionId) -> PairLink | None:
        row = await self._reader.row("pair_link", {"session_id": session_id})
        return None if row is None else rows.pair_link_of(row)

    async def by_hash(self, token_hash: bytes) -> PairLink | None:
        """Found by an index over the hash."""
        row = await self._reader.row("pair_link_by_hash", {"token_hash": token_hash})
        return None if row is None else rows.pair_link_of(row)

    async def drop(self, session_id: SessionId, line: JournalEntry) -> bool:
        """False, and no line, when there was none."""

        async def operation(db: Db) -> bool:
            if not await db.run("pair_link_drop", {"session_id": session_id}):
                return False
            await journal.add_entries(db, [line], session_id, await server_of_session(db, session_id))
            return True

        return await self._write(operation)
