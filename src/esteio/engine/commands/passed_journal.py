"""What passed through a door, as lines of the timelines: who called what, and what the server said.

A program that asks the same a hundred times a second makes one line, counted up. The lines are written behind the
answers, twice a second at most: a process that is killed loses what came since. Never lives here: an exchange.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from esteio.clock import Clock
from esteio.core.model.ids import SessionId
from esteio.core.model.session import Session
from esteio.engine.runtime.worker import Worker
from esteio.providers.pass_through import INSTANCE
from esteio.store.base import JournalEntry, StoreFull
from esteio.store.ports.sessions import Journal

APART_S = 0.5
"""Between two writes: what comes meanwhile is counted."""
_WORD = re.compile(r"[A-Za-z][A-Za-z-]{1,39}")
_SHOWN = 2
"""So many words of a path name the call; whatever comes after them is an id of something."""


class _Line(NamedTuple):
    session_id: SessionId
    code: str
    words: tuple[tuple[str, str], ...]


class PassedJournal(Worker):
    """Counts what passed, and writes it down."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        super().__init__(clock)
        self._journal = journal
        self._lines: dict[_Line, JournalEntry] = {}
        self._write_at = 0.0

    def note(self, session: Session, code: str, words: Mapping[str, str], ms: float) -> None:
        """One exchange: a line of this code with these words. `ms`: how long it took; of a line that is counted, the
        latest."""
        key = _Line(session.id, code, tuple(words.items()))
        now, took = self._clock.now(), round(ms)
        known = self._lines.get(key)
        if known is None:
            entry = JournalEntry(
                "operator", now, code, words, {"ms": took}, session_id=session.id, server=session.server
            )
        else:
            entry = msgspec.structs.replace(
                known,
                at=now,
                count=known.count + 1,
                first_at=known.at if known.first_at is None else known.first_at,
                data={"ms": took},
            )
        self._lines[key] = entry
        self.wake()

    async def _due(self) -> float | None:
        return max(self._write_at, self._clock.now()) if self._lines else None

    async def _run_once(self) -> float | None:
        await self._write()
        self._write_at = self._clock.now() + APART_S
        return self._write_at if self._lines else None

    async def aclose(self, patience_s: float) -> None:
        """What was counted so far is written."""
        await super().aclose(patience_s)
        try:
            await self._write()
        except StoreFull:
            return

    async def _write(self) -> None:
        lines, self._lines = self._lines, {}
        if not lines:
            return
        try:
            await self._journal.add_operator_lines(list(lines.values()))
        except StoreFull:
            # What was noted meanwhile is newer than what is put back, and is counted beside it.
            self._lines = {**lines, **self._lines}
            raise


def template(path: str) -> str:
    """A path without what is somebody's: ids and numbers become `{id}`, more than two of them `…`."""
    words = [word for word in path.split("/") if word and word != INSTANCE]
    shown = [word if place < _SHOWN and _WORD.fullmatch(word) else "{id}" for place, word in enumerate(words)]
    return "/" + "/".join([*shown[:4], INSTANCE])
