"""The event loop whose clock jumps when all is blocked: a week of a fleet's life is a test of seconds.

`VirtualLoop.time()` starts at zero and moves only when nothing is ready to run: then it jumps to the next timer. Two
runs of the same program with the same dice are identical. Never lives here: the epoch (see `clock.LoopClock`), dice.

Hazards: a thread has no virtual time, so `run_in_executor` is refused; real sockets work, but whoever waits for one
while timers are due will see the timers win. Unless the loop `waits_for_sockets`: then time stands still for as long as
anything real is waited for (a database's answer), and such a run is no longer the same twice.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec

T = TypeVar("T")

START_EPOCH = 1_795_000_000.0
"""Where virtual time begins by default: an arbitrary day of November 2026, so that runs repeat."""
STANDSTILL_TURNS = 200_000
"""So many turns of the loop at one moment are a livelock: seconds of real time in which nothing happens."""
RESOLUTION_S = 1e-6
"""Timers so close together are due together."""
CANCELLED_KEPT = 1000
"""So many cancelled timers are no matter."""
REAL_PATIENCE_S = 2.0
"""How long real I/O is waited for when no timer is left, before that counts as a deadlock."""
ANSWER_PATIENCE_S = 60.0
"""The same where time stands still for it."""


class Deadlock(RuntimeError):
    """Nothing is ready, no timer is set, and the main coroutine has not finished: it would wait for ever."""


class Livelock(RuntimeError):
    """The program turns and turns while virtual time stands still."""


class OutOfTime(RuntimeError):
    """The virtual time limit has passed before the main coroutine finished."""


class _Selector(selectors.SelectSelector):
    """Knows whether anything but the loop's own pipe is registered: real sockets under a virtual clock."""

    real = False

    def register(self, *args: Any, **kwargs: Any) -> selectors.SelectorKey:
        key = super().register(*args, **kwargs)
        self.real = len(self.get_map()) > 1
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = super().unregister(fileobj)
        self.real = len(self.get_map()) > 1
        return key


class _Handle(msgspec.Struct):
    """What `asyncio.Handle` is to those who call, without its debug mode: a fleet's day is tens of millions of them."""

    _callback: Callable[..., object]
    _args: tuple[Any, ...]
    _context: Context
    _cancelled: bool = False

    def cancel(self) -> None:
        self._cancelled = True

    def cancelled(self) -> bool:
        return self._cancelled


