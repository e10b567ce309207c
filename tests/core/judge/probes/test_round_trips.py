"""When a line is asked through WhatsApp, or with a question that only a dead socket refuses."""

from __future__ import annotations

import msgspec
import pytest

from esteio.core.judge.probe_schedule import ROUND_TRIP_EVERY_S, UNACKED_S
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.policy import DEFAULT
from tests.core.judge.probes.probed_fleet import asked, looked, next_look
from tests.core.rehearsal import BAILEYS, WAPI, Fleet


@pytest.mark.parametrize("can", [BAILEYS, WAPI])
def test_without_round_trips_the_socket_is_as_deep_as_it_gets(can: Capabilities) -> None:
    fleet = looked(can=msgspec.structs.replace(can, question_refutes=False))
    fleet.now += 2
    fleet.hear("send_closed", road="send")
    assert fleet.judge().look == "socket"


def doubted(can: Capabilities) -> Fleet:
    """A line that nothing can probe, and that has just refused the question."""
    fleet = looked(can=can)
    fleet.hear("said_open", road="state")
    fleet.now += 30
    fleet.judge()
    asked(fleet, refused=True)
    return fleet


@pytest.mark.parametrize("can", [BAILEYS, WAPI])
def test_an_idle_line_that_nothing_can_probe_is_asked_at_each_look_what_a_dead_socket_refuses(
    can: Capabilities,
) -> None:
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
def test_what_its_provider_says_unasked_spares_such_a_line_no_question_and_a_message_does(
    can: Capabilities, told: str, after: int
) -> None:
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


def test_life_that_is_told_of_late_spares_a_line_no_look() -> None:
    """Storm seed 5034: a message of before the death came 12 s after it."""
    fleet = looked()
    fleet.now += 20
    fleet.hear("message_received", road="webhook", ago=15)
    fleet.judge()
    assert next_look(fleet) == pytest.approx(15)


def test_where_nothing_is_heard_of_a_message_in_its_providers_own_queue_somebody_looks() -> None:
    fleet = looked(can=WAPI)
    well(fleet)
    fleet.now += 10
    fleet.hear("send_queued", road="send")
    assert next_look(fleet) == UNACKED_S
    well(fleet)
    assert next_look(fleet) == pytest.approx(30, abs=0.2), "once for each message"


@pytest.mark.parametrize("ago", [0.0, 1.4])
def test_a_message_of_which_something_is_heard_needs_no_look_though_its_times_are_whole_seconds(ago: float) -> None:
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
def test_with_a_message_in_it_a_closed_line_is_looked_at_again_as_soon_as_a_send_would_be_tried_again(
    queued: bool, after: int
) -> None:
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
def test_a_server_that_has_no_answer_to_the_question_is_asked_it_seldom(can: Capabilities) -> None:
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
def test_a_suspect_is_not_asked_at_each_look_for_an_answer_may_come_from_a_cache(can: Capabilities) -> None:
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
def test_who_refused_the_question_is_asked_once_more_and_is_dead_if_it_refuses_again(can: Capabilities) -> None:
    fleet = doubted(can)
    assert fleet.one.reason.code == "suspect"
    assert next_look(fleet) == pytest.approx(4.9, abs=0.2)
    assert fleet.decisions[-1][3].look == "roundtrip"
    asked(fleet, refused=True)
    assert fleet.one.outage is not None
    assert fleet.one.facts.dead_at == fleet.now


@pytest.mark.parametrize("can", [BAILEYS, WAPI])
def test_who_refused_it_and_answers_now_is_well(can: Capabilities) -> None:
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
def test_who_was_refused_and_then_not_understood_is_asked_again_in_the_end(can: Capabilities) -> None:
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
def test_an_answer_heals_nothing_that_a_send_has_shown(can: Capabilities) -> None:
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


def test_silence_is_answered_with_round_trips() -> None:
    fleet = looked()
    fleet.now += 5
    fleet.hear("round_trip_silent")
    fleet.judge()
    fleet.now += 6
    fleet.hear("round_trip_silent")
    fleet.judge()
    fleet.after(30)
    assert "roundtrip" in {d.look for _, _, _, d in fleet.decisions[-2:]}
