"""What `doctor` makes of the database's and the nodes' own words (`GET /v1/gateway/checks`).

Never lives here: how those are found out, the other checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from esteio.cli import texts
from esteio.cli.local.doctor_findings import Finding, Result, told
from esteio.cli.remote.client import Document
from esteio.cli.texts import say

if TYPE_CHECKING:
    from esteio.api.v1.gateway import ChecksDocument, NodeDocument
    from esteio.store.ports.inspection import DatabaseFacts

KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
CLOCKS_APART_S = 2.0
"""Leases go by the database's clock alone; due times, outages and signatures by the node's."""
ROUND_TRIP_S = 0.01
"""From here on the way to the database, and not the database, is what a commit takes."""
OLD_TRANSACTION_S = 600.0
"""So long an open transaction keeps every row that was changed since: tables grow."""
CONNECTIONS_FREE = (0.05, 0.2)
"""A failure, and a warning: less than this share of them is free."""
DISK_FREE_BYTES = (256 * 1024**2, 2 * 1024**3)
"""The same of the disk."""
LOG_BYTES = 512 * 1024**2
"""SQLite's log is cut at 64 MB; more than this is kept by a reader that does not end."""
SAFE = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
    "journal_mode": ("wal", "memory"),
}
"""The words with which nothing that was acknowledged is lost by a power cut; `memory` is a database in memory."""


def database(facts: DatabaseFacts) -> Iterator[Finding]:
    """The database by itself: what it is comes first, then each of its troubles."""
    yield _what(facts)
    for setting, word in sorted(facts.durability.items()):
        if word not in SAFE.get(setting, (word,)):
            yield told("fail", _check(), "database-unsafe", setting=setting, value=word)
    yield from _room(facts)
    yield from _way(facts)
    if facts.oldest_transaction_s is not None and facts.oldest_transaction_s > OLD_TRANSACTION_S:
        age = texts.duration(facts.oldest_transaction_s)
        yield told("warn", _check(), "database-old-transaction", age=age)


def _what(facts: DatabaseFacts) -> Finding:
    kind = KINDS[facts.kind]
    schema, known = facts.schema, facts.schema_known
    if schema != known:
        return told("warn", _check(), "database-schema", kind=kind, schema=schema, known=known)
    if facts.standby:
        return told("fail", _check(), "database-standby", kind=kind)
    key = "doctor.database-pooled" if facts.pooled else "doctor.database-ok"
    size = size_of(facts.size_bytes or 0)
    return Finding(_check(), "ok", say(key, kind=kind, version=facts.version, schema=schema, size=size))


def _room(facts: DatabaseFacts) -> Iterator[Finding]:
    """Disk and connections."""
    free, log = facts.disk_free_bytes, facts.log_bytes
    if free is not None and (result := _short_of(free, DISK_FREE_BYTES)) != "ok":
        yield told(result, _check(), "database-disk", free=size_of(free))
    if log is not None and log > LOG_BYTES:
        yield told("warn", _check(), "database-log", size=size_of(log))
    used, most = facts.connections, facts.connections_most
    if used is not None and most and (result := _short_of((most - used) / most, CONNECTIONS_FREE)) != "ok":
        yield told(result, _check(), "database-connections", used=used, most=most)


def _short_of(free: float, bounds: tuple[float, float]) -> Result:
    fails, warns = bounds
    return "fail" if free < fails else "warn" if free < warns else "ok"


def _way(facts: DatabaseFacts) -> Iterator[Finding]:
    """The way to the database, and its clock."""
    if facts.transport == "plain":
        yield told("warn", _check(), "database-plain")
    round_trip, apart = facts.round_trip_s, facts.clock_off_s
    if round_trip is not None and round_trip > ROUND_TRIP_S:
        yield told("warn", _check(), "database-far", milliseconds=round(round_trip * 1000))
    if apart is not None and abs(apart) > CLOCKS_APART_S:
        yield told("warn", _check(), "database-clock", seconds=round(abs(apart)))


def nodes(document: ChecksDocument, public_url: str) -> Iterator[Finding]:
    """Every node that lives or died, and what they are together; nothing where one process is alone."""
    shown = [one for one in document.nodes if one.state != "left"]
    for one in shown:
        yield _node(one)
    versions = sorted({one.version for one in shown if one.state == "alive"})
    if len(versions) > 1:
        yield told("warn", say("doctor.nodes"), "nodes-versions", versions=", ".join(versions))
    alive = [one for one in document.nodes if one.state == "alive"]
    for one in alive if len(alive) > 1 else ():
        if one.address == urlsplit(public_url).netloc:
            yield told("warn", say("doctor.nodes"), "nodes-address", url=public_url, id=one.id)
    if document.unowned_sessions:
        yield told("warn", say("doctor.nodes"), "nodes-unowned", n=document.unowned_sessions)


def _node(one: NodeDocument) -> Finding:
    check, ago = say("doctor.node", id=one.id), texts.duration(max(0.0, one.heard_s_ago))
    if one.state != "alive":
        return told("warn", check, f"node-{one.state}", ago=ago, id=one.id)
    text = say("doctor.node-ok", version=one.version, ago=ago)
    return Finding(check, "ok", f"{text}; {texts.count('doctor.node-sessions', one.sessions)}")


def size_of(number: int) -> str:
    """Bytes as people read them."""
    for unit, size in (("GB", 1000**3), ("MB", 1000**2)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number / 1000:.0f} kB"


def _check() -> str:
    return say("doctor.database")


def findings(document: Document, public_url: str) -> Iterator[Finding]:
    """Everything that the gateway's checks tell; `public_url`: where providers send their webhooks."""
    import msgspec  # noqa: PLC0415 - the other verbs start without them

    from esteio.api.v1.gateway import ChecksDocument  # noqa: PLC0415

    told_by_gateway = msgspec.convert(document, ChecksDocument)
    yield from database(told_by_gateway.database)
    yield from nodes(told_by_gateway, public_url)
