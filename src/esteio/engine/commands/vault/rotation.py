"""A change of the key that seals secrets at rest: a new one, everything sealed anew with it, the old one retired.

Done a part at a time, each part one transaction, while the gateway serves: whatever is not yet sealed anew opens with
the old key, which is known until no value names it. After a kill in the middle the next part goes on. Never lives here:
the keys themselves (`vault`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from esteio.clock import Clock
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.chatwoot.token import KEPT, PURPOSE, webhook_token
from esteio.engine.errors import CommandError
from esteio.engine.runtime import sealed_for
from esteio.log import logger
from esteio.store.base import StoreFull
from esteio.store.ports.audit import Audit
from esteio.store.ports.sealed import SEALED_TABLES, Sealed, SealedValue
from esteio.vault import Vault, WrongKey, key_id_of, new_key

ROWS_AT_ONCE: Final = 200
"""In one transaction."""
PARTS: Final = 10
"""Transactions in one call."""
GRACE_S: Final = 12 * 3600.0
"""How long an older key is kept when nothing at rest names it any more: logins and links that were given out with it
are good for so long."""
LOOK_EVERY_S: Final = 600.0
log = logger("vault")


class VaultState(msgspec.Struct, frozen=True):
    """Which keys there are, by id. `left`: values that another key than the first sealed. `in_file`: whether they stand
    in `secret.key`."""

    key: str
    others: tuple[str, ...]
    left: int
    in_file: bool


class KeyRotation:
    """Changes the key. `may_make`: whether this gateway may make a key of its own, for it is the only one on its
    database."""

    def __init__(
        self, sealed: Sealed, audit_rows: Audit, clock: Clock, *, vault: Vault, audit: AuditLog, may_make: bool
    ) -> None:
        self._sealed, self._audit_rows, self._clock = sealed, audit_rows, clock
        self._vault, self._audit, self._may_make = vault, audit, may_make

    async def state(self) -> VaultState:
        """As it is now."""
        left = await self._sealed.left(bytes.fromhex(self._vault.key_id)) + await self._audit_left()
        return VaultState(self._vault.key_id, self._vault.other_ids, left, self._vault.file is not None)

    async def rotate(self, *, begin: bool) -> VaultState:
        """Seal a part anew; with `begin` and nothing left to do, with a new key first. Raises `CommandError`:
        vault-single-key, vault-foreign-value, vault-file."""
        if begin and (await self.state()).left == 0:
            self._begin()
        but = bytes.fromhex(self._vault.key_id)
        for table in SEALED_TABLES:
            for _ in range(PARTS):
                found, last = await self._sealed.page(table, "", ROWS_AT_ONCE, but=but)
                await self._seal_anew(found)
                if last is None:
                    break
        after = await self.state()
        if after.left == await self._audit_left() != 0:
            await self._finish()
            after = await self.state()
        return after

    async def retire(self) -> VaultState:
        """The older keys open nothing any more. Raises `CommandError`: vault-key-in-use while a value names one,
        vault-foreign-value, vault-file."""
        before = await self.state()
        if before.left:
            raise CommandError("vault-key-in-use", left=str(before.left))
        await self.check()
        if before.others:
            await self._audit.note("vault.key_retired", after={"keys": list(before.others)})
            try:
                self._vault.retire()
            except OSError as error:
                raise CommandError("vault-file", why=error.strerror or str(error)) from error
            log.info("vault.key_retired", count=len(before.others))
        return await self.state()

    async def run(self) -> None:
        """Older keys go when their grace is over, for ever."""
        while True:
            try:
                await self.retire_in_time()
            except StoreFull:
                log.warning("store.full")
            except CommandError as error:
                log.warning("vault.key_kept", reason=error.code)
            await asyncio.sleep(LOOK_EVERY_S)

    async def retire_in_time(self) -> None:
        """The same when the grace of the last rotation is over; for a chore, which seals strays anew before."""
        if not self._vault.other_ids or self._vault.file is None:
            return
        last = await self._audit_rows.last("vault.rotated")
        if last is None or last.at + GRACE_S > self._clock.now():
            return
        if (await self.rotate(begin=False)).left == 0:
            await self.retire()

    async def check(self) -> int:
        """Open every value with the sealing key alone; how many there are. Raises
        `CommandError("vault-foreign-value")`."""
        only, opened = self._vault.only_first(), 0
        for table in SEALED_TABLES:
            after: str | None = ""
            while after is not None:
                found, after = await self._sealed.page(table, after, ROWS_AT_ONCE)
                for value in found:
                    _opened(only, value)
                opened += len(found)
        return opened

    def _begin(self) -> None:
        if self._vault.file is not None and self._may_make:
            try:
                self._vault.begin(new_key().encode())
            except OSError as error:
                raise CommandError("vault-file", why=error.strerror or str(error)) from error
            log.info("vault.key_made", vault_key=self._vault.key_id)
        elif not self._vault.other_ids:
            raise CommandError("vault-single-key")

    async def _seal_anew(self, found: Sequence[SealedValue]) -> None:
        only, anew = self._vault.only_first(), []
        for value in found:
            if key_id_of(value.sealed) == self._vault.key_id:
                continue
            place = _place(value)
            words = self._kept(value, _opened(self._vault, value))
            sealed = self._vault.seal(words, place)
            if only.unseal(sealed, place) != words:  # before the old one is written over
                raise CommandError("vault-foreign-value", place=place)
            anew.append((value, sealed))
        await self._sealed.replace(anew)

    def _kept(self, value: SealedValue, words: dict[str, str]) -> dict[str, str]:
        """Chatwoot keeps the address that it was given: its token, of the key of then, stays good."""
        if value.column != "chatwoot" or KEPT in words:
            return words
        old = self._vault.key_of(key_id_of(value.sealed), PURPOSE)
        return {**words, KEPT: webhook_token(old, int(value.row), value.created_at)}

    async def _audit_left(self) -> int:
        head = await self._audit_rows.head()
        return int(head is not None and key_id_of(head.sealed_keys) != self._vault.key_id)

    async def _finish(self) -> None:
        """The audit log's keys last, with one more: from this row on its chain has a key that the old one never
        sealed."""
        values = await self.check()
        head = await self._audit_rows.head()
        if head is None:
            return
        keys = self._vault.unseal(head.sealed_keys, sealed_for.AUDIT_KEYS)
        keys[str(max(map(int, keys)) + 1)] = new_key()
        sealed = self._vault.seal(keys, sealed_for.AUDIT_KEYS)
        told = {"key": self._vault.key_id, "others": list(self._vault.other_ids), "values": values}
        with self._audit.records("vault.rotated", after=told):
            await self._audit_rows.replace_keys(head.sealed_keys, sealed)
        log.info("vault.rotated", vault_key=self._vault.key_id, count=values)


def _place(value: SealedValue) -> str:
    match value.table:
        case "servers":
            return sealed_for.server(value.row)
        case "webhook_endpoints":
            return sealed_for.webhook(value.row)
        case "sessions":
            return sealed_for.session_row(value.name, value.created_at, value.column)


def _opened(vault: Vault, value: SealedValue) -> dict[str, str]:
    """Raises `CommandError("vault-foreign-value")` with the place of a value that does not open."""
    try:
        return vault.unseal(value.sealed, _place(value))
    except WrongKey as error:
        raise CommandError("vault-foreign-value", place=_place(value)) from error
