"""What a traced server notes: each request's steps, each batch of the writer, each beat of the loop.

A moment is the stopwatch beside what the loop's and the writer's thread have waited for a core so far: on a machine
with other work that is most of a slow answer, and none of ours. Never lives here: who writes the notes (`traced`), what
they mean (`figures`).
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import msgspec

STEPS = ("read", "begun", "queued", "batch", "commit", "durable", "resolved", "written")
"""The moments of a request, in their order: its bytes were read, its handler began, its operation was handed to the
writer, the batch with it began, that batch's commit began and ended, the loop heard of it, the answer was written."""


class Moment(msgspec.Struct, gc=False):
    """Seconds: the stopwatch, the CPU of the thread that looked at it, and how long each thread stood ready to run
    while others had the cores (0 where the system does not tell)."""

    at: float
    cpu: float
    loop_ready: float
    writer_ready: float


class Batch(msgspec.Struct, gc=False):
    """One transaction of the writer. `size`: its operations; `asked`: those of them that belong to a request."""

    began: Moment
    commit: Moment | None = None
    ended: Moment | None = None
    size: int = 0
    asked: int = 0


class Notes:
    """All of one run."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Moment]] = []
        self.batches: list[Batch] = []
        self.beats: list[Moment] = []
        self._loop = self._writer = -1

    def in_loop(self) -> None:
        """Called in the loop's thread, before anything is noted."""
        self._loop = _schedule()

    def in_writer(self) -> None:
        """Called in the writer's thread."""
        if self._writer < 0:
            self._writer = _schedule()

    def now(self) -> Moment:
        """This moment, as the calling thread sees it."""
        return Moment(time.perf_counter(), time.thread_time(), _ready(self._loop), _ready(self._writer))


def _schedule() -> int:
    path = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    return os.open(path, os.O_RDONLY) if path.exists() else -1


def _ready(file: int) -> float:
    return 0.0 if file < 0 else int(os.pread(file, 80, 0).split()[1]) / 1e9
