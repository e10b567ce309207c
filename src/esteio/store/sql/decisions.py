"""The commit of a decision: everything it changes in one transaction, if nobody was faster.

Never lives here: a decision.
"""

from __future__ import annotations

from collections.abc import Sequence

from esteio.core.model.ids import SessionId
from esteio.core.model.recovery import Approval
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.store.base import DecisionCommit, ServerCommit, SessionView
from esteio.store.sql import journal, rows
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db, Rollback
from esteio.store.sql.history.outages import keep_server_outage, keep_session_outage, keep_state
from esteio.store.sql.inbox.history_gaps import mark_gap
from esteio.store.sql.messages.send_lanes import end_queued
from esteio.store.sql.servers import falls, update_server

AHEAD_S = 7200.0
"""No session's `wake_at` is put further ahead than an hour: this much further it was put by a clock that ran ahead."""


class SqlDecisions(SqlSubject):
    """Views and commits of judgements; a commit compares the versions that its view was read at."""

    async def due_sessions(self, now: float) -> Sequence[SessionId]:
        return self._reader.values("sessions_due", {"now": now, "ahead": now + AHEAD_S})

    async def session_view(self, session_id: SessionId, now: float) -> SessionView | None:
        return self._snapshot(lambda db: _view(db, session_id))

    async def commit_session(self, commit: DecisionCommit) -> bool:
        """False, and nothing written, when the session's or the server's row has moved since it was read."""
        return await self._write_or_false(lambda db: _commit(db, commit))

    async def commit_server(self, commit: ServerCommit) -> bool:
        def operation(db: Db) -> None:
            name = commit.server.name
            update_server(db, commit.server)
            if commit.outage is not None:
                keep_server_outage(db, name, commit.outage)
            journal.fold_server(db, name, commit.folded_through)
            journal.add_folded(db, None, name, commit.news)
            journal.add_entries(db, commit.journal, server=name)
            for work in commit.work:
                db.run("work_add", rows.work_params(work))
            for event in commit.events:
                db.run("event_add", rows.event_params(event))
            if commit.gap_since is not None:
                gap = {"server": name, "since": commit.gap_since, "due_at": commit.gap_due}
                db.run("history_gaps_mark_linked", gap)
            if commit.doubts_due is not None:
                db.run("doubts_hasten_server", {"server": name, "due_at": commit.doubts_due})

        return await self._write_or_false(operation)


def _commit(db: Db, commit: DecisionCommit) -> None:
    session = commit.session
    if not db.run("session_commit", rows.session_params(session)):
        raise Rollback(session.name)
    if session.restricted_until:
        db.restricted[session.id] = session.restricted_until
    else:
        db.restricted.pop(session.id, None)
    if commit.server is not None:
        update_server(db, commit.server)
    _write_history(db, commit)
    _write_journal(db, commit)
    if commit.drop_control:
        db.run("work_drop_control", {"session_id": session.id, "now": _moment(commit)})
    for work in commit.work:
        db.run("work_add", rows.work_params(work))
    for event in commit.events:
        db.run("event_add", rows.event_params(event))
    if commit.approval is not None:
        _write_approval(db, commit.approval)
    if commit.clear_qr:
        db.run("qr_clear", {"session_id": session.id})
        db.run("pair_link_done", {"session_id": session.id, "now": _moment(commit)})
    if commit.gap_since is not None:
        mark_gap(db, session.id, commit.gap_since, commit.gap_due)
    if commit.doubts_due is not None:
        db.run("doubts_hasten", {"session_id": session.id, "due_at": commit.doubts_due})
        # guard: queue-looks-hastened-by-gate
        db.run("provider_queue_hasten", {"session_id": session.id, "due_at": commit.doubts_due})
    if commit.fail_queued is not None:
        _fail_queued(db, session, commit.fail_queued, _moment(commit))


def _fail_queued(db: Db, session: Session, reason: Reason, now: float) -> None:
    for seq in db.values("messages_fail_on_down", {"session_id": session.id}):
        end_queued(db, seq, "session_down", reason, now)


def _write_history(db: Db, commit: DecisionCommit) -> None:
    """Before the journal's new lines: an outage remembers what stood there when it began."""
    for outage in commit.outages:
        keep_session_outage(db, commit.session, outage)
    if commit.previous_state is not None:
        keep_state(db, commit.session, commit.previous_state)


def _write_journal(db: Db, commit: DecisionCommit) -> None:
    session = commit.session
    journal.fold_session(db, session.id, commit.folded_through)
    own = [piece for piece in commit.news if piece.subject == "session"]
    journal.add_folded(db, session.id, session.server, own)
    # What a look learned of the server is news for the server's own judgement.
    journal.add_news(db, None, session.server, [piece for piece in commit.news if piece.subject == "server"])
    journal.add_entries(db, commit.journal, session.id, session.server)


def _write_approval(db: Db, approval: Approval) -> None:
    params = rows.approval_params(approval)
    if db.run("approval_update", params):
        return
    db.run("approval_stale", {"session_id": approval.session_id, "now": approval.created_at})
    db.run("approval_add", params)


def _moment(commit: DecisionCommit) -> float:
    """When the decision was taken, as far as it says so itself; for `updated_at` only."""
    times = [entry.at for entry in commit.journal]
    times += [event.at for event in commit.events]
    times += [commit.session.since, commit.session.gate_since]
    return max(times)


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
        new_evidence=journal.news_of_session(db, session_id),
        held=db.value("session_held", {"id": session_id}),
        fallen=fallen,
        fleet=fleet,
        approval=None if approval is None else rows.approval_of(approval),
    )
