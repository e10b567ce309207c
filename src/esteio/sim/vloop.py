"""The event loop whose clock jumps when all is blocked: a week of a fleet's life is a test of seconds.

`VirtualLoop.time()` starts at zero and moves only when nothing is ready to run: then it jumps to the next timer. Two
runs of the same program with the same dice are identical. Never lives here: the epoch (see `clock.LoopClock`), dice.

Hazards: a thread has no virtual time, so `run_in_executor` is refused; real sockets work, but whoever waits for one
while timers are due will see the timers win.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

START_EPOCH = 1_795_000_000.0
"""Where virtual time begins by default: an arbitrary day of November 2026, so that runs repeat."""
STANDSTILL_TURNS = 200_000
"""So many turns of the loop at one moment are a livelock: seconds of real time in which nothing happens."""
REAL_PATIENCE_S = 2.0
"""How long real I/O is waited for when no timer is left, before that counts as a deadlock."""


class Deadlock(RuntimeError):
    """Nothing is ready, no timer is set, and the main coroutine has not finished: it would wait for ever."""


class Livelock(RuntimeError):
    """The program turns and turns while virtual time stands still."""


class OutOfTime(RuntimeError):
    """The virtual time limit has passed before the main coroutine finished."""


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting for the next timer, jump to it. The loop's own wake-up pipe is not awaited."""

    def __init__(self, loop_clock: _LoopClock) -> None:
        super().__init__()
        self._clock = loop_clock
        self._turns = 0
        self._real = False
        """Whether anything but the loop's own pipe is registered: real sockets under a virtual clock."""

    def register(self, *args: Any, **kwargs: Any) -> selectors.SelectorKey:
        key = super().register(*args, **kwargs)
        self._real = len(self.get_map()) > 1
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = super().unregister(fileobj)
        self._real = len(self.get_map()) > 1
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._real and (ready := super().select(0)):
            return ready
        if timeout is None:
            if ready := super().select(REAL_PATIENCE_S if self._real else 0):
                return ready
            raise Deadlock("nothing is scheduled and nothing is ready: the program waits for ever")
        if timeout > 0:
            self._turns = 0
            self._clock.advance(timeout)
            return []
        self._turns += 1
        if self._turns > STANDSTILL_TURNS:
            self._turns = 0
            raise Livelock(f"virtual time stands still at {self._clock.now:.3f} s")
        return []


class _LoopClock:
    """Virtual seconds since the loop began, and how far they may go."""

    __slots__ = ("limit", "now")

    def __init__(self) -> None:
        self.now = 0.0
        self.limit: float | None = None

    def advance(self, seconds: float) -> None:
        if self.limit is not None and self.now + seconds > self.limit:
            limit, self.limit = self.limit, None
            raise OutOfTime(f"virtual time passed {limit:.0f} s")
        self.now += seconds


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time. `epoch0` is carried for those who make a `LoopClock` of it."""

    def __init__(self, epoch0: float = START_EPOCH) -> None:
        self._virtual = _LoopClock()
        self.epoch0 = epoch0
        super().__init__(_JumpingSelector(self._virtual))
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._virtual.now

    def limit(self, seconds: float | None) -> None:
        """Raise `OutOfTime` when the clock would pass `seconds` since the loop began; None lifts the limit."""
        self._virtual.limit = seconds

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> NoReturn:  # type: ignore[override]
        """Refused: a thread lives in real time, and the clock would jump past it."""
        del executor, args
        raise RuntimeError(f"a thread ({func!r}) has no place under a virtual clock")


def run_virtual(
    coro_factory: Callable[[], Awaitable[T]], *, epoch0: float = START_EPOCH, limit_s: float | None = None
) -> T:
    """Run one coroutine to its end on a fresh virtual loop and return its result.

    Raises `Deadlock` when it waits for something that cannot come, `Livelock` when it turns while time stands still,
    `OutOfTime` past `limit_s` virtual seconds, and whatever the coroutine raises. Tasks left over are cancelled, as
    `asyncio.run` does.
    """
    loop = VirtualLoop(epoch0)
    loop.limit(limit_s)
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(_awaited(coro_factory))
    finally:
        loop.limit(None)
        _wind_up(loop)
        asyncio.set_event_loop(None)


async def _awaited(coro_factory: Callable[[], Awaitable[T]]) -> T:
    return await coro_factory()


def _wind_up(loop: VirtualLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
