"""Printing: tables and colours on a terminal, nothing but data in a pipe, sentences of failure on stderr.

In a pipe a table is one line a row, its cells parted by tabs and without a head; control characters of strangers never
reach a terminal. Never lives here: what is shown.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Literal

from esteio.cli import texts

Style = Literal["", "head", "good", "warn", "bad", "dim"]
Span = tuple[Style, str]
STYLES: dict[Style, str] = {
    "": "",
    "head": "bold",
    "good": "green",
    "warn": "yellow",
    "bad": "bold red",
    "dim": "dim",
}
STATE_STYLES: dict[str, Style] = {
    "connected": "good",
    "up": "good",
    "sent": "good",
    "delivered": "good",
    "read": "good",
    "yes": "good",
    "degraded": "warn",
    "connecting": "warn",
    "awaiting_qr": "warn",
    "slow": "warn",
    "booting": "warn",
    "held": "warn",
    "queued": "warn",
    "sending": "warn",
    "in_doubt": "warn",
    "unknown": "warn",
    "disconnected": "bad",
    "error": "bad",
    "down": "bad",
    "wall": "bad",
    "refused": "bad",
    "wrong-kind": "bad",
    "failed": "bad",
    "expired": "bad",
    "no": "bad",
    "paused": "dim",
}
SHAPES: dict[str, str] = {
    "connected": "●",
    "degraded": "◐",
    "connecting": "◌",
    "awaiting_qr": "▣",
    "disconnected": "○",
    "error": "▲",
    "paused": "‖",
}
MARKS: dict[str, str] = {"yes": "✓", "no": "✗"}
"""A state and an answer have a shape beside their colour; what has none of its own is `UNKNOWN`."""
UNKNOWN = "?"


def to_person() -> bool:
    """Whether a person reads stdout."""
    return sys.stdout.isatty()


def full_screen() -> bool:
    """Whether a person reads stdout on a terminal whose cursor can be moved."""
    return to_person() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def clean(text: object) -> str:
    """Without control characters: a stranger's words may not move the cursor, nor break a line of data."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text)).strip()


def data(document: object) -> None:
    """A document for programs."""
    print(json.dumps(document, ensure_ascii=False, indent=2 if to_person() else None), flush=True)


LEAST_LAST = 16
"""A last column is cut rather than dropped where so much room is left for it."""


def fitting(heads: Sequence[str], rows: Sequence[Sequence[Span]], width: int) -> int:
    """How many columns fit whole into `width`, the last one perhaps cut. Columns stand in the order of importance: what
    does not fit is dropped from the right, and a name or an id is never cut."""
    used = 0
    for column, needed in enumerate(widths(heads, rows)):
        if column and used + needed > width:
            return column + (width - used >= LEAST_LAST)
        used += needed + GAP
    return len(heads)


def widths(heads: Sequence[str], rows: Sequence[Sequence[Span]]) -> list[int]:
    """What each column needs."""
    from rich.cells import cell_len  # noqa: PLC0415 - only people need it

    needed = [max(1, cell_len(head)) for head in heads]
    for row in rows:
        needed = [max(wide, cell_len(clean(text))) for wide, (_, text) in zip(needed, row, strict=True)]
    return needed


GAP = 2


def table(heads: Sequence[str], rows: Iterable[Sequence[Span]]) -> None:
    """A table for people; lines of cells in a pipe."""
    if not to_person():
        for row in rows:
            print("\t".join(clean(text) for _, text in row))
        return
    from rich.console import Console  # noqa: PLC0415 - only people need it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console, rows = Console(highlight=False), list(rows)
    shown = fitting(heads, rows, console.width)
    drawn = Table(box=None, header_style="bold", pad_edge=False, padding=(0, GAP, 0, 0))
    left = console.width
    for head, needed in zip(heads[:shown], widths(heads, rows), strict=False):
        # Only the last one may give way: rich alone would take from all of them.
        drawn.add_column(head, no_wrap=True, overflow="ellipsis", max_width=left)
        left -= needed + GAP
    for row in rows:
        drawn.add_row(*(Text(clean(text), STYLES[style]) for style, text in row[:shown]))
    console.print(drawn)
    if shown < len(heads):
        line(("dim", texts.say("table.narrow", heads=", ".join(heads[shown:]))))


def line(*spans: Span, indent: int = 0) -> None:
    """One line of prose; it is wrapped on a terminal only."""
    if not to_person():
        print(" " * indent + "".join(text for _, text in spans))
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.padding import Padding  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    told = Text.assemble(*((text, STYLES[style]) for style, text in spans))
    Console(highlight=False).print(Padding(told, (0, 0, 0, indent), expand=False) if told else "")


def beside(label: Span, *spans: Span, indent: int = 0) -> None:
    """One line of prose after a label, its further lines below its first one; in a pipe one line."""
    if not to_person():
        line(label, *spans, indent=indent)
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.padding import Padding  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    told = Text.assemble(*((text, STYLES[style]) for style, text in spans))
    grid.add_row(Text(label[1], STYLES[label[0]]), told)
    Console(highlight=False).print(Padding(grid, (0, 0, 0, indent), expand=False))


def styled(spans: Sequence[Span]) -> str:
    """Spans as they are written to this terminal; without colours where NO_COLOR is set."""
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False)
    with console.capture() as written:
        console.print(Text.assemble(*((text, STYLES[style]) for style, text in spans)), end="", soft_wrap=True)
    return written.get()


Step = Callable[[str], None]


@contextmanager
def progress(key: str, total: int | None = None, **values: object) -> Iterator[Step]:
    """While work goes on: what it is and how long it has taken, on a terminal's stderr, gone when it is done. Gives
    what to call after each of `total` steps, with a line that stays. In a pipe nothing is said."""
    if not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console  # noqa: PLC0415 - only people need it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn  # noqa: PLC0415
    from rich.progress import TimeElapsedColumn as Elapsed  # noqa: PLC0415

    counted = () if total is None else (BarColumn(bar_width=20), MofNCompleteColumn())
    told = TextColumn("{task.description}", markup=False)
    console = Console(stderr=True, highlight=False)
    with Progress(SpinnerColumn(), told, *counted, Elapsed(), console=console, transient=True) as shown:
        task = shown.add_task(clean(texts.say(key, **values)), total=total)

        def step(line: str) -> None:
            shown.console.print(clean(line), markup=False)
            shown.advance(task)

        yield step


def _silent(_: str) -> None:
    """Nobody looks."""


def failure(sentence: str) -> None:
    """What went wrong, on stderr."""
    print(clean(sentence), file=sys.stderr)


def moment(stamp: str | None, now: float | None = None) -> str:
    """An RFC 3339 time in the reader's own zone; the day only when it is not today's (by `now`, epoch seconds)."""
    if not stamp:
        return "-"
    at = datetime.fromisoformat(stamp).astimezone()
    today = now is not None and at.date() == datetime.fromtimestamp(now, at.tzinfo).date()
    return at.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S")


def seconds(stamp: str) -> float:
    """An RFC 3339 time as epoch seconds."""
    return datetime.fromisoformat(stamp).timestamp()