class _Timer(_Handle):
    """The same at a time. Timers stand in the heap beside their time and number, and are never compared themselves."""

    _loop: VirtualLoop | None = None
    """While it stands in the heap."""
    _when: float = 0.0
    _pause: asyncio.Future[None] | None = None
    """Whose end it is: then it calls nothing."""

    def when(self) -> float:
        return self._when

    def cancel(self) -> None:
        """Asked also of what has rung already (by every sleep), and then to no effect."""
        if self._loop is not None and not self._cancelled:
            self._loop._timer_handle_cancelled(self)
        self._cancelled = True


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time. `epoch0` is carried for those who make a `LoopClock` of it. `waits_for_sockets`:
    its time stands still while a socket is waited for, by whoever registers it only for that long (as psycopg does)."""

    if TYPE_CHECKING:  # what the base class has and does not tell of
        _ready: deque[_Handle]
        _stopping: bool

        def _process_events(self, event_list: list[tuple[selectors.SelectorKey, int]]) -> None: ...

    def __init__(self, epoch0: float = START_EPOCH, *, waits_for_sockets: bool = False) -> None:
        self.epoch0 = epoch0
        self._waits_for_sockets = waits_for_sockets
        self._now = 0.0
        self._limit: float | None = None
        self._timers: list[tuple[float, int, _Timer]] = []
        self._count = 0
        self._cancelled_timers = 0
        self._sockets = _Selector()
        super().__init__(self._sockets)

    def time(self) -> float:
        """Virtual seconds since the loop was made; moves only between callbacks."""
        return self._now

    def limit(self, seconds: float | None) -> None:
        """Raise `OutOfTime` when the clock would pass `seconds` since the loop began; None lifts the limit."""
        self._limit = seconds

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> NoReturn:  # type: ignore[override]
        """Refused: a thread lives in real time, and the clock would jump past it."""
        del executor, args
        raise RuntimeError(f"a thread ({func!r}) has no place under a virtual clock")

    # -- what asyncio asks of a loop ------------------------------------------------------------------------------

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Runs the callback at the present virtual time, after all that is ready already."""
        handle = _Handle(callback, args, copy_context() if context is None else context)
        self._ready.append(handle)
        return handle  # type: ignore[return-value]

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Runs the callback `delay` virtual seconds from now."""
        when = self._now + delay
        timer = _Timer(callback, args, copy_context() if context is None else context, False, self, when)
        self._count += 1
        heappush(self._timers, (when, self._count, timer))
        return timer  # type: ignore[return-value]

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Runs the callback at virtual time `when`; timers of one time run in the order they were set."""
        timer = _Timer(callback, args, copy_context() if context is None else context, False, self, when)
        self._count += 1
        heappush(self._timers, (when, self._count, timer))
        return timer  # type: ignore[return-value]

    def pause(self, delay: float) -> asyncio.Future[None]:
        """What `asyncio.sleep` waits for, at half its price: done `delay` virtual seconds from now."""
        future: asyncio.Future[None] = asyncio.Future(loop=self)
        when = self._now + delay
        self._count += 1
        heappush(self._timers, (when, self._count, _Timer(_nothing, (), copy_context(), False, self, when, future)))
        return future

    def _timer_handle_cancelled(self, handle: _Timer) -> None:
        self._cancelled_timers += 1
        if self._cancelled_timers > CANCELLED_KEPT and self._cancelled_timers * 2 > len(self._timers):
            self._timers[:] = [one for one in self._timers if one[2] is not handle and not one[2]._cancelled]
            heapify(self._timers)
            self._cancelled_timers = 0

    def _run_once(self) -> None:
        """Turn after turn until it is asked to stop: who calls this does no more between two turns. Only when nothing
        is ready does time pass: to the next timer, at once."""
        ready, timers, sockets, turns = self._ready, self._timers, self._sockets, 0
        take = ready.popleft
        while True:
            if sockets.real:
                self._process_events(sockets.select(0))
            if not ready and not self._stopping and self._passes():
                turns = 0
            turns += 1
            if turns > STANDSTILL_TURNS:
                raise Livelock(f"virtual time stands still at {self._now:.3f} s")
            if timers and timers[0][0] < self._now + RESOLUTION_S:
                self._ring()
            for _ in range(len(ready)):
                handle = take()
                if not handle._cancelled:
                    try:
                        handle._context.run(handle._callback, *handle._args)
                    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - as asyncio does: it ends no loop
                        what = {"message": f"a callback failed: {handle._callback!r}", "exception": error}
                        self.call_exception_handler(what)
            if self._stopping:
                return

    def _ring(self) -> None:
        """What is due is ready, or over."""
        timers, ready, soon = self._timers, self._ready, self._now + RESOLUTION_S
        while timers and timers[0][0] < soon:
            timer = heappop(timers)[2]
            timer._loop = None
            if timer._pause is not None:
                if not timer._pause.done():
                    timer._pause.set_result(None)
            elif not timer._cancelled:
                ready.append(timer)

    def _passes(self) -> bool:
        """Nothing is ready: time passes, or what is real is waited for. Whether anything came of it."""
        if self._waits_for_sockets and self._sockets.real:
            self._stand_still()
            return True
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heappop(timers)
        if not timers:
            self._wait()
            return False
        when = timers[0][0]
        if self._limit is not None and when > self._limit:
            limit, self._limit = self._limit, None
            raise OutOfTime(f"virtual time passed {limit:.0f} s")
        moved = when > self._now
        if moved:
            self._now = when
        return moved

    def _stand_still(self) -> None:
        events = self._sockets.select(ANSWER_PATIENCE_S)
        if not events:
            raise Deadlock("a socket is waited for that never answers")
        self._process_events(events)

    def _wait(self) -> None:
        """No timer is left: only what is real could still come."""
        events = self._sockets.select(REAL_PATIENCE_S if self._sockets.real else 0)
        if not events:
            raise Deadlock("nothing is scheduled and nothing is ready: the program waits for ever")
        self._process_events(events)


def _nothing() -> None:
    """What the end of a pause calls."""


async def pause(delay: float) -> None:
    """Let `delay` seconds of the running loop pass."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualLoop):
        await loop.pause(delay)
    else:
        await asyncio.sleep(delay)


def run_virtual(
    coro_factory: Callable[[], Awaitable[T]],
    *,
    epoch0: float = START_EPOCH,
    limit_s: float | None = None,
    waits_for_sockets: bool = False,
) -> T:
    """Run one coroutine to its end on a fresh virtual loop and return its result.

    Raises `Deadlock` when it waits for something that cannot come, `Livelock` when it turns while time stands still,
    `OutOfTime` past `limit_s` virtual seconds, and whatever the coroutine raises. Tasks left over are cancelled, as
    `asyncio.run` does.
    """
    loop = VirtualLoop(epoch0, waits_for_sockets=waits_for_sockets)
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
