"""`migrate-data`: from SQLite in a data folder to a PostgreSQL, once, while no gateway runs.

Never lives here: the copy (`store.data_migration`).
"""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esteio.cli import output
from esteio.cli.errors import Failed, Misused
from esteio.cli.local.settings_file import ConfigFile, environment, read
from esteio.cli.texts import reason, say

if TYPE_CHECKING:
    from esteio.config import Settings
    from esteio.store.data_migration import Copied, Progress

MOVED = "esteio.moved.db"
"""What the source is called afterwards."""


def migrate_data(
    data: Annotated[
        str | None, typer.Option("--data", metavar="DIR", help="The data folder; default: the one of the settings.")
    ] = None,
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="Where to: postgresql://…; default: the one of the settings.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Forget what an earlier copy that was not finished has brought.")
    ] = False,
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON how many rows each table has.")] = False,
) -> None:
    """Copy everything from SQLite to a PostgreSQL, then compare both. Stop the gateway first.

    A copy that was interrupted goes on where it ended. Until it is finished no gateway starts on the target. In the
    end the old file is renamed, not changed.
    """
    settings = read(config, environment(), {"data": data, "database": database})
    source = Path(settings.data) / "esteio.db"
    if not settings.database:
        raise Misused("migrate.no-target")
    if find_spec("psycopg") is None:
        raise Misused("no-postgres-driver")
    if not source.exists():
        raise Misused("backup.no-database", data=settings.data)
    copied = _copied(source, settings, again=again)
    # A gateway, or a nightly backup, that knows nothing of the move would go on with what is no longer true.
    source.rename(source.with_name(MOVED))
    if as_json:
        output.data({one.name: {"rows": one.rows, "sha256": one.digest} for one in copied})
        return
    rows = sum(one.rows for one in copied)
    output.line(("good", say("migrate.done", tables=len(copied), rows=rows)))
    output.line(("", say("migrate.next", data=settings.data, moved=MOVED)))


def _copied(source: Path, settings: Settings, *, again: bool) -> list[Copied]:
    from esteio.store import data_migration as migration  # noqa: PLC0415 - needs the driver
    from esteio.store.base import BadAddress, Damaged, Locked, NewerDatabase, StoreFull  # noqa: PLC0415

    try:
        with output.progress("migrate.begun", data=settings.data) as step:
            work = migration.migrate_data(source, settings.database, progress=_lines(step), again=again)
            return asyncio.run(work)
    except BadAddress as error:
        raise Misused("database-address", why=reason(error)) from error
    except Locked as error:
        raise Failed("migrate.running", data=settings.data) from error
    except NewerDatabase as error:
        raise Failed("newer-database", data=settings.data, found=error.found, known=error.known) from error
    except Damaged as error:
        raise Failed("damaged-database", data=settings.data, why=error) from error
    except StoreFull as error:
        raise Failed("database-unavailable", why=error) from error
    except migration.TargetInUse as error:
        raise Misused("migrate.in-use") from error
    except migration.SourceChanged as error:
        raise Misused("migrate.changed") from error
    except migration.Differs as error:
        raise Failed("migrate.differs", tables=", ".join(error.tables)) from error


def _lines(step: output.Step) -> Progress:
    """A line for each table that is there."""

    def told(table: str, done: int, of: int) -> None:
        if done == of:
            step(f"{table}: {done}")

    return told
