"""What the machines over the store share: its files, its lives, and kill -9 between any two steps.

Never lives here: a model, a rule.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

from esteio.store.sqlite import SqliteStore

T = TypeVar("T")


class StoreMachine(RuleBasedStateMachine):
    """A machine over one store after the other, each on the files that the last one left."""

    def __init__(self, now: float) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.dir = Path(tempfile.mkdtemp(prefix="esteio-machine-"))
        self.lives, self.now = 0, now
        self.begin()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    @property
    def file(self) -> Path:
        return self.dir / f"{self.lives}.db"

    def begin(self) -> None:
        self.store = SqliteStore(self.file, inline=True)
        self.run(self.store.start(self.now))
        # What a kill of the process leaves is in the files; what a power cut leaves is another test's.
        self.store.database.db.connection.pragma("synchronous", 0)

    def die(self) -> None:
        """The process dies and another opens what it left, the log that was never folded in included."""
        left = [Path(f"{self.file}{tail}") for tail in ("", "-wal")]
        self.lives += 1
        for one, tail in zip(left, ("", "-wal"), strict=True):
            shutil.copy(one, f"{self.file}{tail}")
        self.run(self.store.aclose())
        self.begin()

    def in_the_end(self) -> None:
        """What must hold when no more comes."""

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.in_the_end()
        finally:
            self.run(self.store.aclose())
            self.loop.close()
            shutil.rmtree(self.dir)
