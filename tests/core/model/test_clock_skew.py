"""What is dated later than now counts as now: a clock that ran ahead and was put right blinds nobody."""

from __future__ import annotations

import msgspec
import pytest

from esteio.core.judge.decide import decide
from esteio.core.judge.probe_schedule import as_before
from esteio.core.judge.server import ServerInputs, decide_server
from esteio.core.model import clock_skew
from esteio.core.model.evidence import seen
from esteio.core.model.ids import SessionId
from esteio.core.model.policy import DEFAULT
from esteio.core.model.recovery import Attempt, Recovery
from esteio.core.model.server import Incident, ServerFacts, Slot
from esteio.core.model.session import Facts
from tests.core.rehearsal import T0, Fleet, a_server, a_session

AHEAD_S = 3 * 3600.0


def ran_ahead() -> Fleet:
    """A fleet of one whose clock ran three hours ahead for a while, and is right again."""
    fleet = Fleet()
    fleet.now += AHEAD_S
    fleet.pair()
    fleet.after(20)
    fleet.now -= AHEAD_S
    return fleet


def test_a_death_after_the_clock_was_put_right_is_seen() -> None:
    fleet = ran_ahead()
    fleet.judge()
    for _ in range(3):
        fleet.now += 5
        fleet.hear("said_open", road="state")
        fleet.hear("socket_closed")
        fleet.hear("send_closed", road="send")
        fleet.judge()
    assert (fleet.one.state, fleet.one.reason.code) == ("connecting", "ghost-socket")
    assert fleet.one.outage is not None
    assert fleet.one.outage.since <= fleet.now


def test_a_look_that_brings_what_the_last_one_brought_is_judged_while_something_is_dated_ahead() -> None:
    fleet = ran_ahead()
    view = fleet.view()
    awaited = decide(view, fleet.now).planned
    assert awaited is not None
    news = (seen("socket_ok", fleet.now, "probe"),)
    assert as_before(msgspec.structs.replace(view, new_evidence=news), awaited, fleet.now) is None


def test_the_next_look_comes_in_its_time() -> None:
    fleet = ran_ahead()
    decision = fleet.judge()
    assert decision.wake_at is not None
    assert decision.wake_at <= fleet.now + 30


def test_nothing_of_a_session_lies_further_ahead_than_it_is_put() -> None:
    then = T0 + AHEAD_S
    act = Attempt("a", "restart", 1, opened_at=then, until=then + 20, performed_at=then)
    session = a_session(
        since=then,
        facts=Facts(
            life_at=then,
            closed=(T0 - 5, then),
            code_until=then,
            restricted_until=then,
            state_read="open",
            unanswered_probes=1,
        ),
        recovery=Recovery(open=act, restarts=1, last_restart_at=then, quarantine_until=then + 99, next_at=then + 9),
    )
    found = clock_skew.session_as_of(session, DEFAULT, T0)
    assert (found.since, found.facts.life_at, found.facts.closed) == (T0, T0, (T0 - 5, T0))
    assert (found.facts.code_until, found.facts.restricted_until) == (then, then), "these are WhatsApp's words"
    opened = found.recovery.open
    assert opened is not None
    assert (opened.opened_at, opened.until, opened.performed_at) == (T0, T0 + 20, T0)
    assert found.recovery.last_restart_at == T0
    assert found.recovery.quarantine_until == pytest.approx(T0 + 3960)
    assert (found.facts.state_read, found.facts.unanswered_probes, found.name) == ("open", 1, session.name)
    assert clock_skew.session_as_of(found, DEFAULT, T0) is found
    assert not clock_skew.is_ahead(found, T0)


def test_a_part_of_a_second_is_no_matter() -> None:
    session = a_session(facts=Facts(life_at=T0 + 0.5))
    assert clock_skew.session_as_of(session, DEFAULT, T0) is session


def test_the_same_of_a_server_whose_death_is_seen_too() -> None:
    then = T0 + AHEAD_S
    server = a_server(
        facts=ServerFacts(answered_at=then, listed_at=then),
        slots=(Slot(SessionId(1), "a", then + 20),),
        last_attempt_at=then,
        incident=Incident("i", then, "mass-fall"),
    )
    found = clock_skew.server_as_of(server, DEFAULT, T0)
    assert (found.facts.answered_at, found.last_attempt_at, found.slots[0].until) == (T0, T0, T0 + 20)
    assert found.incident is not None
    assert found.incident.since == T0
    assert clock_skew.server_as_of(found, DEFAULT, T0) is found
    news = (seen("server_unreachable", T0 + 1, "list"), seen("server_unreachable", T0 + 2, "list"))
    righted = decide_server(ServerInputs(server, (), DEFAULT), T0).server
    assert decide_server(ServerInputs(righted, news, DEFAULT), T0 + 2).server.health == "down"


def test_news_that_was_written_while_it_ran_ahead_is_of_now() -> None:
    piece = msgspec.structs.replace(seen("message_received", T0 + AHEAD_S, "webhook"), count=3, first_at=T0 + 99)
    found = clock_skew.evidence_as_of(piece, T0)
    assert (found.happened_at, found.seen_at, found.count, found.first_at) == (T0, T0, 3, None)
    fresh = seen("message_received", T0, "webhook")
    assert clock_skew.evidence_as_of(fresh, T0) is fresh


def test_no_session_asks_to_be_judged_later_than_within_the_hour() -> None:
    fleet = Fleet(policy=msgspec.structs.replace(DEFAULT, probe_idle_s=86400))
    decision = fleet.after(1)
    assert decision.wake_at is not None
    assert decision.wake_at <= fleet.now + clock_skew.WAKE_MOST_S


def test_that_the_clock_was_put_back_changes_no_fact() -> None:
    fleet = Fleet()
    before = fleet.one.facts
    fleet.hear("clock_stepped_back", road="self", seconds="10800")
    fleet.judge()
    assert msgspec.structs.replace(fleet.one.facts, looked_at=before.looked_at) == before
