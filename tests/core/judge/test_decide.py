"""The decision as a whole: same view, same decision; quiet when nothing happened; counters forgotten in their time."""

from __future__ import annotations

import msgspec

from esteio.core.judge.decide import _forget_healed, decide
from esteio.core.judge.diagnose import Verdict
from esteio.core.model.decision import Draft
from esteio.core.model.recovery import Recovery
from esteio.core.model.server import ServerFacts
from esteio.core.model.state import Reason
from tests.core.rehearsal import T0, Fleet, a_session


def healed(seconds_down: float = 5) -> Fleet:
    fleet = Fleet()
    fleet.now += 100
    fleet.kill()
    fleet.answer()
    fleet.now += seconds_down
    fleet.pair()
    assert fleet.one.state == "connected"
    return fleet


def test_nothing_new_is_quiet_and_says_nothing() -> None:
    fleet = Fleet()
    decision = fleet.after(1)
    assert decision.quiet
    assert (decision.lines, decision.events, decision.act, decision.server) == ((), (), None, None)


def test_a_look_alone_is_quiet_too() -> None:
    fleet = Fleet()
    fleet.hear("socket_ok")
    assert fleet.after(1).quiet


def test_a_change_is_not_quiet_and_its_line_says_from_where_and_why() -> None:
    fleet = Fleet()
    fleet.now += 100
    decision = fleet.kill()
    assert not decision.quiet
    (line,) = [line for line in decision.lines if line.code == "state"]
    assert line.kind == "decision"
    assert dict(line.args) == {"from": "connected", "to": "connecting", "because": "ghost-socket"}


def test_a_reason_s_own_values_do_not_hide_the_reason() -> None:
    fleet = Fleet(policy=msgspec.structs.replace(Fleet().policy, destructive_after_s=0))
    fleet.now += 100
    fleet.kill()
    fleet.climb_until(25, still=("said_open", "socket_closed"))
    (line,) = [line for _, _, _, d in fleet.decisions for line in d.lines if line.args.get("cause")]
    assert line.args["because"] == "approval-awaited"


def test_ids_are_the_row_s_version_so_that_deciding_again_makes_no_second_thing() -> None:
    fleet = Fleet()
    fleet.now += 100
    fleet.hear("said_open", road="state")
    fleet.hear("send_closed", road="send", ago=4)
    fleet.hear("socket_closed")
    view = fleet.view()
    one, two = decide(view, fleet.now), decide(view, fleet.now)
    assert one == two
    assert one.act is not None
    assert one.act.id == f"att_1_{view.session.row_version}"


def test_the_first_life_links_and_learns_the_phone() -> None:
    fleet = Fleet(paired=False)
    fleet.hear("identity_seen", phone="5511987654321")
    fleet.judge()
    assert (fleet.one.linked, fleet.one.phone) == (False, None)
    fleet.pair()
    assert (fleet.one.linked, fleet.one.phone) == (True, "5511987654321")


def test_a_known_phone_is_not_overwritten() -> None:
    fleet = Fleet(paired=False)
    fleet.sessions[1] = a_session(phone="551187654321")
    fleet.hear("identity_seen", phone="5511987654321")
    fleet.pair()
    assert fleet.one.phone == "551187654321"


def test_counters_stand_until_the_session_has_stood_for_five_minutes() -> None:
    fleet = healed()
    assert fleet.one.recovery.restarts == 1
    fleet.after(290)
    assert fleet.one.recovery.restarts == 1
    assert fleet.one.wake_at is not None
    fleet.after(11)
    assert fleet.one.recovery == Recovery(last=fleet.one.recovery.last)


def test_a_second_fall_meanwhile_finds_the_cool_down() -> None:
    fleet = healed()
    fleet.now += 10
    fleet.kill()
    assert fleet.rungs() == ["restart"]
    assert fleet.one.recovery.next_at is not None
    assert fleet.one.recovery.next_at > fleet.now


def test_a_server_boot_forgives_once() -> None:
    fleet = healed()
    fleet.now += 10
    fleet.hear("server_booted")
    fleet.judge_server()
    fleet.judge()
    assert (fleet.one.recovery.restarts, fleet.one.recovery.last_restart_at) == (0, None)


def test_a_strike_after_the_boot_stands() -> None:
    fleet = Fleet()
    fleet.now += 100
    fleet.hear("server_booted", ago=300)
    fleet.judge_server()
    fleet.hear("said_unknown", road="state", state="limbo")
    fleet.kill()
    fleet.hear("said_unknown", road="state", state="limbo")
    for _ in range(10):
        fleet.after(1)
    assert fleet.one.recovery.strikes <= 1


def test_the_qr_is_over_with_the_first_life() -> None:
    fleet = Fleet(paired=False)
    fleet.hear("qr_shown")
    assert not fleet.judge().clear_qr
    assert fleet.pair().clear_qr
    assert not fleet.after(1).clear_qr


def test_no_wake_is_none() -> None:
    draft = Draft(Fleet().view(), T0)
    draft.wake(None)
    assert draft.wakes == []


def test_a_boot_forgets_the_connects_that_were_in_vain_before_it() -> None:
    fleet = Fleet()
    tried = Recovery(
        restarts=1, last_restart_at=T0 - 9, strikes=1, quarantine_until=T0 + 99, spent=("connect",), connects=2
    )
    fleet.sessions[1] = msgspec.structs.replace(fleet.one, recovery=tried)
    fleet.server = msgspec.structs.replace(fleet.server, facts=ServerFacts(booted_at=T0))
    draft = Draft(fleet.view(), T0)
    _forget_healed(draft, Verdict("closed", Reason("closed"), T0))
    assert draft.session.recovery == Recovery()


def test_with_the_fall_ends_what_was_said_no_to_in_it() -> None:
    fleet = Fleet()
    fleet.sessions[1] = msgspec.structs.replace(fleet.one, recovery=Recovery(spent=("connect",), rejected=True))
    draft = Draft(fleet.view(), T0)
    _forget_healed(draft, Verdict("live", Reason("live"), T0))
    assert draft.session.recovery == Recovery()
    assert draft.session.recovery.rejected is False
