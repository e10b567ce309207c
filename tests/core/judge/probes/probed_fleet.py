"""A fleet of which one session was probed just now, and when it is probed next."""

from __future__ import annotations

from typing import Any

import msgspec

from esteio.core.model.policy import DEFAULT, Policy
from tests.core.rehearsal import Fleet


def looked(policy: Policy = DEFAULT, **how: Any) -> Fleet:
    """A confirmed session that was looked at just now."""
    fleet = Fleet(policy=policy, **how)
    fleet.now += 100
    fleet.hear("socket_ok")
    assert fleet.judge().look is None or fleet.one.facts.looked_at == fleet.now
    fleet.sessions[1] = msgspec.structs.replace(
        fleet.one, facts=msgspec.structs.replace(fleet.one.facts, looked_at=fleet.now)
    )
    return fleet


def next_look(fleet: Fleet, **how: Any) -> float:
    """Seconds until a decision wants a look, judging at each wake."""
    began = fleet.now
    for _ in range(100):
        if fleet.judge().look is not None:
            return fleet.now - began
        wake = fleet.one.wake_at
        assert wake is not None
        fleet.now = max(wake, fleet.now + 0.01)
    raise AssertionError("never looked at")


def asked(fleet: Fleet, *, refused: bool | None) -> None:
    """A look that puts the question comes back; None: with something that nobody understands."""
    fleet.now += 0.1
    fleet.hear("question_asked")
    if refused:
        fleet.hear("socket_closed")
    fleet.hear("said_open", road="state", ago=0.05)
    if refused is False:
        fleet.hear("question_answered")
    fleet.judge()
