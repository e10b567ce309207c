"""Rows ↔ core values; nothing else knows the order or the names of columns.

A row is what a driver gives: a tuple in the order of the parts in `queries.sql`. Structured values are JSON text, which
msgspec reads into the same types again. Never lives here: SQL, a driver, a decision.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from esteio.core.messages import transitions
from esteio.core.messages.transitions import Stage
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import MessageId
from esteio.core.model.message import AttemptRecord, Message, MessageState
from esteio.core.model.recovery import Approval, Outage, Recovery
from esteio.core.model.server import Incident, Limits, Server, ServerFacts, Slot
from esteio.core.model.session import Facts, Session
from esteio.core.model.state import Axis, Reason
from esteio.store.base import ApiKey, EventRow, JournalEntry, Qr, RawInbound, Work
from esteio.store.sql.content import content_of, document_of, stored_name

Row = Sequence[Any]
Params = dict[str, Any]
T = TypeVar("T")

_to_json = msgspec.json.Encoder()
_reason = msgspec.json.Decoder(Reason)
_axis = msgspec.json.Decoder(Axis)
_outage = msgspec.json.Decoder(Outage)
_incident = msgspec.json.Decoder(Incident)
_recovery = msgspec.json.Decoder(Recovery)
_facts = msgspec.json.Decoder(Facts)
_server_facts = msgspec.json.Decoder(ServerFacts)
_slots = msgspec.json.Decoder(tuple[Slot, ...])
_limits = msgspec.json.Decoder(Limits)
_words = msgspec.json.Decoder(tuple[str, ...])
_strings = msgspec.json.Decoder(dict[str, str])
_any = msgspec.json.Decoder(dict[str, Any])
_once: Callable[[Any], Any] = sys.intern

EMPTY = "{}"


def to_text(value: Any) -> str:
    """JSON text of a value; "{}" for an empty mapping without the detour."""
    return _to_json.encode(value).decode()


def text_or_none(value: Any) -> str | None:
    """JSON text, or None for None."""
    return None if value is None else _to_json.encode(value).decode()


def _read(decoder: msgspec.json.Decoder[T], text: str | None) -> T | None:
    return None if text is None else decoder.decode(text)


# -- servers and sessions ----------------------------------------------------------------------------------------


def server_params(server: Server) -> Params:
    """The columns of `servers` for this value; secrets are a parameter of their own."""
    return {
        "name": server.name,
        "kind": server.kind,
        "base_url": server.base_url,
        "limits": to_text(server.limits),
        "health": server.health,
        "health_reason_code": server.health_because,
        "health_at": server.health_at,
        "version": server.version,
        "sessions_at_server": server.sessions_at_server,
        "facts": to_text(server.facts),
        "slots": to_text(server.slots),
        "last_attempt_at": server.last_attempt_at,
        "incident": text_or_none(server.incident),
        "outage": text_or_none(server.outage),
        "row_version": server.row_version,
        "wake_at": server.wake_at,
    }


def server_of(row: Row) -> Server:
    """A server from the columns of `server` and `servers`, in the order of the statement."""
    return Server(
        name=row[0],
        kind=row[1],
        base_url=row[2],
        limits=_limits.decode(row[3]),
        health=row[4],
        health_because=row[5],
        health_at=row[6],
        version=row[7],
        sessions_at_server=row[8],
        facts=_server_facts.decode(row[9]),
        slots=_slots.decode(row[10]),
        last_attempt_at=row[11],
        incident=_read(_incident, row[12]),
        outage=_read(_outage, row[13]),
        row_version=row[14],
        wake_at=row[15],
    )


def session_params(session: Session) -> Params:
    """The columns of `sessions` for this value, nested values as JSON text."""
    return {
        "id": session.id,
        "name": session.name,
        "server": session.server,
        "kind": session.kind,
        "created_at": session.created_at,
        "phone": session.phone,
        "ref": to_text(session.ref),
        "policy": session.policy,
        "state": session.state,
        "since": session.since,
        "reason": to_text(session.reason),
        "can_send": to_text(session.can_send),
        "can_receive": to_text(session.can_receive),
        "gate": session.gate,
        "gate_since": session.gate_since,
        "outage": text_or_none(session.outage),
        "last_outage": text_or_none(session.last_outage),
        "outage_since": _outage_since(session),
        "recovery": to_text(session.recovery),
        "facts": to_text(session.facts),
        "paused": int(session.paused),
        "linked": int(session.linked),
        "row_version": session.row_version,
        "wake_at": session.wake_at,
        "restricted_until": session.restricted_until,
    }


def _outage_since(session: Session) -> float | None:
    """Since when it counts for a mass fall: the same sessions that count in the fleet, and no fall that was wanted."""
    outage = session.outage
    if outage is None or outage.ended_at is not None or outage.expected or session.paused or not session.linked:
        return None
    return outage.since


def session_of(row: Row) -> Session:
    """As many sessions as there are are held in memory; the words that they share are one value each."""
    return Session(
        id=row[0],
        name=row[1],
        server=_once(row[2]),
        kind=_once(row[3]),
        created_at=row[4],
        phone=row[5],
        ref=_strings.decode(row[6]),
        policy=_once(row[7]),
        state=_once(row[8]),
        since=row[9],
        reason=_reason.decode(row[10]),
        can_send=_axis.decode(row[11]),
        can_receive=_axis.decode(row[12]),
        gate=_once(row[13]),
        gate_since=row[14],
        outage=_read(_outage, row[15]),
        last_outage=_read(_outage, row[16]),
        recovery=_recovery.decode(row[17]),
        facts=_facts.decode(row[18]),
        paused=bool(row[19]),
        linked=bool(row[20]),
        row_version=row[21],
        wake_at=row[22],
        restricted_until=row[23],
    )


# -- journal -----------------------------------------------------------------------------------------------------


def journal_params(entry: JournalEntry) -> Params:
    """The columns of a journal line for this value; its number is given by the database."""
    return {
        "session_id": entry.session_id,
        "server": entry.server,
        "kind": entry.kind,
        "at": entry.at,
        "code": entry.code,
        "args": to_text(entry.args),
        "data": to_text(entry.data),
        "count": entry.count,
        "first_at": entry.first_at,
        "happened_at": entry.at if entry.kind == "evidence" else None,
        "source": "self" if entry.kind == "evidence" else None,
        "base_seq": None,
        "applied": 1,
    }


def evidence_params(
    evidence: Evidence, session_id: int | None, server: str | None, *, folded: bool, base_seq: int | None = None
) -> Params:
    """The columns of a journal line that is evidence, not yet folded."""
    return {
        "session_id": session_id,
        "server": server,
        "kind": "evidence",
        "at": evidence.seen_at,
        "code": evidence.kind,
        "args": to_text(evidence.data),
        "data": EMPTY,
        "count": evidence.count,
        "first_at": evidence.first_at,
        "happened_at": evidence.happened_at,
        "source": evidence.source,
        "base_seq": base_seq,
        "applied": int(folded),
    }


def evidence_of(row: Row) -> Evidence:
    return Evidence(
        kind=row[5],
        happened_at=row[10],
        seen_at=row[4],
        source=row[11],
        data=_strings.decode(row[6]),
        count=row[8],
        first_at=row[9],
    )


def entry_of(row: Row) -> JournalEntry:
    """A journal line of any kind; for evidence, its path and time are shown in `data`."""
    data = _any.decode(row[7])
    if row[3] == "evidence":
        data = {"road": row[11], "happened_at": row[10], **data}
    return JournalEntry(
        kind=row[3],
        at=row[4],
        code=row[5],
        args=_strings.decode(row[6]),
        data=data,
        seq=row[0],
        session_id=row[1],
        server=row[2],
        count=row[8],
        first_at=row[9],
    )


# -- approvals, work, events, keys -------------------------------------------------------------------------------


def approval_params(approval: Approval) -> Params:
    """The columns of `approvals` for this value, its cost as JSON text."""
    return {
        "id": approval.id,
        "session_id": approval.session_id,
        "rung": approval.rung,
        "reason_code": approval.because,
        "cost": to_text(approval.cost),
        "created_at": approval.created_at,
        "outage": approval.outage,
        "state": approval.state,
        "decided_at": approval.decided_at,
    }


def approval_of(row: Row) -> Approval:
    """An approval from its columns and the name of its session."""
    return Approval(
        id=row[0],
        session_id=row[1],
        session=row[2],
        rung=row[3],
        because=row[4],
        cost=_reason.decode(row[5]),
        created_at=row[6],
        outage=row[7],
        state=row[8],
        decided_at=row[9],
    )


def work_params(work: Work) -> Params:
    """The columns of a work row for this value, its payload as JSON text."""
    return {
        "id": work.id,
        "lane": work.lane,
        "kind": work.kind,
        "payload": to_text(work.payload),
        "due_at": work.due_at,
        "created_at": work.created_at,
        "session_id": work.session_id,
        "server": work.server,
        "dedupe": work.dedupe,
        "attempts": work.attempts,
        "fence": work.fence,
    }


def work_of(row: Row) -> Work:
    """A work row's value, its payload decoded."""
    return Work(
        id=row[0],
        lane=row[1],
        kind=row[2],
        payload=_any.decode(row[3]),
        due_at=row[4],
        created_at=row[5],
        session_id=row[6],
        server=row[7],
        dedupe=row[8],
        attempts=row[9],
        state=row[10],
        fence=row[11],
        lease_until=row[12],
        outcome=row[13],
    )


