"""The audit log: what a change records in its own transaction, whether the chain holds, and what goes in time.

The keys of the chain are random, one after another, kept encrypted beside the head: whoever can write the database and
has no key of the vault can make no row. Never lives here: what the rows say (`core.audit.entry`), when a command
records (the commands).
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

import msgspec

from esteio.clock import Clock
from esteio.core.audit import chain
from esteio.core.audit.chain import ChainKeys, Head
from esteio.core.audit.entry import ACTIONS, Entry, Row
from esteio.core.audit.verification import Finding, Verdict, Verification
from esteio.engine.audit.acting import actor
from esteio.engine.runtime import sealed_for
from esteio.log import logger
from esteio.store.audit_trail import recording
from esteio.store.base import StoreFull
from esteio.store.ports.audit import Audit, StoredHead
from esteio.vault import Vault, WrongKey, new_key

PAGE: Final = 500
PURGED_AT_ONCE: Final = 5000
TOLD_EVERY_S: Final = 86_400.0
"""How often the head is written to the log, so that a cut end can be seen there."""
log = logger("audit")


class UndeclaredAction(KeyError):
    """A code that is not among `ACTIONS`."""


class AuditLog:
    """Records, verifies, purges. `keep_s`: how long rows are kept; 0: for ever."""

    def __init__(self, audit: Audit, vault: Vault, clock: Clock, *, keep_s: float) -> None:
        self._audit, self._vault, self._clock, self._keep_s = audit, vault, clock, keep_s
        self._opened: tuple[bytes, ChainKeys] = (b"", ChainKeys({}))
        """The keys as they were last read, and as they are."""

    def __repr__(self) -> str:
        return "AuditLog()"

    async def begin(self, *_: object) -> None:
        """Make the head where there is none, and record that the log begins. Raises `WrongKey`."""
        stored = await self._audit.head() or await self._begun()
        self._keys(stored.sealed_keys)

    async def _begun(self) -> StoredHead:
        last = await self._audit.last()
        if last is not None:
            log.error("audit.head_missing", count=last.seq)
        sealed = self._vault.seal({"1": new_key()}, sealed_for.AUDIT_KEYS)
        before = Head(0, chain.START) if last is None else Head(last.seq, last.hash)
        (first,), seal = self.rows((self.entry("audit.begun"),), before, sealed)
        return await self._audit.begin(StoredHead(Head(first.seq, first.hash), seal, sealed), first)

    def rows(self, entries: Sequence[Entry], head: Head, sealed_keys: bytes) -> tuple[Sequence[Row], str]:
        """The entries as the next rows, and what is kept beside the new head (`store.audit_trail.Scribe`)."""
        keys = self._keys(sealed_keys)
        rows = chain.linked(head, entries, keys)
        return rows, chain.head_seal(Head(rows[-1].seq, rows[-1].hash), keys.by_id[keys.newest])

    @contextmanager
    def records(
        self,
        action: str,
        *,
        session: str | None = None,
        server: str | None = None,
        target: str | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        tenant: str | None = None,
        more: Sequence[Entry] = (),
    ) -> Iterator[None]:
        """Around the one write that is this change: it takes the row along, unless it changes nothing. `before` and
        `after`: settings, never a secret; where both are given, only what differs is kept. `tenant`: whose it is, where
        that is neither the session's nor the server's as they then are, nor whoever's acts."""
        told = {"session": session, "server": server, "target": target, "tenant": tenant}
        entry = self.entry(action, **told, before=before, after=after)
        with recording(self, (entry, *more)):
            yield

    def entry(
        self,
        action: str,
        *,
        session: str | None = None,
        server: str | None = None,
        target: str | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        tenant: str | None = None,
    ) -> Entry:
        """One line by whoever acts now, at this time. Raises `UndeclaredAction`."""
        if action not in ACTIONS:
            raise UndeclaredAction(action)
        was, now = dict(before or {}), dict(after or {})
        if before is not None and after is not None:
            same = {name for name in was.keys() & now.keys() if was[name] == now[name]}
            was, now = ({name: one[name] for name in one.keys() - same} for one in (was, now))
        return Entry(
            at=self._clock.now(),
            action=action,
            actor=actor(),
            session=session,
            server=server,
            target=target,
            before=was,
            after=now,
            tenant=tenant,
        )

    async def note(
        self,
        action: str,
        *,
        session: str | None = None,
        server: str | None = None,
        target: str | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Record what is no write of its own; durable when it returns."""
        with self.records(action, session=session, server=server, target=target, after=after):
            await self._audit.record()

    async def note_settings(self, action: str, now: Mapping[str, Any]) -> None:
        """Record settings that are read at a start, where they are others than the last time."""
        last = await self._audit.last(action)
        if last is None or msgspec.json.decode(last.after) != msgspec.to_builtins(now):
            await self.note(action, after=now)

    async def verify(self, anchor: Head | None = None) -> Verdict:
        """Read the whole chain. `anchor`: a head that was noted before."""
        look: Verification | None = None
        after = 0
        while True:
            rows, stored = await self._audit.page(after, PAGE)
            if stored is None:
                return _unreadable("head-missing")
            try:
                look = look or Verification(self._keys(stored.sealed_keys), anchor)
            except WrongKey:
                return _unreadable("keys-unreadable")
            look.read(rows)
            if len(rows) < PAGE:
                return look.verdict(stored.head, stored.seal)
            after = rows[-1].seq
            await asyncio.sleep(0)

    async def head(self) -> Head | None:
        """How many rows there ever were, and the last one's hash."""
        stored = await self._audit.head()
        return None if stored is None else stored.head

    async def run(self) -> None:
        """Once a day, for ever: the head into the log, and rows that are too old away."""
        while True:
            try:
                await self._tell_head()
                while await self.purge():
                    pass
            except StoreFull:
                log.warning("store.full")
            await asyncio.sleep(TOLD_EVERY_S)

    async def purge(self) -> int:
        """Some rows beyond their time go, with a row that says up to which and with what hash; its number, or 0."""
        if not self._keep_s:
            return 0
        last = await self._audit.last_before(self._clock.now() - self._keep_s, PURGED_AT_ONCE)
        if last is None:
            return 0
        with self.records("audit.purged", after={"through": last.seq, "hash": last.hash}):
            await self._audit.forget(last.seq)
        log.info("audit.purged", count=last.seq)
        return last.seq

    async def _tell_head(self) -> None:
        head = await self.head()
        if head is not None:
            log.info("audit.head", count=head.seq, head=head.hash)

    def _keys(self, sealed: bytes) -> ChainKeys:
        if self._opened[0] != sealed:
            self._opened = (sealed, _raw(self._vault.unseal(sealed, sealed_for.AUDIT_KEYS)))
        return self._opened[1]


def _unreadable(kind: Literal["head-missing", "keys-unreadable"]) -> Verdict:
    """Nothing can be said of the rows."""
    return Verdict((Finding(kind, 0, 0),), 0, 1, Head(0, chain.START))


def _raw(words: Mapping[str, str]) -> ChainKeys:
    return ChainKeys({name: base64.urlsafe_b64decode(key) for name, key in words.items()})
