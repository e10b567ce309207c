"""Which settings file a verb reads: `--config`, else `ESTEIO_CONFIG`, else `esteio.toml` in this directory, else none.

Never lives here: what a setting means (`config`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esteio.cli import texts
from esteio.cli.errors import Misused

if TYPE_CHECKING:
    from esteio.config import Settings

USUAL = Path("esteio.toml")
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", envvar="ESTEIO_CONFIG", help="Settings file; default: ./esteio.toml, if it exists."
    ),
]


def found_file(config: Path | None) -> Path | None:
    """The file to read."""
    if config is not None:
        return config
    return USUAL if USUAL.is_file() else None


def read(config: Path | None, environ: Mapping[str, str], overrides: Mapping[str, Any]) -> Settings:
    """The settings; raises `Misused` for those that cannot be used."""
    from esteio.config import SettingsError, load  # noqa: PLC0415 - the other verbs start without it

    try:
        return load(found_file(config), environ, overrides)
    except SettingsError as error:
        raise Misused("settings", why=texts.reason(error)) from error


def with_door(environ: Mapping[str, str], door_listen: str | None) -> Mapping[str, str]:
    """The environment as if it said `--door-listen`: that setting lies in a table of its own."""
    return dict(environ) if door_listen is None else {**environ, "ESTEIO_DOOR_LISTEN": door_listen}


def environment() -> Mapping[str, str]:
    """The variables of this process, in which settings are looked up before the file."""
    return os.environ
