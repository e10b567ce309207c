"""Lets the room's tests import what they share."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from relay_room import Room

from esteio.sim.lab import Lab
from esteio.sim.vloop import run_virtual


@pytest.fixture
def relay():
    """Runs `async def test(room)` under virtual time."""

    def runner(test, *, seed: int = 1, limit_s: float = 40 * 86_400.0, **lab) -> None:
        async def main() -> None:
            async with Lab(seed, **lab) as made:
                await test(Room(made))

        run_virtual(main, limit_s=limit_s)

    return runner
