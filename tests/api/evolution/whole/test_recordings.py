"""Every recording's request at the door: what is answered is what Evolution answered, but for the known differences."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from esteio.api.evolution.app import TABLE
from tests.api.evolution.conftest import DoorLab, DoorRunner
from tests.api.evolution.whole.recorded import asked, bring, compared, differences, instance_of, recordings, states

DRIVEN = sorted(number for number, state in states().items() if not state.startswith("undriven"))


def test_every_recording_of_an_owned_route_is_asked() -> None:
    """And every one that is named exists."""
    routes = {(route.method, route.path.removesuffix("/{instance}")) for route in TABLE}
    for number, recording in recordings().items():
        request = recording["request"]
        words = request["path"].partition("?")[0].strip("/").split("/")[:2]
        if (request["method"], "/" + "/".join(words)) in routes:
            assert number in states(), f"recording {number} presumes no state"
    assert set(states()) <= set(recordings())
    assert {number for one in differences() for number in one.recordings} <= set(DRIVEN)


@pytest.mark.parametrize("number", DRIVEN)
def test_a_recording(at_door: DoorRunner, number: str) -> None:
    recording = recordings()[number]

    async def test(door: DoorLab) -> None:
        own_key = await bring(door, states()[number], instance_of(recording))
        status, document = await asked(door, recording, own_key)
        answer = recording["response"]
        found = set(_places(answer["status"], answer["body"], status, document))
        known = [set(one.at) for one in differences() if number in one.recordings]
        told = f"{recording['name']}: {status} {document}\nrecorded: {answer}"
        assert found <= set().union(*known), told
        assert all(places & found for places in known), f"a difference that is none any more: {told}"

    at_door(test)


def _places(recorded_status: int, recorded: object, status: int, document: object) -> Iterator[str]:
    if recorded_status != status:
        yield "status"
    yield from (place for place in compared(recorded, document) if place != "status" or recorded_status == status)
