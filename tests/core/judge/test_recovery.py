"""One rung at most, within the server's budget."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from esteio.core.judge.diagnose import Verdict
from esteio.core.judge.recovery import _conditions
from esteio.core.judge.second_socket import ServerConditions
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.decision import Draft, View
from esteio.core.model.ids import SessionId
from esteio.core.model.policy import DEFAULT
from esteio.core.model.server import Incident
from esteio.core.model.state import Reason
from tests.core.rehearsal import BAILEYS, T0, WAPI, Fleet


def test_a_full_server_makes_the_next_wait_for_a_slot() -> None:
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


def test_two_falls_at_once_are_spaced() -> None:
    fleet = Fleet(2)
    fleet.now += 100
    fleet.kill(1)
    fleet.kill(2)
    assert (fleet.rungs(1), fleet.rungs(2)) == (["restart"], [])
    fleet.after(3, 2)
    assert fleet.rungs(2) == ["restart"]


def _pauses(fleet: Fleet) -> list[float]:
    lines = [line for _, _, _, decision in fleet.decisions for line in decision.lines]
    return [float(line.args["seconds"]) for line in lines if line.code == "quarantined"]


def test_the_end_of_the_ladder_is_a_longer_and_longer_pause() -> None:
    fleet = Fleet(can=WAPI)
    fleet.now += 100
    fleet.kill()
    fleet.climb_until(1500, still=("socket_closed",))
    assert len(_pauses(fleet)) >= 4
    assert all(later > 1.7 * sooner for sooner, later in itertools.pairwise(_pauses(fleet)))
    assert set(fleet.rungs()) == {"restart"}


class Dark(Fleet):
    """Nothing of the server lives."""

    def view(self, n: int = 1) -> View:
        return msgspec.structs.replace(super().view(n), none_alive=True)


def test_where_nothing_of_a_server_has_lived_for_half_an_hour_a_restart_of_it_is_proposed_and_no_unlink() -> None:
    """Storm seeds 40002, 40107: they waited for one another without a word."""
    fleet = Dark(2)
    fleet.now += 100
    fleet.kill(1)
    fleet.kill(2)
    fleet.climb_until(1700, still=("socket_closed",))
    tried = len(fleet.rungs())
    assert (fleet.said("server-restart-proposed"), fleet.approvals) == (0, {})
    fleet.climb_until(3000, still=("socket_closed",))
    assert (fleet.said("server-restart-proposed"), fleet.approvals) == (1, {})
    assert fleet.one.reason.code == "ghost-needs-server-restart"
    assert len(fleet.rungs()) > tried, "harmless rungs begin anew"


def _restarted_behind_a_still_memory(can: Capabilities = WAPI) -> Fleet:
    fleet = Fleet(can=can)
    fleet.now += 100
    fleet.kill(says="closed")
    fleet.climb_until(1500, still=("said_closed",))
    return fleet


def test_a_memory_that_did_not_move_during_a_restart_is_not_restarted_behind_again() -> None:
    """Seed 8056: five restarts beside a line whose events stood still made sockets that threw each other out."""
    fleet = _restarted_behind_a_still_memory()
    assert (fleet.rungs(), len(_pauses(fleet))) == (["restart"], 1)
    assert (fleet.one.state, fleet.one.reason.code, fleet.one.gate) == ("disconnected", "closed-for-good", "held")
    began = fleet.one.recovery.last_restart_at
    fleet.climb_until(DEFAULT.quarantine_max_s, still=("said_closed",))
    assert fleet.rungs() == ["restart", "restart"]
    assert began is not None
    assert fleet.one.recovery.last_restart_at is not None
    assert fleet.one.recovery.last_restart_at - began == DEFAULT.quarantine_max_s


def test_until_the_pause_is_over_a_closed_line_is_only_closed() -> None:
    fleet = Fleet(can=WAPI)
    fleet.now += 100
    fleet.kill(says="closed")
    fleet.climb_until(DEFAULT.effect_within_s + 30, still=("said_closed",))
    assert (fleet.one.state, fleet.one.reason.code) == ("disconnected", "closed")


def test_a_memory_that_moved_since_the_restart_is_restarted_behind_again() -> None:
    fleet = Fleet(can=WAPI)
    fleet.now += 100
    fleet.kill(says="closed")
    fleet.climb_until(DEFAULT.effect_within_s + 30, still=("said_closed",))
    fleet.hear("said_connecting", road="state")
    fleet.judge()
    fleet.climb_until(300, still=("said_closed",))
    assert len(fleet.rungs()) > 1


@pytest.mark.parametrize("word", ["person", "boot"])
def test_a_persons_word_and_a_boot_restart_it_at_once_all_the_same(word: str) -> None:
    fleet = _restarted_behind_a_still_memory()
    if word == "person":
        fleet.hear("operator_recover", road="operator")
    else:
        fleet.server = msgspec.structs.replace(
            fleet.server, facts=msgspec.structs.replace(fleet.server.facts, booted_at=fleet.now)
        )
    fleet.climb_until(DEFAULT.boot_grace_s + 60, still=("said_closed",))
    assert len(fleet.rungs()) > 1


def test_where_the_socket_is_seen_a_memory_that_stands_still_hides_nothing() -> None:
    seen_there = msgspec.structs.replace(WAPI, socket_probe=True)
    assert _restarted_behind_a_still_memory(seen_there).rungs().count("restart") >= 4


def test_a_wish_to_pair_that_costs_the_link_is_asked_for_and_not_done() -> None:
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


def test_an_approval_outside_an_outage_names_none() -> None:
    fleet = Fleet(can=BAILEYS, paired=False)
    fleet.hear("logged_out", road="state")
    fleet.hear("operator_pair", road="operator")
    decision = fleet.judge()
    assert decision.approval is not None
    assert decision.approval.outage is None


def test_when_nothing_is_to_be_done_the_next_time_is_forgotten() -> None:
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


def test_destructive_rungs_wait_for_their_age() -> None:
    fleet = Fleet(policy=msgspec.structs.replace(DEFAULT, destructive="auto"))
    fleet.now += 100
    fleet.kill()
    began = fleet.now
    fleet.climb_until(120, still=("said_open", "socket_closed"))
    at = next(now for now, _, _, d in fleet.decisions if d.act is not None and d.act.rung == "logout")
    assert at - began >= 60


def test_a_mass_fall_that_is_over_does_not_date_what_comes_after_it() -> None:
    fleet = Fleet()
    ended = Incident("inc_1", T0 - 4000, "mass-fall", canary=SessionId(1), ended_at=T0 - 3000)
    fleet.server = msgspec.structs.replace(fleet.server, incident=ended)
    view = msgspec.structs.replace(fleet.view(), none_alive=True, server_webhook_at=T0 - 5)
    found = Verdict("closed", Reason("closed"), T0 - 10)
    assert _conditions(Draft(view, T0), found) == ServerConditions(heard_at=T0 - 5, nobody=True, away=True)
