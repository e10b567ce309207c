"""Help in the language of the process: the English texts stand at the verbs, their Portuguese in `help_texts_pt`.

Applied to a built command when it is called. A text that the catalogue does not have stays English; a test finds every
such text, and every entry that no verb uses. Never lives here: a text.
"""

from __future__ import annotations

from typing import Any

from esteio.cli import help_texts_pt, texts


def normal(text: str) -> str:
    """A help text as the catalogue spells it: a paragraph is one line."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def localise(command: Any, language: str) -> None:
    """Put the help of a command, of its parameters and of everything below it into this language."""
    if language != texts.PORTUGUESE:
        return
    for one in (command, *command.params):
        for name in ("help", "rich_help_panel"):
            text = getattr(one, name, None)
            if isinstance(text, str):
                setattr(one, name, help_texts_pt.HELPS.get(normal(text), text))
    command.format_help = _framed(command, command.format_help)
    usage = command.get_usage
    command.get_usage = lambda ctx: usage(ctx).replace("Usage:", "Uso:", 1)
    for below in getattr(command, "commands", {}).values():
        localise(below, language)


def _framed(command: Any, format_help: Any) -> Any:
    """The same help with Typer's own words around it in Portuguese; Rich is loaded only when help is asked for."""

    def framed(ctx: Any, formatter: Any) -> None:
        from typer import rich_utils  # noqa: PLC0415 - see above

        for name, text in help_texts_pt.FRAME.items():
            setattr(rich_utils, name, text)
        option = command.get_help_option(ctx)
        if option is not None:
            option.help = help_texts_pt.HELP_OPTION
        format_help(ctx, formatter)

    return framed
