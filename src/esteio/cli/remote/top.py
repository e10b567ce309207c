"""`top`: the live fleet in the terminal, until q or Ctrl-C; one table in a pipe or with `--once`.

Never lives here: reading the fleet (`fleet`), what is drawn (`fleet_picture`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from esteio.cli import output
from esteio.cli.keyboard import Keys, end_by_signal, keyboard
from esteio.cli.remote.client import Client, Document, connect
from esteio.cli.remote.look import Json

if TYPE_CHECKING:
    from rich.console import Console, Group

    from esteio.cli.remote.fleet import Watch

LOOK_S = 0.25
"""So often it is looked whether a key was pressed or something changed."""
AGES = 4
"""Looks after which the picture is drawn anyway: ages grow."""
END = frozenset({"q", "Q"})
UP, DOWN = frozenset({"\x1b[A", "\x1bOA", "k"}), frozenset({"\x1b[B", "\x1bOB", "j"})
PAGE_UP, PAGE_DOWN = frozenset({"\x1b[5~", "b"}), frozenset({"\x1b[6~", " "})
FIRST, LAST = frozenset({"\x1b[H", "\x1bOH", "\x1b[1~", "g"}), frozenset({"\x1b[F", "\x1bOF", "\x1b[4~", "G"})


def top(
    once: Annotated[bool, typer.Option("--once", help="Print one table and exit.")] = False,
    as_json: Json = False,
) -> None:
    """Watch the fleet live: what needs a person comes first. Arrows and Page Up/Down scroll, q or Ctrl-C ends.

    In a pipe, once: tab-separated name, state, since, can_send, its proof's time, can_receive, its proof's time, held,
    server, reason code.
    """
    client = connect()
    if as_json or once or not output.to_person():
        _print(client, as_json=as_json)
    else:
        _watch(client)


def _print(client: Client, *, as_json: bool) -> None:
    from esteio.cli.remote import fleet as reading  # noqa: PLC0415 - most verbs need none of these

    fleet = reading.read(client)
    rows = reading.ordered(fleet)
    if as_json:
        sessions = [session for _, session in rows]
        output.data({"sessions": sessions, "servers": fleet.servers, "approvals": fleet.approvals})
    elif output.to_person():
        _print_picture(client, fleet.servers, fleet.approvals, rows)
    else:
        output.table((), [_cells(session) for _, session in rows])


def _print_picture(
    client: Client, servers: list[Document], approvals: list[Document], rows: Sequence[tuple[int, Document]]
) -> None:
    from rich.console import Console  # noqa: PLC0415

    from esteio.cli.remote.fleet_picture import View, picture, text  # noqa: PLC0415
    from esteio.clock import SystemClock  # noqa: PLC0415

    console, now = Console(highlight=False), client.at or SystemClock().now()
    for line in picture(View(rows, servers, approvals, now, client.url, None), console.width, None).lines:
        console.print(text(line), overflow="ignore", crop=False)


def _cells(session: Document) -> list[output.Span]:
    sends, receives = session["can_send"], session["can_receive"]
    axes = (sends["value"], sends["at"] or "", receives["value"], receives["at"] or "")
    row = (session["name"], session["state"], session["since"], *axes, session["held"], session["server"])
    return [("", str(cell)) for cell in (*row, session["reason"]["code"])]


def _watch(client: Client) -> None:
    """Until it is ended; the terminal is then as it was. Raises `Failed` when the gateway refuses the key."""
    from rich.console import Console  # noqa: PLC0415

    from esteio.cli.remote.fleet import Watch  # noqa: PLC0415

    watch, console = Watch(client, connect()), Console(highlight=False)
    if console.is_dumb_terminal:
        _print(client, as_json=False)
        return
    end_by_signal()
    try:
        watch.begin()
        with keyboard() as keys:
            _draw(Screen(watch, client.url, console), watch, console, keys)
    except KeyboardInterrupt:
        return
    if watch.failure is not None:
        raise watch.failure


class Screen:
    """What is drawn now: the fleet as it was last seen, scrolled by the keys."""

    def __init__(self, watch: Watch, url: str, console: Console) -> None:
        self._watch, self._url, self._console = watch, url, console
        self._seen, self._first, self._drawn = -1, 0, 1
        self._rows: list[tuple[int, Document]] = []

    def __repr__(self) -> str:
        return f"Screen(first={self._first}, drawn={self._drawn})"

    @property
    def news(self) -> bool:
        """Whether something changed since the last picture."""
        return self._seen != self._watch.version

    def picture(self) -> Group:
        """The whole terminal."""
        from rich.console import Group  # noqa: PLC0415

        from esteio.cli.remote.fleet import ordered  # noqa: PLC0415
        from esteio.cli.remote.fleet_picture import View, picture, text  # noqa: PLC0415

        if self.news:
            self._seen = self._watch.version
            self._rows = ordered(self._watch.fleet)
            self._first = max(0, min(self._first, len(self._rows) - 1))
        fleet = self._watch.fleet
        view = View(self._rows, fleet.servers, fleet.approvals, self._watch.now(), self._url, self._watch.lost)
        lines, self._drawn = picture(view, *self._console.size, self._first)
        return Group(*map(text, lines))

    def scroll(self, key: str) -> None:
        """Move by this key, never past the ends."""
        page, last = max(1, self._drawn), max(0, len(self._rows) - 1)
        for names, place in (
            (UP, self._first - 1),
            (DOWN, self._first + 1),
            (PAGE_UP, self._first - page),
            (PAGE_DOWN, self._first + page),
            (FIRST, 0),
            (LAST, len(self._rows) - page),
        ):
            if key in names:
                self._first = max(0, min(place, last))


def _draw(screen: Screen, watch: Watch, console: Console, keys: Keys) -> None:
    """Draw what changed, and the ages. Ends with q, or when the watch fails."""
    from rich.live import Live  # noqa: PLC0415

    looks = 0
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while watch.failure is None:
            if looks % AGES == 0 or screen.news:
                looks = 0
                live.update(screen.picture(), refresh=True)
            pressed = keys(LOOK_S)
            if pressed is None or END & set(pressed):
                return
            for key in pressed:
                screen.scroll(key)
            looks = 0 if pressed else looks + 1
