"""When to look again, and how deep. A look is a read: it is never an act."""

from __future__ import annotations

import msgspec
import pytest

from esteio.core.judge import probe_schedule
from esteio.core.judge.decide import decide
from esteio.core.judge.diagnose import Verdict
from esteio.core.judge.ladder import CLOSED_LOOKS, RESTART_NOOP
from esteio.core.judge.pacing import is_due
from esteio.core.judge.probe_schedule import ROUND_TRIP_EVERY_S, UNACKED_S, as_before, as_planned
from esteio.core.model.decision import Draft
from esteio.core.model.evidence import seen
from esteio.core.model.policy import DEFAULT
from esteio.core.model.session import Facts
from esteio.core.model.state import Reason
from tests.core.rehearsal import BAILEYS, T0, WAPI, Fleet


def looked(policy=DEFAULT, **how) -> Fleet:
    """A confirmed session that was looked at just now."""
    fleet = Fleet(policy=policy, **how)
    fleet.now += 100
    fleet.hear("socket_ok")
    assert fleet.judge().look is None or fleet.one.facts.looked_at == fleet.now
    fleet.sessions[1] = msgspec.structs.replace(
        fleet.one, facts=msgspec.structs.replace(fleet.one.facts, looked_at=fleet.now)
    )
    return fleet


def next_look(fleet: Fleet, **how) -> float:
    """Seconds until a decision wants a look, judging at each wake."""
    began = fleet.now
    for _ in range(100):
        if fleet.judge().look is not None:
            return fleet.now - began
        wake = fleet.one.wake_at
        assert wake is not None
        fleet.now = max(wake, fleet.now + 0.01)
    raise AssertionError("never looked at")


def test_a_healthy_session_is_looked_at_every_thirty_seconds():
    assert next_look(looked()) == 30


def test_fresh_proof_of_life_needs_no_look():
    fleet = looked()
    fleet.now += 29
    fleet.hear("message_received", road="webhook")
    fleet.judge()
    assert next_look(fleet) == 30


def test_the_first_looks_of_a_fleet_are_spread():
    fleet = Fleet(8)
    dues = {round(session.wake_at or 0, 1) for session in fleet.sessions.values()}
    assert len(dues) > 4
    assert all(fleet.now <= due <= fleet.now + 30 for due in dues)


def test_an_adopted_session_is_proved_at_once():
    fleet = Fleet(paired=False)
    fleet.hear("said_open", road="state")
    fleet.hear("socket_ok")
    decision = fleet.judge()
    assert decision.look == "roundtrip"


def test_a_suspect_is_looked_at_at_once_by_a_round_trip():
    fleet = looked()
    fleet.now += 2
    fleet.hear("send_closed", road="send")
    assert fleet.judge().look == "roundtrip"


def test_after_that_suspects_are_looked_at_often():
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
def test_news_that_does_not_fit_makes_us_look_at_once(kind, road):
    fleet = looked()
    fleet.now += 2
    fleet.hear(kind, road=road)
    assert fleet.judge().look is not None


def test_a_pushed_open_of_a_dead_session_makes_us_look_at_once():
    fleet = looked()
    fleet.now += 5
    fleet.kill()
    fleet.answer("ok")
    fleet.after(21)
    fleet.after(1)
    fleet.now += 2
    fleet.hear("said_open", road="webhook")
    assert fleet.judge().look is not None


def test_a_pushed_open_of_a_living_session_is_no_reason():
    fleet = looked()
    fleet.now += 2
    fleet.hear("said_open", road="webhook")
    assert fleet.judge().look is None


def test_hints_do_not_make_us_look_more_than_once_a_second():
    fleet = looked()
    fleet.now += 2
    looks = 0
    for _ in range(20):
        fleet.now += 0.1
        fleet.hear("said_connecting", road="webhook")
        looks += fleet.judge().look is not None
    assert 1 <= looks <= 3


def test_after_an_act_its_effect_is_looked_for():
    fleet = looked()
    fleet.now += 5
    fleet.kill()
    fleet.now += 1
    fleet.answer("ok")
    fleet.judge()
    assert next_look(fleet) == pytest.approx(2, abs=1.01)


@pytest.mark.parametrize("kind", ["logged_out", "banned", "outdated"])
def test_what_only_people_can_mend_is_looked_at_seldom(kind):
    fleet = looked()
    fleet.now += 2
    fleet.hear(kind, road="state")
    fleet.judge()
    fleet.now += 0.1
    next_look(fleet)
    fleet.now += 0.1
    assert next_look(fleet) == pytest.approx(29.9)


def unlinked(**how) -> Fleet:
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


def test_the_longer_a_line_waits_for_a_person_the_rarer_it_is_looked_at():
    pauses = looks_within(unlinked(), 7200)
    assert pauses == sorted(pauses)
    assert (round(pauses[1]), round(pauses[-1]), len(pauses) < 60) == (30, 300, True)


