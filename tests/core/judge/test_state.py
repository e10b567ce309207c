"""State, reason, axes and gate: what follows from the verdict."""

from __future__ import annotations

from typing import get_args

import pytest

from esteio.core.judge.diagnose import Kind, Verdict
from esteio.core.judge.state import _axes, why_not_sent
from esteio.core.model.decision import Draft
from esteio.core.model.session import SENDS
from esteio.core.model.state import Axis, Reason, SessionState
from tests.core.rehearsal import T0, Fleet


def test_every_state_says_whether_it_sends() -> None:
    assert set(SENDS) == set(get_args(SessionState))


def test_a_confirmed_session_sends_and_receives_with_its_evidence() -> None:
    fleet = Fleet()
    assert (fleet.one.can_send.value, fleet.one.can_send.evidence) == ("yes", "round_trip_ok")
    assert (fleet.one.can_receive.value, fleet.one.can_receive.evidence) == ("yes", "message_received")


def test_an_open_socket_alone_leaves_both_unknown() -> None:
    fleet = Fleet(paired=False)
    fleet.hear("said_open", road="state")
    fleet.hear("socket_ok")
    fleet.judge()
    assert (fleet.one.state, fleet.one.can_send, fleet.one.can_receive) == ("connected", Axis(), Axis())


def test_the_dead_do_neither_and_the_axis_says_why() -> None:
    fleet = Fleet()
    fleet.now += 100
    fleet.kill()
    assert fleet.one.can_send == fleet.one.can_receive == Axis("no", "ghost-socket", fleet.now)


def test_after_a_fall_old_proofs_do_not_count() -> None:
    fleet = Fleet()
    fleet.now += 100
    fleet.kill()
    fleet.answer()
    fleet.now += 5
    fleet.hear("said_open", road="state")
    fleet.hear("socket_ok")
    fleet.judge()
    assert (fleet.one.state, fleet.one.can_send, fleet.one.can_receive) == ("connected", Axis(), Axis())


def test_a_silent_session_sends_and_nobody_knows_whether_it_receives() -> None:
    fleet = Fleet()
    fleet.now += 100
    fleet.hear("silence", road="self")
    fleet.hear("list_heard", road="list")
    fleet.judge()
    assert (fleet.one.state, fleet.one.gate) == ("degraded", "open")
    assert (fleet.one.can_send.value, fleet.one.can_receive.value) == ("yes", "unknown")


def test_a_deaf_session_without_any_proof_of_receiving() -> None:
    fleet = Fleet(paired=False)
    fleet.hear("said_open", road="state")
    fleet.hear("round_trip_ok")
    fleet.hear("silence", road="self")
    fleet.hear("list_heard", road="list")
    fleet.judge()
    assert fleet.one.can_receive == Axis("unknown", "deaf", fleet.now)


def test_what_is_proved_to_hear_nothing_does_not_receive() -> None:
    fleet = Fleet()
    fleet.now += 100
    fleet.hear("receipt_received", road="receipt")
    fleet.hear("silence", road="self")
    fleet.hear("list_heard", road="list")
    fleet.judge()
    assert (fleet.one.state, fleet.one.gate, fleet.one.can_send.value) == ("degraded", "open", "yes")
    assert fleet.one.can_receive == Axis("no", "deaf", fleet.now)


def test_a_code_on_its_way_is_connecting_and_no_code_is_disconnected() -> None:
    fleet = Fleet(paired=False)
    fleet.hear("unpaired", road="state")
    fleet.judge()
    assert (fleet.one.state, fleet.one.reason.code) == ("disconnected", "unpaired")
    fleet.now += 1
    fleet.hear("operator_pair", road="operator")
    fleet.judge()
    assert fleet.rungs() == ["connect"]
    assert (fleet.one.state, fleet.one.reason.code) == ("connecting", "code-on-its-way")
    fleet.answer()
    fleet.hear("qr_shown")
    fleet.judge()
    assert fleet.one.state == "awaiting_qr"


