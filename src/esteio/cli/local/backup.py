"""`backup` and `restore`: a data folder as one file, and back. Both work on the folder itself, not through the API.

Never lives here: what an archive holds (`store.backup`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esteio.cli import output, texts
from esteio.cli.errors import Failed, Misused
from esteio.cli.local.audit_rows import record
from esteio.cli.local.settings_file import ConfigFile, environment, read
from esteio.cli.texts import say

if TYPE_CHECKING:
    from esteio.config import Settings
    from esteio.store.backup import Manifest

MISUSES = frozenset({"no-database", "file-exists", "not-empty"})
DataFolder = Annotated[
    str | None, typer.Option("--data", metavar="DIR", help="The data folder; default: the one of the settings.")
]
Written = Annotated[bool, typer.Option("--json", help="Print as JSON what the archive holds.")]


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new archive, e.g. esteio-2026-11-29.tar.")],
    data: DataFolder = None,
    config: ConfigFile = None,
    without_secrets: Annotated[
        bool, typer.Option("--without-secrets", help="Leave secret.key out; keep it elsewhere, or set the key again.")
    ] = False,
    as_json: Written = False,
) -> None:
    """Copy database, media and secret.key into one file, also while the gateway runs; the file is then checked.

    It holds messages and, unless left out, the key to the providers' credentials: keep it as safe as the folder itself.
    """
    from esteio.api.ops import program_version  # noqa: PLC0415 - what only this verb needs
    from esteio.clock import SystemClock  # noqa: PLC0415
    from esteio.store.backup import create  # noqa: PLC0415

    settings = _settings(data, config)
    if settings.database:
        raise Misused("backup.postgres", data=settings.data)
    folder = Path(settings.data)
    with output.progress("backup.begun", file=file):
        made = _tried(
            lambda: create(
                folder, file, now=SystemClock().now(), program=program_version(), secrets=not without_secrets
            ),
            file,
            folder,
        )
    record(settings, "backup.made", {"file": file.name, "secrets": made.secrets, **made.counts})
    if as_json:
        output.data(_document(made, file, folder))
        return
    _tell("backup.done", made, file=file)
    if not made.secrets:
        output.line(("warn", say("backup.no-key")))


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An archive that `esteio backup` made.")],
    data: DataFolder = None,
    config: ConfigFile = None,
    waiting: Annotated[
        Literal["send", "expire"],
        typer.Option(help="What becomes of messages that were still to be sent when the backup was taken."),
    ] = "send",
    as_json: Written = False,
) -> None:
    """Make a data folder out of a backup. The folder must be new or empty; start the gateway on it afterwards.

    With `--waiting expire` what was still to be sent goes to the dead letters, from where it can be replayed: choose it
    if the old gateway went on after the backup, for it may have sent those messages itself.
    """
    from esteio.clock import SystemClock  # noqa: PLC0415
    from esteio.store.backup import restore as put_back  # noqa: PLC0415

    settings = _settings(data, config)
    folder = Path(settings.data)
    with output.progress("restore.begun", data=folder):
        made = _tried(
            lambda: put_back(file, folder, now=SystemClock().now(), expire_waiting=waiting == "expire"), file, folder
        )
    if made.secrets or settings.secret_key:
        record(settings, "backup.restored", {"file": file.name, "taken_at": made.taken_at})
    if as_json:
        output.data(_document(made, file, folder))
        return
    _tell("restore.done", made, file=file, data=folder)
    if made.counts.get("waiting") and waiting == "send":
        output.line(("warn", texts.count("restore.waiting", made.counts["waiting"])))
    if not made.secrets:
        output.line(("warn", say("restore.no-key", data=folder)))


def _settings(data: str | None, config: Path | None) -> Settings:
    return read(config, environment(), {"data": data})


def _tried(do: Callable[[], Manifest], file: Path, folder: Path) -> Manifest:
    from esteio.store.backup import BackupError  # noqa: PLC0415
    from esteio.store.base import NewerDatabase  # noqa: PLC0415

    try:
        return do()
    except BackupError as error:
        kind = Misused if error.code in MISUSES else Failed
        raise kind(f"backup.{error.code}", file=file, data=folder, why=error.detail) from error
    except NewerDatabase as error:
        raise Failed("newer-database", data=file, found=error.found, known=error.known) from error
    except OSError as error:
        raise Failed("backup.io", file=error.filename or file, why=error.strerror or error) from error


def _document(made: Manifest, file: Path, folder: Path) -> dict[str, object]:
    """What an archive holds; `size` is in bytes."""
    from esteio.core.views.documents import timestamp  # noqa: PLC0415

    return {
        "file": str(file),
        "data": str(folder),
        "taken_at": timestamp(made.taken_at),
        "program": made.program,
        "secrets": made.secrets,
        "size": sum(entry.size for entry in made.files.values()),
        "media": sum(1 for name in made.files if name.startswith("media/")),
        "counts": dict(made.counts),
    }


def _tell(key: str, made: Manifest, **values: object) -> None:
    from esteio.core.views.documents import timestamp  # noqa: PLC0415

    counts = made.counts
    size = f"{sum(entry.size for entry in made.files.values()) / 1e6:.1f} MB"
    at = output.moment(timestamp(made.taken_at))
    media = sum(1 for name in made.files if name.startswith("media/"))
    told = say(key, at=at, sessions=counts["sessions"], messages=counts["messages"], media=media, size=size, **values)
    output.line(("good", told))