def test_where_no_list_tells_that_somebody_has_helped_it_is_looked_at_as_before():
    assert {round(pause) for pause in looks_within(unlinked(can=WAPI), 3600)} == {30}


@pytest.mark.parametrize("road", ["list", "webhook"])
def test_who_has_helped_is_seen_at_once(road):
    fleet = unlinked()
    fleet.hear("said_closed", road="list")
    looks_within(fleet, 7200)
    fleet.now += 10
    fleet.hear("said_open", road=road)
    assert next_look(fleet) <= 1


def test_a_ghost_that_a_boot_may_have_healed_is_looked_at_often_again():
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


def test_a_paused_session_is_still_watched():
    fleet = looked()
    fleet.hear("operator_paused", road="operator")
    fleet.judge()
    assert next_look(fleet) == 30


def test_a_long_quarantine_is_watched_seldom():
    fleet = looked()
    fleet.now += 5
    fleet.kill()
    fleet.climb_until(290, still=("said_open", "socket_closed"))
    assert fleet.one.recovery.strikes > 1
    assert fleet.now < fleet.one.recovery.quarantine_until - 60
    next_look(fleet)
    fleet.now += 0.1
    assert next_look(fleet) == pytest.approx(29.9)


def test_a_pause_left_from_the_last_fall_slows_no_suspicion():
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


def test_a_server_that_is_down_is_asked_itself_where_it_can_be():
    fleet = looked()
    fleet.server = msgspec.structs.replace(fleet.server, health="down")
    decision = fleet.after(60)
    assert (decision.look, decision.wake_at) == (None, None)


def test_and_where_it_cannot_its_sessions_are_asked():
    fleet = looked(can=WAPI)
    fleet.server = msgspec.structs.replace(fleet.server, health="down")
    assert next_look(fleet) == 30


def test_a_server_that_is_down_and_tells_of_its_session_is_asked_at_once():
    fleet = looked(can=WAPI)
    fleet.server = msgspec.structs.replace(fleet.server, health="down")
    fleet.now += 5
    fleet.hear("message_received", road="webhook")
    assert next_look(fleet) <= 1


@pytest.mark.parametrize("can", [BAILEYS, WAPI])
def test_without_round_trips_the_socket_is_as_deep_as_it_gets(can):
    fleet = looked(can=msgspec.structs.replace(can, question_refutes=False))
    fleet.now += 2
    fleet.hear("send_closed", road="send")
    assert fleet.judge().look == "socket"


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


def doubted(can) -> Fleet:
    """A line that nothing can probe, and that has just refused the question."""
    fleet = looked(can=can)
    fleet.hear("said_open", road="state")
    fleet.now += 30
    fleet.judge()
    asked(fleet, refused=True)
    return fleet


@pytest.mark.parametrize("can", [BAILEYS, WAPI])
def test_an_idle_line_that_nothing_can_probe_is_asked_at_each_look_what_a_dead_socket_refuses(can):
    fleet = looked(can=can)
    fleet.hear("said_open", road="state")
    fleet.hear("message_received", road="webhook")
    fleet.judge()
    for _ in range(20):
        assert next_look(fleet) == pytest.approx(30, abs=0.2)
        assert fleet.decisions[-1][3].look == "roundtrip"
        asked(fleet, refused=False)


@pytest.mark.parametrize("can", [BAILEYS, WAPI])
@pytest.mark.parametrize(("told", "after"), [("said_open", 30), ("message_received", 50)])
def test_what_its_provider_says_unasked_spares_such_a_line_no_question_and_a_message_does(can, told, after):
    fleet = looked(can=can)
    fleet.hear("said_open", road="state")
    fleet.judge()
    began = fleet.now
    fleet.now += 20
    fleet.hear(told, road="webhook")
    fleet.judge()
    next_look(fleet)
    assert fleet.now == pytest.approx(began + after, abs=0.2)


def well(fleet: Fleet) -> None:
    """A look finds all well, and its news are judged."""
    fleet.now += 0.1
    fleet.hear("said_open", road="state", ago=0.05)
    fleet.judge()


def test_life_that_is_told_of_late_spares_a_line_no_look():
    """Storm seed 5034: a message of before the death came 12 s after it."""
    fleet = looked()
    fleet.now += 20
    fleet.hear("message_received", road="webhook", ago=15)
    fleet.judge()
    assert next_look(fleet) == pytest.approx(15)


def test_where_nothing_is_heard_of_a_message_in_its_providers_own_queue_somebody_looks():
    fleet = looked(can=WAPI)
    well(fleet)
    fleet.now += 10
    fleet.hear("send_queued", road="send")
    assert next_look(fleet) == UNACKED_S
    well(fleet)
    assert next_look(fleet) == pytest.approx(30, abs=0.2), "once for each message"


