"""Rows ↔ values of the relay; the order of columns is that of the parts in `delivery.sql`.

Never lives here: SQL, a driver, a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from esteio.core.webhooks.delivery_policy import EndpointHealth
from esteio.store.delivery import DeadEvent, DeadFilter, DeadMessage, Delivery, DeliverySettlement, Endpoint
from esteio.store.sql.content import document_of
from esteio.store.sql.rows import Params, Row, to_text

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
    """A row of the part `relay_lane`."""
    return LaneRow(endpoint_id, *row)


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
    }


def endpoint_of(row: Row) -> Endpoint:
    """A row of the part `endpoint`."""
    return Endpoint(
        id=row[0],
        url=row[1],
        created_at=row[2],
        format=row[3],
        events=_words.decode(row[4]),
        types=_words.decode(row[5]),
        sessions=_words.decode(row[6]),
        sealed=bytes(row[7]),
        by_events=bool(row[8]),
        enabled=bool(row[9]),
        because=row[10],
        cursor=row[11],
        health=_health.decode(row[12]),
        media=row[13],
        updated_at=row[14],
        door_session=row[15],
        ends_after=row[16],
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


def delivery_params(delivery: Delivery) -> Params:
    """The same from a value."""
    params: Params = msgspec.structs.asdict(delivery)
    params["endpoint_id"], params["session_name"] = params.pop("endpoint"), params.pop("session")
    del params["id"]
    return params


def delivery_of(row: Row) -> Delivery:
    """A row of the part `delivery`."""
    return Delivery(*row)


def filter_params(wanted: DeadFilter) -> Params:
    """Of whom and of which time; the endpoint is asked for where there is one."""
    return {"session_name": wanted.session, "since": wanted.since, "until": wanted.until}


def dead_event_of(row: Row) -> DeadEvent:
    """A row of the part `dead_event`."""
    return DeadEvent(*row)


def dead_message_of(row: Row) -> DeadMessage:
    """A dead message from the columns seq, id, session."""
    return DeadMessage(*row)
