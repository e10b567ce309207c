"""The way out: claims of lanes, settlements of attempts, doubt and expiry.

A claim asks "which places have something due" (one step of an index for each session that has messages waiting), then
takes heads of lanes in the order of priority. It never touches a message whose time is over (that expires instead) and
never gives out one whose claim was lost: a lease that ran out means that nobody knows whether it left, so it is in
doubt from the time of the claim.

Never lives here: what an outcome means (`core.messages.outbox`), accepting (`messages`).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from esteio.core.messages.inbound import departure_keys
from esteio.core.messages.outbox import SendSettlement
from esteio.core.messages.transitions import after
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import MessageId, ServerName, SessionId
from esteio.core.model.message import Message
from esteio.core.model.state import Reason
from esteio.store.base import NotBefore, OutboxBacklog, SendClaim, SendQuota, Work
from esteio.store.sql import journal, rows
from esteio.store.sql.base import SqlSubject, check_held, lives
from esteio.store.sql.db import Database, Db, Rollback, Row, row_each
from esteio.store.sql.locks import lock_sessions
from esteio.store.sql.messages.acceptance import shown
from esteio.store.sql.messages.phones import spellings_of
from esteio.store.sql.messages.receipts import catch_up, catch_up_each
from esteio.store.sql.messages.restricted import COLD_AT_ONCE, warm_of
from esteio.store.sql.messages.send_lanes import (
    Lane,
    advance_lanes,
    announce,
    announce_each,
    brief_of_session,
    end_queued,
    refresh_lane,
    refresh_lanes,
)
from esteio.store.sql.messages.send_tokens import resting, spend, with_tokens

_LAPSED_AT_ONCE = 256
_IN_DOUBT = rows.to_text(Reason("in-doubt"))
_NO_RESTS = NotBefore()


AGED_TURN = 4
"""Every so many claims age goes before priority: a flood of urgent messages may not starve the patient ones."""
URGENT = 0
"""The rank (9 − priority) that may go beside a full session: a one-time code does not wait for a bulk."""


class SqlOutbox(SqlSubject):
    """Claims by lease and fence, and settlements of sends, one transaction each."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._turn = 1
        self._served: dict[SessionId, int] = {}
        """Which claim was the last to give a session something."""

    async def claim(
        self,
        now: float,
        limit: int,
        lease_s: float,
        quota: SendQuota,
        *,
        node: int | None = None,
    ) -> Sequence[SendClaim]:
        """Messages past their expiry expire here, and claims whose lease ran out fall into doubt."""

        async def operation(db: Db) -> list[SendClaim]:
            if not await lives(db, node, now):
                return []
            lapsed, expiring, lanes = await db.rows_of(
                ("messages_lapsed", {"now": now, "node": node, "limit": _LAPSED_AT_ONCE}),
                ("messages_expiring", {"now": now, "limit": _LAPSED_AT_ONCE}),
                ("send_lanes_ready", {"node": node}),
            )
            if lapsed or expiring:
                await _doubt_each(db, lapsed, now)
                await _expire_each(db, expiring, now)
                lanes = await db.rows("send_lanes_ready", {"node": node})
            ready = [row for row in lanes if row.due_at <= now]
            ready.sort(key=_by_age(self._served) if self._turn % AGED_TURN == 0 else _by_rank(self._served))
            ready = await _alone_with(db, ready, quota, limit)
            left, tokens = await with_tokens(db, quota, ready, now)
            claims = await _claim(db, ready, left, now, limit, lease_s)
            await spend(db, tokens, claims)
            if claims:
                self._served.update((claim.message.session_id, self._turn) for claim in claims)
                self._turn += 1
            return claims

        return await self._write(operation)

    async def settle(self, settlements: Sequence[SendSettlement]) -> Sequence[bool]:
        """All in one transaction; a stale one writes nothing and gives False."""

        async def operation(db: Db) -> list[bool]:
            await lock_sessions(db, [one.session_id for one in settlements])
            done = await _settle_all(db, settlements)
            await _write_evidence(db, [one for one, written in zip(settlements, done, strict=True) if written])
            return done

        return await self._write(operation)

    async def set_aside(self, session_id: SessionId) -> int:
        return await self._reader.value("messages_set_aside", {"session_id": session_id})  # type: ignore[no-any-return]

    async def backlog(self) -> OutboxBacklog:
        async def question(db: Db) -> OutboxBacklog:
            oldest_at = {row.gate: row.created_at for row in await db.rows("outbox_oldest", {})}
            return OutboxBacklog(await db.value("outbox_set_aside", {}), oldest_at)

        return await self._snapshot(question)

    async def next_due(self, now: float, not_before: NotBefore = _NO_RESTS, *, node: int | None = None) -> float | None:
        ready = await self._reader.rows("send_lanes_ready", {"node": node})
        rests = await resting(self._reader, not_before, now) if ready else not_before
        return min([_free_at(row, rests) for row in ready], default=None)

    async def expire(self, now: float, limit: int) -> int:
        if not await self._reader.rows("messages_expiring", {"now": now, "limit": 1}):
            return 0
        return await self._write(lambda db: _expire(db, now, limit))


