"""An instance that its provider does not know any more: since when, what outdates that, and what is left to do."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from esteio.core.judge import diagnose
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.evidence import seen
from esteio.core.model.policy import DEFAULT
from esteio.core.model.server import Incident
from esteio.core.model.session import Facts
from tests.core.ladder_case import case, said, step
from tests.core.rehearsal import BAILEYS, EVOLUTION, T0, WAPI, Fleet, a_server, a_session


def look(fleet: Fleet, seconds: float = 5.0) -> None:
    """A look at once and then one every five seconds, each of which says that it is gone; what is begun meets nobody,
    and that is booked a moment after it was said, as on a machine's clock."""
    end = fleet.now + seconds
    while fleet.now <= end:
        fleet.hear("instance_missing", road="state")
        fleet.judge()
        if fleet.open_act() is not None:
            fleet.hear("instance_missing", road="act")
            fleet.now += 0.0001
            fleet.answer("missing")
            fleet.judge()
            assert fleet.one.reason.code == "instance-missing"
        fleet.now += 5


@pytest.mark.parametrize("can", [EVOLUTION, BAILEYS, WAPI])
def test_an_answer_booked_a_moment_after_it_came_does_not_outdate_itself(can: Capabilities) -> None:
    """It became a ghost, was restarted, and people were told to restart the server."""
    fleet = Fleet(can=can, quirks=frozenset({"restart-ended-socket-noop", "logout-of-a-dead-socket-fails"}))
    fleet.now += 100
    look(fleet, 200)
    assert fleet.one.reason.code == "instance-missing"
    assert set(fleet.rungs()) == ({"connect"} if can.connect else {"restart"})
    assert fleet.said("server-restart-proposed") == 0


def test_that_it_is_still_gone_at_every_look_does_not_put_off_the_question() -> None:
    """Each look dated the fall anew: it was never old enough for a recreate to be asked for."""
    fleet = Fleet(quirks=frozenset({"logout-of-a-dead-socket-fails"}))
    fleet.now += 100
    began = fleet.now
    look(fleet, DEFAULT.destructive_after_s + 40)
    assert fleet.approvals[1].rung == "recreate"
    assert fleet.approvals[1].created_at - began <= DEFAULT.destructive_after_s + 20
    assert (fleet.one.state, fleet.one.reason.code, fleet.one.gate) == ("disconnected", "instance-missing", "held")


def facts_of(*told: tuple[str, float]) -> Facts:
    """The facts after a life at T0 and looks that told these."""
    fleet = Fleet()
    for kind, after in told:
        fleet.put(seen(kind, T0 + after, "state"))
    fleet.now = T0 + 100
    fleet.judge()
    return fleet.one.facts


def test_gone_since_the_first_that_said_so() -> None:
    facts = facts_of(("instance_missing", 5), ("instance_missing", 9))
    assert (facts.missing_since, facts.missing_at) == (T0 + 5, T0 + 9)
    again = facts_of(("instance_missing", 5), ("said_closed", 7), ("instance_missing", 9))
    assert (again.missing_since, again.missing_at) == (T0 + 9, T0 + 9)
    late = facts_of(("instance_missing", 9), ("instance_missing", 5))
    assert (late.missing_since, late.missing_at) == (T0 + 9, T0 + 9)


def test_life_told_late_between_two_looks_leaves_it_gone_by_the_second() -> None:
    facts = facts_of(("instance_missing", 5), ("instance_missing", 9), ("round_trip_ok", 7))
    found = diagnose.verdict(a_session(facts=facts), a_server(), DEFAULT, T0 + 10)
    assert (found.kind, found.since) == ("missing", T0 + 7)


def test_what_was_read_before_it_was_gone_does_not_name_what_an_act_has_made_since() -> None:
    """The last state that was read is the old instance's open: the new one is not a ghost for that."""
    fleet = Fleet()
    fleet.now += 100
    look(fleet)
    fleet.hear("operator_recreate", road="operator")
    for _ in ("delete", "create"):
        fleet.after(5)
        fleet.answer("ok")
        fleet.after(0.1)
    assert fleet.rungs()[-2:] == ["delete", "create"]
    assert (fleet.one.state, fleet.one.reason.code) == ("connecting", "reconnecting")
    fleet.hear("said_closed", road="state")
    fleet.judge()
    assert fleet.one.reason.code == "closed"


def test_a_ghost_that_waits_for_its_server_s_restart_and_is_removed_says_that_it_is_gone() -> None:
    fleet = Fleet(quirks=frozenset({"restart-ended-socket-noop", "logout-of-a-dead-socket-fails"}))
    fleet.now += 100
    fleet.kill()
    fleet.climb_until(60, still=("said_open", "socket_closed"))
    assert fleet.one.reason.code == "ghost-needs-server-restart"
    look(fleet, 400)
    assert (fleet.one.state, fleet.one.reason.code) == ("disconnected", "instance-missing")
    assert fleet.approvals[1].rung == "recreate"


def test_one_that_was_never_linked_and_is_gone_is_not_said_to_be_connecting_for_ever() -> None:
    fleet = Fleet(paired=False)
    fleet.hear("created", road="operator", attempt="first")
    fleet.hear("qr_shown", road="act")
    fleet.judge()
    fleet.answer("ok")
    fleet.after(100)
    look(fleet, 100)
    assert (fleet.one.state, fleet.one.reason.code) == ("disconnected", "instance-missing")
    assert not fleet.approvals, "there is nothing to lose that people had to be asked for"


def test_who_asks_for_a_code_of_what_was_unlinked_and_then_removed_is_offered_a_new_instance() -> None:
    """A connect would only meet nobody, each time."""
    wish: dict[str, Any] = {"pair_at": T0, "act_at": T0 - 9}
    unlinked = case("logged_out")
    assert said(step(unlinked, facts=Facts(**wish, missing_at=T0 - 1))) == ("ask", "recreate", "asked-to-pair")
    assert step(unlinked, facts=Facts(**wish)).rung == "connect"
    assert step(unlinked, facts=Facts(**wish, missing_at=T0 - 1), can=WAPI).rung == "connect"


def test_an_unlinked_one_held_for_open_and_then_removed_needs_no_server_restart() -> None:
    fleet = Fleet()
    fleet.now += 100
    for kind in ("logged_out", "said_closed"):
        fleet.hear(kind, road="state")
    fleet.judge()
    fleet.now += 5
    for kind, road in (("said_open", "state"), ("socket_closed", "probe")):
        fleet.put(seen(kind, fleet.now, road))  # type: ignore[arg-type]
    fleet.after(1)
    assert fleet.one.reason.code == "ghost-needs-server-restart"
    look(fleet, 20)
    assert (fleet.one.state, fleet.one.reason.code) == ("disconnected", "logged-out")


def test_where_nothing_lives_one_that_is_gone_does_not_propose_the_server_s_restart() -> None:
    fleet = Fleet(quirks=frozenset({"logout-of-a-dead-socket-fails"}))
    fleet.now += 100
    fall = Incident("inc", fleet.now, "mass-fall", canary=fleet.one.id)
    fleet.server = msgspec.structs.replace(fleet.server, incident=fall)
    look(fleet, 4000)
    assert fleet.said("quarantined") > 0
    assert fleet.said("server-restart-proposed") == 0
    assert fleet.one.reason.code == "instance-missing"
