"""The demo's live picture: one line a session, the stories, and what has just happened.

It is read from the store once a second; rows that do not fit into the terminal are the calm ones. Never lives here: the
summary (`summary`), a sentence.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from esteio.core.model.ids import SessionId
from esteio.core.model.session import Session
from esteio.core.views.sentences import sentence, timeline_text
from esteio.sim.demo.account import Account, line_text, telling
from esteio.sim.demo.stage import Stage
from esteio.sim.demo.texts import Words
from esteio.store.base import JournalEntry

STYLES: Mapping[str, str] = {
    "connected": "green", "degraded": "yellow", "connecting": "yellow", "awaiting_qr": "cyan",
    "disconnected": "bold red", "error": "bold red", "paused": "dim", "yes": "green", "no": "red", "unknown": "dim",
}  # fmt: skip
MARKS: Mapping[str, str] = {"begin": "…", "effect": "✓", "exists": "✓"}
SAID_TWICE = frozenset({"outage-started", "outage-ended"})
"""Decisions that a change of state tells as well."""
NEWS = 7
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

    def __init__(self, stage: Stage, words: Words, tales: Mapping[str, Account]) -> None:
        self._stage, self._words, self._tales = stage, words, tales
        self._read: dict[SessionId, int] = {}
        self._acts: dict[SessionId, str] = {}
        self._news: deque[tuple[float, str, str]] = deque(maxlen=NEWS)

    async def picture(self, width: int, height: int) -> RenderableType:
        """The whole picture for a terminal of this size."""
        sessions: list[Session] = list((await self._stage.store.sessions.page(limit=500)).items)
        for session, line in sorted(await self._fresh(sessions), key=lambda told: told[1].at):
            self._note(session, line)
        held = self._stage.store.messages.waiting
        rows = [Row(one, await held(one.id), self._acts.get(one.id, "–")) for one in sessions]
        return Group(
            self._table(rows, max(FEWEST_ROWS, height - FRAME - NEWS)),
            stories(self._words, self._tales),
            self._latest(width),
        )

    async def _fresh(self, sessions: Sequence[Session]) -> list[tuple[Session, JournalEntry]]:
        """What all timelines have told since the last picture."""
        fresh = []
        for session in sessions:
            lines = await self._stage.store.journal.page(session.id, self._read.get(session.id, 0), 500)
            if lines:
                self._read[session.id] = lines[-1].seq
            fresh += [(session, line) for line in lines if line.kind in NEWS_KINDS]
        return fresh

    def _note(self, session: Session, line: JournalEntry) -> None:
        if line.args.get("rung") == "set_webhook":
            return
        if line.kind == "act":
            rung = self._words.rung(line.args.get("rung", ""))
            self._acts[session.id] = f"{MARKS.get(line.code, '✗')} {rung}"
        if telling(line) and line.code not in SAID_TWICE:
            self.tell(session.name, line_text(self._words, line), line.at)

    def tell(self, who: str, text: str, at: float | None = None) -> None:
        """One more line of news, of now by default."""
        self._news.append((self._stage.world.now() if at is None else at, who, text))

    # -- drawing ---------------------------------------------------------------------------------------------------

    def _table(self, rows: Sequence[Row], room: int) -> Table:
        words = self._words
        table = Table(box=None, padding=(0, 1, 0, 0), expand=True, header_style="bold", pad_edge=False)
        for key, ratio in (("session", 0), ("state", 0), ("sends", 0), ("receives", 0), ("because", 5), ("held", 0)):
            table.add_column(words(f"head.{key}"), no_wrap=True, overflow="ellipsis", ratio=ratio or None)
        table.add_column(words("head.act"), no_wrap=True, overflow="ellipsis", ratio=3)
        kept = _kept(rows, room)
        for row in kept:
            table.add_row(*self._cells(row))
        if len(kept) < len(rows):
            table.add_row(Text("…", "dim"), Text(words("head.more", count=len(rows) - len(kept)), "dim"))
        return table

    def _cells(self, row: Row) -> tuple[Text, ...]:
        session, words = row.session, self._words
        answers = (session.can_send.value, session.can_receive.value)
        return (
            Text(session.name, "bold"),
            Text(words.state(session.state), STYLES.get(session.state, "")),
            *(Text(words(f"answer.{answer}"), STYLES[answer]) for answer in answers),
            Text(self._because(session), "" if session.state != "connected" else "dim"),
            Text(str(row.held) if row.held else "", "yellow"),
            Text(row.act, "dim"),
        )

    def _because(self, session: Session) -> str:
        """Of a healthy session the proof alone: that it is connected stands beside it."""
        evidence = session.reason.args.get("evidence")
        if session.reason.code == "live" and evidence:
            return timeline_text(evidence, {}, self._words.texts)
        return sentence(session.reason, self._words.texts).text

    def _latest(self, width: int) -> Text:
        text = Text(f"\n{self._words('head.news')}", "bold", no_wrap=True, overflow="ellipsis")
        for at, name, told in self._news:
            moment = datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")
            line = f"\n{moment}  {name:<12} {told}"
            text.append(line if len(line) <= width else line[: width - 1] + "…", "none")
        return text


def stories(words: Words, tales: Mapping[str, Account]) -> Text:
    """How far each story is, on one line."""
    text = Text(f"{words('head.stories')}: ", "bold")
    for code, account in tales.items():
        word, style = ("story.playing", "yellow") if not account.over else ("story.passed", "green")
        if account.faults:
            word, style = "story.failed", "bold red"
        text.append(f"{code} ", "bold").append(f"{words(word)}   ", style)
    return text


def _kept(rows: Sequence[Row], room: int) -> list[Row]:
    """As many as fit, in order of their names; the calm ones give way."""
    if len(rows) <= room:
        return list(rows)
    troubled = sorted(rows, key=lambda row: (row.session.state == "connected", row.session.name))
    kept = {row.session.id for row in troubled[: room - 1]}
    return [row for row in rows if row.session.id in kept]
