"""What the next write of this task records in the audit log, in the same transaction.

A command opens `recording` around the one write that is the change; the store takes what stands there with the first
write that changes something. It is a context variable, as a request's own, so that no write needs an argument for it
and none of our own loops ever sees one. Never lives here: what is recorded (`engine.audit`), the chain (`core.audit`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from esteio.core.audit.chain import Head
from esteio.core.audit.entry import Entry, Row


class Scribe(Protocol):
    """Who has the keys of the chain."""

    def rows(self, entries: Sequence[Entry], head: Head, sealed_keys: bytes) -> tuple[Sequence[Row], str]:
        """The entries as rows that follow the head, and what is kept beside the new head. Raises `WrongKey`."""
        ...


class Recording:
    """What waits for its write. `written`: whether a write has taken it."""

    __slots__ = ("entries", "scribe", "written")

    def __init__(self, scribe: Scribe, entries: Sequence[Entry]) -> None:
        self.scribe, self.entries = scribe, entries
        self.written = False


_WAITING: ContextVar[Recording | None] = ContextVar("audit_recording", default=None)


def waiting() -> Recording | None:
    """What the next write is to record; None where it is nothing."""
    found = _WAITING.get()
    return None if found is None or found.written else found


@contextmanager
def recording(scribe: Scribe, entries: Sequence[Entry]) -> Iterator[Recording]:
    """The first write inside that changes something records the entries with it: both are there, or neither."""
    mine = Recording(scribe, entries)
    token = _WAITING.set(mine)
    try:
        yield mine
    finally:
        _WAITING.reset(token)
