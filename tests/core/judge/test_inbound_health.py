"""Whether we hear a line: doubts, what listening proves, and what may be done about it."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from esteio.core.judge import gap, inbound_health
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.decision import Draft
from esteio.core.model.policy import DEFAULT
from esteio.core.model.server import ServerFacts
from esteio.core.model.session import Facts
from esteio.core.model.state import Axis
from tests.core.rehearsal import BAILEYS, EVOLUTION, T0, Fleet


def quiet_line(**how: Any) -> Fleet:
    """A line that was well, and of which an acknowledgement came later than the last message."""
    fleet = Fleet(**how)
    fleet.now += 3600
    fleet.hear("receipt_received", road="receipt")
    fleet.judge()
    fleet.now += 60
    return fleet


def deaf_line(**how: Any) -> Fleet:
    fleet = quiet_line(**how)
    fleet.hear("silence", road="self")
    fleet.judge()
    fleet.now += 1
    fleet.hear("list_heard", road="list")
    fleet.judge()
    return fleet


def mute_line(**how: Any) -> Fleet:
    """Three sends that nobody acknowledged, looked into."""
    fleet = quiet_line(**how)
    fleet.now += inbound_health.STILL_S
    for ago in (inbound_health.STILL_S + 30, inbound_health.STILL_S, inbound_health.STILL_S - 30):
        fleet.hear("ack_missing", road="self", ago=ago)
    fleet.judge()
    fleet.now += 1
    fleet.hear("round_trip_ok")
    fleet.hear("list_heard", road="list")
    fleet.judge()
    return fleet


def test_a_silence_only_makes_us_listen() -> None:
    fleet = quiet_line()
    fleet.hear("silence", road="self")
    decision = fleet.judge()
    assert (fleet.one.state, fleet.one.outage, fleet.rungs()) == ("connected", None, [])
    assert decision.look == "roundtrip"
    assert inbound_health.list_check_due(fleet.one.facts, fleet.now)


def test_a_deaf_line_is_restarted_once_and_its_message_is_the_effect() -> None:
    fleet = deaf_line()
    assert fleet.rungs() == ["restart"]
    assert fleet.one.outage is not None
    assert fleet.one.outage.because == "deaf"
    fleet.answer()
    fleet.hear("socket_ok")
    fleet.hear("receipt_received", road="receipt")
    fleet.judge()
    assert fleet.open_act() is not None, "an open socket is no effect of it"
    fleet.hear("message_received", road="list")
    fleet.judge()
    assert fleet.open_act() is not None, "nor is what was read from a list"
    fleet.now += 1
    fleet.hear("message_received", road="webhook")
    fleet.judge()
    assert fleet.one.recovery.last is not None
    assert fleet.one.recovery.last.result == "effect"
    assert (fleet.one.state, fleet[1].outage, fleet.one.facts.deaf_at) == ("connected", None, 0)


def test_a_refused_probe_in_the_restart_does_not_end_its_outage() -> None:
    fleet = deaf_line()
    fleet.answer()
    fleet.now += 1
    fleet.hear("socket_closed")
    fleet.judge()
    assert fleet.one.reason.code == "suspect"
    assert fleet.one.outage is not None


def test_where_the_restart_did_not_help_the_servers_is_proposed_after_another_silence_and_once() -> None:
    fleet = deaf_line()
    fleet.answer()
    for _ in range(10):
        fleet.after(60)
    assert (fleet.rungs(), fleet.said("server-restart-proposed")) == (["restart"], 0)
    for _ in range(2):
        fleet.hear("silence", road="self")
        fleet.after(3600)
    assert (fleet.rungs(), fleet.said("server-restart-proposed")) == (["restart"], 1)
    assert fleet.one.recovery.server_restart_proposed, "a stable time does not forget it"


def test_a_line_that_nobody_tells_anything_is_shown_and_left_alone() -> None:
    fleet = Fleet()
    fleet.now += 3600
    fleet.hear("silence", road="self")
    fleet.hear("list_heard", road="list")
    fleet.judge()
    assert (fleet.one.reason.code, fleet.one.outage, fleet.rungs()) == ("deaf", None, [])
    assert fleet.one.can_receive.value == "unknown"


@pytest.mark.parametrize("can", [BAILEYS, msgspec.structs.replace(EVOLUTION, restart_keeps_link=False)])
def test_what_cannot_be_restarted_harmlessly_is_not(can: Capabilities) -> None:
    assert deaf_line(can=can).rungs() == []


def test_a_stall_is_never_restarted_and_proposed_at_once() -> None:
    fleet = mute_line()
    assert (fleet.rungs(), fleet.said("server-restart-proposed")) == ([], 1)
    assert fleet.one.outage is not None
    assert (fleet.one.reason.code, fleet.one.outage.because) == ("stalled", "stalled")
    assert fleet.one.can_receive == Axis("no", "stalled", fleet.now)
    for _ in range(20):
        fleet.hear("silence", road="self")
        fleet.hear("list_heard", road="list")
        fleet.hear("send_accepted", road="send")
        fleet.after(60)
    assert (fleet.rungs(), fleet.said("server-restart-proposed")) == ([], 1)


@pytest.mark.parametrize("kind", ["receipt_received", "server_ack_received", "message_received"])
def test_whatever_is_told_ends_a_stall(kind: str) -> None:
    fleet = mute_line()
    fleet.now += 5
    fleet.hear(kind, road="receipt")
    fleet.judge()
    assert (fleet.one.outage, fleet.one.facts.stall_at) == (None, 0)
    assert fleet.one.reason.code == ("acks-missing" if kind == "message_received" else "live")
    assert not fleet.one.recovery.server_restart_proposed


def test_a_state_from_before_the_stall_does_not_end_it_and_the_echo_of_a_send_never_does() -> None:
    fleet = mute_line()
    fleet.now += 60
    fleet.hear("said_connecting", road="webhook", ago=100)
    fleet.hear("send_accepted", road="webhook")
    fleet.judge()
    assert fleet.one.reason.code == "stalled"
    fleet.hear("said_open", road="webhook", ago=1)
    fleet.judge()
    assert fleet.one.reason.code == "acks-missing"


@pytest.mark.parametrize("line", [deaf_line, mute_line])
def test_a_new_process_of_the_server_hears_anew(line: Callable[[], Fleet]) -> None:
    fleet = line()
    fleet.now += 5
    fleet.server = msgspec.structs.replace(
        fleet.server, facts=msgspec.structs.replace(fleet.server.facts, booted_at=fleet.now)
    )
    fleet.judge()
    facts = fleet.one.facts
    assert (facts.silence_at, facts.deaf_at, facts.stall_at, facts.acks_missing) == (0, 0, 0, ())
    assert facts.renewed_at == fleet.now
    assert inbound_health.doubt_at(facts) == 0


def test_while_in_doubt_the_list_is_read_every_minute_though_traffic_goes_on() -> None:
    fleet = mute_line()
    listened = []
    for _ in range(60):
        fleet.now += 5
        fleet.hear("send_accepted", road="send")
        before = fleet.one.facts
        if fleet.judge().look is not None and inbound_health.list_check_due(before, fleet.now):
            listened.append(fleet.now)
            fleet.hear("list_heard", road="list")
    assert len(listened) in (4, 5, 6)


def test_what_the_list_brings_is_fetched_each_time_there_is_more() -> None:
    fleet = quiet_line()
    fleet.now += 60
    before = fleet.one
    fleet.hear("silence", road="self", ago=70)
    fleet.hear("list_unheard", road="list", ago=65, oldest=str(fleet.now - 65))
    fleet.judge()
    assert gap.of_session(before, fleet.one) is not None
    assert fleet.one.reason.code == "stalled"
    before = fleet.one
    fleet.hear("list_unheard", road="list", ago=65, oldest=str(fleet.now - 65))
    fleet.judge()
    assert gap.of_session(before, fleet.one) is None, "the same again"
    fleet.now += 60
    fleet.hear("list_unheard", road="list", ago=5, oldest=str(fleet.now - 125))
    fleet.judge()
    assert gap.of_session(before, fleet.one) is not None
    assert fleet.one.facts.list_only_newest_at == fleet.now - 5


def test_a_busy_list_is_dated_by_its_oldest_message() -> None:
    facts = Facts(
        silence_at=T0,
        list_compared_at=T0 + 1,
        message_pushed_at=T0 - 900,
        list_only_newest_at=T0,
        list_only_oldest_at=T0 - 300,
    )
    facts = msgspec.structs.replace(facts, webhook_received_at=T0 - 900)
    assert inbound_health.stalled(facts, T0 + 1)
    assert not inbound_health.stalled(msgspec.structs.replace(facts, list_only_oldest_at=T0 - 30), T0 + 1)
    assert not inbound_health.stalled(msgspec.structs.replace(facts, event_pushed_at=T0 - 10), T0 + 1)
    assert not inbound_health.stalled(msgspec.structs.replace(facts, event_pushed_at=T0 - 1), T0 + 100), (
        "told all the same"
    )


def test_the_first_unanswered_send_is_remembered_however_many_follow() -> None:
    fleet = quiet_line()
    first = fleet.now
    for _ in range(40):
        fleet.hear("ack_missing", road="self")
        fleet.after(30)
    assert fleet.one.facts.unanswered_from == first
    fleet.hear("receipt_received", road="receipt")
    fleet.hear("ack_missing", road="self", ago=0)
    fleet.judge()
    assert fleet.one.facts.unanswered_from == fleet.now


def test_a_round_trip_that_fails_is_no_stall() -> None:
    fleet = mute_line()
    facts = msgspec.structs.replace(fleet.one.facts, unanswered_probes=1)
    assert inbound_health.stalled(fleet.one.facts, fleet.now)
    assert not inbound_health.stalled(facts, fleet.now)


def test_an_unheard_message_without_a_date_counts_from_its_own() -> None:
    fleet = quiet_line()
    fleet.hear("list_unheard", road="list", ago=9)
    fleet.judge()
    assert fleet.one.facts.list_only_oldest_at == fleet.now - 9


def test_a_list_that_disagrees_makes_us_look_once() -> None:
    fleet = quiet_line()
    fleet.judge()
    fleet.now += 2
    fleet.hear("said_closed", road="list")
    assert fleet.judge().look is not None
    fleet.now += 2
    fleet.hear("said_closed", road="list")
    assert fleet.judge().look is None, "it says so still"
    fleet.hear("unlisted", road="list")
    assert fleet.after(1).look is not None
    assert fleet.one.facts.listed == "absent"
    fleet.hear("said_open", road="list", ago=50)
    fleet.judge()
    assert fleet.one.facts.listed == "absent", "older news"
    assert (fleet.one.state, fleet.rungs()) == ("connected", []), "hearsay changes nothing"


def test_a_silence_that_other_servers_lines_share_is_shown_and_nothing_is_done_until_they_hear_again() -> None:
    fleet = quiet_line()
    fleet.hear("silence", road="self", shared="yes")
    fleet.judge()
    fleet.now += 1
    fleet.hear("list_heard", road="list")
    fleet.judge()
    assert (fleet.one.state, fleet.one.reason.code, fleet.one.outage, fleet.rungs()) == ("degraded", "deaf", None, [])
    fleet.now += 3600
    fleet.hear("receipt_received", road="receipt")
    fleet.hear("silence", road="self")
    fleet.judge()
    fleet.now += 1
    fleet.hear("list_heard", road="list")
    fleet.judge()
    assert fleet.rungs() == ["restart"]


@pytest.mark.parametrize(("data", "proposed"), [({}, 1), ({"shared": "yes"}, 0)])
def test_after_a_restart_a_shared_silence_proposes_nothing(data: dict[str, Any], proposed: int) -> None:
    fleet = deaf_line()
    fleet.answer()
    fleet.judge()
    fleet.after(DEFAULT.effect_within_s + 1)
    fleet.now += 7200
    fleet.hear("silence", road="self", **data)
    fleet.judge()
    fleet.now += 1
    fleet.hear("list_heard", road="list")
    fleet.judge()
    assert fleet.said("server-restart-proposed") == proposed


STANDS_STILL = Facts(
    silence_at=T0,
    list_compared_at=T0 + 1,
    message_pushed_at=T0 - 900,
    list_only_newest_at=T0,
    list_only_oldest_at=T0 - 300,
    webhook_received_at=T0 - 900,
)


@pytest.mark.parametrize(
    "otherwise", [{"list_compared_at": T0 - 1}, {"webhook_missing_since": T0 - 900}, {"webhook_gone_at": T0}]
)
def test_nothing_stands_still_that_was_not_looked_into_or_whose_webhooks_do_not_reach_us(
    otherwise: dict[str, float],
) -> None:
    assert inbound_health.stalled(STANDS_STILL, T0 + 1)
    assert not inbound_health.stalled(msgspec.structs.replace(STANDS_STILL, **otherwise), T0 + 1)


def test_a_stall_is_a_doubt_by_itself() -> None:
    assert inbound_health.doubt_at(Facts(stall_at=T0)) == T0


def test_webhooks_do_not_reach_us_from_the_moment_in_which_it_is_late() -> None:
    facts = Facts(list_only_newest_at=T0, list_only_oldest_at=T0)
    assert inbound_health.unreachable_since(facts, T0 + inbound_health.LATE_S) == T0
    assert inbound_health.unreachable_since(facts, T0 + inbound_health.LATE_S - 1) == 0.0


def test_a_boot_of_the_same_moment_ends_no_doubt() -> None:
    for booted, doubt in ((T0, T0), (T0 + 1, 0.0)):
        fleet = Fleet()
        fleet.sessions[1] = msgspec.structs.replace(fleet.one, facts=Facts(silence_at=T0))
        fleet.server = msgspec.structs.replace(fleet.server, facts=ServerFacts(booted_at=booted))
        draft = Draft(fleet.view(), T0 + 2)
        inbound_health.update_health(draft)
        assert draft.session.facts.silence_at == doubt


@pytest.mark.parametrize(
    ("facts", "only"),
    [
        (Facts(), True),
        (Facts(list_compared_at=T0), True),
        (Facts(webhook_received_at=T0), False),
        (Facts(silence_at=T0), False),
        (Facts(webhook_missing_since=T0), False),
        (Facts(list_only_newest_at=T0), False),
    ],
    ids=[
        "nothing came yet",
        "its list was read",
        "a webhook came",
        "doubted",
        "a webhook was missed",
        "its list moved",
    ],
)
def test_what_only_was_never_heard_of_is_told_from_what_is_doubted(facts: Facts, only: bool) -> None:
    assert inbound_health.only_unheard(facts) is only