class SqlDoubts(SqlSubject):
    """Messages in doubt; a claim whose lease ran out falls into doubt when they are read."""

    async def due(self, now: float, limit: int, *, node: int | None = None) -> Sequence[Message]:
        """Claims whose lease ran out fall into doubt first."""
        whose = {"now": now, "node": node}
        if await self._reader.rows("messages_lapsed", {**whose, "limit": 1}):
            await self._write(lambda db: _doubt_lapsed(db, now, node))
        return [shown(row) for row in await self._reader.rows("messages_doubted", {**whose, "limit": limit})]

    async def next_due(self, *, node: int | None = None) -> float | None:
        return await self._reader.value("messages_next_doubt", {"node": node})  # type: ignore[no-any-return]

    async def settle(
        self, settlement: SendSettlement, notices: Sequence[Work] = (), *, generation: int | None = None
    ) -> bool:
        """What was set aside and overtaken since is not queued again: False."""

        async def operation(db: Db) -> bool:
            await lock_sessions(db, [settlement.session_id])
            await check_held(db, settlement.session_id, generation)
            done = await _settle_doubt(db, settlement, notices)
            await _write_evidence(db, [settlement] if done else [])
            return done

        try:
            return await self._write(operation)
        except Rollback:
            return False

    async def overtaken(self, message_id: MessageId) -> bool:
        return await self._reader.row("message_overtaken", {"id": message_id}) is not None

    async def sends_unstored(self, server: ServerName, since: float, until: float) -> bool:
        params = {"server": server, "since": since, "until": until}
        return await self._reader.row("sends_unstored", params) is not None

    async def known_provider_ids(self, session_id: SessionId, since: float) -> frozenset[str]:
        """Ids of messages that were made or sent since then."""
        found = await self._reader.values("known_provider_ids", {"session_id": session_id, "since": since})
        return frozenset(found)


async def _expire(db: Db, now: float, limit: int) -> int:
    found = await db.rows("messages_expiring", {"now": now, "limit": limit})
    await _expire_each(db, found, now)
    return len(found)


async def _expire_each(db: Db, found: Sequence[Row], now: float) -> None:
    await lock_sessions(db, [row.session_id for row in found])
    for row in found:
        await end_queued(db, row.seq, "expired", Reason("expired"), now)


async def _doubt_lapsed(db: Db, now: float, node: int | None) -> None:
    """Of this node's sessions: what another claimed lapses by that one's clock."""
    await _doubt_each(db, await db.rows("messages_lapsed", {"now": now, "node": node, "limit": _LAPSED_AT_ONCE}), now)


