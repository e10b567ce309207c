"""The commit of a decision: everything it changes in one transaction, if nobody was faster.

Never lives here: a decision.
"""

from __future__ import annotations

from esteio.core.model.recovery import Approval
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.store.base import DecisionCommit
from esteio.store.sql import journal, rows
from esteio.store.sql.base import Room, Undo
from esteio.store.sql.inbox.history_gaps import mark_gap
from esteio.store.sql.messages.send_lanes import end_queued
from esteio.store.sql.servers import update_server
from esteio.store.sqlite.connection import Db


class Decisions(Room):
    async def commit_decision(self, commit: DecisionCommit) -> bool:
        """False, and nothing written, when the session's or the server's row has moved since it was read."""
        return await self._write_or_false(lambda db: self._commit(db, commit))

    def _commit(self, db: Db, commit: DecisionCommit) -> None:
        session = commit.session
        if not db.run("session_commit", rows.session_params(session)):
            raise Undo(session.name)
        if session.restricted_until:
            db.cold[session.id] = session.restricted_until
        else:
            db.cold.pop(session.id, None)
        if commit.server is not None:
            update_server(db, commit.server)
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
        if commit.gap_since is not None:
            mark_gap(db, session.id, commit.gap_since, commit.gap_due)
        if commit.doubts_due is not None:
            db.run("doubts_hasten", {"session_id": session.id, "due_at": commit.doubts_due})
            # guard: queue-looks-hastened-by-gate
            db.run("provider_queue_hasten", {"session_id": session.id, "due_at": commit.doubts_due})
        if commit.fail_queued is not None:
            self._fail_queued(db, session, commit.fail_queued, _moment(commit))

    def _fail_queued(self, db: Db, session: Session, reason: Reason, now: float) -> None:
        for row in db.rows("messages_fail_on_down", {"session_id": session.id}):
            end_queued(db, row[0], "session_down", reason, now)


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
