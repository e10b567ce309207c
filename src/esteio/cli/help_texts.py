"""Help in the language of the process: the English stands at the verbs, its translation in `locales/*/help.po`.

Applied to a built command when it is called. A text that the catalogue does not have stays English; a test finds every
such text, and every entry that no verb uses. Never lives here: a text.
"""

from __future__ import annotations

from typing import Any

from esteio.cli import texts as texts_module
from esteio.core.views.catalogue import Catalogue
from esteio.texts import catalogue

FRAME = (
    "ARGUMENTS_PANEL_TITLE",
    "OPTIONS_PANEL_TITLE",
    "COMMANDS_PANEL_TITLE",
    "DEFAULT_STRING",
    "REQUIRED_LONG_STRING",
)
"""The constants of Typer that hold the words which it puts around ours; they are the keys of their translations."""


def normal(text: str) -> str:
    """A help text as the catalogue spells it: a paragraph is one line."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def localise(command: Any, language: str) -> None:
    """Put the help of a command, of its parameters and of everything below it into this language."""
    if language == texts_module.ENGLISH:
        return
    texts = catalogue(language, "help")
    for one in (command, *command.params):
        for name in ("help", "rich_help_panel"):
            text = getattr(one, name, None)
            if isinstance(text, str):
                setattr(one, name, texts.find("help", normal(text)) or text)
    command.format_help = _framed(command, command.format_help, texts)
    usage = command.get_usage
    command.get_usage = lambda ctx: usage(ctx).replace("Usage:", texts.word("help frame", "Usage:"), 1)
    for below in getattr(command, "commands", {}).values():
        localise(below, language)


def _framed(command: Any, format_help: Any, texts: Catalogue) -> Any:
    """The same help with Typer's own words around it translated; Rich is loaded only when help is asked for."""

    def framed(ctx: Any, formatter: Any) -> None:
        from typer import rich_utils  # noqa: PLC0415 - see above

        for name in FRAME:
            setattr(rich_utils, name, texts.word("help frame", name))
        option = command.get_help_option(ctx)
        if option is not None:
            option.help = texts.word("help frame", "--help")
        format_help(ctx, formatter)

    return framed
