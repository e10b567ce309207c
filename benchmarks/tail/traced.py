"""`python -m benchmarks.tail.traced FILE MODULE …`: a server with its steps noted; at its end the figures are in FILE.

Modules are `esteio` and `benchmarks.bare`. Neither knows of it: what is noted is put around their functions here,
before they start. That costs some 20 µs a request, so rates and CPU of a traced run mean less; the shares hold.
"""

from __future__ import annotations

import asyncio
import runpy
import sys
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from benchmarks.tail.figures import figures
from benchmarks.tail.notes import STEPS, Batch, Moment, Notes
from esteio.store.sqlite import writer
from esteio.store.sqlite.connection import Db

BEAT_S = 0.002
Steps = dict[str, Moment]
notes = Notes()
_request: ContextVar[Steps | None] = ContextVar("request", default=None)
_of_future: dict[asyncio.Future[Any], Steps] = {}


def note_requests() -> None:
    """When a request's bytes came, its handler began, and its answer was written."""
    received, made, run = (
        HttpToolsProtocol.data_received,
        RequestResponseCycle.__init__,
        RequestResponseCycle.run_asgi,
    )
    came: list[Moment] = []

    def data_received(self: HttpToolsProtocol, data: bytes) -> None:
        came[:] = [notes.now()]
        received(self, data)

    def cycle_made(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        self.came = came[0]

    async def run_asgi(self: Any, app: Any) -> None:
        steps = {"read": self.came, "begun": notes.now()}
        _request.set(steps)
        await run(self, app)
        steps["written"] = notes.now()
        # Of one whose batch was quicker than the note that it is waited for, the rest is not known.
        if len(steps) == len(STEPS):
            notes.requests.append(steps)

    _replace(HttpToolsProtocol, data_received=data_received)
    _replace(RequestResponseCycle, __init__=cycle_made, run_asgi=run_asgi)


def note_operations() -> None:
    """When an operation of a request was handed in, and when the loop heard that it is durable."""
    queued, resolve = writer.ThreadWriter._queued, writer._resolve

    def note_queued(self: Any, batch: Any, item: Any, *, first: bool) -> asyncio.Future[Any]:
        steps = _request.get()
        if steps is None or "queued" in steps:
            return queued(self, batch, item, first=first)
        steps["queued"] = notes.now()
        future = queued(self, batch, item, first=first)
        _of_future[future] = steps
        return future

    def note_resolved(answers: Any) -> None:
        now = notes.now()
        for future, *_ in answers:
            if steps := _of_future.pop(future, None):
                steps["resolved"] = now
        resolve(answers)

    _replace(writer.ThreadWriter, _queued=note_queued)
    _replace(writer, _resolve=note_resolved)


def note_batches() -> None:
    """When each transaction of the writer began, and when its commit began and ended."""
    commit, durable = writer._commit, Db.commit

    def note_commit(db: Db, turns: Any, taken: list[Any]) -> Any:
        notes.in_writer()
        batch = Batch(notes.now())
        notes.batches.append(batch)
        answers = commit(db, turns, taken)
        batch.ended = batch.ended or notes.now()
        batch.size = len(taken)
        for one in taken:
            if steps := _of_future.get(one.future):
                batch.asked += 1
                # It may have come while its batch was under way.
                steps["batch"] = max(batch.began, steps["queued"], key=lambda moment: moment.at)
                steps["commit"], steps["durable"] = batch.commit or batch.ended, batch.ended
        return answers

    def note_durable(self: Db) -> None:
        batch = notes.batches[-1] if notes.batches else None
        if batch is None:
            durable(self)
            return
        batch.commit = notes.now()
        durable(self)
        batch.ended = notes.now()

    _replace(writer, _commit=note_commit)
    _replace(Db, commit=note_durable)


def note_beats() -> None:
    """What the loop's thread used, every two milliseconds of its own."""
    made = writer.ThreadWriter.__init__

    def writer_made(self: Any, db: Db) -> None:
        notes.in_loop()
        made(self, db)
        loop = asyncio.get_running_loop()

        def beat() -> None:
            notes.beats.append(notes.now())
            loop.call_later(BEAT_S, beat)

        beat()

    _replace(writer.ThreadWriter, __init__=writer_made)


def _replace(owner: Any, **functions: Any) -> None:
    for name, function in functions.items():
        setattr(owner, name, function)


def main() -> None:
    """Serve, and write the figures."""
    file, module = Path(sys.argv.pop(1)), sys.argv.pop(1)
    for note in (note_requests, note_operations, note_batches, note_beats):
        note()
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(figures(notes))) + b"\n")


if __name__ == "__main__":
    main()
