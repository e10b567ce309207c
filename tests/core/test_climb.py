"""One rung at most, within the server's budget."""

from __future__ import annotations

import itertools

import msgspec
from rehearsal import BAILEYS, WAPI, Fleet

from esteio.core.policy import DEFAULT


def test_a_full_server_makes_the_next_wait_for_a_slot():
    fleet = Fleet(12)
    fleet.now += 100
    for n in (1, 2, 3):
        fleet.now += 61
        longer = tuple(msgspec.structs.replace(slot, until=fleet.now + 50) for slot in fleet.server.slots)
        fleet.server = msgspec.structs.replace(fleet.server, slots=longer)
        fleet.kill(n)
    assert [fleet.rungs(n) for n in (1, 2, 3)] == [["restart"], ["restart"], []]
    assert fleet[3].recovery.next_at == fleet.now + 50
    assert fleet[3].wake_at is not None
    assert fleet[3].wake_at <= fleet.now + 50
    fleet.after(50, 3)
    assert fleet.rungs(3) == ["restart"]


def test_two_falls_at_once_are_spaced():
    fleet = Fleet(2)
    fleet.now += 100
    fleet.kill(1)
    fleet.kill(2)
    assert (fleet.rungs(1), fleet.rungs(2)) == (["restart"], [])
    fleet.after(3, 2)
    assert fleet.rungs(2) == ["restart"]


def test_the_end_of_the_ladder_is_a_longer_and_longer_pause():
    fleet = Fleet(can=WAPI)
    fleet.now += 100
    fleet.kill(says="closed")
    fleet.climb_until(1500, still=("said_closed",))
    pauses = [
        float(line.args["seconds"]) for _, _, _, d in fleet.decisions for line in d.lines if line.code == "quarantined"
    ]
    assert len(pauses) >= 4
    assert all(later > 1.7 * sooner for sooner, later in itertools.pairwise(pauses))
    assert set(fleet.rungs()) == {"restart"}


def test_a_wish_to_pair_that_costs_the_link_is_asked_for_and_not_done():
    fleet = Fleet(can=BAILEYS)
    fleet.now += 100
    fleet.hear("logged_out", road="state")
    fleet.judge()
    fleet.now += 1
    fleet.hear("operator_pair", road="operator")
    decision = fleet.judge()
    assert decision.approval is not None
    assert (decision.approval.rung, decision.approval.because) == ("recreate", "asked-to-pair")
    assert "approval.requested" in decision.events
    assert fleet.rungs() == []
    fleet.after(5)
    assert fleet.said("approval-asked") == 1


def test_an_approval_outside_an_outage_names_none():
    fleet = Fleet(can=BAILEYS, paired=False)
    fleet.hear("logged_out", road="state")
    fleet.hear("operator_pair", road="operator")
    decision = fleet.judge()
    assert decision.approval is not None
    assert decision.approval.outage is None


def test_when_nothing_is_to_be_done_the_next_time_is_forgotten():
    fleet = Fleet()
    fleet.now += 100
    fleet.hear("said_connecting", road="state", ago=6)
    fleet.hear("send_closed", road="send", ago=6)
    fleet.hear("socket_closed")
    fleet.judge()
    assert fleet.one.recovery.next_at is not None
    fleet.hear("message_received", road="webhook", ago=-1)
    fleet.after(1)
    assert fleet.one.recovery.next_at is None


def test_destructive_rungs_wait_for_their_age():
    fleet = Fleet(policy=msgspec.structs.replace(DEFAULT, destructive="auto"))
    fleet.now += 100
    fleet.kill()
    began = fleet.now
    fleet.climb_until(120, still=("said_open", "socket_closed"))
    at = next(now for now, _, _, d in fleet.decisions if d.act is not None and d.act.rung == "logout")
    assert at - began >= 60
