"""Sessions: their rows, their view for the judge, QR codes, the timeline, and approvals.

Never lives here: the commit of a decision (`decisions`), messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.recovery import Approval
from esteio.core.model.session import Session
from esteio.core.model.state import SessionState
from esteio.store.adoption import InstanceTaken
from esteio.store.base import Exists, JournalEntry, Page, Qr, SessionView, Work
from esteio.store.delivery import Endpoint
from esteio.store.sql import journal, rows
from esteio.store.sql.base import Room
from esteio.store.sql.delivery import rows as delivery_rows
from esteio.store.sql.qr_codes import put_code
from esteio.store.sql.servers import falls
from esteio.store.sqlite.connection import Db
from esteio.store.sqlite.session_cache import Remembered

AHEAD_S = 7200.0
"""No session's `wake_at` is put further ahead than an hour: this much further it was put by a clock that ran ahead."""
_FORGET = (
    "session_forget_send_lanes",
    "session_forget_media",
    "session_forget_attempts",
    "session_forget_messages",
    "session_forget_idempotency",
    "session_forget_provider_webhooks",
    "session_forget_inbound_dedupe",
    "session_forget_pending_receipts",
    "session_forget_contact_lids",
    "session_forget_phones",
    "session_forget_history_gap",
    "session_forget_body_retention",
    "session_forget_approvals",
    "session_forget_qr",
    "session_forget_journal",
    "session_forget_work",
    "session_delete",
)


