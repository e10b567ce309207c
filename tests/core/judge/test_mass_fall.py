"""Several sessions that fall together are one incident: a canary goes first, and people hear of it once."""

from __future__ import annotations

import msgspec

from esteio.core.judge.server import ServerInputs, decide_server
from esteio.core.model.decision import Notice
from esteio.core.model.ids import SessionId
from esteio.core.model.policy import DEFAULT
from esteio.core.model.server import Incident
from esteio.core.model.state import Reason
from tests.core.rehearsal import T0, Fleet, a_server
from tests.core.server_fleet import fallen_together


def test_three_falls_in_a_minute_are_one_incident_with_one_canary() -> None:
    fleet = fallen_together()
    incident = fleet.server.incident
    assert incident is not None
    assert (incident.canary, incident.members) == (1, 3)
    assert sum(fleet.said("mass-fall", n) for n in fleet.sessions) == 1
    assert [fleet.rungs(n) for n in (1, 2, 3, 4)] == [["restart"], ["restart"], [], []], "frozen once it is one"


def test_while_one_is_the_canary_the_others_wait_however_much_the_budget_allows() -> None:
    wide = msgspec.structs.replace(DEFAULT, connects_in_flight=10, seconds_between_connects=0)
    fleet = fallen_together(4, Fleet(4, policy=wide))
    assert [fleet.rungs(n) for n in (1, 2, 3, 4)] == [["restart"], ["restart"], [], []]
    for _ in range(10):
        fleet.after(3, 3)
        fleet.judge(4)
    assert (fleet.rungs(3), fleet.rungs(4)) == ([], [])
    assert fleet[3].wake_at is not None
    assert fleet.server.incident is not None
    fleet.server = msgspec.structs.replace(
        fleet.server, incident=msgspec.structs.replace(fleet.server.incident, canary=SessionId(3))
    )
    fleet.after(6, 3)
    fleet.judge(4)
    assert (fleet.rungs(3), fleet.rungs(4)) == (["restart"], [])


def test_one_fall_alone_is_no_mass_whatever_the_policy() -> None:
    fleet = fallen_together(1, Fleet(3, policy=msgspec.structs.replace(DEFAULT, mass_fall_count=1)))
    assert fleet.server.incident is None


def test_two_falls_are_two_falls() -> None:
    fleet = fallen_together(2)
    assert fleet.server.incident is None


def test_of_a_large_fleet_three_are_no_mass() -> None:
    fleet = Fleet(20)
    fallen_together(4, fleet)
    assert fleet.server.incident is None


def test_falls_far_apart_are_no_mass() -> None:
    fleet = Fleet(3)
    for n in (1, 2, 3):
        fleet.now += 100
        fleet.kill(n)
    assert fleet.server.incident is None


def test_people_hear_of_a_mass_fall_once_and_not_of_its_members() -> None:
    fleet = fallen_together()
    told: list[tuple[str, str]] = []
    for _ in range(30):
        fleet.now += 5
        told += [(n.phase, n.reason.code) for n in fleet.judge_server().notices]
        for n in fleet.sessions:
            fleet.judge(n)
    assert told == [("opened", "server-mass-fall")]
    assert fleet.notices() == []
    for n in fleet.sessions:
        fleet.pair(n)
    told = [(n.phase, n.reason.code) for n in fleet.judge_server().notices]
    assert told == [("closed", "server-mass-fall-over")]
    fleet.now += 60
    for n in fleet.sessions:
        fleet.judge(n)
    assert fleet.notices() == []


def test_a_mass_fall_that_passes_at_once_is_told_to_nobody() -> None:
    fleet = fallen_together()
    for n in fleet.sessions:
        fleet.pair(n)
    decision = fleet.judge_server()
    assert decision.notices == ()
    assert [line.code for line in decision.lines] == ["mass-fall-over"]
    assert fleet.server.incident is not None
    assert fleet.server.incident.ended_at is not None
    fleet.now += 200
    fleet.judge_server()
    assert fleet.server.incident is not None
    fleet.now += 200
    fleet.judge_server()
    assert fleet.server.incident is None


def test_the_rest_may_go_when_the_canary_is_well() -> None:
    fleet = fallen_together()
    fleet.pair(1)
    decision = fleet.judge_server()
    assert [line.code for line in decision.lines] == ["canary-healed"]
    assert decision.weather_changed
    fleet.after(30, 3)
    assert fleet.rungs(3) == ["restart"]
    assert fleet.judge_server().lines == ()


def test_a_mass_fall_is_one_outage_of_the_server_to_its_subscribers() -> None:
    fleet = fallen_together()
    told: list[str] = []
    for _ in range(30):
        decision = fleet.judge_server()
        told += decision.events
        fleet.now += 5
    assert fleet.server.outage is not None
    assert fleet.server.outage.because == "mass-fall"
    for n in fleet.sessions:
        fleet.pair(n)
    told += fleet.judge_server().events
    assert told == ["server.outage_started", "server.outage_ended"]


