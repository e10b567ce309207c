"""A hundred instances that have long been linked, adopted and then seen through the door."""

from __future__ import annotations

from esteio.engine.commands.requests import AdoptRequest
from esteio.sim.world.faults import Fault, inject
from tests.api.evolution.conftest import DoorLab, DoorRunner

COUNT = 100
UNLINKED = {f"line-{number:03d}" for number in range(0, COUNT, 10)}
"""Whose person removed the device long before: the phone has to scan again, which nobody but a person may begin."""
NAMES = [f"line-{number:03d}" for number in range(COUNT)]


def test_what_is_adopted_is_left_alone_and_shown_as_it_is(at_door: DoorRunner) -> None:
    async def test(door: DoorLab) -> None:
        world = door.lab.world
        for number, name in enumerate(NAMES):
            world.plant("evo", name, f"5511955{560000 + number}")
        for name in UNLINKED:
            inject(world, "evo", name, Fault("revoked"))
        links = {name: door.line(name).link for name in NAMES}
        sockets = {name: door.line(name).sock for name in NAMES}

        adopted = await door.lab.commands.instances.adopt("evo", AdoptRequest("all"), "test")
        assert len(adopted) == COUNT

        async def looked_at() -> bool:
            sessions = [await door.lab.session(name) for name in NAMES]
            return all(session.facts.looked_at and session.state != "connecting" for session in sessions)

        await door.lab.until(looked_at, 600)
        rows = await door.said("GET", "/instance/fetchInstances")
        assert {row["name"]: row["connectionStatus"] for row in rows} == {
            name: "close" if name in UNLINKED else "open" for name in NAMES
        }
        for name in NAMES:
            told = await door.said("GET", f"/instance/connectionState/{name}")
            assert told["instance"]["state"] == ("close" if name in UNLINKED else "open")
        acts = {call.verb for call in world.ledger.control_calls("evo")}
        assert acts == {"set_webhook"}, "none is connected, restarted, logged out or deleted"
        assert {name: door.line(name).link for name in NAMES} == links
        assert {name: door.line(name).sock for name in NAMES} == sockets

    at_door(test)
