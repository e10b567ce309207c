"""Rows ↔ values of the relay.

Never lives here: SQL, a driver, a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from esteio.core.webhooks.delivery_policy import EndpointHealth
from esteio.store.delivery import DeadEvent, DeadFilter, DeadMessage, Delivery, DeliverySettlement, Endpoint, Lane
from esteio.store.sql.db import Row
from esteio.store.sql.rows import Params, to_text
from esteio.store.sql.rows.content import document_of

_words = msgspec.json.Decoder(tuple[str, ...])
_health = msgspec.json.Decoder(EndpointHealth)


class LaneRow(msgspec.Struct, frozen=True):
    """One lane of an endpoint's queue, as stored."""

    endpoint_id: str
    queue: str
    session: str
    chat: str
    head: int
    attempts: int
    due_at: float
    tried_since: float
    last_at: float
    fence: int

    @property
    def key(self) -> Params:
        """What names it in a statement."""
        return {"endpoint_id": self.endpoint_id, "queue": self.queue, "session_name": self.session, "chat": self.chat}

    @property
    def name(self) -> str:
        """What names it in an endpoint's health."""
        return f"{self.queue}:{self.session}:{self.chat}"


def lane_of(endpoint_id: str, row: Row) -> LaneRow:
    """A row of the part `delivery_lane`."""
    return LaneRow(
        endpoint_id=endpoint_id,
        queue=row.queue,
        session=row.session_name,
        chat=row.chat,
        head=row.head,
        attempts=row.attempts,
        due_at=row.due_at,
        tried_since=row.tried_since,
        last_at=row.last_at,
        fence=row.fence,
    )


def data_of(text: str) -> Mapping[str, Any]:
    """An event's data, decoded from the JSON text of its column."""
    return document_of(text)


def endpoint_params(endpoint: Endpoint) -> Params:
    """All but the cursor, which only dealing moves."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "created_at": endpoint.created_at,
        "format": endpoint.format,
        "events": to_text(endpoint.events),
        "types": to_text(endpoint.types),
        "sessions": to_text(endpoint.sessions),
        "encrypted": endpoint.sealed,
        "by_events": int(endpoint.by_events),
        "media": endpoint.media,
        "enabled": int(endpoint.enabled),
        "reason_code": endpoint.because,
        "health": to_text(endpoint.health),
        "updated_at": endpoint.updated_at or endpoint.created_at,
        "door_session": endpoint.door_session,
        "tenant": endpoint.tenant,
    }


def endpoint_of(row: Row) -> Endpoint:
    """A row of the part `webhook_endpoint`."""
    return Endpoint(
        id=row.id,
        url=row.url,
        created_at=row.created_at,
        format=row.format,
        events=_words.decode(row.events),
        types=_words.decode(row.types),
        sessions=_words.decode(row.sessions),
        sealed=bytes(row.encrypted),
        by_events=bool(row.by_events),
        enabled=bool(row.enabled),
        because=row.reason_code,
        cursor=row.log_cursor,
        health=_health.decode(row.health),
        media=row.media,
        updated_at=row.updated_at,
        door_session=row.door_session,
        ends_after=row.ends_after,
        tenant=row.tenant,
        suspended=bool(row.suspended),
    )


def settled_params(settlement: DeliverySettlement, outcome: str) -> Params:
    """A line of the delivery log."""
    claim = settlement.claim
    return {
        "endpoint_id": claim.endpoint.id,
        "event": claim.seq,
        "event_at": claim.at,
        "type": claim.type,
        "session_name": claim.session,
        "attempt": claim.attempt,
        "at": settlement.at,
        "took_ms": round((settlement.at - settlement.began_at) * 1000),
        "outcome": outcome,
        "status": settlement.status,
        "detail": settlement.detail,
    }


def waiting_lane_of(row: Row) -> Lane:
    """A row of `delivery_lanes_next`: a lane with the type and time of its event."""
    return Lane(
        queue=row.queue,
        session=row.session_name,
        chat=row.chat,
        event=row.head,
        type=row.type,
        event_at=row.at,
        attempts=row.attempts,
        due_at=row.due_at,
    )


def delivery_params(delivery: Delivery) -> Params:
    """The same from a value."""
    params: Params = msgspec.structs.asdict(delivery)
    params["endpoint_id"], params["session_name"] = params.pop("endpoint"), params.pop("session")
    del params["id"]
    return params


def delivery_of(row: Row) -> Delivery:
    """A row of the part `delivery`."""
    return Delivery(
        id=row.id,
        endpoint=row.endpoint_id,
        event=row.event,
        event_at=row.event_at,
        type=row.type,
        session=row.session_name,
        attempt=row.attempt,
        at=row.at,
        took_ms=row.took_ms,
        outcome=row.outcome,
        status=row.status,
        detail=row.detail,
    )


def filter_params(wanted: DeadFilter) -> Params:
    """Of whom and of which time; the endpoint is asked for where there is one."""
    return {"session_name": wanted.session, "since": wanted.since, "until": wanted.until}


def dead_event_of(row: Row) -> DeadEvent:
    """A row of the part `dead_letter`."""
    return DeadEvent(
        id=row.id,
        endpoint=row.endpoint_id,
        event=row.event,
        type=row.type,
        session=row.session_name,
        chat=row.chat,
        event_at=row.event_at,
        died_at=row.died_at,
        attempts=row.attempts,
        detail=row.detail,
    )


def dead_message_of(row: Row) -> DeadMessage:
    """A dead message from the columns seq, id, session."""
    return DeadMessage(seq=row.seq, id=row.id, session=row.session_name)
