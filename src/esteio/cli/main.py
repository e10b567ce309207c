"""The table of verbs: name, what it is, the panel of `--help` that it stands in. A new verb is one line here.

A light verb is a function; a heavy one (`HEAVY`) is named by its module and loaded only when it is called, so that
`esteio --help` stays quick. Never lives here: what a verb does.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from esteio.cli import help_texts, output, texts
from esteio.cli.errors import Failed
from esteio.cli.local.audit import app as audit
from esteio.cli.local.backup import backup, restore
from esteio.cli.local.demo import demo
from esteio.cli.local.doctor import doctor
from esteio.cli.local.migrate_data import migrate_data
from esteio.cli.local.sandbox import sandbox
from esteio.cli.local.serve import serve
from esteio.cli.remote.act import approve, pause, recover, reject, resume, send
from esteio.cli.remote.keys import app as keys
from esteio.cli.remote.login import login
from esteio.cli.remote.look import sessions
from esteio.cli.remote.maintain import apply, export, notify
from esteio.cli.remote.qr import qr
from esteio.cli.remote.servers import adopt
from esteio.cli.remote.servers import app as servers
from esteio.cli.remote.tenants import app as tenants
from esteio.cli.remote.top import top
from esteio.cli.remote.vault import app as vault
from esteio.cli.remote.webhooks import app as webhooks
from esteio.cli.remote.webhooks import dead_letters, events
from esteio.cli.remote.why import why

RUN, ASK, KEEP, MEASURE = "Run", "Ask a running gateway (ESTEIO_URL, ESTEIO_KEY)", "Keep", "Measure"

VERBS = (
    ("serve", serve, RUN),
    ("demo", demo, RUN),
    ("sandbox", sandbox, RUN),
    ("top", top, ASK),
    ("login", login, ASK),
    ("sessions", sessions, ASK),
    ("why", why, ASK),
    ("qr", qr, ASK),
    ("send", send, ASK),
    ("approve", approve, ASK),
    ("reject", reject, ASK),
    ("pause", pause, ASK),
    ("resume", resume, ASK),
    ("recover", recover, ASK),
    ("adopt", adopt, ASK),
    ("events", events, ASK),
    ("notify", notify, ASK),
    ("export", export, ASK),
    ("apply", apply, ASK),
    ("doctor", doctor, ASK),
    ("backup", backup, KEEP),
    ("restore", restore, KEEP),
    ("migrate-data", migrate_data, KEEP),
)
GROUPS = (
    ("servers", servers, "List the providers' servers; add and remove them.", ASK),
    ("webhooks", webhooks, "List, add, test and rotate outgoing webhooks.", ASK),
    ("dead-letters", dead_letters, "List what failed, expired or could not be delivered; send it again.", ASK),
    ("keys", keys, "Create, list and revoke API keys.", ASK),
    ("tenants", tenants, "List, create, change and remove tenants: customers apart from one another.", ASK),
    ("audit", audit, "List and export who did what; check that nothing of it was changed.", ASK),
    ("vault", vault, "Change the key that seals secrets at rest.", ASK),
)
HEAVY = (
    ("simulate", "esteio.cli.local.simulate:simulate", "A fleet under seeded faults in virtual time.", MEASURE),
    ("replay", "esteio.cli.local.simulate:replay", "Judge a recorded journal again and compare.", MEASURE),
)
"""Name, `module:attribute` of the function that is the verb, what `--help` says, panel."""


class Verbs(TyperGroup):
    """Every failure of every verb ends here: one sentence on stderr, and its exit code."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The command of this call, its help in the language of the process."""
        help_texts.localise(self, texts.spoken())
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the verb that was named."""
        try:
            return super().invoke(ctx)
        except Failed as error:
            output.failure(texts.say(error.key, **error.values))
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError as error:
            # `esteio sessions | head`: the reader has had enough. Nothing may be written at the end either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise typer.Exit(0) from error

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb that was named; a heavy one is loaded now."""
        name, command, rest = super().resolve_command(ctx, args)
        where = next((where for heavy, where, _, _ in HEAVY if heavy == name), None)
        return name, command if where is None else _loaded(str(name), where), rest


def _loaded(name: str, where: str) -> Any:
    """The heavy verb as a member of a group, as it would have been from the start."""
    module, _, attribute = where.partition(":")
    found = getattr(import_module(module), attribute)
    group = typer.Typer(add_completion=False)
    group.callback()(_stand_in)
    group.command(name)(found)
    verb = getattr(get_command(group), "commands")[name]  # noqa: B009 - a group's, which `get_command` does not say
    help_texts.localise(verb, texts.spoken())
    return verb


def _stand_in() -> None:
    """What `--help` lists for a verb that is not loaded."""


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - rarely asked

        try:
            print(version("esteio"))
        except PackageNotFoundError:
            print("0")
        raise typer.Exit


def build() -> typer.Typer:
    """The whole command as a Typer application: every verb of the table, the help's panels, and `--version`."""
    made = typer.Typer(
        cls=Verbs,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @made.callback()
    def root(
        version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    ) -> None:
        """Esteio keeps WhatsApp sessions truly alive and loses no message."""

    for name, verb, panel in VERBS:
        made.command(name, rich_help_panel=panel)(verb)
    for name, group, text, panel in GROUPS:
        made.add_typer(group, name=name, help=text, rich_help_panel=panel)
    for name, _, text, panel in HEAVY:
        made.command(name, help=text, rich_help_panel=panel)(_stand_in)
    return made


app = build()
