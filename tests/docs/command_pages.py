"""The reference of the command line as a page, made from the verbs that `esteio --help` lists.

Never lives here: what a verb says of itself (`esteio.cli`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.main import get_command

from esteio.cli.main import app
from tests.docs.api_pages import MADE, cell

PAGE = "docs/reference/commands.md"
HEAD = """
`esteio VERB --help` says the same, in the language of `ESTEIO_LANGUAGE` (`pt-BR` or `en`). Verbs that ask a running
gateway find it by `ESTEIO_URL` and `ESTEIO_KEY`. Exit code 0: done; 1: not done, and one sentence on standard error
says why; 2: wrong words or settings. Where another stands for something, its verb says so.
"""


def pages() -> dict[str, str]:
    """Path in the repository → text."""
    with pytest.MonkeyPatch.context() as patch:
        # A heavy verb is put into the language of the process when it is loaded.
        patch.setenv("ESTEIO_LANGUAGE", "en")
        return {PAGE: "\n".join(page())}


def page() -> list[str]:
    root: Any = get_command(app)
    above = typer.Context(root, info_name="esteio")
    shown = {name: one for name, one in root.commands.items() if not one.hidden}
    lines = [MADE.format("the table of verbs"), "", "# The command line", HEAD]
    for panel in dict.fromkeys(one.rich_help_panel for one in shown.values()):
        names = (f"[`{name}`](#esteio-{name})" for name, one in shown.items() if one.rich_help_panel == panel)
        lines += [f"- {panel}: {', '.join(names)}"]
    lines += ["", "Of `esteio` itself:", "", *options(root, above)]
    for name in shown:
        # As it is called: a heavy verb is loaded only then.
        _, found, _ = root.resolve_command(above, [name])
        lines += verb(found, name, above, "##")
    return lines


def verb(found: Any, name: str, above: Any, level: str) -> Iterator[str]:
    """A verb, and below a group its verbs."""
    here = typer.Context(found, info_name=name, parent=above, terminal_width=200, max_content_width=200)
    usage = " ".join(found.get_usage(here).removeprefix("Usage: ").split())
    yield from (f"{level} esteio {here.command_path.removeprefix('esteio ')}", "")
    yield from (f"```text\n{usage}\n```", "", *paragraphs(found.help or ""), "", *options(found, here))
    for below, one in getattr(found, "commands", {}).items():
        yield from verb(one, below, here, f"{level}#")


def options(found: Any, here: Any) -> Iterator[str]:
    """The table of what a verb takes."""
    records = [record for one in found.params if (record := one.get_help_record(here)) is not None]
    if not records:
        return
    yield from ("| Takes | What |", "|---|---|")
    for words, text in records:
        yield f"| `{cell(words)}` | {cell(text)} |"
    yield ""


def paragraphs(text: str) -> Iterator[str]:
    """A help text, each paragraph in a line."""
    for number, part in enumerate(text.split("\n\n")):
        yield from ([""] if number else [])
        yield " ".join(part.split())
