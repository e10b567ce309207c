"""One fall, at most one notice, and one word when it is over."""

from __future__ import annotations

from typing import Any

import msgspec

from esteio.core.judge.outage import changed
from esteio.core.model.policy import DEFAULT
from esteio.core.model.recovery import Outage
from esteio.core.views.sentences import sentence
from esteio.texts import catalogue
from tests.core.rehearsal import Fleet, a_session
from tests.narrowing import not_none


def fell(**how: Any) -> Fleet:
    fleet = Fleet(**how)
    fleet.now += 100
    fleet.held = 3
    fleet.kill()
    return fleet


def phases(fleet: Fleet) -> list[str]:
    """What was told of the outage itself."""
    return [phase for _, phase in fleet.notices() if phase != "approval"]


def test_a_fall_opens_an_outage_that_dates_from_its_proof() -> None:
    fleet = fell()
    outage = fleet.one.outage
    assert outage is not None
    assert (outage.since, outage.because, outage.held_at_start) == (fleet.now, "ghost-socket", 3)
    assert fleet.decisions[-1][3].events == ("session.state_changed", "session.outage_started")
    assert phases(fleet) == []


def test_people_are_told_after_a_minute_and_once() -> None:
    fleet = fell()
    fleet.after(59)
    assert phases(fleet) == []
    fleet.after(1)
    fleet.after(600)
    assert phases(fleet) == ["opened"]
    notice = next(n for _, _, _, d in fleet.decisions for n in d.notices)
    assert (notice.duration_s, notice.held) == (60, 3)


def test_a_step_that_waits_for_a_person_is_told_once() -> None:
    fleet = fell()
    fleet.after(3600)
    assert [phase for _, phase in fleet.notices()] == ["opened", "approval"]
    notice = next(n for _, _, _, d in fleet.decisions for n in d.notices if n.phase == "approval")
    approval = next(d.approval for _, _, _, d in fleet.decisions if d.approval is not None)
    assert notice.id == approval.id
    assert (notice.reason.code, notice.reason.args["rung"]) == ("approval-awaited", approval.rung)
    told = sentence(notice.reason, catalogue("en"))
    assert f"esteio approve {approval.id}" in told.action
    assert f"esteio why {fleet.one.name}" in told.action
    assert "Reason: " in told.text


def test_a_hiccup_is_told_to_nobody_but_is_an_outage_all_the_same() -> None:
    fleet = fell()
    fleet.now += 20
    fleet.pair()
    fleet.after(500)
    assert phases(fleet) == []
    assert fleet.one.last_outage is not None
    assert fleet.one.last_outage.ended_at == fleet.one.last_outage.since + 20


def test_the_closing_word_waits_until_it_is_no_flap() -> None:
    fleet = fell()
    fleet.after(60)
    fleet.now += 40
    fleet.pair()
    assert phases(fleet) == ["opened"]
    fleet.after(29)
    assert phases(fleet) == ["opened"]
    fleet.after(1)
    assert phases(fleet) == ["opened", "closed"]
    closing = fleet.decisions[-1][3].notices[0]
    assert (closing.duration_s, closing.held) == (100, 3)
    fleet.after(600)
    assert phases(fleet) == ["opened", "closed"]


def test_a_fall_soon_after_is_the_same_outage() -> None:
    fleet = fell()
    first = fleet.one.outage
    assert first is not None
    fleet.after(60)
    fleet.pair()
    fleet.now += 20
    fleet.kill()
    again = fleet.one.outage
    assert again is not None
    assert (again.id, again.reopened, again.since) == (first.id, 1, first.since)
    fleet.after(300)
    fleet.pair()
    fleet.after(60)
    assert phases(fleet) == ["opened", "closed"]


def test_a_fall_later_is_another_outage() -> None:
    fleet = fell()
    first = fleet.one.outage
    fleet.pair()
    fleet.now += 100
    fleet.kill()
    assert first is not None
    assert fleet.one.outage is not None
    assert fleet.one.outage.id != first.id


def test_what_was_told_to_be_over_is_not_reopened_in_silence() -> None:
    """A fall learned late may date itself before the closing word: it is told as one of its own."""
    fleet = fell()
    fleet.after(60)
    fleet.pair()
    ended = fleet.now
    fleet.after(31)
    assert phases(fleet) == ["opened", "closed"]
    fleet.hear("said_open", road="state")
    fleet.hear("send_closed", road="send", ago=fleet.now - ended - 1)
    fleet.hear("socket_closed", ago=fleet.now - ended - 5)
    fleet.judge()
    assert fleet.one.outage is not None
    assert fleet.one.outage.since - ended <= 30
    fleet.after(60)
    assert phases(fleet) == ["opened", "closed", "opened"]