@pytest.mark.parametrize("ago", [0.0, 1.4])
def test_a_message_of_which_something_is_heard_needs_no_look_though_its_times_are_whole_seconds(ago):
    fleet = looked(can=WAPI)
    well(fleet)
    fleet.now += 10
    fleet.hear("send_queued", road="send")
    fleet.judge()
    fleet.now += 1
    fleet.hear("server_ack_received", road="receipt", ago=ago)
    fleet.judge()
    assert next_look(fleet) > 20


@pytest.mark.parametrize(("queued", "after"), [(True, DEFAULT.closed_retry_after_s), (False, DEFAULT.probe_suspect_s)])
def test_with_a_message_in_it_a_closed_line_is_looked_at_again_as_soon_as_a_send_would_be_tried_again(queued, after):
    fleet = looked(can=WAPI)
    well(fleet)
    fleet.now += 10
    if queued:
        fleet.hear("send_queued", road="send")
    next_look(fleet)
    fleet.hear("said_closed", road="state")
    assert next_look(fleet) == pytest.approx(after)
    fleet.hear("said_closed", road="state")
    fleet.judge()
    assert fleet.one.state == "connecting"


@pytest.mark.parametrize("can", [BAILEYS, WAPI])
def test_a_server_that_has_no_answer_to_the_question_is_asked_it_seldom(can):
    fleet = looked(can=can)
    well(fleet)
    began, depths = fleet.now, []
    while fleet.now < began + 2.5 * ROUND_TRIP_EVERY_S:
        next_look(fleet)
        depths.append(fleet.decisions[-1][3].look)
        if depths[-1] == "roundtrip":
            fleet.hear("question_asked")
            fleet.hear("question_unanswerable")
        well(fleet)
    assert depths.count("roundtrip") == 3


@pytest.mark.parametrize("can", [BAILEYS, WAPI])
def test_a_suspect_is_not_asked_at_each_look_for_an_answer_may_come_from_a_cache(can):
    fleet = looked(can=can)
    fleet.hear("said_open", road="state")
    fleet.judge()
    fleet.now += 2
    fleet.hear("send_closed", road="send")
    fleet.judge()
    depths = []
    for _ in range(12):
        depths.append(fleet.decisions[-1][3].look)
        if depths[-1] == "roundtrip":
            fleet.hear("question_asked")
        next_look(fleet)
    assert depths.count("roundtrip") == pytest.approx(12 / 3, abs=1)


@pytest.mark.parametrize("can", [BAILEYS, WAPI])
def test_who_refused_the_question_is_asked_once_more_and_is_dead_if_it_refuses_again(can):
    fleet = doubted(can)
    assert fleet.one.reason.code == "suspect"
    assert next_look(fleet) == pytest.approx(4.9, abs=0.2)
    assert fleet.decisions[-1][3].look == "roundtrip"
    asked(fleet, refused=True)
    assert fleet.one.outage is not None
    assert fleet.one.facts.dead_at == fleet.now


@pytest.mark.parametrize("can", [BAILEYS, WAPI])
def test_who_refused_it_and_answers_now_is_well(can):
    """Its provider's process was started anew, and nobody told: a connect would do nothing, and nobody writes."""
    fleet = doubted(can)
    for refused in (True, True):
        next_look(fleet)
        asked(fleet, refused=refused)
    assert fleet.one.facts.dead_at
    next_look(fleet)
    asked(fleet, refused=False)
    assert (fleet.one.state, fleet.one.facts.dead_at, fleet.one.outage) == ("connected", 0.0, None)


@pytest.mark.parametrize("can", [BAILEYS, WAPI])
def test_who_was_refused_and_then_not_understood_is_asked_again_in_the_end(can):
    fleet = doubted(can)
    for refused in (True, True, None):
        next_look(fleet)
        asked(fleet, refused=refused)
    began, depths = fleet.now, []
    while "roundtrip" not in depths:
        next_look(fleet)
        depths.append(fleet.decisions[-1][3].look)
        well(fleet)
        if fleet.open_act() is not None:
            fleet.answer("noop")
    assert fleet.now < began + 2 * DEFAULT.probe_idle_s
    assert depths.count("socket") > 2


@pytest.mark.parametrize("can", [BAILEYS, WAPI])
def test_an_answer_heals_nothing_that_a_send_has_shown(can):
    """It may come from a cache; and it is not asked for at every look."""
    fleet = looked(can=can)
    fleet.hear("said_open", road="state")
    fleet.now += 2
    fleet.hear("send_closed", road="send")
    assert fleet.judge().look == "roundtrip"
    asked(fleet, refused=False)
    next_look(fleet)
    assert fleet.decisions[-1][3].look == "socket"
    fleet.now += 0.1
    fleet.hear("said_open", road="state", ago=0.05)
    fleet.judge()
    assert fleet.one.reason.code == "suspect"


