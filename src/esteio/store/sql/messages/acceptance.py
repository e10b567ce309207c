"""Messages accepted: those that wait at one moment together, each answered for itself.

Of two with one idempotency key the later one is accepted after the other, so that it is its repetition. Never lives
here: sending (`outbox`), what a key is the key of (`engine.commands`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from esteio.core.model.message import Message
from esteio.store.base import Accepted, NewMessage, QuotaExceeded
from esteio.store.sql import rows
from esteio.store.sql.db import Db, Row, row_each
from esteio.store.sql.messages.phones import file_chats
from esteio.store.sql.messages.send_lanes import place_of
from esteio.store.sql.quotas import count_message


async def accept_all(db: Db, news: Sequence[NewMessage]) -> Sequence[Accepted | Exception]:
    """The answer to each; a `LookupError` where the session is gone, a `QuotaExceeded` where its tenant may send no
    more today."""
    answers: dict[int, Accepted | Exception] = {}
    # Nobody else writes under the same key meanwhile.
    sessions = await _sessions(db, [new.message.session_id for new in news])
    firsts: dict[tuple[object, ...], int] = {}
    for place, new in enumerate(news):
        firsts.setdefault((place,) if new.idem_key is None else tuple(_idempotency_key(new).values()), place)
    await _repeated(db, {place: news[place] for place in firsts.values()}, answers)
    await _add(db, sessions, {place: news[place] for place in firsts.values() if place not in answers}, answers)
    later = [place for place in range(len(news)) if place not in answers]
    if later:
        answers |= zip(later, await accept_all(db, [news[place] for place in later]), strict=True)
    return [answers[place] for place in range(len(news))]


async def _repeated(db: Db, news: dict[int, NewMessage], answers: dict[int, Accepted | Exception]) -> None:
    """Answer what was handed in before."""
    keyed = {place: new for place, new in news.items() if new.idem_key is not None}
    found = await row_each(db, "idempotency", [_idempotency_key(new) for new in keyed.values()])
    for (place, new), row in zip(keyed.items(), found, strict=True):
        earlier = None if row is None else await replay(db, row, new.fingerprint, new.message.created_at)
        given_up = earlier is not None and earlier.message is not None and earlier.message.state in new.again_after
        if earlier is not None and not given_up:  # guard: idempotency-key-found
            answers[place] = earlier


async def replay(db: Db, row: Row, fingerprint: str, now: float) -> Accepted | None:
    """What a known key (`idempotency`) answers to the same request, or to another; None once its time is over."""
    if row.until <= now:
        return None
    if row.fingerprint != fingerprint:  # guard: idempotency-body-compared
        return Accepted("conflict", None)
    message = shown_or_none(await db.row("message", {"id": row.message_id}))
    return None if message is None else Accepted("replay", message)


async def _add(
    db: Db, sessions: Mapping[int, Row], news: dict[int, NewMessage], answers: dict[int, Accepted | Exception]
) -> None:
    """Write those that are new, each in its lane and under its key."""
    for place, new in news.items():
        message, session = new.message, sessions.get(new.message.session_id)
        if session is None:
            answers[place] = LookupError(f"no session {message.session_id}")
            continue
        try:
            await count_message(db, session.tenant, session.max_messages_per_day, message.created_at)
        except QuotaExceeded as over:
            answers[place] = over
    added = [(place, new) for place, new in news.items() if place not in answers]
    if not added:
        return
    chats = await file_chats(db, [(new.message.session_id, new.message.chat) for _, new in added])
    many = [{**rows.message_params(new.message), "chat": chat} for (_, new), chat in zip(added, chats, strict=True)]
    await _open_lanes(db, zip(await db.add_each("message_add", many), many, strict=True))
    marks = [{**_idempotency_key(new), **_idempotency_value(new)} for _, new in added if new.idem_key is not None]
    if marks:
        await db.put_each("idempotency_put", marks)
    for (place, new), params in zip(added, many, strict=True):
        answers[place] = Accepted("new", _as_shown(new.message, sessions[new.message.session_id], params))


async def _sessions(db: Db, ids: Sequence[int]) -> dict[int, Row]:
    """Those that are there."""
    distinct = sorted(set(ids))
    found = await row_each(db, "session_locked", [{"id": one} for one in distinct])
    return {one: row for one, row in zip(distinct, found, strict=True) if row is not None}


async def _open_lanes(db: Db, added: Iterable[tuple[int, rows.Params]]) -> None:
    """A chat's lane opens with the first of its messages that waits."""
    lanes: dict[tuple[int, str], rows.Params] = {}
    for seq, params in added:
        if params["state"] == "queued":
            session_id, chat = params["session_id"], params["chat"]
            lane = {"session_id": session_id, "chat": chat, "head": seq, "due_at": params["due_at"]}
            lanes.setdefault((session_id, chat), {**lane, "sort_key": place_of(session_id, params["priority"])})
    if lanes:
        await db.put_each("send_lane_open", list(lanes.values()))


def _idempotency_key(new: NewMessage) -> rows.Params:
    return {"scope": new.idem_scope, "session_id": new.message.session_id, "key": new.idem_key}


def _idempotency_value(new: NewMessage) -> rows.Params:
    return {"fingerprint": new.fingerprint, "message_id": new.message.id, "until": new.idem_until}


def _as_shown(message: Message, session: Row, params: rows.Params) -> Message:
    state = "held" if params["state"] == "queued" and session.gate == "held" else params["state"]
    name = session.name
    if (state, name, params["chat"]) == (message.state, message.session, message.chat):
        return message
    return msgspec.structs.replace(message, state=state, session=name, chat=params["chat"])


def shown(row: Row) -> Message:
    """A row of the part `shown_message`: with the session's name and gate."""
    return rows.message_of(row, row.session_name, row.gate)


def shown_or_none(row: Row | None) -> Message | None:
    """The same of a row that may not be there."""
    return None if row is None else shown(row)
