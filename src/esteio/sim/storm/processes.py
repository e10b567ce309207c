"""Work in several processes at once: handed out as hands become free, told in the order it was asked for.

Each process is started afresh (nothing of ours is shared with it), does one piece after the other, and ends with us,
even when we are killed in the middle of a piece of an hour. A process that dies takes only the piece that it had in
hand, and that is named. Never lives here: what is worked on.
"""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, NamedTuple, TypeVar

A = TypeVar("A")
R = TypeVar("R")


class Failed(RuntimeError):
    """A piece of work came to no end; the text names it, and says what its process said."""


class Piece(NamedTuple, Generic[A]):
    """One piece of work, and what it is called when it fails."""

    name: str
    asks: A


def cores() -> int:
    """How many processes of this machine can really run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(work: Callable[[A], R], pieces: Iterable[Piece[A]], processes: int) -> Iterator[R]:
    """What `work` makes of each piece, in their order; a next piece is asked for only when somebody is free to do it.

    With one process all is done in this one. `work`, what it is asked and what it answers must be picklable. Raises
    `Failed`.
    """
    if processes <= 1:
        for piece in pieces:
            try:
                answer = work(piece.asks)
            except Exception as error:
                raise Failed(f"{piece.name}: {error!r}") from error
            yield answer
        return
    crew = _Crew(work, pieces, processes)
    try:
        yield from crew.results()
    finally:
        crew.dismiss()


class _Hand:
    """A process of ours, and the piece that it has in hand."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        context = get_context("spawn")
        self.line, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(work, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.number, self.name = -1, ""

    def take(self, number: int, piece: Piece[Any]) -> None:
        self.number, self.name = number, piece.name
        self.line.send(piece.asks)

    def answer(self) -> Any:
        """What came of the piece in hand. Raises `Failed`."""
        try:
            done, answer = self.line.recv()
        except (EOFError, OSError) as error:
            self.process.join()
            raise Failed(f"{self.name}: its process ended with {self.process.exitcode}") from error
        if not done:
            raise Failed(f"{self.name}:\n{answer}")
        return answer


class _Crew(Generic[A, R]):
    def __init__(self, work: Callable[[A], R], pieces: Iterable[Piece[A]], most: int) -> None:
        self._work, self._pieces, self._most = work, enumerate(pieces), most
        self._free: list[_Hand] = []
        self._busy: dict[Connection, _Hand] = {}

    def results(self) -> Iterator[R]:
        ready: dict[int, R] = {}
        told = 0
        while self._hand_out():
            for line in wait(list(self._busy)):
                hand = self._busy[line]  # type: ignore[index]
                ready[hand.number] = hand.answer()
                self._free.append(self._busy.pop(hand.line))
            while told in ready:
                yield ready.pop(told)
                told += 1

    def _hand_out(self) -> bool:
        """Give everybody who is free something to do; whether anybody is at work."""
        while len(self._busy) < self._most:
            number, piece = next(self._pieces, (-1, None))
            if piece is None:
                break
            hand = self._free.pop() if self._free else _Hand(self._work)
            hand.take(number, piece)
            self._busy[hand.line] = hand
        return bool(self._busy)

    def dismiss(self) -> None:
        """Nobody works on: who is free ends by itself, who is not is ended."""
        for hand in self._free:
            hand.line.close()
        for hand in self._busy.values():
            hand.process.terminate()
        for hand in (*self._free, *self._busy.values()):
            hand.process.join()


def _serve(work: Callable[[Any], Any], line: Connection) -> None:
    """The life of a process: until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            asks = line.recv()
        except EOFError:
            return
        try:
            answer: tuple[bool, Any] = (True, work(asks))
        except Exception:  # noqa: BLE001 - whatever it is, it is named there
            answer = (False, traceback.format_exc())
        line.send(answer)


def _end_with_parent() -> None:
    """Who was killed dismisses nobody; and at work nobody reads the line, which would tell."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