def test_what_does_not_come_back_with_its_server_is_the_same_outage() -> None:
    fleet = Fleet(4)
    told: list[str] = []
    notices: list[tuple[str, str]] = []
    fleet.now += 100
    for _ in range(2):
        fleet.hear("server_unreachable")
        told += fleet.judge_server().events
    fleet.now += 50
    fleet.hear("server_answered")
    told += fleet.judge_server().events
    for n in (1, 2, 3):
        fleet.now += 2
        fleet.kill(n)
    for _ in range(10):
        fleet.now += 5
        decision = fleet.judge_server()
        told += decision.events
        notices += [(n.phase, n.reason.code) for n in decision.notices]
    for n in (1, 2, 3):
        fleet.pair(n)
    decision = fleet.judge_server()
    assert [*told, *decision.events] == ["server.outage_started", "server.outage_ended"]
    notices += [(n.phase, n.reason.code) for n in decision.notices]
    assert notices == [("opened", "server-mass-fall"), ("closed", "server-mass-fall-over")]


def turn(fleet: Fleet, **changes: object) -> None:
    assert fleet.server.incident is not None
    incident = msgspec.structs.replace(fleet.server.incident, **changes)
    fleet.server = msgspec.structs.replace(fleet.server, incident=incident, slots=(), last_attempt_at=0.0)


def test_a_canary_that_asks_for_nothing_is_passed_over_at_once() -> None:
    fleet = fallen_together()
    turn(fleet, canary=SessionId(4), canary_at=0.0)
    fleet.after(6, 3)
    assert fleet.rungs(3) == ["restart"]
    assert fleet.server.incident is not None
    assert (fleet.server.incident.canary, fleet.server.incident.canary_at) == (3, fleet.now)
    assert fleet.said("canary-changed", 3) == 1
    fleet.after(6, 4)
    assert fleet.rungs(4) == [], "one at a time"


def test_the_canary_itself_begins_its_turn_with_its_first_act() -> None:
    fleet = fallen_together()
    turn(fleet, canary=SessionId(3), canary_at=0.0)
    fleet.after(6, 3)
    assert fleet.server.incident is not None
    assert (fleet.server.incident.canary, fleet.server.incident.canary_at) == (3, fleet.now)
    assert fleet.said("canary-changed", 3) == 0


def test_a_canary_that_is_not_healed_in_its_time_gives_its_place_to_who_needs_one() -> None:
    fleet = fallen_together()
    turn(fleet, canary=SessionId(1), canary_at=fleet.now)
    fleet.after(59, 3)
    assert fleet.rungs(3) == []
    fleet.after(6, 3)
    assert fleet.rungs(3) == ["restart"]


def test_a_canary_that_flaps_keeps_nobody_waiting() -> None:
    fleet = fallen_together()
    turn(fleet, canary=SessionId(3), canary_at=fleet.now)
    for ago in (8, 6, 4, 2, 0):
        fleet.hear("said_connecting", 3, road="webhook", ago=ago)
    fleet.judge(3)
    assert fleet.server.incident is not None
    assert fleet.server.incident.canary_at == 0
    fleet.after(1, 4)
    assert fleet.rungs(4) == ["restart"]


def test_a_number_that_fell_long_before_is_no_member() -> None:
    fleet = Fleet(5)
    fleet.now += 10
    fleet.hear("logged_out", 1, road="state")
    fleet.judge(1)
    fleet.now += 1000
    for n in (2, 3, 4, 5):
        fleet.now += 4
        fleet.kill(n)
    assert fleet.server.incident is not None
    assert fleet.server.incident.canary == 2
    for n in (2, 3, 4, 5):
        fleet.pair(n)
    fleet.judge_server()
    assert fleet.server.incident is not None
    assert fleet.server.incident.ended_at is not None


def test_a_person_s_wish_skips_the_freeze_but_not_the_budget() -> None:
    fleet = fallen_together()
    fleet.now += 30
    fleet.hear("operator_recover", 4, road="operator")
    fleet.judge(4)
    assert fleet.rungs(4) == ["restart"]
    fleet.hear("operator_recover", 3, road="operator")
    fleet.judge(3)
    assert fleet.rungs(3) == []
    fleet.after(3, 3)
    assert fleet.rungs(3) == ["restart"]


def test_an_incident_without_its_own_time_is_told_from_its_beginning() -> None:
    server = a_server(incident=Incident("i", T0 - 61, "mass-fall", canary=SessionId(1)))
    view = ServerInputs(server, (), DEFAULT, ((SessionId(1), T0),), 3)
    assert [n.phase for n in decide_server(view, T0).notices] == ["opened"]


def test_the_notices_of_a_mass_fall_name_its_outage_its_size_and_its_time() -> None:
    fleet = fallen_together()
    assert fleet.server.incident is not None
    began = fleet.server.incident.since
    fleet.judge_server()
    outage = fleet.server.outage
    fleet.now = began + 60
    count = {"server": "srv", "count": "4"}
    [opened] = fleet.judge_server().notices
    assert outage is not None
    assert opened == Notice(outage.id, "opened", Reason("server-mass-fall", count), began, 60)
    for n in fleet.sessions:
        fleet.pair(n)
    [closed] = fleet.judge_server().notices
    assert fleet.server.incident is not None
    members = {"server": "srv", "count": str(fleet.server.incident.members)}
    assert outage is not None
    assert closed == Notice(outage.id, "closed", Reason("server-mass-fall-over", members), began, fleet.now - began)