async def _doubt_each(db: Db, lapsed: Sequence[Row], now: float) -> None:
    await lock_sessions(db, [row.session_id for row in lapsed])
    for row in lapsed:
        await _doubt(db, row.seq, now)


async def _doubt(db: Db, seq: int, now: float) -> Message | None:
    row = await db.row("message_doubt_lapsed", {"seq": seq, "now": now, "reason": _IN_DOUBT})
    return None if row is None else await announce(db, row, now)


async def doubt_sending(db: Db, scope: rows.Params, now: float) -> list[Message]:
    """Of sessions that are taken over: nobody holds a lease any more, so whatever was being sent is in doubt."""
    # What was in doubt before is looked for again too: its echo may have found nobody here.
    await db.put("doubts_hasten_all", {**scope, "due_at": now})  # guard: startup-hastens-doubts
    sending = await db.rows("messages_sending", scope)
    await lock_sessions(db, [row.session_id for row in sending])
    doubted = [await _doubt(db, row.seq, now) for row in sending]
    return [message for message in doubted if message is not None]


async def _settle_all(db: Db, settlements: Sequence[SendSettlement]) -> list[bool]:
    known = [one for one in settlements if after("sending", one.event) is not None]
    found = await row_each(db, "message_settle", [_settle_params(one) for one in known])
    written = [(one, row) for one, row in zip(known, found, strict=True) if row is not None]
    await _free_lanes(db, written)
    # What one of these has moved was not moved by an echo.
    moved = {one.message_id for one, _ in written}
    stale = [one for one, row in zip(known, found, strict=True) if row is None and one.message_id not in moved]
    done = {id(one) for one, _ in written} | {id(one) for one in stale if await _is_echoed(db, one)}
    attempts = [(one.message_id, one.attempt) for one in settlements if id(one) in done and one.attempt is not None]
    await db.put_each("attempt_add", [rows.attempt_params(*one) for one in attempts])
    # A message that waits again as it did before has not moved; what happened stands in its attempts.
    await announce_each(db, [(row, one.at) for one, row in written if one.state != "queued"])
    sent = [(row.session_id, one.provider_id) for one, row in written if one.state == "sent" and one.provider_id]
    await catch_up_each(db, sent)
    return [id(one) in done for one in settlements]


async def _free_lanes(db: Db, written: Sequence[tuple[SendSettlement, Row]]) -> None:
    """Each chat goes on, or waits."""
    waiting: dict[Lane, bool] = {}
    for settlement, row in written:
        # guard: queued-chat-waits-after-answer
        waits = settlement.state in {"queued", "in_doubt"} or settlement.event == "queued_at_provider"
        lane = (row.session_id, row.chat)
        waiting[lane] = waits or waiting.get(lane, False)
    await refresh_lanes(db, [lane for lane, waits in waiting.items() if waits])
    await advance_lanes(db, [lane for lane, waits in waiting.items() if not waits])


async def _settle_doubt(db: Db, settlement: SendSettlement, notices: Sequence[Work]) -> bool:
    if after("in_doubt", settlement.event) is None:
        return False
    row = await db.row("message_settle_doubt", _settle_params(settlement))
    if row is None:
        return await _settled_by_echo(db, settlement)
    for notice in notices:
        await db.put("work_add", rows.work_params(notice))
    # What was set aside is settled beside another one of its chat, which may be under way.
    await refresh_lane(db, row.session_id, row.chat)
    await _settled(db, settlement, row, moved=settlement.event != "not_found")
    return True


async def _settled(db: Db, settlement: SendSettlement, row: Row, *, moved: bool) -> None:
    await _add_attempt(db, settlement)
    if moved:
        await announce(db, row, settlement.at)
    if settlement.provider_id is not None and settlement.state == "sent":
        await catch_up(db, row.session_id, settlement.provider_id)


