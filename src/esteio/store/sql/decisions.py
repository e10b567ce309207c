"""The commit of a decision: everything it changes in one transaction, if nobody was faster.

Never lives here: a decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from esteio.core.model.ids import ServerName, SessionId
from esteio.core.model.recovery import Approval
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.core.nodes.chores import of_server
from esteio.store.base import DecisionCommit, ServerCommit, SessionView
from esteio.store.sql import journal, rows
from esteio.store.sql.base import SqlSubject, check_chore, check_held
from esteio.store.sql.db import Db, Rollback
from esteio.store.sql.history.outages import keep_server_outage, keep_session_outage, keep_state
from esteio.store.sql.inbox.history_gaps import mark_gap
from esteio.store.sql.messages.send_lanes import end_queued
from esteio.store.sql.servers import update_server

AHEAD_S = 7200.0
"""No session's `wake_at` is put further ahead than an hour: this much further it was put by a clock that ran ahead."""


class SqlDecisions(SqlSubject):
    """Views and commits of judgements; a commit compares the versions that its view was read at."""

    async def due_sessions(self, now: float, *, node: int | None = None) -> Sequence[SessionId]:
        return await self._reader.values("sessions_due", {"now": now, "ahead": now + AHEAD_S, "node": node})

    async def unscheduled_sessions(self, *, node: int | None = None) -> Sequence[SessionId]:
        return await self._reader.values("sessions_unscheduled", {"node": node})

    async def with_news(self, node: int) -> Mapping[SessionId | ServerName, int]:
        async def question(db: Db) -> dict[SessionId | ServerName, int]:
            news = {row.id: row.seq for row in await db.rows("sessions_with_news", {"node": node})}
            return news | {row.server: row.seq for row in await db.rows("servers_with_news", {})}

        return await self._snapshot(question)

    async def session_view(self, session_id: SessionId, now: float) -> SessionView | None:
        return await self._snapshot(lambda db: _view(db, session_id))

    async def commit_session(self, commit: DecisionCommit) -> bool:
        """False, and nothing written, when the session's or the server's row has moved since it was read."""
        return await self._write_or_false(lambda db: _commit(db, commit))

    async def commit_server(self, commit: ServerCommit) -> bool:
        async def operation(db: Db) -> None:
            name = commit.server.name
            await check_chore(db, of_server(name), commit.generation)
            await update_server(db, commit.server)
            if commit.outage is not None:
                await keep_server_outage(db, name, commit.outage)
            await journal.fold_server(db, name, commit.folded_through)
            await journal.add_folded(db, None, name, commit.news)
            await journal.add_entries(db, commit.journal, server=name)
            for work in commit.work:
                await db.put("work_add", rows.work_params(work))
            for event in commit.events:
                await db.put("event_add", rows.event_params(event))
            if commit.gap_since is not None:
                gap = {"server": name, "since": commit.gap_since, "due_at": commit.gap_due}
                await db.put("history_gaps_mark_linked", gap)
            if commit.doubts_due is not None:
                await db.put("doubts_hasten_server", {"server": name, "due_at": commit.doubts_due})

        return await self._write_or_false(operation)


async def _commit(db: Db, commit: DecisionCommit) -> None:
    session = commit.session
    await check_held(db, session.id, commit.generation)
    if not await db.run("session_commit", rows.session_params(session)):
        raise Rollback(session.name)
    if session.restricted_until:
        db.restricted[session.id] = session.restricted_until
    else:
        db.restricted.pop(session.id, None)
    if commit.server is not None:
        await update_server(db, commit.server)
    await _write_history(db, commit)
    await _write_journal(db, commit)
    if commit.drop_control:
        await db.put("work_drop_control", {"session_id": session.id, "now": _moment(commit)})
    for work in commit.work:
        await db.put("work_add", rows.work_params(work))
    for event in commit.events:
        await db.put("event_add", rows.event_params(event))
    if commit.approval is not None:
        await _write_approval(db, commit.approval)
    if commit.clear_qr:
        await db.put("qr_clear", {"session_id": session.id})
        await db.put("pair_link_done", {"session_id": session.id, "now": _moment(commit)})
    if commit.gap_since is not None:
        await mark_gap(db, session.id, commit.gap_since, commit.gap_due)
    if commit.doubts_due is not None:
        await db.put("doubts_hasten", {"session_id": session.id, "due_at": commit.doubts_due})
        # guard: queue-looks-hastened-by-gate
        await db.put("provider_queue_hasten", {"session_id": session.id, "due_at": commit.doubts_due})
    if commit.fail_queued is not None:
        await _fail_queued(db, session, commit.fail_queued, _moment(commit))


async def _fail_queued(db: Db, session: Session, reason: Reason, now: float) -> None:
    for seq in await db.values("messages_fail_on_down", {"session_id": session.id}):
        await end_queued(db, seq, "session_down", reason, now)


async def _write_history(db: Db, commit: DecisionCommit) -> None:
    """Before the journal's new lines: an outage remembers what stood there when it began."""
    for outage in commit.outages:
        await keep_session_outage(db, commit.session, outage)
    if commit.previous_state is not None:
        await keep_state(db, commit.session, commit.previous_state)


async def _write_journal(db: Db, commit: DecisionCommit) -> None:
    session = commit.session
    await journal.fold_session(db, session.id, commit.folded_through)
    own = [piece for piece in commit.news if piece.subject == "session"]
    await journal.add_folded(db, session.id, session.server, own)
    # What a look learned of the server is news for the server's own judgement.
    await journal.add_news(db, None, session.server, [piece for piece in commit.news if piece.subject == "server"])
    await journal.add_entries(db, commit.journal, session.id, session.server)


async def _write_approval(db: Db, approval: Approval) -> None:
    params = rows.approval_params(approval)
    if await db.run("approval_update", params):
        return
    await db.put("approval_stale", {"session_id": approval.session_id, "now": approval.created_at})
    await db.put("approval_add", params)


def _moment(commit: DecisionCommit) -> float:
    """When the decision was taken, as far as it says so itself; for `updated_at` only."""
    times = [entry.at for entry in commit.journal]
    times += [event.at for event in commit.events]
    times += [commit.session.since, commit.session.gate_since]
    return max(times)


async def _view(db: Db, session_id: SessionId) -> SessionView | None:
    row = await db.row("session_by_id", {"word": session_id})
    if row is None:
        return None
    session = rows.session_of(row)
    (server_row,), approvals, fallen, news, held = await db.rows_of(
        ("server", {"name": session.server}),
        ("approval_open", {"session_id": session_id}),
        ("server_fallen", {"name": session.server}),
        journal.question_of_session(session_id),
        ("session_held", {"id": session_id}),
    )
    return SessionView(
        session=session,
        server=rows.server_of(server_row),
        new_evidence=journal.news_in(news),
        held=held[0].queued,
        fallen=tuple((one.id, one.outage_since) for one in fallen),
        fleet=await db.value("server_fleet", {"name": session.server}) if fallen else 0,
        approval=rows.approval_of(approvals[0]) if approvals else None,
    )
