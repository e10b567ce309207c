"""Sessions, their approvals and their QR codes ↔ their rows.

Never lives here: SQL, their secrets.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from esteio.core.model.recovery import Approval, Recovery
from esteio.core.model.session import Facts, Session
from esteio.core.model.state import Axis
from esteio.store.base import PairLink, Qr
from esteio.store.sql.db import Row
from esteio.store.sql.rows import json_text
from esteio.store.sql.rows.json_text import Params, text_or_none, to_text

_axis = msgspec.json.Decoder(Axis)
_recovery = msgspec.json.Decoder(Recovery)
_facts = msgspec.json.Decoder(Facts)
_once: Callable[[Any], Any] = sys.intern
_NO_REF: Mapping[str, str] = {}


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
        "phones": phones_of(session),
        "tenant": session.tenant,
    }


def phones_of(session: Session) -> str:
    """What a search for a number looks at: the one that was named and the one that was seen."""
    return " ".join(dict.fromkeys(filter(None, (session.phone, session.facts.phone_seen))))


def _outage_since(session: Session) -> float | None:
    """Since when it counts for a mass fall: the same sessions that count in the fleet, and no fall that was wanted."""
    outage = session.outage
    if outage is None or outage.ended_at is not None or outage.expected or session.paused or not session.linked:
        return None
    return outage.since


def session_of(row: Row) -> Session:
    """As many sessions as there are are held in memory; the words that they share are one value each."""
    return Session(
        id=row.id,
        name=_once(row.name),
        server=_once(row.server),
        kind=_once(row.kind),
        created_at=row.created_at,
        phone=row.phone and _once(row.phone),
        ref=json_text.strings.decode(row.ref) or _NO_REF,
        policy=_once(row.policy),
        state=_once(row.state),
        since=row.since,
        reason=json_text.reason.decode(row.reason),
        can_send=_axis.decode(row.can_send),
        can_receive=_axis.decode(row.can_receive),
        gate=_once(row.gate),
        gate_since=row.gate_since,
        outage=json_text.read(json_text.outage, row.outage),
        last_outage=json_text.read(json_text.outage, row.last_outage),
        recovery=_recovery.decode(row.recovery),
        facts=_facts.decode(row.facts),
        paused=bool(row.paused),
        linked=bool(row.linked),
        row_version=row.row_version,
        wake_at=row.wake_at,
        restricted_until=row.restricted_until,
        tenant=_once(row.tenant),
    )


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
        id=row.id,
        session_id=row.session_id,
        session=row.session_name,
        rung=row.rung,
        because=row.reason_code,
        cost=json_text.reason.decode(row.cost),
        created_at=row.created_at,
        outage=row.outage,
        state=row.state,
        decided_at=row.decided_at,
    )


def qr_params(session_id: int, qr: Qr) -> Params:
    """The columns of `qr_codes` for this value; times are epoch seconds."""
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
    """A QR code from the columns of the part `qr`; whether it is still good is for the caller."""
    return Qr(
        code=row.code,
        png_base64=row.png_base64,
        count=row.refresh_count,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        pairing_code=row.pairing_code,
    )


def pair_link_params(link: PairLink, token_hash: bytes) -> Params:
    """The columns of `pair_links` for a new link."""
    return {
        "session_id": link.session_id,
        "token_hash": token_hash,
        "title": link.title,
        "created_by": link.created_by,
        "created_at": link.created_at,
        "expires_at": link.expires_at,
    }


def pair_link_of(row: Row) -> PairLink:
    """A link from the columns of the part `pair_link`."""
    return PairLink(
        session_id=row.session_id,
        title=row.title,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        done_at=row.done_at,
    )
