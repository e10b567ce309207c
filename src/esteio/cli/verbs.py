"""The table of verbs: name, function, the panel of `--help` that it stands in. A new verb is one line here.

Never lives here: what a verb does.
"""

from __future__ import annotations

import os
from typing import Any

import typer
from typer.core import TyperGroup

from esteio.cli import show, words
from esteio.cli.acting import approve, send
from esteio.cli.doctor import doctor
from esteio.cli.failed import Failed
from esteio.cli.keys import app as keys
from esteio.cli.looking import qr, sessions
from esteio.cli.sandbox import sandbox
from esteio.cli.serve import serve
from esteio.cli.why import why

RUN, ASK = "Run", "Ask a running gateway (ESTEIO_URL, ESTEIO_KEY)"

VERBS = (
    ("serve", serve, RUN),
    ("sandbox", sandbox, RUN),
    ("sessions", sessions, ASK),
    ("why", why, ASK),
    ("qr", qr, ASK),
    ("send", send, ASK),
    ("approve", approve, ASK),
    ("doctor", doctor, ASK),
)
GROUPS = (("keys", keys, "Make, list and revoke API keys.", ASK),)


class Verbs(TyperGroup):
    """Every failure of every verb ends here: one sentence on stderr, and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb that was named."""
        try:
            return super().invoke(ctx)
        except Failed as error:
            show.failure(words.say(error.key, **error.values))
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError as error:
            # `esteio sessions | head`: the reader has had enough. Nothing may be written at the end either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise typer.Exit(0) from error


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - rarely asked

        try:
            print(version("esteio"))
        except PackageNotFoundError:
            print("0")
        raise typer.Exit


def build() -> typer.Typer:
    """The whole command."""
    made = typer.Typer(cls=Verbs, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

    @made.callback()
    def root(
        version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    ) -> None:
        """Esteio keeps WhatsApp sessions truly alive and loses no message."""

    for name, verb, panel in VERBS:
        made.command(name, rich_help_panel=panel)(verb)
    for name, group, text, panel in GROUPS:
        made.add_typer(group, name=name, help=text, rich_help_panel=panel)
    return made


app = build()