def test_silence_is_answered_with_round_trips():
    fleet = looked()
    fleet.now += 5
    fleet.hear("round_trip_silent")
    fleet.judge()
    fleet.now += 6
    fleet.hear("round_trip_silent")
    fleet.judge()
    fleet.after(30)
    assert "roundtrip" in {d.look for _, _, _, d in fleet.decisions[-2:]}


def test_an_idle_and_confirmed_session_is_looked_at_by_its_socket_alone():
    fleet = looked()
    fleet.now += 31
    assert fleet.judge().look == "pulse"


@pytest.mark.parametrize("kind", ["said_connecting", "said_closed", "said_unknown"])
def test_its_memory_is_asked_too_as_long_as_it_said_otherwise_last(kind):
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


def test_its_memory_is_asked_when_somebody_says_otherwise():
    fleet = looked()
    fleet.now += 10
    fleet.hear("said_connecting", road="webhook")
    assert fleet.judge().look == "socket"


def test_what_is_about_to_be_connected_is_looked_at_every_second_until_closed_stands():
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


def test_a_word_of_connecting_between_two_looks_puts_the_connect_off_and_not_for_ever():
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
def test_a_socket_that_is_open_beside_such_a_word_is_asked_through_whatsapp(says):
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


def test_the_next_look_at_a_line_that_is_well_is_planned_and_the_judge_need_not_be_asked():
    fleet = looked()
    decision = fleet.judge()
    assert decision.planned is not None
    assert (decision.planned.at, decision.planned.depth) == (fleet.now + 30, "pulse")
    asked = decide(fleet.view(), decision.planned.at)
    planned = as_planned(fleet.one, decision.planned, decision.planned.at)
    assert msgspec.structs.replace(planned, awaited=None) == asked
    assert planned.session.facts.looked_at == fleet.now + 30


def test_a_look_that_brings_what_the_last_one_brought_need_not_be_judged():
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
    assert told.planned.at == at + 30
    for kind in ("socket_closed", "look_failed", "webhook_config_gone", "message_received", "operator_paused"):
        other = msgspec.structs.replace(view, new_evidence=(seen(kind, at, "probe"),))
        assert as_before(other, planned, at) is None, kind
    spent = msgspec.structs.replace(waiting.session.recovery, spent=("connect",))
    climbed = msgspec.structs.replace(same, session=msgspec.structs.replace(waiting.session, recovery=spent))
    assert as_before(climbed, planned, at) is None, "what is left of a ladder is forgotten now"
    soon = msgspec.structs.replace(planned, others_at=at + 29)
    assert as_before(same, soon, at) is None, "something else falls due before the next look"


def test_a_planned_look_is_as_deep_as_it_must_be_then_and_not_now():
    fleet = looked()
    last = max(fleet.one.facts.send_ok_at, fleet.one.facts.receive_ok_at)
    turn = next(s for s in range(301, 601) if is_due(fleet.one.id, last, last + s, ROUND_TRIP_EVERY_S))
    assert fleet.after(last + turn - 1 - fleet.now).look == "pulse"
    fleet.hear("socket_ok")
    decision = fleet.after(0.5)
    assert decision.planned is not None
    assert decision.planned.depth == "roundtrip"


@pytest.mark.parametrize("kind", ["socket_closed", "webhook_config_gone", "silence", "operator_paused"])
def test_of_a_line_that_is_not_quite_well_nothing_is_planned(kind):
    fleet = looked()
    fleet.now += 1
    fleet.hear(kind, road="operator" if kind.startswith("operator") else "probe")
    fleet.judge()
    assert fleet.judge().planned is None


def test_nothing_is_planned_of_a_line_whose_webhook_could_not_be_set_again():
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


def test_a_look_that_comes_with_something_else_is_left_to_the_judge():
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


def test_what_is_seen_anew_is_quiet_and_told_to_be_shown():
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


def test_what_it_can_do_from_now_on_is_written_at_once():
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


@pytest.mark.parametrize(("listed", "after"), [("open", 5), ("closed", 2)])
def test_who_was_not_seen_since_its_server_started_is_looked_for_until_it_is(listed, after):
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


def test_a_line_that_says_closed_is_looked_at_every_second_until_it_has_said_so_often_enough():
    for times, due in ((CLOSED_LOOKS - 1, 1), (CLOSED_LOOKS, 5)):
        fleet = Fleet()
        facts = Facts(
            state_read="closed", state_read_at=T0, state_read_since=T0 - 9, state_read_times=times, looked_at=T0
        )
        fleet.sessions[1] = msgspec.structs.replace(fleet.one, facts=facts)
        draft = Draft(fleet.view(), T0)
        assert probe_schedule.next_probe(draft, Verdict("closed", Reason("closed"), T0 - 9)) == T0 + due
