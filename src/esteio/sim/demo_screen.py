"""The demo's live picture: one line a session, the stories, and what has just happened.

It is read from the store once a second; rows that do not fit into the terminal are the calm ones. Never lives here: the
summary (`demo_summary`), a sentence.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from esteio.api.routes import teller
from esteio.core.errors import sentence
from esteio.core.model import SessionId
from esteio.core.session import Session
from esteio.sim.demo_stage import Stage
from esteio.sim.demo_tale import Tale
from esteio.sim.demo_words import Words
from esteio.store.base import JournalEntry

STYLES: Mapping[str, str] = {
    "connected": "green", "degraded": "yellow", "connecting": "yellow", "awaiting_qr": "cyan",
    "disconnected": "bold red", "error": "bold red", "paused": "dim", "yes": "green", "no": "red", "unknown": "dim",
}  # fmt: skip
NEWS = 6
NEWS_KINDS = frozenset({"decision", "act", "notice", "operator"})
FRAME = 8
"""Lines of the picture that are neither sessions nor news."""
FEWEST_ROWS = 4


class Row(msgspec.Struct):
    """What one line of the table shows."""

    session: Session
    held: int
    act: str


class Screen:
    """Reads the store and draws. `news` are the last sentences of all timelines."""

    def __init__(self, stage: Stage, words: Words, tales: Mapping[str, Tale]) -> None:
        self._stage, self._words, self._tales = stage, words, tales
        self._tell = teller(words.language)
        self._read: dict[SessionId, int] = {}
        self._acts: dict[SessionId, str] = {}
        self._news: deque[tuple[float, str, str]] = deque(maxlen=NEWS)

    async def picture(self, width: int, height: int) -> RenderableType:
        """The whole picture for a terminal of this size."""
        rows = [await self._row(session) for session in (await self._stage.store.sessions(limit=500)).items]
        return Group(self._table(rows, max(FEWEST_ROWS, height - FRAME - NEWS)), self._stories(), self._latest(width))

    async def _row(self, session: Session) -> Row:
        lines = await self._stage.store.timeline(session.id, self._read.get(session.id, 0), 500)
        fresh = [line for line in lines if line.kind in NEWS_KINDS]
        if lines:
            self._read[session.id] = lines[-1].seq
        for line in fresh:
            self._note(session, line)
        return Row(session, await self._stage.store.held(session.id), self._acts.get(session.id, "–"))

    def _note(self, session: Session, line: JournalEntry) -> None:
        told = self._tell(line)
        if line.kind == "act":
            self._acts[session.id] = told
        self._news.append((line.at, session.name, told))

    # -- drawing ---------------------------------------------------------------------------------------------------

    def _table(self, rows: Sequence[Row], room: int) -> Table:
        words = self._words
        table = Table(box=None, padding=(0, 1, 0, 0), expand=True, header_style="bold", pad_edge=False)
        for key, ratio in (("session", 0), ("state", 0), ("sends", 0), ("receives", 0), ("because", 5), ("held", 0)):
            table.add_column(words(f"head.{key}"), no_wrap=True, overflow="ellipsis", ratio=ratio or None)
        table.add_column(words("head.act"), no_wrap=True, overflow="ellipsis", ratio=3)
        for row in _kept(rows, room):
            table.add_row(*self._cells(row))
        return table

    def _cells(self, row: Row) -> tuple[Text, ...]:
        session, words = row.session, self._words
        answers = (session.can_send.value, session.can_receive.value)
        return (
            Text(session.name, "bold"),
            Text(words.state(session.state), STYLES.get(session.state, "")),
            *(Text(words(f"answer.{answer}"), STYLES[answer]) for answer in answers),
            Text(sentence(session.reason, words.language).text, "" if session.state != "connected" else "dim"),
            Text(str(row.held) if row.held else "", "yellow"),
            Text(row.act, "dim"),
        )

    def _stories(self) -> Text:
        text = Text(f"{self._words('head.stories')}: ", "bold")
        for code, tale in self._tales.items():
            word, style = ("playing", "yellow") if not tale.over else ("passed", "green")
            if tale.faults:
                word, style = "failed", "bold red"
            text.append(f"{code} ", "bold").append(f"{self._words(word)}   ", style)
        return text

    def _latest(self, width: int) -> Text:
        text = Text(f"\n{self._words('head.news')}", "bold", no_wrap=True, overflow="ellipsis")
        for at, name, told in self._news:
            moment = datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")
            line = f"\n{moment}  {name:<12} {told}"
            text.append(line if len(line) <= width else line[: width - 1] + "…", "none")
        return text


def _kept(rows: Sequence[Row], room: int) -> list[Row]:
    """As many as fit, in order of their names; the calm ones give way."""
    if len(rows) <= room:
        return list(rows)
    troubled = sorted(rows, key=lambda row: (row.session.state == "connected", row.session.name))
    kept = {row.session.id for row in troubled[:room]}
    return [row for row in rows if row.session.id in kept]
