"""What a service is made of, by its settings: the database, the name among nodes, the HTTP clients to the outside.

Never lives here: the wiring (`gateway`), behaviour.
"""

from __future__ import annotations

import platform
from pathlib import Path

from esteio.api.ops import program_version
from esteio.clock import NodeClock
from esteio.config import Settings
from esteio.engine.runtime.node_leases import NodeName
from esteio.engine.url_guard import may_reach
from esteio.providers.driver import AiohttpTransport, trace_at
from esteio.providers.forward import Forward
from esteio.store.base import Store
from esteio.store.media import FileMediaStore, MediaStore
from esteio.store.sqlite import SqliteStore


def public_transport(settings: Settings) -> AiohttpTransport:
    """The road to addresses that callers named: guarded at every connect, answers only looked into."""
    allowed = settings.allowed_networks
    return AiohttpTransport(
        max_body_bytes=4096,
        cuts_answers=True,
        connections_per_host=0,
        may_reach=lambda address: may_reach(address, allowed),
    )


def media_transport(settings: Settings) -> AiohttpTransport:
    """The road to media that callers named: guarded in the same way, answers read up to the largest media."""
    allowed = settings.allowed_networks
    return AiohttpTransport(
        max_body_bytes=settings.max_media_bytes,
        connections_per_host=4,
        may_reach=lambda address: may_reach(address, allowed),
    )


def forward_transport(settings: Settings) -> Forward:
    """The road to the providers for calls that clients make themselves."""
    return Forward(max_body_bytes=settings.max_carried_bytes, trace=trace_at(settings.log.level))


def download_transport(settings: Settings) -> AiohttpTransport:
    """The road to the providers for the bytes of media, perhaps in base64."""
    return AiohttpTransport(max_body_bytes=settings.max_carried_bytes, connections_per_host=2)


def stores_of(settings: Settings, data: Path) -> tuple[Store, MediaStore]:
    """The database that the settings name, and where the bytes of media lie: beside a file, or in the database that
    several nodes share. Raises `BadAddress`."""
    if not settings.database:
        return SqliteStore(data / "esteio.db"), FileMediaStore(data / "media")
    # Its driver is an extra.
    from esteio.store.postgres import PostgresStore  # noqa: PLC0415
    from esteio.store.postgres.media import PostgresMediaStore  # noqa: PLC0415

    store = PostgresStore(settings.database)
    return store, PostgresMediaStore(store.database)


def node_of(settings: Settings, clock: NodeClock) -> NodeName | None:
    """On PostgreSQL a process is one of any number of nodes."""
    if not settings.database:
        return None
    return NodeName(settings.node or platform.node(), clock, _place(settings.listen), program_version())


def _place(listen: str) -> str:
    """Where this process is, not where its clients are told to go, which all nodes have in common."""
    host, _, port = listen.rpartition(":")
    return f"{platform.node()}:{port}" if host.strip("[]") in {"", "*", "0.0.0.0", "::"} else listen  # noqa: S104
