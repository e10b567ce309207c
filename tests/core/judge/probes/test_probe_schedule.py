"""When to look again, and how deep. A look is a read: it is never an act."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from esteio.core.judge import probe_schedule
from esteio.core.judge.diagnose import Verdict
from esteio.core.judge.ladder import CLOSED_LOOKS, RESTART_NOOP
from esteio.core.model.decision import Draft
from esteio.core.model.evidence import Source
from esteio.core.model.policy import DEFAULT
from esteio.core.model.session import Facts
from esteio.core.model.state import Reason
from tests.core.judge.probes.probed_fleet import looked, next_look
from tests.core.rehearsal import T0, WAPI, Fleet


def test_a_healthy_session_is_looked_at_every_thirty_seconds() -> None:
    assert next_look(looked()) == 30


def test_fresh_proof_of_life_needs_no_look() -> None:
    fleet = looked()
    fleet.now += 29
    fleet.hear("message_received", road="webhook")
    fleet.judge()
    assert next_look(fleet) == 30


def test_the_first_looks_of_a_fleet_are_spread() -> None:
    fleet = Fleet(8)
    dues = {round(session.wake_at or 0, 1) for session in fleet.sessions.values()}
    assert len(dues) > 4
    assert all(fleet.now <= due <= fleet.now + 30 for due in dues)


def test_an_adopted_session_is_proved_at_once() -> None:
    fleet = Fleet(paired=False)
    fleet.hear("said_open", road="state")
    fleet.hear("socket_ok")
    decision = fleet.judge()
    assert decision.look == "roundtrip"


def test_a_suspect_is_looked_at_at_once_by_a_round_trip() -> None:
    fleet = looked()
    fleet.now += 2
    fleet.hear("send_closed", road="send")
    assert fleet.judge().look == "roundtrip"


def test_after_that_suspects_are_looked_at_often() -> None:
    fleet = looked()
    fleet.now += 2
    fleet.hear("send_closed", road="send")
    fleet.judge()
    fleet.now += 0.1
    assert next_look(fleet) == pytest.approx(4.9)


@pytest.mark.parametrize(
    ("kind", "road"),
    [
        ("said_closed", "webhook"),
        ("said_connecting", "webhook"),
        ("logged_out", "webhook"),
        ("silence", "self"),
        ("operator_recover", "operator"),
    ],
)
def test_news_that_does_not_fit_makes_us_look_at_once(kind: str, road: Source) -> None:
    fleet = looked()
    fleet.now += 2
    fleet.hear(kind, road=road)
    assert fleet.judge().look is not None


def test_a_pushed_open_of_a_dead_session_makes_us_look_at_once() -> None:
    fleet = looked()
    fleet.now += 5
    fleet.kill()
    fleet.answer("ok")
    fleet.after(21)
    fleet.after(1)
    fleet.now += 2
    fleet.hear("said_open", road="webhook")
    assert fleet.judge().look is not None


def test_a_pushed_open_of_a_living_session_is_no_reason() -> None:
    fleet = looked()
    fleet.now += 2
    fleet.hear("said_open", road="webhook")
    assert fleet.judge().look is None


def test_hints_do_not_make_us_look_more_than_once_a_second() -> None:
    fleet = looked()
    fleet.now += 2
    looks = 0
    for _ in range(20):
        fleet.now += 0.1
        fleet.hear("said_connecting", road="webhook")
        looks += fleet.judge().look is not None
    assert 1 <= looks <= 3


def test_after_an_act_its_effect_is_looked_for() -> None:
    fleet = looked()
    fleet.now += 5
    fleet.kill()
    fleet.now += 1
    fleet.answer("ok")
    fleet.judge()
    assert next_look(fleet) == pytest.approx(2, abs=1.01)


@pytest.mark.parametrize("kind", ["logged_out", "banned", "outdated"])
def test_what_only_people_can_mend_is_looked_at_seldom(kind: str) -> None:
    fleet = looked()
    fleet.now += 2
    fleet.hear(kind, road="state")
    fleet.judge()
    fleet.now += 0.1
    next_look(fleet)
    fleet.now += 0.1
    assert next_look(fleet) == pytest.approx(29.9)


def unlinked(**how: Any) -> Fleet:
    fleet = looked(**how)
    fleet.now += 100
    fleet.hear("logged_out", road="state")
    fleet.judge()
    return fleet


def looks_within(fleet: Fleet, seconds: float) -> list[float]:
    """The pauses between looks, each of which says what the one before said."""
    end, pauses = fleet.now + seconds, []
    while fleet.now < end:
        pauses.append(next_look(fleet))
        fleet.hear("said_closed", road="state")
    return pauses


def test_the_longer_a_line_waits_for_a_person_the_rarer_it_is_looked_at() -> None:
    pauses = looks_within(unlinked(), 7200)
    assert pauses == sorted(pauses)
    assert (round(pauses[1]), round(pauses[-1]), len(pauses) < 60) == (30, 300, True)


def test_where_no_list_tells_that_somebody_has_helped_it_is_looked_at_as_before() -> None:
    assert {round(pause) for pause in looks_within(unlinked(can=WAPI), 3600)} == {30}


@pytest.mark.parametrize("road", ["list", "webhook"])
def test_who_has_helped_is_seen_at_once(road: Source) -> None:
    fleet = unlinked()
    fleet.hear("said_closed", road="list")
    looks_within(fleet, 7200)
    fleet.now += 10
    fleet.hear("said_open", road=road)
    assert next_look(fleet) <= 1


def test_a_ghost_that_a_boot_may_have_healed_is_looked_at_often_again() -> None:
    fleet = looked(quirks=frozenset({RESTART_NOOP}))
    fleet.now += 100
    fleet.kill(says="open")
    fleet.climb_until(3600, still=("said_open", "socket_closed"))
    assert fleet.one.recovery.server_restart_proposed
    next_look(fleet)
    assert next_look(fleet) > 30
    fleet.server = msgspec.structs.replace(
        fleet.server, facts=msgspec.structs.replace(fleet.server.facts, booted_at=fleet.now)
    )
    next_look(fleet)
    assert next_look(fleet) == DEFAULT.probe_suspect_s


def test_a_paused_session_is_still_watched() -> None:
    fleet = looked()
    fleet.hear("operator_paused", road="operator")
    fleet.judge()
    assert next_look(fleet) == 30


def test_a_long_quarantine_is_watched_seldom() -> None:
    fleet = looked()
    fleet.now += 5
    fleet.kill()
    fleet.climb_until(290, still=("said_open", "socket_closed"))
    assert fleet.one.recovery.strikes > 1
    assert fleet.now < fleet.one.recovery.quarantine_until - 60
    next_look(fleet)
    fleet.now += 0.1
    assert next_look(fleet) == pytest.approx(29.9)


def test_a_pause_left_from_the_last_fall_slows_no_suspicion() -> None:
    """Storm seed 5037: healed in quarantine, fallen again, and looked at every thirty seconds."""
    fleet = looked()
    fleet.now += 5
    fleet.kill()
    fleet.climb_until(290, still=("said_open", "socket_closed"))
    fleet.hear("message_received", road="webhook")
    fleet.judge()
    fleet.now += 30
    fleet.hear("socket_closed")
    fleet.judge()
    assert fleet.one.recovery.quarantine_until > fleet.now + 30
    fleet.now += 0.1
    assert next_look(fleet) <= 5


def test_a_server_that_is_down_is_asked_itself_where_it_can_be() -> None:
    fleet = looked()
    fleet.server = msgspec.structs.replace(fleet.server, health="down")
    decision = fleet.after(60)
    assert (decision.look, decision.wake_at) == (None, None)


def test_and_where_it_cannot_its_sessions_are_asked() -> None:
    fleet = looked(can=WAPI)
    fleet.server = msgspec.structs.replace(fleet.server, health="down")
    assert next_look(fleet) == 30


def test_a_server_that_is_down_and_tells_of_its_session_is_asked_at_once() -> None:
    fleet = looked(can=WAPI)
    fleet.server = msgspec.structs.replace(fleet.server, health="down")
    fleet.now += 5
    fleet.hear("message_received", road="webhook")
    assert next_look(fleet) <= 1


def test_an_idle_and_confirmed_session_is_looked_at_by_its_socket_alone() -> None:
    fleet = looked()
    fleet.now += 31
    assert fleet.judge().look == "pulse"


@pytest.mark.parametrize("kind", ["said_connecting", "said_closed", "said_unknown"])
def test_its_memory_is_asked_too_as_long_as_it_said_otherwise_last(kind: str) -> None:
    fleet = looked()
    fleet.now += 10
    fleet.hear(kind, road="state")
    fleet.hear("socket_ok")
    fleet.judge()
    assert fleet.after(31).look != "pulse"
    fleet.hear("said_open", road="state")
    fleet.hear("socket_ok")
    fleet.judge()
    assert fleet.after(31).look == "pulse"


def test_its_memory_is_asked_when_somebody_says_otherwise() -> None:
    fleet = looked()
    fleet.now += 10
    fleet.hear("said_connecting", road="webhook")
    assert fleet.judge().look == "socket"


def test_what_is_about_to_be_connected_is_looked_at_every_second_until_closed_stands() -> None:
    fleet = looked()
    fleet.now += 10
    fleet.kill(says="closed")
    gaps = []
    for _ in range(4):
        fleet.now += 0.1
        gaps.append(round(next_look(fleet) + 0.1))
        fleet.hear("said_closed", road="state")
        fleet.hear("socket_closed")
        fleet.judge()
    assert gaps == [5, 1, 1, 2], "then the act's effect is looked for"
    assert fleet.rungs() == ["connect"]


def test_a_word_of_connecting_between_two_looks_puts_the_connect_off_and_not_for_ever() -> None:
    """Storm seed 5096: it was connecting once more after the last look, and then stood closed for good."""
    fleet = looked()
    fleet.now += 10
    fleet.kill(says="closed")
    fleet.now += 1
    fleet.hear("said_connecting", road="webhook")
    fleet.judge()
    fleet.climb_until(15, still=("said_closed", "socket_closed"))
    assert fleet.rungs() == []
    fleet.climb_until(15, still=("said_closed", "socket_closed"))
    assert fleet.rungs()[:1] == ["connect"]


@pytest.mark.parametrize("says", ["closed", "connecting"])
def test_a_socket_that_is_open_beside_such_a_word_is_asked_through_whatsapp(says: str) -> None:
    fleet = looked()
    fleet.now += 10
    fleet.kill(says=says)
    fleet.now += 5
    fleet.hear(f"said_{says}", road="state")
    fleet.hear("socket_ok")
    fleet.judge()
    fleet.now += 5
    assert fleet.judge().look == "roundtrip"
    fleet.hear("round_trip_ok")
    assert fleet.judge().session.state == "connected"
    assert fleet.rungs() == []


@pytest.mark.parametrize(("listed", "after"), [("open", 5), ("closed", 2)])
def test_who_was_not_seen_since_its_server_started_is_looked_for_until_it_is(listed: str, after: int) -> None:
    """It has a socket no more; a look that found it not loaded yet is no reason to wait half a minute."""
    fleet = looked()
    fleet.server = msgspec.structs.replace(
        fleet.server, facts=msgspec.structs.replace(fleet.server.facts, booted_at=fleet.now + 1)
    )
    fleet.now += 1
    fleet.hear(f"said_{listed}", road="list")
    next_look(fleet)
    fleet.hear("said_unknown", road="state", state="not-loaded")
    assert fleet.judge().planned is None
    assert next_look(fleet) == pytest.approx(after, abs=0.1)
    fleet.hear("said_open", road="state")
    fleet.hear("socket_ok")
    fleet.judge()
    assert next_look(fleet) > 20


def test_a_line_that_says_closed_is_looked_at_every_second_until_it_has_said_so_often_enough() -> None:
    for times, due in ((CLOSED_LOOKS - 1, 1), (CLOSED_LOOKS, 5)):
        fleet = Fleet()
        facts = Facts(
            state_read="closed", state_read_at=T0, state_read_since=T0 - 9, state_read_times=times, looked_at=T0
        )
        fleet.sessions[1] = msgspec.structs.replace(fleet.one, facts=facts)
        draft = Draft(fleet.view(), T0)
        assert probe_schedule.next_probe(draft, Verdict("closed", Reason("closed"), T0 - 9)) == T0 + due
