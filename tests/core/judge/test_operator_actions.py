"""People's words take effect at once, and no further than they say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from esteio.core.model.decision import Decision
from esteio.core.model.policy import DEFAULT, Policy
from tests.core.rehearsal import Fleet

SOON = msgspec.structs.replace(DEFAULT, destructive_after_s=0)


def say(fleet: Fleet, kind: str, **data: Any) -> Decision:
    fleet.hear(kind, road="operator", **data)
    return fleet.judge()


def stuck(policy: Policy = SOON) -> Fleet:
    """A ghost whose restart did nothing: an approval is asked for."""
    fleet = Fleet(policy=policy)
    fleet.now += 100
    fleet.kill()
    fleet.climb_until(25, still=("said_open", "socket_closed"))
    assert fleet.one.recovery.awaiting is not None
    return fleet


def approve(fleet: Fleet) -> None:
    say(fleet, "operator_approved", rung=fleet.approvals.pop(1).rung)


def test_paused_is_watched_and_never_acted_on() -> None:
    fleet = Fleet()
    fleet.now += 100
    decision = say(fleet, "operator_paused")
    assert decision.drop_control
    assert (fleet.one.state, fleet.one.gate, fleet.one.paused) == ("paused", "held", True)
    fleet.kill()
    fleet.after(60)
    assert fleet.rungs() == []
    assert any(d.look for _, _, _, d in fleet.decisions[-3:])


def test_resumed_begins_afresh() -> None:
    fleet = stuck()
    say(fleet, "operator_paused")
    fleet.now += 5
    say(fleet, "operator_resumed")
    assert not fleet.one.paused
    assert fleet.one.recovery.strikes == 0
    assert fleet.rungs() == ["restart", "restart"]


@pytest.mark.parametrize("word", ["operator_recover", "operator_pair"])
def test_a_person_s_word_ends_quarantine_and_cool_downs(word: str) -> None:
    fleet = stuck()
    assert fleet.one.recovery.quarantine_until > fleet.now
    fleet.now += 3
    say(fleet, word, phone_number="5511987654321")
    assert fleet.rungs() == ["restart", "restart"]
    assert fleet.one.recovery.strikes == 0
    assert (fleet.one.recovery.pair_phone is not None) == (word == "operator_pair")


def test_a_word_does_not_disturb_the_act_that_is_under_way() -> None:
    fleet = Fleet()
    fleet.now += 100
    fleet.kill()
    act = fleet.open_act()
    say(fleet, "operator_recover")
    assert fleet.open_act() == act


def test_the_approval_is_asked_for_once_with_what_it_costs() -> None:
    fleet = stuck()
    approval = fleet.approvals[1]
    assert (approval.rung, approval.cost.code, approval.state) == ("logout", "cost-logout", "open")
    assert fleet.one.outage is not None
    assert approval.outage == fleet.one.outage.id
    assert (fleet.one.state, fleet.one.reason.code) == ("disconnected", "approval-awaited")
    asked = fleet.one.recovery.awaiting
    assert fleet.one.reason.args == {"cause": "ghost-socket", "session": "s1", "approval": asked}
    fleet.climb_until(900, still=("said_open", "socket_closed"))
    assert fleet.said("approval-asked") == 1
    assert fleet.one.recovery.strikes > 1


def test_an_approved_rung_is_carried_out() -> None:
    fleet = stuck()
    fleet.now += 5
    approve(fleet)
    assert fleet.rungs() == ["restart", "logout"]
    assert fleet.one.recovery.approved is None


def test_a_rejected_rung_is_not_asked_for_again_in_this_outage() -> None:
    fleet = stuck()
    fleet.approvals.clear()
    say(fleet, "operator_rejected")
    fleet.climb_until(900, still=("said_open", "socket_closed"))
    assert fleet.said("approval-asked") == 1
    assert set(fleet.rungs()) == {"restart"}


def test_an_approval_goes_stale_when_the_session_heals() -> None:
    fleet = stuck()
    fleet.now += 5
    fleet.hear("message_received", road="webhook")
    decision = fleet.judge()
    assert decision.approval is not None
    assert decision.approval.state == "stale"
    [line] = [one for one in decision.lines if one.code == "approval-stale"]
    assert (line.kind, line.args) == ("decision", {"rung": "logout"})
    assert fleet.one.recovery.awaiting is None


def test_a_lost_approval_row_does_not_hinder_healing() -> None:
    fleet = stuck()
    fleet.approvals.clear()
    fleet.now += 5
    fleet.hear("message_received", road="webhook")
    assert fleet.judge().approval is None
    assert fleet.one.recovery.awaiting is None


def test_an_approval_is_not_carried_out_on_a_living_session_even_after_a_wish_to_recover() -> None:
    fleet = stuck()
    say(fleet, "operator_recover")
    fleet.answer("ok")
    fleet.now += 1
    fleet.hear("message_received", road="webhook")
    fleet.hear("operator_approved", road="operator", rung="logout")
    fleet.judge()
    fleet.after(60)
    assert "logout" not in fleet.rungs()


def test_an_outright_recreate_is_carried_out_even_on_a_living_session() -> None:
    fleet = Fleet()
    fleet.now += 100
    say(fleet, "operator_recreate")
    assert fleet.rungs() == ["delete"]
    fleet.answer("ok")
    fleet.judge()
    fleet.after(5)
    assert fleet.rungs() == ["delete", "create"]


def test_a_person_s_logout_unlinks() -> None:
    fleet = Fleet()
    say(fleet, "operator_logout")
    fleet.hear("logged_out", road="state", ago=-1)
    fleet.after(1)
    assert fleet.one.outage is None


def test_a_new_session_comes_with_its_first_attempt() -> None:
    fleet = Fleet(paired=False)
    say(fleet, "created", attempt="first")
    act = fleet.open_act()
    assert act is not None
    assert (act.id, act.rung, act.until) == ("first", "create", fleet.now + 20)
    say(fleet, "created", attempt="second")
    assert fleet.open_act() == act


def test_a_number_put_right_was_no_fall() -> None:
    fleet = Fleet()
    fleet.sessions[1] = msgspec.structs.replace(fleet.one, phone="5511900000001")
    fleet.hear("identity_seen", road="list", phone="5511900000002")
    fleet.judge()
    assert fleet.one.outage is not None
    assert (fleet.one.reason.code, fleet.one.outage.because) == ("wrong-identity", "wrong-identity")
    fleet.sessions[1] = msgspec.structs.replace(fleet.one, phone="5511900000002")
    say(fleet, "operator_changed", what="phone")
    assert fleet[1].outage is None
    assert fleet.open_act() is None


def test_another_instance_is_judged_anew() -> None:
    fleet = Fleet()
    fleet.hear("send_closed", road="send")
    say(fleet, "operator_changed", what="ref", instance="yes")
    assert not fleet.one.linked
    assert not fleet.one.facts.closed
    assert fleet.one.facts.adopted_at == fleet.now


def test_an_adopted_session_comes_without() -> None:
    fleet = Fleet(paired=False)
    say(fleet, "created")
    assert fleet.open_act() is None


def test_for_another_instance_the_acts_that_wait_are_dropped() -> None:
    decision = say(Fleet(), "operator_changed", what="ref", instance="yes")
    assert decision.drop_control is True


def test_a_person_s_word_remembers_the_last_act() -> None:
    fleet = stuck()
    last = fleet.one.recovery.last
    assert last is not None
    fleet.now += 3
    say(fleet, "operator_pair")
    assert fleet.one.recovery.last == last


def test_an_approval_tells_when_and_for_which_session_it_was_asked() -> None:
    fleet = stuck()
    approval = next(d.approval for _, _, _, d in fleet.decisions if d.approval is not None)
    asked_at = next(now for now, _, _, d in fleet.decisions if d.approval is not None)
    assert (approval.created_at, approval.cost.args) == (asked_at, {"session": "s1"})


def test_what_is_asked_for_names_its_session_and_stands_in_the_journal_as_a_decision() -> None:
    fleet = stuck()
    decision = next(d for _, _, _, d in fleet.decisions if d.approval is not None)
    assert decision.approval is not None
    assert decision.approval.session_id == fleet.one.id
    assert [notice.held for notice in decision.notices if notice.phase == "approval"] == [0]
    kinds = {line.code: line.kind for line in decision.lines}
    assert (kinds["approval-asked"], kinds["quarantined"]) == ("decision", "decision")


def test_what_was_said_no_to_is_not_awaited_any_more() -> None:
    fleet = stuck()
    fleet.approvals.clear()
    say(fleet, "operator_rejected")
    assert (fleet.one.recovery.awaiting, fleet.one.recovery.rejected) == (None, True)
