"""The probes of a line that is well are planned, and their results need not be judged."""

from __future__ import annotations

import msgspec
import pytest

from esteio.core.judge.decide import decide
from esteio.core.judge.pacing import is_due
from esteio.core.judge.probe_schedule import ROUND_TRIP_EVERY_S, _together, as_before, as_planned
from esteio.core.model.evidence import seen
from esteio.core.model.policy import DEFAULT
from tests.core.judge.probes.probed_fleet import looked
from tests.core.rehearsal import Fleet


def test_the_next_look_at_a_line_that_is_well_is_planned_and_the_judge_need_not_be_asked() -> None:
    fleet = looked()
    decision = fleet.judge()
    assert decision.planned is not None
    assert (decision.planned.at, decision.planned.depth) == (fleet.now + 30, "pulse")
    asked = decide(fleet.view(), decision.planned.at)
    planned = as_planned(fleet.one, decision.planned, decision.planned.at)
    assert msgspec.structs.replace(planned, awaited=None) == asked
    assert planned.session.facts.looked_at == fleet.now + 30


def test_a_look_that_brings_what_the_last_one_brought_need_not_be_judged() -> None:
    fleet = looked()
    planned = fleet.judge().planned
    assert planned is not None
    at = planned.at + 0.01
    waiting = as_planned(fleet.one, planned, planned.at)
    assert waiting.awaited == planned
    view = msgspec.structs.replace(fleet.view(), session=waiting.session)
    same = msgspec.structs.replace(view, new_evidence=(seen("socket_ok", at, "probe"),))
    told = as_before(same, planned, at)
    assert told is not None
    assert told == decide(same, at)
    assert told.planned is not None
    assert told.planned.at == at + 30 - 0.01, "with those that are due a moment before"
    for kind in ("socket_closed", "look_failed", "webhook_config_gone", "message_received", "operator_paused"):
        other = msgspec.structs.replace(view, new_evidence=(seen(kind, at, "probe"),))
        assert as_before(other, planned, at) is None, kind
    spent = msgspec.structs.replace(waiting.session.recovery, spent=("connect",))
    climbed = msgspec.structs.replace(same, session=msgspec.structs.replace(waiting.session, recovery=spent))
    assert as_before(climbed, planned, at) is None, "what is left of a ladder is forgotten now"
    soon = msgspec.structs.replace(planned, others_at=at + 29)
    assert as_before(same, soon, at) is None, "something else falls due before the next look"


@pytest.mark.parametrize(("period", "waits"), [(30.0, 29.99), (30.25, 30.24), (30.1, 29.99), (0.2, 0.1)])
def test_lines_that_are_well_are_looked_at_in_steps_and_never_late(period: float, waits: float) -> None:
    assert _together(1_700_000_000.01, period) == pytest.approx(1_700_000_000.01 + waits, abs=1e-6)


def test_a_planned_look_is_as_deep_as_it_must_be_then_and_not_now() -> None:
    fleet = looked()
    last = max(fleet.one.facts.send_ok_at, fleet.one.facts.receive_ok_at)
    turn = next(s for s in range(301, 601) if is_due(fleet.one.id, last, last + s, ROUND_TRIP_EVERY_S))
    assert fleet.after(last + turn - 1 - fleet.now).look == "pulse"
    fleet.hear("socket_ok")
    decision = fleet.after(0.5)
    assert decision.planned is not None
    assert decision.planned.depth == "roundtrip"


@pytest.mark.parametrize("kind", ["socket_closed", "webhook_config_gone", "silence", "operator_paused"])
def test_of_a_line_that_is_not_quite_well_nothing_is_planned(kind: str) -> None:
    fleet = looked()
    fleet.now += 1
    fleet.hear(kind, road="operator" if kind.startswith("operator") else "probe")
    fleet.judge()
    assert fleet.judge().planned is None


def test_nothing_is_planned_of_a_line_whose_webhook_could_not_be_set_again() -> None:
    """That is tried once more as soon as it may be, and by the judge."""
    fleet = looked()
    fleet.now += 1
    fleet.hear("webhook_config_gone")
    fleet.judge()
    fleet.answer("no")
    idle = 0
    for _ in range(6):
        fleet.now += 10
        fleet.hear("socket_ok")
        decision = fleet.judge()
        assert decision.planned is None
        idle += decision.session.recovery.open is None
    assert fleet.one.facts.webhook_gone_at
    assert idle


def test_a_look_that_comes_with_something_else_is_left_to_the_judge() -> None:
    fleet = looked(policy=msgspec.structs.replace(DEFAULT, probe_idle_s=900))
    fleet.now += 5
    fleet.hear("ack_error", code="463")
    for _ in range(2):
        fleet.hear("ack_error", code="463")
    fleet.now += 3000
    fleet.hear("socket_ok")
    decision = fleet.judge()
    assert decision.session.restricted_until < fleet.now + 900
    assert decision.planned is None


def test_what_is_seen_anew_is_quiet_and_told_to_be_shown() -> None:
    fleet = looked()
    fleet.now += 10
    fleet.hear("message_received", road="webhook")
    fresh = fleet.judge()
    assert fresh.session.can_receive.at == fleet.now
    assert (fresh.quiet, fresh.shown) == (True, True)
    fleet.now += 10
    fleet.hear("socket_ok")
    fleet.judge()
    fleet.now += 10
    fleet.hear("socket_ok")
    same = fleet.judge()
    assert (same.quiet, same.shown) == (True, False)


def test_what_it_can_do_from_now_on_is_written_at_once() -> None:
    fleet = Fleet(paired=False)
    fleet.hear("said_open", road="state")
    fleet.hear("socket_ok")
    before = fleet.judge().session
    fleet.now += 1
    fleet.hear("round_trip_ok")
    after = fleet.judge()
    assert (before.state, before.reason.code) == ("connected", "live")
    assert (after.session.state, after.session.reason.code) == ("connected", "live")
    assert (before.can_send.value, after.session.can_send.value) == ("unknown", "yes")
    assert not after.quiet
