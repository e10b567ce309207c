"""The journal: evidence folded and unfolded, counted instead of repeated; decisions, acts and people's words.

Two ways of counting. Unfolded news that repeats the last unfolded row of its subject replaces it under a new `seq`, so
that a judge who has read the old row cannot fold the new one unread; folding up to the old place then leaves a
remainder of one (`journal_split`). News that comes already folded is counted into a recent equal row, so that a
healthy fleet does not write a million lines a day. A decision, act or notice that repeats the line just before it says
nothing new and is counted into it in the same way.

Never lives here: who folds, and what evidence means.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import TypeAlias

import msgspec

from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName, SessionId
from esteio.store.base import JournalEntry, StoredEvidence
from esteio.store.sql import rows
from esteio.store.sql.db import Db, Row, row_each
from esteio.store.sql.locks import lock_server, lock_session

COUNTED_WITHIN_S = 3600
"""A folded row counts its repetitions for this long, then a new row begins: at least a line an hour."""
RECENT = 8
"""So many rows back an equal one is looked for."""
RECENT_LINES = 64
"""The same of lines: a program goes round among more calls than a look has pieces."""
Subject: TypeAlias = tuple[SessionId | None, ServerName | None]
"""A session and its server, or a server alone."""
NEWS_AT_ONCE = 1000
"""How much news one judgement reads; the rest comes with the next one."""


async def add_news(
    db: Db, session_id: SessionId | None, server: ServerName | None, evidence: Iterable[Evidence]
) -> None:
    """Append unfolded evidence, each piece to its own subject; what is about nobody that is known here is left out."""
    news: dict[Subject, list[Evidence]] = {}
    for piece in evidence:
        if piece.subject == "session" and session_id is not None:
            news.setdefault((session_id, server), []).append(piece)
        elif piece.subject == "server" and server is not None:
            news.setdefault((None, server), []).append(piece)
    await add_news_of_each(db, news)


async def add_news_of_each(db: Db, news: Mapping[Subject, Sequence[Evidence]]) -> None:
    """Append unfolded evidence about these, each in its order."""
    for subject in news:
        await _lock(db, *subject)
    replaced: list[rows.Params] = []
    added: list[rows.Params] = []
    for (subject, pieces), last in zip(news.items(), await _last_news(db, news), strict=True):
        before, base_seq = (None, None) if last is None else (rows.evidence_of(last), last.base_seq)
        runs = counted_runs(pieces)
        if last is not None and before is not None and before.repeats(runs[0]):
            replaced.append({"seq": last.seq})
            runs[0] = _counted(before, runs[0])
        else:
            base_seq = None
        for piece in runs:
            added.append(rows.evidence_params(piece, *subject, folded=False, base_seq=base_seq))
            base_seq = None
    if replaced:
        await db.put_each("journal_remove", replaced)
    if added:
        await db.put_each("journal_add", added)


async def _lock(db: Db, session_id: SessionId | None, server: ServerName | None) -> None:
    if session_id is not None:
        await lock_session(db, session_id)
    elif server is not None:
        await lock_server(db, server)


async def _last_news(db: Db, subjects: Collection[Subject]) -> list[Row | None]:
    """The last unfolded news about each."""
    of_sessions = [{"session_id": one} for one, _ in subjects if one is not None]
    of_servers = [{"server": server} for one, server in subjects if one is None]
    sessions = iter(await row_each(db, "journal_last_news", of_sessions))
    servers = iter(await row_each(db, "journal_last_server_news", of_servers))
    return [next(servers if one is None else sessions) for one, _ in subjects]


def counted_runs(evidence: Iterable[Evidence]) -> list[Evidence]:
    """The same news in fewer pieces: runs of equal ones are counted into one."""
    runs: list[Evidence] = []
    for piece in evidence:
        if runs and runs[-1].repeats(piece):
            runs[-1] = _counted(runs[-1], piece)
        else:
            runs.append(piece)
    return runs


def _counted(old: Evidence, new: Evidence) -> Evidence:
    return msgspec.structs.replace(
        new,
        count=old.count + new.count,
        first_at=old.happened_at if old.first_at is None else old.first_at,
        happened_at=max(old.happened_at, new.happened_at),
        seen_at=max(old.seen_at, new.seen_at),
    )


async def add_folded(db: Db, session_id: SessionId | None, server: ServerName, evidence: Iterable[Evidence]) -> None:
    """Append evidence that its judge has folded already, or count it into a recent equal row."""
    pieces = list(evidence)
    if pieces:
        await _lock(db, session_id, server)
    recent = await _recent(db, session_id, server) if pieces else []
    for piece in pieces:
        place = next((place for place, (_, old) in enumerate(recent) if _goes_on(old, piece)), None)
        if place is None:
            seq = await db.value("journal_append", rows.evidence_params(piece, session_id, server, folded=True))
            recent = [(seq, piece), *recent[: RECENT - 1]]
        else:
            seq, old = recent[place]
            merged = _counted(old, piece)
            recent[place] = (seq, merged)
            await _count_up(db, seq, merged)


async def _recent(db: Db, session_id: SessionId | None, server: ServerName) -> list[tuple[int, Evidence]]:
    """The last folded evidence, newest first, with its places."""
    # A look brings several pieces at once, in turn: the equal row stands a few rows back, in the same run of evidence.
    # What stands before a decision is never counted up: the story would be told in the wrong order.
    if session_id is None:
        found = await db.rows("journal_recent_server", {"server": server, "limit": RECENT})
    else:
        found = await db.rows("journal_recent", {"session_id": session_id, "limit": RECENT})
    return [(row.seq, rows.evidence_of(row)) for row in takewhile(lambda row: row.kind == "evidence", found)]


def _goes_on(old: Evidence, piece: Evidence) -> bool:
    began = old.happened_at if old.first_at is None else old.first_at
    return old.repeats(piece) and piece.seen_at - began < COUNTED_WITHIN_S


async def _count_up(db: Db, seq: int, merged: Evidence) -> None:
    times = {"first_at": merged.first_at, "at": merged.seen_at, "happened_at": merged.happened_at}
    await db.put("journal_count", {"seq": seq, "count": merged.count, **times})


async def add_entries(
    db: Db, entries: Iterable[JournalEntry], session_id: SessionId | None = None, server: ServerName | None = None
) -> None:
    """Append lines; those that do not say whom they are about are about the given session or server."""
    for entry in entries:
        params = rows.journal_params(entry)
        if entry.session_id is None and entry.server is None:
            params["session_id"], params["server"] = session_id, server
        await _lock(db, params["session_id"], params["server"])
        if not await _repeats(db, params):
            await db.put("journal_add", params)


async def _repeats(db: Db, line: rows.Params) -> bool:
    """Whether the last row of the same subject is this very line, which is then counted up."""
    if line["kind"] == "evidence":
        return False
    about_server = line["session_id"] is None
    last = (
        await db.row("journal_last_server", {"server": line["server"]})
        if about_server
        else await db.row("journal_last", {"session_id": line["session_id"]})
    )
    if last is None or any(getattr(last, column) != line[column] for column in ("kind", "code", "args", "data")):
        return False
    first_at = last.at if last.first_at is None else last.first_at
    if line["at"] - first_at >= COUNTED_WITHIN_S:
        return False
    times = {"first_at": first_at, "at": max(last.at, line["at"]), "happened_at": last.happened_at}
    await db.put("journal_count", {"seq": last.seq, "count": last.count + line["count"], **times})
    return True


async def add_operator_lines(db: Db, lines: Iterable[JournalEntry]) -> None:
    """Append lines, or count them into a recent one of the same words. As with evidence, what stands before a decision
    is not counted up."""
    for line in lines:
        params = rows.journal_params(line)
        await _lock(db, params["session_id"], params["server"])
        place = await _recent_line(db, params)
        if place is None:
            await db.put("journal_add", params)
        else:
            await db.put("journal_count_line", place)


async def _recent_line(db: Db, line: rows.Params) -> rows.Params | None:
    """How the row that this line repeats is to be counted up, None where there is none."""
    found = await db.rows("journal_recent", {"session_id": line["session_id"], "limit": RECENT_LINES})
    for row in takewhile(lambda row: row.kind in ("evidence", "operator"), found):
        first_at = row.at if row.first_at is None else row.first_at
        if (row.kind, row.code, row.args) == (line["kind"], line["code"], line["args"]):
            if line["at"] - first_at >= COUNTED_WITHIN_S:
                return None
            times = {"first_at": first_at, "at": max(row.at, line["at"])}
            return {"seq": row.seq, "count": row.count + line["count"], "data": line["data"], **times}
    return None


async def fold_session(db: Db, session_id: SessionId, through: int) -> None:
    """Nothing up to `through` is handed out again."""
    if through:
        await db.put("journal_fold", {"session_id": session_id, "through": through})
        await db.put("journal_split", {"session_id": session_id, "through": through})


async def fold_server(db: Db, server: ServerName, through: int) -> None:
    """The same for a server's own news."""
    if through:
        await db.put("journal_fold_server", {"server": server, "through": through})
        await db.put("journal_split_server", {"server": server, "through": through})


def question_of_session(session_id: SessionId) -> tuple[str, rows.Params]:
    """Asks for unfolded evidence about a session, oldest first; `news_in` reads the answer."""
    return "journal_news", {"session_id": session_id, "limit": NEWS_AT_ONCE}


def news_in(found: Iterable[Row]) -> tuple[StoredEvidence, ...]:
    """Unfolded evidence in these rows."""
    return tuple(StoredEvidence(seq=row.seq, evidence=rows.evidence_of(row)) for row in found)


async def news_of_server(db: Db, server: ServerName) -> tuple[StoredEvidence, ...]:
    """Unfolded evidence about a server, oldest first."""
    return news_in(await db.rows("journal_server_news", {"server": server, "limit": NEWS_AT_ONCE}))