def test_a_slow_create_is_told_after_eight_seconds_and_goes_on() -> None:
    fleet = Fleet(paired=False)
    fleet.hear("created", road="operator", attempt="first")
    fleet.judge()
    assert (fleet.one.state, fleet.one.reason.code) == ("connecting", "created")
    assert fleet.one.wake_at is not None
    assert fleet.one.wake_at <= fleet.now + 8
    fleet.after(8)
    assert (fleet.one.state, fleet.one.reason.code) == ("connecting", "provider-slow")
    assert fleet.open_act() is not None


def test_what_is_worse_stays_worse_until_life_is_proved() -> None:
    fleet = Fleet()
    fleet.now += 100
    fleet.kill()
    fleet.climb_until(300, still=("said_open", "socket_closed"))
    assert fleet.one.state == "disconnected"
    states = {d.session.state for _, _, _, d in fleet.decisions[-20:]}
    assert states == {"disconnected"}
    fleet.now += 5
    fleet.hear("message_received", road="webhook")
    fleet.judge()
    assert fleet[1].state == "connected"


def test_a_server_that_is_down_makes_nothing_worse_nor_better() -> None:
    import msgspec

    fleet = Fleet()
    fleet.now += 100
    fleet.hear("logged_out", road="state")
    fleet.judge()
    fleet.server = msgspec.structs.replace(fleet.server, health="down")
    fleet.after(5)
    assert (fleet.one.state, fleet.one.reason.code) == ("disconnected", "server-down")


def test_a_known_noop_restart_is_followed_by_the_proposal_to_restart_the_server() -> None:
    from esteio.core.judge.ladder import RESTART_NOOP

    fleet = Fleet(quirks=frozenset({RESTART_NOOP}))
    fleet.now += 100
    fleet.kill()
    fleet.climb_until(300, still=("said_open", "socket_closed"))
    assert fleet.said("server-restart-proposed") == 1
    assert fleet.said("approval-asked") == 0
    assert fleet.one.reason == Reason("ghost-needs-server-restart", {"server": "srv"})


@pytest.mark.parametrize(
    ("kind", "paused", "code"),
    [
        ("ghost", False, "session-down"),
        ("server_down", False, "session-down"),
        ("logged_out", False, "own"),
        ("ghost", True, "own"),
    ],
)
def test_what_may_not_wait_fails_with_seed_003_s_sentence_while_recovery_goes_on(
    kind: Kind, paused: bool, code: str
) -> None:
    import msgspec

    session = msgspec.structs.replace(Fleet().one, paused=paused, reason=Reason("own"))
    assert why_not_sent(session, Verdict(kind, Reason(kind), 0.0)).code == code


def test_the_gate_remembers_since_when() -> None:
    fleet = Fleet()
    fleet.now += 100
    decision = fleet.kill()
    assert decision.fail_queued == Reason("session-down")
    assert fleet.one.gate_since == fleet.now
    held_since = fleet.now
    assert fleet.after(3).fail_queued == Reason("session-down"), "also for what was accepted meanwhile"
    assert fleet.one.gate_since == held_since
    assert fleet.pair().fail_queued is None


def test_an_instance_that_is_gone_says_so_also_while_its_recreate_waits_for_a_person() -> None:
    """E6: the approval stands in the answer; that it is gone is the reason."""
    fleet = Fleet()
    fleet.now += 100
    fleet.hear("instance_missing", road="state")
    fleet.hear("operator_pair", road="operator")
    decision = fleet.judge()
    assert decision.approval is not None
    assert decision.approval.rung == "recreate"
    assert (fleet.one.state, fleet.one.reason.code) == ("disconnected", "instance-missing")


def test_a_doubt_leaves_a_degraded_session_degraded() -> None:
    fleet = Fleet()
    fleet.now += 100
    fleet.hear("ack_error", road="receipt", code="463")
    fleet.judge()
    assert fleet.one.state == "degraded"
    fleet.now += 1
    fleet.hear("send_closed", road="send")
    fleet.judge()
    assert (fleet.one.state, fleet.one.reason.code) == ("degraded", "suspect")


@pytest.mark.parametrize("kind", ["refused", "server_down", "server_wall"])
def test_what_is_refused_or_out_of_reach_neither_sends_nor_receives(kind: Kind) -> None:
    draft = Draft(Fleet().view(), T0)
    no = Axis("no", "why", T0 - 5)
    assert _axes(draft, Verdict(kind, Reason("why"), T0 - 5)) == (no, no)
