"""The vocabulary of faults as a whole: every word can be said and healed, and the same seed tells the same story."""

import asyncio
from typing import Any

import pytest

from esteio.sim.clock.virtual_loop import run_virtual
from esteio.sim.providers.faces import new_world
from esteio.sim.world.faults import KINDS, Fault, inject
from esteio.sim.world.healing import calm, heal
from tests.sim.world.shop_stage import CONTACT, PHONE, Shop


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_word_can_be_said_healed_and_leaves_a_mark(kind: str) -> None:
    async def main() -> None:
        shop = Shop()
        inject(shop.world, "evo", "a" if KINDS[kind].scope == "session" else None, Fault(kind))
        assert shop.world.ledger.faults[0].kind == kind
        await asyncio.sleep(5)
        heal(shop.world)
        await asyncio.sleep(90)
        if kind not in ("revoked", "banned", "temp_banned"):
            assert shop.truth().alive
            assert shop.truth().can_send
            assert shop.truth().can_receive
            assert not shop.truth().faults

    run_virtual(main, limit_s=600)


def test_unknown_words_are_refused() -> None:
    async def main() -> None:
        shop = Shop()
        with pytest.raises(ValueError, match="unknown fault"):
            shop.inject("gremlin")
        with pytest.raises(ValueError, match="needs a session"):
            inject(shop.world, "evo", None, Fault("ghost"))
        with pytest.raises(KeyError):
            inject(shop.world, "evo", "nobody", Fault("ghost"))

    run_virtual(main)


def test_calm_ends_the_weather_and_repairs_nothing() -> None:
    async def main() -> None:
        shop = Shop()
        shop.inject("ghost")
        shop.inject("ack_error_463")
        inject(shop.world, "evo", None, Fault("slow"))
        calm(shop.world)
        await asyncio.sleep(600)
        assert shop.truth().faults == ("ghost",)
        assert shop.line.ack_error == ""
        assert shop.server.weather is None
        assert not shop.truth().alive

    run_virtual(main)


# -- repeatable and cheap ----------------------------------------------------------------------------------------


def story(seed: int) -> tuple[dict[str, Any], list[tuple[float, str]]]:
    async def main() -> tuple[dict[str, Any], list[tuple[float, str]]]:
        shop = Shop(seed=seed)
        for kind, params in [("flap", {"for_s": 30}), ("half_open", {}), ("replaced", {"times": 5})]:
            shop.inject(kind, **params)
            for n in range(20):
                shop.world.contact_sends(PHONE, CONTACT, f"{kind} {n}")
                await shop.send(f"{kind} {n}")
                await asyncio.sleep(7)
        return shop.world.ledger.document(last=10_000), [(at, told["event"]) for at, told in shop.hooks]

    return run_virtual(main, limit_s=86400)


def test_the_same_seed_tells_the_same_story() -> None:
    assert story(5) == story(5)
    assert story(5) != story(6)


def test_a_fleet_that_is_well_costs_nothing() -> None:
    """200 sessions for a day: not one timer of the world is set while nothing happens."""

    async def main() -> None:
        world = new_world(1)
        world.add_server("evo", "evolution")
        world.add_server("bai", "baileys")
        for n in range(200):
            world.plant("evo" if n % 2 else "bai", f"s{n}", f"55119555{n:05d}")
        loop: Any = asyncio.get_running_loop()
        assert not loop._scheduled
        await asyncio.sleep(86400)
        assert not loop._scheduled
        assert all(truth.alive for truth in world.truths())

    run_virtual(main)
