"""The command line: the verbs of the contract, each thin, and what they share.

`main` is the table of verbs; `client` speaks to a running gateway, `texts` has the sentences, `output` prints. Heavy
rooms are imported inside the verbs, so that `esteio --help` answers at once. Never lives here: a rule, a decision, a
query: what a verb tells, the gateway has said.
"""

from __future__ import annotations


def main() -> None:
    """The command `esteio`. Exit codes: 0 done, 1 it failed, 2 wrong usage."""
    from esteio.cli.main import app  # noqa: PLC0415 - typer is not needed to import this package

    app(prog_name="esteio")