def test_a_session_that_never_was_linked_has_no_outage() -> None:
    fleet = Fleet(paired=False)
    fleet.hear("unpaired", road="state")
    fleet.judge()
    fleet.after(600)
    assert fleet.one.outage is None
    assert phases(fleet) == []


def test_pausing_ends_the_outage_for_it_is_a_person_s_business_now() -> None:
    fleet = fell()
    fleet.now += 5
    fleet.hear("operator_paused", road="operator")
    fleet.judge()
    assert (fleet.one.state, fleet.one.outage) == ("paused", None)
    fleet.after(600)
    assert phases(fleet) == []


def test_a_pause_is_no_proof_that_it_lived_before() -> None:
    fleet = fell()
    fleet.now += 25
    fleet.hear("operator_paused", road="operator")
    fleet.judge()
    last = not_none(fleet.one.last_outage)
    assert not_none(last.ended_at) - last.since == 25


def kept(fleet: Fleet) -> dict[str, Outage]:
    """What a store holds of the one session's outages after all its decisions."""
    found: dict[str, Outage] = {}
    for at, _, view, decision in fleet.decisions:
        found.update({one.id: one for one in changed(view.session, decision.session, at)})
    return found


def test_each_change_of_an_outage_is_kept_and_nothing_else() -> None:
    fleet = fell()
    fleet.after(60)
    assert kept(fleet) == {not_none(fleet.one.outage).id: fleet.one.outage}
    assert not_none(fleet.one.outage).noticed
    told = len(fleet.decisions)
    fleet.after(20)
    fleet.pair()
    (ended,) = kept(fleet).values()
    assert ended == msgspec.structs.replace(not_none(fleet.one.last_outage), notice_due=ended.notice_due)
    assert len(fleet.decisions) > told + 1
    writing = [changed(view.session, decision.session, at) for at, _, view, decision in fleet.decisions]
    assert len([one for one in writing if one]) == 3, "began, told, ended"
    fleet.after(5)
    fleet.kill()
    (again,) = kept(fleet).values()
    assert (again.ended_at, again.reopened) == (None, 1), "a flap is one outage"


def test_an_outage_that_a_person_s_word_takes_away_is_over_then() -> None:
    fleet = fell()
    fell_at = fleet.now
    fleet.now += 30
    fleet.hear("operator_logout", road="operator")
    fleet.hear("logged_out", road="state")
    fleet.judge()
    (over,) = kept(fleet).values()
    assert (over.since, over.ended_at) == (fell_at, fleet.now)


def test_one_may_end_and_another_begin_in_one_decision() -> None:
    was, stands = Outage("a", 1.0, "ghost"), Outage("b", 5.0, "banned")
    before, after = a_session(outage=was), a_session(outage=stands)
    assert changed(before, after, 6.0) == (msgspec.structs.replace(was, ended_at=6.0), stands)
    assert changed(before, a_session(outage=Outage("a", 1.0, "ghost")), 6.0) == ()


def test_a_person_s_own_logout_is_no_fall() -> None:
    fleet = fell()
    fleet.hear("operator_logout", road="operator")
    fleet.hear("logged_out", road="state")
    fleet.judge()
    assert fleet.one.outage is None
    fleet.after(600)
    assert phases(fleet) == []


def test_without_delay_the_notice_comes_with_the_fall() -> None:
    fleet = fell(policy=msgspec.structs.replace(DEFAULT, notify_after_s=0))
    assert phases(fleet) == ["opened"]


def test_the_lines_of_a_notice_say_which_and_why() -> None:
    fleet = fell()
    fleet.after(60)
    lines = [line for _, _, _, d in fleet.decisions for line in d.lines if line.kind == "notice"]
    assert [(line.code, line.args["because"]) for line in lines] == [("notice-opened", fleet.one.reason.code)]


def test_a_mass_fall_whose_canary_is_not_at_it_yet_has_no_time_of_its_canary() -> None:
    fleet = Fleet(4)
    fleet.now += 100
    for n in fleet.sessions:
        fleet.kill(n, says="closed")
    assert fleet.server.incident is not None
    assert (fleet.server.incident.canary, fleet.server.incident.canary_at) == (1, 0.0)
