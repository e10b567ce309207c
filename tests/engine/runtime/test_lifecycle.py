"""Start, drain and stop: each part in its turn, and a second stop does nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from esteio.clock import SystemClock
from esteio.engine.runtime.lifecycle import Lifecycle
from esteio.engine.runtime.supervisor import Supervisor
from esteio.store.base import CrashReport

ALIVE_AT = 1_800_000_000.0


class Parts:
    """Writes down what is done, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.last_alive: float | None = ALIVE_AT
        self.fails_at = ""

    async def start(self, now: float) -> CrashReport:
        self.done.append("store.start")
        return CrashReport((), (), self.last_alive)

    async def aclose(self) -> None:
        self.done.append("store.aclose")

    def step(self, name: str) -> Callable[[CrashReport], Awaitable[None]]:
        async def prepare(report: CrashReport) -> None:
            self.done.append(f"{name} after {report.last_alive}")
            if name == self.fails_at:
                raise OSError(name)

        return prepare

    def task(self, name: str) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            self.done.append(f"{name} runs")
            try:
                await asyncio.Event().wait()
            finally:
                self.done.append(f"{name} ends")

        return run

    def closes(self, name: str) -> Any:
        done = self.done

        class Closes:
            async def aclose(self, patience_s: float | None = None) -> None:
                done.append(f"{name} closes" + ("" if patience_s is None else f" within {patience_s:g}"))

        return Closes()

    def lifecycle(self) -> Lifecycle:
        return Lifecycle(
            self,  # type: ignore[arg-type]
            SystemClock(),
            Supervisor(),
            prepare=(self.step("gaps"), self.step("paces")),
            tasks={"lease": self.task("lease"), "inbox": self.task("inbox"), "sends": self.task("sends")},
            outlasting={"lease"},
            drain=lambda: self.done.append("drained"),
            first_closed=self.closes("scheduler"),
            workers=(self.closes("worker"),),
            patience_s=7,
            closed=(self.closes("transport"), self.closes("client")),
        )


def test_the_order_of_start_and_stop() -> None:
    parts = Parts()

    async def whole() -> None:
        lifecycle = parts.lifecycle()
        await lifecycle.start()
        assert not lifecycle.new_database
        await asyncio.sleep(0)
        parts.done.append("served")
        await lifecycle.aclose()
        await lifecycle.aclose()

    asyncio.run(whole())
    assert parts.done == [
        "store.start",
        f"gaps after {ALIVE_AT}",
        f"paces after {ALIVE_AT}",
        "lease runs",
        "inbox runs",
        "sends runs",
        "served",
        "drained",
        "sends ends",
        "inbox ends",
        "scheduler closes",
        "worker closes within 7",
        "lease ends",
        "transport closes",
        "client closes",
        "store.aclose",
    ]


def test_a_stop_without_a_start_does_nothing() -> None:
    parts = Parts()
    asyncio.run(parts.lifecycle().aclose())
    assert parts.done == []


def test_a_new_database_is_said() -> None:
    parts = Parts()
    parts.last_alive = None

    async def whole() -> None:
        lifecycle = parts.lifecycle()
        await lifecycle.start()
        assert lifecycle.new_database
        await lifecycle.aclose()

    asyncio.run(whole())


def test_a_start_that_fails_halfway_can_be_stopped() -> None:
    parts = Parts()
    parts.fails_at = "gaps"

    async def whole() -> None:
        lifecycle = parts.lifecycle()
        with pytest.raises(OSError, match="gaps"):
            await lifecycle.start()
        await lifecycle.aclose()

    asyncio.run(whole())
    assert "inbox runs" not in parts.done
    assert parts.done[-1] == "store.aclose"