class Sessions(Room):
    _remembered: Remembered

    async def add_session(
        self,
        session: Session,
        token: str,
        sealed: bytes,
        now: float,
        journal: Sequence[JournalEntry],
        work: Sequence[Work],
        *,
        instance: str | None = None,
        replaced: bytes | None = None,
        news: Sequence[Evidence] = (),
        endpoints: Sequence[Endpoint] = (),
    ) -> Session:
        """Journal lines, news and work without a session get the new id."""
        more = {"token": token, "encrypted": sealed, "instance": instance, "replaced": replaced}

        def operation(db: Db) -> Session:
            added = _add_session(db, session, more, journal, work)
            _add_news(db, added, news)
            for endpoint in endpoints:
                db.rows("webhook_endpoint_add", delivery_rows.endpoint_params(endpoint))
            return added

        return await self._write(operation)

    async def instance_taken(self, server: ServerName, instance: str) -> SessionName | None:
        """The session that this instance belongs to."""
        name: SessionName | None = self._reader.value("session_of_instance", {"server": server, "instance": instance})
        return name

    async def replaced_webhook(self, session_id: SessionId) -> bytes | None:
        """What was kept, sealed; None when nothing was."""
        row = self._reader.row("session_replaced", {"id": session_id})
        return None if row is None else row[0]

    async def keep_webhook(self, session_id: SessionId, replaced: bytes) -> None:
        """On disk when it returns."""
        await self._write(lambda db: db.run("session_replace", {"id": session_id, "replaced": replaced}))

    async def amend_session(
        self, session: Session, sealed: bytes, instance: str | None, evidence: Evidence, *, moved: bool
    ) -> bool:
        """Phone, policy, ref and its secrets; a judgement under way starts again. Raises `InstanceTaken`."""
        params = {
            "id": session.id,
            "phone": session.phone,
            "policy": session.policy,
            "ref": rows.to_text(session.ref),
            "encrypted": sealed,
            "instance": instance,
            "moved": int(moved),
        }

        def operation(db: Db) -> bool:
            _check_instance(db, session, instance)
            if not db.run("session_amend", params):
                return False
            journal.add_news(db, session.id, session.server, [evidence])
            return True

        return await self._write(operation)

    async def session(self, name: SessionName) -> Session | None:
        return self._remembered.session("session_by_name", name)

    async def session_by_id(self, session_id: SessionId) -> Session | None:
        return self._remembered.session("session_by_id", session_id)

    async def session_by_token(self, token: str) -> Session | None:
        return self._remembered.session("session_by_token", token)

    async def session_secrets(self, session_id: SessionId) -> tuple[str, bytes]:
        """Raises `LookupError` when the session is gone."""
        row = self._reader.row("session_secrets", {"id": session_id})
        if row is None:
            raise LookupError(f"no session {session_id}")
        return row[0], row[1]

    async def sessions(
        self,
        *,
        state: SessionState | None = None,
        server: ServerName | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page:
        """By name; the cursor is the last name seen."""
        params = {"after": after or "", "state": state, "server": server, "limit": limit + 1}
        found = [rows.session_of(row) for row in self._reader.rows("sessions_page", params)]
        return Page(tuple(found[:limit]), found[limit - 1].name if len(found) > limit else None)

    async def change_session(
        self,
        session_id: SessionId,
        now: float,
        *,
        ref: Mapping[str, str] | None = None,
        sealed: bytes | None = None,
    ) -> None:
        """What is None stays. The version does not grow: no judgement rests on these."""
        params = {"id": session_id, "ref": rows.text_or_none(ref), "encrypted": sealed, "token": None}
        await self._write(lambda db: db.run("session_change", params))

    async def delete_session(self, session_id: SessionId, now: float) -> bool:
        """Everything of it goes, public events stay; its control work is dropped."""

        def operation(db: Db) -> bool:
            db.briefs.pop(session_id, None)
            return [db.run(name, {"id": session_id, "now": now}) for name in _FORGET][-1] > 0

        return await self._write(operation)

    async def due_sessions(self, now: float) -> Sequence[SessionId]:
        return [row[0] for row in self._reader.rows("sessions_due", {"now": now, "ahead": now + AHEAD_S})]

    async def session_view(self, session_id: SessionId, now: float) -> SessionView | None:
        return self._snapshot(lambda db: _view(db, session_id))

    async def add_evidence(
        self, session_id: SessionId | None, server: ServerName, evidence: Sequence[Evidence], now: float
    ) -> None:
        """About a session that is gone nothing is kept: nobody would ever fold it."""
        await self._write(lambda db: journal.add_news(db, known_session(db, session_id), server, evidence))

    async def held(self, session_id: SessionId) -> int:
        count: int = self._reader.value("session_held", {"id": session_id})
        return count

    async def held_by_session(self, sessions: Sequence[SessionId] | None = None) -> Mapping[SessionId, int]:
        if sessions is None:
            return dict(self._reader.rows("sessions_held", {}))
        return dict(self._reader.rows("sessions_held_of", {"listed": rows.to_text(sessions)}))

    async def put_qr(self, session_id: SessionId, qr: Qr) -> None:
        """An older one than the one held is left out."""
        await self._write(lambda db: put_code(db, session_id, qr))

    async def qr(self, session_id: SessionId) -> Qr | None:
        """As it was put; whether it is still good is for the caller, who has a clock."""
        row = self._reader.row("qr", {"session_id": session_id})
        return None if row is None else rows.qr_of(row)

    async def timeline(self, session_id: SessionId, after: int, limit: int) -> Sequence[JournalEntry]:
        params = {"session_id": session_id, "after": after, "limit": limit}
        return [rows.entry_of(row) for row in self._reader.rows("timeline", params)]

    async def timeline_back(self, session_id: SessionId, before: int, limit: int) -> Sequence[JournalEntry]:
        params = {"session_id": session_id, "before": before, "limit": limit}
        return [rows.entry_of(row) for row in self._reader.rows("timeline_back", params)]

    async def approvals(self, state: str = "open") -> Sequence[Approval]:
        return [rows.approval_of(row) for row in self._reader.rows("approvals", {"state": state})]

    async def approval(self, approval_id: str) -> Approval | None:
        row = self._reader.row("approval", {"id": approval_id})
        return None if row is None else rows.approval_of(row)

    async def decide_approval(
        self, approval_id: str, state: Literal["approved", "rejected"], now: float, evidence: Evidence
    ) -> bool:
        def operation(db: Db) -> bool:
            session_id = db.value("approval_decide", {"id": approval_id, "state": state, "now": now})
            if session_id is None:
                return False
            journal.add_news(db, session_id, server_of_session(db, session_id), [evidence])
            return True

        return await self._write(operation)


def server_of_session(db: Db, session_id: SessionId) -> ServerName | None:
    """The server that a session lives on, None when the session is gone."""
    row = db.row("session_brief", {"id": session_id})
    return None if row is None else row[2]


def known_session(db: Db, session_id: SessionId | None) -> SessionId | None:
    """The id, unless its session is gone."""
    return session_id if session_id is not None and server_of_session(db, session_id) is not None else None


def _check_instance(db: Db, session: Session, instance: str | None) -> None:
    holder = db.value("session_of_instance", {"server": session.server, "instance": instance})
    if holder is not None and holder != session.name:
        raise InstanceTaken(instance)


def _add_news(db: Db, session: Session, news: Sequence[Evidence]) -> None:
    if news:
        journal.add_news(db, session.id, session.server, news)


def _add_session(
    db: Db, session: Session, more: rows.Params, entries: Sequence[JournalEntry], work: Sequence[Work]
) -> Session:
    _check_instance(db, session, more["instance"])
    given = db.value("session_add", {**rows.session_params(session), **more})
    if given is None:
        raise Exists(session.name)
    session_id = SessionId(given)
    journal.add_entries(db, entries, session_id, session.server)
    for item in work:
        about = item if item.session_id is not None else msgspec.structs.replace(item, session_id=session_id)
        db.run("work_add", rows.work_params(about))
    return msgspec.structs.replace(session, id=session_id)


def _view(db: Db, session_id: SessionId) -> SessionView | None:
    row = db.row("session_by_id", {"word": session_id})
    if row is None:
        return None
    session = rows.session_of(row)
    server_row = db.row("server", {"name": session.server})
    if server_row is None:  # pragma: no cover - a foreign key forbids it
        return None
    approval = db.row("approval_open", {"session_id": session_id})
    fallen, fleet = falls(db, session.server)
    return SessionView(
        session=session,
        server=rows.server_of(server_row),
        news=journal.news_of_session(db, session_id),
        held=db.value("session_held", {"id": session_id}),
        fallen=fallen,
        fleet=fleet,
        approval=None if approval is None else rows.approval_of(approval),
    )
