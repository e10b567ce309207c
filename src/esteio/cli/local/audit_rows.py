"""The audit log of a database, without a gateway: verified, and a row added for what the command line did there.

Never lives here: the verbs (`audit`, `backup`), the chain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from getpass import getuser
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from esteio.cli import output, texts
from esteio.cli.errors import Failed, Misused
from esteio.cli.local.settings_file import environment, read

if TYPE_CHECKING:
    from esteio.config import Settings
    from esteio.engine.audit.audit_log import AuditLog
    from esteio.store.sql.db import Database
    from esteio.vault import Vault

T = TypeVar("T")


def verified(config: Path | None, head: str | None, *, data: str | None, database: str | None) -> dict[str, Any]:
    """What a look through the whole log finds, as `GET /v1/audit/verify` answers it. The database is the PostgreSQL
    that is named here or in the settings, else the one in the data folder. Raises `Misused`, `Failed`."""
    from esteio.core.audit.chain import read_head  # noqa: PLC0415 - what only this needs

    try:
        anchor = None if head is None else read_head(head)
    except ValueError as error:
        raise Misused("audit.bad-head") from error
    settings = read(config, environment(), {"data": data, "database": database})
    within = _with_log_of_postgres if settings.database else _with_log
    found = within(settings, lambda log: log.verify(anchor))
    return {
        "whole": found.whole,
        "rows": found.rows,
        "first": found.since,
        "head": str(found.head),
        "findings": [
            {"kind": one.kind, "first": one.first, "last": one.last, "place": one.place} for one in found.findings
        ],
        "more": found.more,
    }


def record(settings: Settings, action: str, after: Mapping[str, Any]) -> None:
    """A row about what was done to this folder, also while a gateway runs on it. What keeps it from being written (no
    key at hand, no database) is told on stderr, and nothing more: the deed is done."""
    from esteio.core.audit.entry import Actor  # noqa: PLC0415 - see above
    from esteio.engine.audit.acting import acting  # noqa: PLC0415

    async def note(log: AuditLog) -> None:
        with acting(Actor("cli", name=getuser())):
            await log.note(action, after=after)

    try:
        _with_log(settings, note, read_only=False)
    except Failed as error:
        output.failure(texts.say("audit.unrecorded", why=texts.say(error.key, **error.values)))


def _with_log(settings: Settings, do: Callable[[AuditLog], Awaitable[T]], *, read_only: bool = True) -> T:
    """Over the file in the data folder. Raises `Failed`."""
    from esteio.store.base import Damaged, StoreFull  # noqa: PLC0415
    from esteio.store.sqlite.beside import BesideOwner  # noqa: PLC0415

    folder = Path(settings.data)

    async def run() -> T:
        vault = _vault(settings)
        database = BesideOwner(folder / "esteio.db", read_only=read_only)
        try:
            return await do(_log(database, vault))
        finally:
            database.close()

    try:
        return asyncio.run(run())
    except FileNotFoundError as error:
        raise Failed("audit.no-database", data=folder) from error
    except Damaged as error:
        raise Failed("damaged-database", data=folder, why=error) from error
    except (StoreFull, LookupError) as error:
        raise Failed("store-full", data=folder, why=error) from error


def _with_log_of_postgres(settings: Settings, do: Callable[[AuditLog], Awaitable[T]]) -> T:
    """Over the PostgreSQL of the settings, which is read and not migrated. Raises `Misused`, `Failed`."""
    if find_spec("psycopg") is None:
        raise Misused("no-postgres-driver")
    from esteio.store.base import BadAddress, StoreFull  # noqa: PLC0415 - as below, only where it is installed
    from esteio.store.postgres.beside import beside_nodes  # noqa: PLC0415

    async def run() -> T:
        vault = _vault(settings)
        async with beside_nodes(settings.database) as database:
            return await do(_log(database, vault))

    try:
        return asyncio.run(run())
    except BadAddress as error:
        raise Misused("database-address", why=texts.reason(error)) from error
    except LookupError as error:
        raise Failed("audit.no-tables") from error
    except StoreFull as error:
        raise Failed("database-unavailable", why=error) from error


def _vault(settings: Settings) -> Vault:
    """Raises `Failed`."""
    from esteio.vault import KEY_FILE, VaultError, open_vault  # noqa: PLC0415

    folder = Path(settings.data)
    if not settings.secret_key and not (folder / KEY_FILE).exists():
        raise Failed("audit.no-key", data=folder)
    try:
        return open_vault(folder, settings.secret_key or None, settings.other_secret_keys)
    except VaultError as error:
        raise Failed("vault", why=texts.reason(error)) from error


def _log(database: Database, vault: Vault) -> AuditLog:
    from esteio.clock import SystemClock  # noqa: PLC0415
    from esteio.engine.audit.audit_log import AuditLog  # noqa: PLC0415
    from esteio.store.sql.audit.audit_log import SqlAudit  # noqa: PLC0415

    return AuditLog(SqlAudit(database), vault, SystemClock(), keep_s=0)