def event_params(event: EventRow) -> Params:
    """The columns of the event log for this value; its number is given by the database."""
    return {
        "type": event.type,
        "at": event.at,
        "session_name": event.session,
        "chat": event.chat,
        "data": to_text(event.data),
    }


def event_of(row: Row) -> EventRow:
    """An event from the columns type, at, data, session, chat, seq."""
    return EventRow(type=row[0], at=row[1], data=document_of(row[2]), session=row[3], chat=row[4], seq=row[5])


def key_params(key: ApiKey, secret_hash: bytes) -> Params:
    """The columns of `api_keys` for this value; of the secret only its hash is kept."""
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "created_at": key.created_at,
        "sessions": to_text(key.sessions),
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "hash": secret_hash,
    }


def key_of(row: Row) -> ApiKey:
    return ApiKey(
        id=row[0],
        name=row[1],
        role=row[2],
        created_at=row[3],
        sessions=_words.decode(row[4]),
        expires_at=row[5],
        revoked_at=row[6],
    )


def qr_params(session_id: int, qr: Qr) -> Params:
    return {
        "session_id": session_id,
        "code": qr.code,
        "png_base64": qr.png_base64,
        "refresh_count": qr.count,
        "seen_at": qr.seen_at,
        "expires_at": qr.expires_at,
        "pairing_code": qr.pairing_code,
    }


