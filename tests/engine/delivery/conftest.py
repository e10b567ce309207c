"""A gateway of which only the deliveries run."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import pytest

from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.lab import Lab
from tests.engine.delivery.delivery_lab import Room


class Relay(Protocol):
    def __call__(
        self, test: Callable[[Room], Awaitable[None]], *, seed: int = 1, limit_s: float = 40 * 86_400.0, **lab: Any
    ) -> None: ...


@pytest.fixture
def relay() -> Relay:
    """Runs `async def test(room)` under virtual time; only the relay runs, so that days are seconds."""

    def runner(
        test: Callable[[Room], Awaitable[None]], *, seed: int = 1, limit_s: float = 40 * 86_400.0, **lab: Any
    ) -> None:
        async def main() -> None:
            made = Lab(seed, **lab)
            gateway = made.gateway
            await gateway.store.start(gateway.clock.now())
            await gateway.audit.begin()
            for name, task in (("relay", gateway.deliveries.run), ("bury", gateway.deliveries.expire)):
                gateway.supervisor.start(name, task)
            try:
                await test(Room(made))
                assert gateway.supervisor.healthy
            finally:
                await gateway.supervisor.aclose()
                await gateway.deliveries.aclose(5.0)
                await gateway.store.aclose()

        run_virtual(main, limit_s=limit_s)

    return runner
