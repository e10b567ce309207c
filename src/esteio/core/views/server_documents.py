"""A server's document: health, limits, what of its budget is used, and the lies its provider is known for.

Like `documents`, from which it takes the words. Never lives here: a rule (`pacing`), a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from esteio.core.judge import pacing
from esteio.core.model import server_reason
from esteio.core.model.capabilities import Quirk
from esteio.core.model.policy import Policy
from esteio.core.model.recovery import Outage
from esteio.core.model.server import UNUSABLE, HealthState, Limits, Server
from esteio.core.views.catalogue import Catalogue
from esteio.core.views.documents import (
    Document,
    OutageDocument,
    as_data,
    maybe_timestamp,
    outage,
    plain_reason,
    timestamp,
)
from esteio.core.views.sentences import sentence

HIDDEN = frozenset({"base_url", "sessions_at_server"})
"""What of a server is not for those whose scope is some of its sessions."""


class HealthDocument(msgspec.Struct, frozen=True):
    """How a server does, why, and since when it was last looked at; times are ISO 8601 in UTC."""

    state: HealthState
    because: str
    at: str | None
    action: str | None
    """What a person can do, a sentence."""


class QuirkDocument(msgspec.Struct, frozen=True):
    """One known lie of this provider in this version."""

    name: str
    versions: str
    text: str
    source: str


class BudgetDocument(msgspec.Struct, frozen=True):
    """Attempts that open a socket: how many are open, how many may be, and how far apart they start. And the pace of
    messages over all its sessions: how many a minute (0 is no limit) and at once after a quiet time."""

    open: int
    connects_in_flight: int
    seconds_between_connects: float
    last_attempt_at: str | None
    sends_per_minute: float
    sends_burst: int


class ServerDocument(msgspec.Struct, frozen=True):
    """One provider deployment. Credentials are write-only; `base_url` is null for keys that are for some sessions."""

    name: str
    kind: str
    base_url: str | None
    health: HealthDocument
    sessions_at_server: int | None
    version: str | None
    quirks: tuple[QuirkDocument, ...]
    limits: Limits
    budget: BudgetDocument
    outage: OutageDocument | None
    tenant: str | UnsetType = UNSET
    """Whose it is; not there: all tenants share it."""


def quirk(value: Quirk, kind: str, texts: Catalogue) -> QuirkDocument:
    """A known lie of servers of this kind, in the reader's language where there is a text of ours."""
    text = texts.find(f"quirk {kind}", value.name) or value.text
    return QuirkDocument(value.name, value.versions, text, value.source)


def health(value: Server, texts: Catalogue) -> HealthDocument:
    """The health, with advice where there is something to be done."""
    action = sentence(server_reason.reason(value), texts).action if value.health in UNUSABLE else ""
    return HealthDocument(value.health, value.health_because, maybe_timestamp(value.health_at), action or None)


def server(value: Server, quirks: Iterable[Quirk], policy: Policy, now: float, texts: Catalogue) -> ServerDocument:
    """`policy` gives the limits that the server does not set itself; slots whose time is up are no longer open."""
    lies = tuple(quirk(one, value.kind, texts) for one in quirks)
    return _server(value, lies, policy, now, health(value, texts))


def _server(
    value: Server, quirks: tuple[QuirkDocument, ...], policy: Policy, now: float, health: HealthDocument
) -> ServerDocument:
    own = value.limits
    spacing = own.seconds_between_connects
    per_minute, burst = pacing.server_pace(value, policy)
    budget = BudgetDocument(
        open=sum(1 for slot in value.slots if slot.until > now),
        connects_in_flight=policy.connects_in_flight if own.connects_in_flight is None else own.connects_in_flight,
        seconds_between_connects=policy.seconds_between_connects if spacing is None else spacing,
        last_attempt_at=maybe_timestamp(value.last_attempt_at),
        sends_per_minute=per_minute,
        sends_burst=int(pacing.burst(per_minute, burst)) if per_minute else 0,
    )
    return ServerDocument(
        name=value.name,
        kind=value.kind,
        base_url=value.base_url,
        health=health,
        sessions_at_server=value.sessions_at_server,
        version=value.version,
        quirks=quirks,
        limits=own,
        budget=budget,
        outage=outage(value.outage),
        tenant=UNSET if value.tenant is None else value.tenant,
    )


def without_address(document: Mapping[str, Any]) -> dict[str, Any]:
    """For who sees some of its sessions only: not where it stands, nor how many sessions it holds."""
    return {name: None if name in HIDDEN else word for name, word in document.items()}


def server_document(value: Server) -> Document:
    """A server event's data: its health, whose `action` is a reason that `envelope.worded` puts into words, and its own
    limits only; no quirks."""
    plain = HealthDocument(value.health, value.health_because, maybe_timestamp(value.health_at), None)
    whole = as_data(_server(value, (), Policy(), value.health_at, plain))
    del whole["quirks"], whole["budget"]
    if value.health in UNUSABLE:
        whole["health"]["action"] = as_data(plain_reason(server_reason.reason(value)))
    return whole


def outage_event(value: Server, of: Outage | None) -> Document:
    """An outage event's data: the server's document, with the outage that begins or ends now, and `because`."""
    data = server_document(value)
    if of is None:
        return data
    shown = OutageDocument(of.id, timestamp(of.since), of.because, of.reopened)
    return data | {"outage": as_data(shown), "because": of.because}
