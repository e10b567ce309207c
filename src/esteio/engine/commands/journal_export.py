"""A session's journal as lines of JSON: a head about the session, then its timeline with the evidence, oldest first.

`esteio replay` reads this format. Never lives here: replaying it (`sim.replay`), a sentence.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from esteio.core.model.session import Session
from esteio.store.base import JournalEntry
from esteio.store.ports.sessions import Journal, Servers

FORMAT = 1
PAGE = 500


class Head(msgspec.Struct, frozen=True):
    """The first line of a journal: whose it is. `created_at` is in epoch seconds, `version` the server's."""

    esteio_journal: int
    session: str
    server: str
    kind: str
    policy: str
    created_at: float
    id: int = 1
    """The session's own number: jitter is drawn from it."""
    phone: str | None = None
    version: str | None = None


class Entry(msgspec.Struct, frozen=True):
    """Another line: one entry of the timeline. Times are epoch seconds."""

    seq: int
    at: float
    kind: str
    code: str
    args: Mapping[str, str] = {}
    data: Mapping[str, Any] = {}
    count: int = 1
    first_at: float | None = None


async def export(servers: Servers, journal: Journal, session: Session) -> AsyncIterator[bytes]:
    """The lines, each with its end of line, some hundred at a time."""
    stored = await servers.get(session.server)
    head = Head(
        FORMAT,
        session.name,
        session.server,
        session.kind,
        session.policy,
        session.created_at,
        id=session.id,
        phone=session.phone,
        version=stored.server.version if stored else None,
    )
    yield msgspec.json.encode(head) + b"\n"
    after = 0
    while page := await journal.page(session.id, after, PAGE):
        yield b"".join(msgspec.json.encode(_entry(one)) + b"\n" for one in page)
        after = page[-1].seq


def _entry(one: JournalEntry) -> Entry:
    return Entry(one.seq, one.at, one.kind, one.code, one.args, one.data, one.count, one.first_at)