def _free_at(row: Row, not_before: NotBefore) -> float:
    """When the next message of these lanes may go, as far as their session and server rest."""
    due_at: float = row.due_at
    session_id, rank = divmod(row.sort_key, 10)
    if rank == URGENT:
        return due_at
    return max(due_at, not_before.sessions.get(session_id, due_at), not_before.servers.get(row.server, due_at))


def _by_rank(served: Mapping[SessionId, int]) -> Callable[[Row], tuple[int, int, float, int]]:
    """Urgent first, then the session that was served the longest ago, then what has waited longest."""

    def order(row: Row) -> tuple[int, int, float, int]:
        session_id, rank = divmod(row.sort_key, 10)
        return rank, served.get(session_id, 0), row.due_at, row.sort_key

    return order


def _by_age(served: Mapping[SessionId, int]) -> Callable[[Row], tuple[float, int, int]]:
    """What has waited longest first, whatever its rank."""

    def order(row: Row) -> tuple[float, int, int]:
        session_id, rank = divmod(row.sort_key, 10)
        return row.due_at, -rank, served.get(session_id, 0)

    return order


async def _alone_with(db: Db, ready: Sequence[Row], quota: SendQuota, limit: int) -> list[Row]:
    """Those of the first sessions that have room: nobody else writes in them now, so their heads stay that."""
    if not db.shared:
        return list(ready)
    sessions: dict[SessionId, None] = {}
    for place in ready:
        session_id = SessionId(place.sort_key // 10)
        if quota.sessions.get(session_id, quota.each) > 0 or place.sort_key % 10 == URGENT:
            sessions[session_id] = None
            if len(sessions) == limit:
                break
    await lock_sessions(db, sessions)
    return [place for place in ready if place.sort_key // 10 in sessions]


async def _claim(
    db: Db, ready: Sequence[Row], quota: SendQuota, now: float, limit: int, lease_s: float
) -> list[SendClaim]:
    heads = await _heads(db, ready, quota, now, limit)
    if not heads:
        return []
    due = {"listed": rows.to_text(heads), "now": now, "lease_until": now + lease_s}
    claimed = {row.seq: row for row in await db.rows("messages_claim", due)}
    await db.put("send_lanes_take", due)
    found = [row for row in map(claimed.get, heads) if row is not None]
    spelled = await spellings_of(db, [(row.session_id, row.recipient or row.chat) for row in found])
    return [await _claimed(db, row, now + lease_s, word) for row, word in zip(found, spelled, strict=True)]


async def _claimed(db: Db, row: Row, until: float, spelled: str | None) -> SendClaim:
    name, server = await brief_of_session(db, row.session_id)
    return SendClaim(rows.message_of(row, name), row.fence, until, ServerName(server), spelled)


async def _heads(db: Db, ready: Sequence[Row], quota: SendQuota, now: float, limit: int) -> list[int]:
    """Whose turn it is, in that order: the first message of each lane, as many as there is room for."""
    heads: list[int] = []
    taken: Counter[SessionId | ServerName] = Counter()
    waiting = deque(ready)
    while waiting and len(heads) < limit:
        looks = _next_looks(waiting, quota, taken, now, limit - len(heads))
        for (place, _), lanes in zip(looks, await _due_lanes(db, looks, now), strict=True):
            wanted = _wanted(place, quota, taken, limit - len(heads))
            if wanted <= 0:
                continue
            session_id = SessionId(place.sort_key // 10)
            if place.restricted_until > now:
                lanes = await warm_of(db, session_id, lanes, place.restricted_until, now)  # noqa: PLW2901 - some of them
            heads += [lane.head for lane in lanes[:wanted]]
            taken[session_id] += len(lanes[:wanted])
            taken[place.server] += len(lanes[:wanted])
    return heads


def _wanted(place: Row, quota: SendQuota, taken: Counter[SessionId | ServerName], left: int) -> int:
    """How many of these lanes may go now."""
    session_id, server, urgent = SessionId(place.sort_key // 10), place.server, place.sort_key % 10 == URGENT
    free = quota.sessions.get(session_id, quota.each) - taken[session_id]
    free_at_server = quota.servers.get(server, quota.each_server) - taken[server]
    return min(min(free, free_at_server) + int(urgent), left)


def _next_looks(
    waiting: deque[Row], quota: SendQuota, taken: Counter[SessionId | ServerName], now: float, left: int
) -> list[tuple[Row, int]]:
    """The next places that have room, and how many lanes of each are looked at: enough, where all have as many."""
    looks: list[tuple[Row, int]] = []
    while waiting and left > 0:
        place = waiting.popleft()
        wanted = _wanted(place, quota, taken, left)
        if wanted > 0:
            looks.append((place, COLD_AT_ONCE if place.restricted_until > now else wanted))
            left -= wanted
    return looks


async def _due_lanes(db: Db, looks: Sequence[tuple[Row, int]], now: float) -> Sequence[Sequence[Row]]:
    many = [{"sort_key": place.sort_key, "now": now, "limit": at_most} for place, at_most in looks]
    return await db.rows_each("send_lanes_due", many) if many else ()


def _settle_params(settlement: SendSettlement) -> rows.Params:
    parked = settlement.event == "queued_at_provider"  # guard: queued-reaches-row
    return {
        "id": settlement.message_id,
        "session_id": settlement.session_id,
        "fence": settlement.fence,
        "state": settlement.state,
        "now": settlement.at,
        "provider_id": settlement.provider_id,
        "due_at": settlement.due_at,
        "reason": rows.text_or_none(settlement.reason),
        "socket_closed_count": settlement.closed_tries,
        "doubt_since": settlement.doubt_since,
        "queue_ref": settlement.queue_ref,
        "sent_at": settlement.sent_at,
        "set_aside": int(settlement.event == "set_aside"),
        "provider_queued": int(parked),
        "departures": rows.to_text(departure_keys(settlement.provider_id or "")) if parked else "[]",
    }


async def _write_evidence(db: Db, settlements: Sequence[SendSettlement]) -> None:
    """What the attempts prove, each subject's in its order; a batch says the same many times and is counted before it
    is written. Each send speaks of its session and of its server, in turn: only apart are they runs."""
    of_session: dict[SessionId, list[Evidence]] = {}
    of_server: dict[ServerName, list[Evidence]] = {}
    spoken_of = {one.session_id for one in settlements if one.evidence}
    servers = {one: ServerName((await brief_of_session(db, one))[1]) or None for one in spoken_of}
    for one in settlements:
        server = servers.get(one.session_id)
        for piece in one.evidence:
            if piece.subject == "session":
                of_session.setdefault(one.session_id, []).append(piece)
            elif server is not None:
                of_server.setdefault(server, []).append(piece)
    await journal.add_news_of_each(
        db, {(one, servers[one]): journal.counted_runs(of_session[one]) for one in sorted(of_session)}
    )
    about_servers: dict[journal.Subject, Sequence[Evidence]] = {
        (None, name): journal.counted_runs(of_server[name]) for name in sorted(of_server)
    }
    if about_servers:
        await db.at_end(lambda: journal.add_news_of_each(db, about_servers))


async def _settled_by_echo(db: Db, settlement: SendSettlement) -> bool:
    """The same of one, whose attempt is still told."""
    if not await _is_echoed(db, settlement):
        return False
    await _add_attempt(db, settlement)
    return True


async def _is_echoed(db: Db, settlement: SendSettlement) -> bool:
    """The provider's event was faster than its answer, or came instead of it: the message has moved."""
    if settlement.state not in {"sent", "in_doubt"}:
        return False
    return await db.value("message_echoed", _settle_params(settlement)) is not None


async def _add_attempt(db: Db, settlement: SendSettlement) -> None:
    attempt = settlement.attempt
    if attempt is not None:
        await db.put("attempt_add", rows.attempt_params(settlement.message_id, attempt))
