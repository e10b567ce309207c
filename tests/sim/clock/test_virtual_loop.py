"""The clock that jumps: fast, exact, and not to be hung."""

import asyncio
import socket
import threading
from _asyncio import Task
from typing import Any

import pytest

from esteio.sim.clock.virtual_loop import Deadlock, Livelock, OutOfTime, VirtualLoop, pause, run_virtual
from tests.narrowing import of_type


def test_a_week_passes_in_no_time_and_in_order() -> None:
    seen = []

    async def sleeper(name: str, seconds: int) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, asyncio.get_running_loop().time()))

    async def main() -> None:
        await asyncio.gather(sleeper("week", 7 * 86400), sleeper("minute", 60), sleeper("day", 86400))

    run_virtual(main)
    assert [name for name, _ in seen] == ["minute", "day", "week"]
    assert [round(at, 3) for _, at in seen] == [60, 86400, 7 * 86400]


def test_waiting_for_what_cannot_come_is_an_error() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Deadlock):
        run_virtual(main)


def test_the_limit_holds_even_while_something_goes_on_for_ever() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        def again() -> None:
            loop.call_later(1, again)

        again()
        await loop.create_future()

    with pytest.raises(OutOfTime):
        run_virtual(main, limit_s=3600)


def test_threads_are_refused() -> None:
    async def main() -> None:
        await asyncio.to_thread(len, "x")

    with pytest.raises(RuntimeError, match="virtual clock"):
        run_virtual(main)


def test_left_over_tasks_are_cancelled_and_told() -> None:
    ended = []

    async def endless() -> None:
        try:
            await asyncio.sleep(10**9)
        finally:
            ended.append(True)

    async def main() -> Task[Any]:
        task = asyncio.ensure_future(endless())
        await asyncio.sleep(1)
        return task

    assert run_virtual(main).cancelled()
    assert ended == [True]


def test_timeouts_are_virtual_too() -> None:
    async def main() -> None:
        async with asyncio.timeout(86400):
            await asyncio.get_running_loop().create_future()

    with pytest.raises(TimeoutError):
        run_virtual(main)


def test_turning_without_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esteio.sim.clock.virtual_loop.STANDSTILL_TURNS", 1_000)

    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(Livelock, match="stands still"):
        run_virtual(spin)


def test_a_callback_that_fails_is_told_and_ends_nothing() -> None:
    async def main() -> list[type[Exception]]:
        loop = asyncio.get_running_loop()
        told = []
        loop.set_exception_handler(lambda _, what: told.append(what["exception"]))
        loop.call_soon(lambda: 1 / 0)
        nothing: dict[int, int] = {}
        loop.call_later(1.0, nothing.pop, 0)
        await asyncio.sleep(2.0)
        return [type(one) for one in told]

    assert run_virtual(main) == [ZeroDivisionError, KeyError]


def test_only_what_still_waits_is_taken_back() -> None:
    async def main() -> list[str]:
        loop = of_type(VirtualLoop, asyncio.get_running_loop())
        heard: list[str] = []
        rang = loop.call_later(1.0, heard.append, "rang")
        waits = loop.call_later(3.0, heard.append, "too late")
        soon = loop.call_soon(heard.append, "never")
        soon.cancel()
        await asyncio.sleep(2.0)
        rang.cancel()
        assert loop._cancelled_timers == 0
        waits.cancel()
        assert (waits.cancelled(), waits.when()) == (True, 3.0)
        assert loop._cancelled_timers == 1
        await asyncio.sleep(2.0)
        return heard

    assert run_virtual(main) == ["rang"]


def test_a_pause_lasts_as_long_as_a_sleep_and_can_be_cut_off() -> None:
    async def main() -> tuple[float, bool]:
        loop = asyncio.get_running_loop()
        cut = asyncio.ensure_future(pause(5.0))
        await pause(1.5)
        cut.cancel()
        await asyncio.sleep(10.0)
        return loop.time(), cut.cancelled()

    assert run_virtual(main) == (11.5, True)


def test_a_pause_is_a_sleep_on_a_loop_of_real_time() -> None:
    asyncio.run(pause(0.0))


def test_time_stands_still_while_a_socket_is_waited_for() -> None:
    """As for a database's answer; without that the timer, an hour away, is faster."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        answered = asyncio.Event()
        loop.add_reader(ours, answered.set)
        alarm, waiting = asyncio.ensure_future(asyncio.sleep(3600)), asyncio.ensure_future(answered.wait())
        answer = threading.Timer(0.05, theirs.send, (b"x",))
        answer.start()
        await asyncio.wait({waiting, alarm}, return_when=asyncio.FIRST_COMPLETED)
        loop.remove_reader(ours)
        answer.join()
        await asyncio.sleep(60)
        ours.close()
        theirs.close()
        return loop.time()

    assert run_virtual(main, waits_for_sockets=True) == 60
    assert run_virtual(main) == 3660