def qr_of(row: Row) -> Qr:
    """A QR code from the columns code, picture, count, seen, expires, pairing code."""
    return Qr(code=row[0], png_base64=row[1], count=row[2], seen_at=row[3], expires_at=row[4], pairing_code=row[5])


# -- messages ----------------------------------------------------------------------------------------------------


def message_params(message: Message) -> Params:
    """The columns of `messages` for this value; `held` is stored as `queued`, because it follows from the session's
    gate."""
    return {
        "id": message.id,
        "session_id": message.session_id,
        "direction": message.direction,
        "chat": message.chat,
        "content": _to_json.encode(message.content).decode(),
        "state": "queued" if message.state == "held" else message.state,
        "created_at": message.created_at,
        "updated_at": message.updated_at,
        "recipient": message.to,
        "sender": message.sender,
        "provider_id": message.provider_id,
        "reason": text_or_none(message.reason),
        "priority": message.priority,
        "expires_at": message.expires_at,
        "on_down": message.on_down,
        "client_ref": message.client_ref,
        "quote": message.quote,
        "mentions": to_text(message.mentions) if message.mentions else None,
        "provider_webhook_id": None,
        "attempts": message.attempts,
        "due_at": message.due_at,
        "socket_closed_count": message.closed_tries,
        "sent_at": message.sent_at,
        "doubt_since": message.doubt_since,
        "queue_ref": message.queue_ref,
        "recovered": int(message.recovered),
        "author": message.author,
        "read_as": message.read_as,
        "stored": stored_name(message.content),
    }


def attempt_params(message_id: MessageId, attempt: AttemptRecord) -> Params:
    """The columns of one try at sending this message."""
    return {"message_id": message_id, "at": attempt.at, "outcome": attempt.outcome, "detail": attempt.detail}


def message_of(row: Row, session: str, gate: str = "open") -> Message:
    """A message as people see it: `held` when it is queued behind a closed gate."""
    state: MessageState = row[6]
    if state == "queued" and gate == "held":
        state = "held"
    return Message(
        id=row[1],
        session_id=row[2],
        session=session,  # type: ignore[arg-type]  # a NewType over what the driver gives
        direction=row[3],
        chat=row[4],
        content=content_of(row[5]),
        state=state,
        created_at=row[7],
        updated_at=row[8],
        to=row[9],
        sender=row[10],
        provider_id=row[11],
        reason=_read(_reason, row[12]),
        priority=row[13],
        expires_at=row[14],
        on_down=row[15],
        client_ref=row[16],
        quote=row[17],
        mentions=_words.decode(row[18]) if row[18] else (),
        attempts=row[19],
        due_at=row[20],
        closed_tries=row[21],
        sent_at=row[22],
        doubt_since=row[23],
        queue_ref=row[24],
        recovered=bool(row[25]),
        provider_queued_at=row[27],
        author=row[28],
        read_as=row[29],
        set_aside_at=row[30],
    )


def stage_of(row: Row) -> Stage:
    """Where a message's row stands in the table of moves."""
    if row[27] is None and row[30] is None:
        stage: Stage = row[6]
        return stage
    return transitions.stage_of(row[6], aside=row[30] is not None, provider_queued=row[27] is not None)


def seq_of(row: Row) -> int:
    """Place of a message's row in the order of acceptance."""
    seq: int = row[0]
    return seq


def fence_of(row: Row) -> int:
    """Fencing token of a message's row."""
    fence: int = row[26]
    return fence


def raw_params(raw: RawInbound) -> Params:
    return {
        "session_id": raw.session_id,
        "path": raw.path,
        "headers": to_text(raw.headers),
        "body": bytes(raw.body),
        "received_at": raw.received_at,
    }


def raw_of(row: Row) -> RawInbound:
    headers: Mapping[str, str] = _strings.decode(row[3])
    return RawInbound(id=row[0], session_id=row[1], path=row[2], headers=headers, body=row[4], received_at=row[5])
