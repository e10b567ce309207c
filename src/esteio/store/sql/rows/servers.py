"""Servers ↔ their rows.

Never lives here: SQL, their secrets.
"""

from __future__ import annotations

import msgspec

from esteio.core.model.server import Incident, Limits, Server, ServerFacts, Slot
from esteio.store.sql.db import Row
from esteio.store.sql.rows import json_text
from esteio.store.sql.rows.json_text import Params, text_or_none, to_text

_incident = msgspec.json.Decoder(Incident)
_facts = msgspec.json.Decoder(ServerFacts)
_slots = msgspec.json.Decoder(tuple[Slot, ...])
_limits = msgspec.json.Decoder(Limits)


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
        "tenant": server.tenant,
    }


def server_of(row: Row) -> Server:
    """A server from the columns of the part `server`."""
    return Server(
        name=row.name,
        kind=row.kind,
        base_url=row.base_url,
        limits=_limits.decode(row.limits),
        health=row.health,
        health_because=row.health_reason_code,
        health_at=row.health_at,
        version=row.version,
        sessions_at_server=row.sessions_at_server,
        facts=_facts.decode(row.facts),
        slots=_slots.decode(row.slots),
        last_attempt_at=row.last_attempt_at,
        incident=json_text.read(_incident, row.incident),
        outage=json_text.read(json_text.outage, row.outage),
        row_version=row.row_version,
        wake_at=row.wake_at,
        tenant=row.tenant,
    )
