"""One control act: judged by its effect, never by its answer, and never doubled while its call is under way."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from esteio.core.judge import attempt
from esteio.core.model.decision import Draft
from esteio.core.model.policy import DEFAULT, SEEDS, Policy
from esteio.core.model.recovery import Attempt, Rung
from esteio.core.model.session import Facts
from tests.core.rehearsal import BAILEYS, EVOLUTION, T0, Fleet

AUTO = msgspec.structs.replace(DEFAULT, destructive="auto", destructive_after_s=0)


def ghost(policy: Policy = DEFAULT, **how: Any) -> Fleet:
    fleet = Fleet(policy=policy, **how)
    fleet.now += 100
    fleet.kill()
    return fleet


def until_deleting(fleet: Fleet) -> None:
    for _ in range(30):
        if fleet.rungs()[-1:] == ["delete"]:
            return
        if fleet.open_act() is not None:
            fleet.answer("ok")
        fleet.hear("socket_closed")
        fleet.after(5)
    raise AssertionError(fleet.rungs())


def last(fleet: Fleet) -> Attempt:
    found = fleet.one.recovery.last
    assert found is not None
    return found


@pytest.mark.parametrize(("rung", "seconds"), [("connect", 5), ("restart", 20), ("logout", 20), ("delete", 20)])
def test_each_rung_has_its_time(rung: Rung, seconds: int) -> None:
    assert attempt.time_for(rung, DEFAULT) == seconds


def test_an_act_is_booked_with_the_session_and_with_the_server() -> None:
    fleet = ghost()
    act = fleet.open_act()
    assert act is not None
    assert (act.rung, act.number, act.opened_at, act.until) == ("restart", 1, fleet.now, fleet.now + 20)
    assert [slot.attempt for slot in fleet.server.slots] == [act.id]
    assert (fleet.one.recovery.restarts, fleet.one.recovery.last_restart_at) == (1, fleet.now)


def test_a_200_is_no_effect() -> None:
    fleet = ghost()
    fleet.answer("ok")
    fleet.judge()
    assert fleet.open_act() is not None
    fleet.hear("socket_closed")
    fleet.after(20)
    assert (fleet.open_act(), last(fleet).result) == (None, "no-effect")
    assert fleet.one.recovery.spent == ("restart",)
    assert fleet.server.slots == ()


def test_life_after_the_act_is_the_effect() -> None:
    fleet = ghost()
    fleet.answer("ok")
    fleet.judge()
    fleet.now += 2
    fleet.hear("message_received", road="webhook")
    fleet.judge()
    assert (last(fleet).result, fleet.one.state, fleet.one.recovery.spent) == ("effect", "connected", ())
    assert fleet.said("effect") == 1


def test_life_before_the_answer_of_a_restart_is_not_its_effect() -> None:
    fleet = ghost()
    fleet.now += 2
    fleet.hear("message_received", road="webhook")
    fleet.judge()
    fleet.answer("ok")
    fleet.judge()
    assert fleet.open_act() is not None
    fleet.now += 2
    fleet.hear("message_received", road="webhook")
    fleet.judge()
    assert last(fleet).result == "effect"


@pytest.mark.parametrize(("life_at", "seen"), [(T0 + 1, False), (T0 + 2, False), (T0 + 3, True)])
def test_a_restart_closes_what_lived_until_it_was_performed(life_at: float, seen: bool) -> None:
    """Storm seed 7584: a look found it alive while the restart was on its way, and its place was given to another."""
    act = Attempt("a", "restart", 1, T0, T0 + 20, performed_at=T0 + 2)
    assert attempt.has_effect(act, Facts(life_at=life_at)) is seen


@pytest.mark.parametrize(("life_at", "seen"), [(T0 - 1, False), (T0, False), (T0 + 1, True)])
def test_life_from_before_the_act_is_not_its_effect(life_at: float, seen: bool) -> None:
    act = Attempt("a", "connect", 1, T0, T0 + 5, performed_at=T0 + 2)
    assert attempt.has_effect(act, Facts(life_at=life_at)) is seen


def test_a_fresh_code_is_an_effect_too() -> None:
    assert attempt.has_effect(
        Attempt("a", "connect", 1, T0, T0 + 5, performed_at=T0 + 1),
        Facts(qr_at=T0 + 2, closed=(T0,), closed_by=("send",)),
    )


def test_an_unanswered_call_is_not_doubled_until_it_is_given_up() -> None:
    fleet = ghost()
    act = fleet.open_act()
    fleet.after(60)
    assert fleet.open_act() == act
    assert fleet.one.wake_at is not None
    assert act is not None
    fleet.now = act.until + attempt.GIVE_UP_S
    fleet.judge()
    assert last(fleet).result == "interrupted"
    assert fleet.one.recovery.open is None or fleet.one.recovery.open.id != act.id


@pytest.mark.parametrize(
    ("word", "result", "spent"),
    [
        ("no", "refused", ("restart",)),
        ("noop", "refused", ("restart",)),
        ("unsupported", "refused", ("restart",)),
        ("missing", "refused", ("restart",)),
        ("not_reached", "not-reached", ()),
    ],
)
def test_a_refusal_closes_at_once_and_what_never_arrived_is_not_used_up(
    word: str, result: str, spent: tuple[str, ...]
) -> None:
    fleet = ghost()
    fleet.answer(word)
    fleet.judge()
    assert last(fleet).result == result
    recorded = fleet.decisions[-1][3]
    assert any(line.code == result for line in recorded.lines)
    assert fleet.one.recovery.spent == spent or fleet.one.recovery.strikes


def test_the_answer_of_an_older_act_is_history() -> None:
    fleet = ghost()
    fleet.hear("act_answered", road="act", attempt="att_of_yesterday", rung="restart", answer="no")
    fleet.hear("act_interrupted", road="self", attempt="att_of_yesterday")
    fleet.judge()
    act = fleet.open_act()
    assert act is not None
    assert act.performed_at is None


def test_a_crash_in_the_middle_is_looked_into_before_anything() -> None:
    fleet = Fleet()
    fleet.now += 100
    fleet.kill(says="closed")
    fleet.stay_closed()
    act = fleet.open_act()
    assert act is not None
    fleet.now += 3
    fleet.hear("act_interrupted", road="self", attempt=act.id)
    decision = fleet.judge()
    assert last(fleet).result == "interrupted"
    assert (decision.act, decision.look) == (None, "socket")
    assert fleet.after(30).act is None, "nothing before a look has been answered"
    fleet.hear("said_closed", road="state")
    fleet.judge()
    assert fleet.rungs() == ["connect", "connect"]


def test_connect_answered_with_noop_keeps_its_time() -> None:
    fleet = Fleet()
    fleet.now += 100
    fleet.kill(says="closed")
    fleet.stay_closed()
    assert fleet.rungs() == ["connect"]
    fleet.answer("noop")
    fleet.judge()
    assert fleet.open_act() is not None
    fleet.after(5)
    assert last(fleet).result == "no-effect"
    assert fleet.one.recovery.connects == 1


def test_a_recreate_is_a_delete_and_then_a_create() -> None:
    fleet = ghost(AUTO, can=BAILEYS)
    fleet.climb_until(60, still=("socket_closed",))
    assert fleet.rungs()[:5] == ["connect", "connect", "connect", "delete", "create"]
    assert fleet.one.recovery.recreates == 1


def test_a_delete_that_is_refused_is_not_followed_by_a_create() -> None:
    fleet = ghost(AUTO, can=BAILEYS)
    until_deleting(fleet)
    fleet.answer("no")
    fleet.judge()
    assert fleet.one.recovery.then == ()
    fleet.climb_until(30, still=("socket_closed",))
    assert "create" not in fleet.rungs()


def test_deleting_what_is_not_there_is_a_success() -> None:
    fleet = ghost(AUTO, can=BAILEYS)
    until_deleting(fleet)
    fleet.answer("missing")
    fleet.after(5)
    assert fleet.rungs()[-1] == "create"


def test_a_create_of_what_exists_is_followed_by_a_connect() -> None:
    fleet = Fleet(paired=False)
    fleet.hear("created", road="operator", attempt="first")
    fleet.judge()
    fleet.answer("exists")
    fleet.judge()
    assert last(fleet).result == "exists"
    fleet.after(5)
    assert fleet.rungs() == ["connect"]


def test_a_logout_that_takes_effect_is_followed_by_connects_not_by_another_logout() -> None:
    fleet = ghost(SEEDS)
    assert fleet.rungs() == ["logout"]
    fleet.answer("ok")
    fleet.now += 3
    fleet.hear("said_closed", road="state")
    fleet.judge()
    assert last(fleet).result == "effect"
    fleet.stay_closed()
    assert fleet.rungs()[:2] == ["logout", "connect"]


def test_after_connects_and_a_logout_come_connects_and_then_the_end() -> None:
    fleet = Fleet(policy=SEEDS)
    fleet.now += 100
    fleet.kill(says="connecting")
    fleet.hear("operator_pair", road="operator")
    fleet.climb_until(90, still=("said_connecting", "socket_closed"))
    assert fleet.rungs()[:7] == ["connect", "connect", "connect", "logout", "connect", "connect", "delete"]


def test_who_asked_for_no_code_is_restarted_instead_and_connected_again_and_again() -> None:
    fleet = Fleet(policy=SEEDS)
    fleet.now += 100
    fleet.kill(says="closed")
    fleet.climb_until(400, still=("said_closed", "socket_closed"))
    assert fleet.rungs()[:7] == ["connect", "connect", "connect", "restart", "connect", "connect", "connect"]
    assert set(fleet.rungs()) == {"connect", "restart"}
    assert fleet.rungs().count("restart") == 1


def test_a_ghost_that_refuses_the_logout_is_never_deleted_and_that_the_letter_fails_is_said_once_in_a_fall() -> None:
    fleet = ghost(SEEDS)
    fleet.climb_until(600, answer="no", still=("said_open", "socket_closed"))
    assert set(fleet.rungs()) == {"logout", "connect"}
    assert fleet.said("logout-in-vain") == 1
    assert (fleet.one.state, fleet.one.reason.code) == ("disconnected", "ghost-needs-server-restart")


def test_a_recreate_of_a_person_s_that_is_refused_is_an_error_in_the_provider_s_words() -> None:
    fleet = ghost()
    fleet.hear("operator_recreate", road="operator")
    fleet.answer("ok")
    fleet.judge()
    fleet.hear("socket_closed")
    fleet.after(21)
    assert fleet.rungs() == ["restart", "delete"]
    fleet.answer("no", detail="[object Object]")
    fleet.judge()
    assert (fleet.one.state, fleet.one.reason.code) == ("error", "provider-refused")
    assert fleet.one.reason.args["detail"] == "[object Object]"
    fleet.after(30)
    assert (fleet.one.state, fleet.rungs()[-1]) == ("error", "delete")
    fleet.now += 1
    fleet.pair()
    assert fleet.one.state == "connected"


def test_a_logout_that_fails_does_not_stop_the_connect_either() -> None:
    fleet = ghost(SEEDS)
    fleet.answer("no")
    fleet.judge()
    fleet.after(5)
    assert fleet.rungs() == ["logout", "connect"]


@pytest.mark.parametrize(
    "facts", [Facts(unpaired_at=T0 + 1), Facts(qr_at=T0 + 1), Facts(state_read="closed", state_read_at=T0 + 1)]
)
def test_the_effect_of_a_logout_is_to_be_out(facts: Facts) -> None:
    act = Attempt("a", "logout", 1, T0, T0 + 20, performed_at=T0)
    assert attempt.has_effect(act, facts)
    assert not attempt.has_effect(act, Facts(life_at=T0 + 1))


def test_a_webhook_is_set_again_and_its_answer_is_its_effect() -> None:
    fleet = Fleet(can=EVOLUTION)
    fleet.now += 100
    fleet.hear("webhook_config_gone")
    fleet.judge()
    assert fleet.rungs() == ["set_webhook"]
    assert fleet.server.slots == (), "it opens no socket"
    fleet.answer("ok")
    fleet.judge()
    assert last(fleet).result == "effect"
    fleet.after(30)
    assert fleet.rungs() == ["set_webhook"], "not again at once"
    fleet.after(40)
    assert fleet.rungs() == ["set_webhook", "set_webhook"]


def test_what_was_only_claimed_forgets_nothing_until_it_has_stood() -> None:
    fleet = ghost(can=BAILEYS, policy=msgspec.structs.replace(DEFAULT, destructive_after_s=0))
    for _ in range(400):
        if fleet.one.recovery.awaiting is None:
            if fleet.open_act() is not None:
                fleet.answer()
            fleet.hear("said_closed", road="state")
            fleet.after(2)
    assert fleet.one.recovery.awaiting is not None
    for _ in range(60):
        if fleet.open_act() is None:
            fleet.hear("said_closed", road="state")
            fleet.after(2)
    fleet.answer()
    fleet.now += 1
    fleet.hear("said_connecting", road="state")
    fleet.now += 1
    fleet.hear("said_open", road="state")
    fleet.judge()
    assert (last(fleet).result, fleet.one.state) == ("effect", "connected")
    assert fleet.one.recovery.awaiting is not None
    fleet.after(301)
    assert fleet[1].recovery.awaiting is None
    assert fleet.said("approval-stale") == 1


def test_an_effect_that_was_only_claimed_and_then_refuted_was_none() -> None:
    """Where nothing better than the provider's own word can be asked, the next send is the witness."""
    fleet = ghost(can=BAILEYS)
    for _ in range(30):
        if fleet.open_act() is None:
            fleet.hear("socket_closed")
            fleet.after(1)
    assert fleet.rungs() == ["connect"]
    fleet.answer()
    fleet.now += 2
    fleet.hear("said_connecting", road="state")
    fleet.now += 1
    fleet.hear("said_open", road="state")
    fleet.judge()
    assert last(fleet).result == "effect"
    fleet.now += 2
    fleet.hear("send_closed", road="send")
    fleet.judge()
    fleet.now += 4
    fleet.hear("send_closed", road="send")
    decision = fleet.judge()
    assert "connect" in fleet.one.recovery.spent
    assert last(fleet).result == "no-effect"
    assert [line.kind for line in decision.lines if line.code == "no-effect"] == ["act"]
    assert fleet.said("no-effect") == 1


def test_an_answer_without_a_word_is_an_answer() -> None:
    fleet = ghost()
    fleet.hear("act_answered", road="act", attempt=fleet.open_act_now().id, rung="restart")
    fleet.judge()
    assert fleet.open_act_now().answer == ""


def test_the_line_of_an_act_that_ended_names_its_rung_and_its_number() -> None:
    fleet = ghost()
    fleet.answer("not_reached")
    [line] = [one for one in fleet.judge().lines if one.code == "not-reached"]
    assert (line.kind, line.args) == ("act", {"rung": "restart", "number": "1"})


def test_an_act_with_an_effect_may_be_tried_again_but_for_a_logout() -> None:
    cases: tuple[tuple[Rung, tuple[Rung, ...]], ...] = (("connect", ()), ("logout", ("logout",)))
    for rung, spent in cases:
        view = ghost().view()
        draft = Draft(view, T0)
        attempt._close(draft, Attempt("att_1", rung, 1, T0, T0 + 5), "effect")
        assert draft.session.recovery.spent == spent


@pytest.mark.parametrize("how", ["not_reached", "interrupted"])
def test_a_create_of_which_nothing_came_is_begun_again_once_it_is_seen_to_be_missing(how: str) -> None:
    fleet = Fleet(paired=False)
    fleet.hear("created", road="operator", attempt="first")
    fleet.judge()
    if how == "interrupted":
        fleet.hear("act_interrupted", road="act", attempt="first")
    else:
        fleet.answer("not_reached")
    fleet.after(5)
    assert (last(fleet).rung, fleet.rungs()) == ("create", []), "a look comes first"
    fleet.hear("instance_missing", road="state")
    fleet.after(5)
    assert fleet.rungs() == ["create"]
    fleet.answer("ok")
    fleet.hear("qr_shown", road="act")
    fleet.judge()
    assert fleet.one.state == "awaiting_qr"


def test_while_its_server_boots_it_may_only_not_be_loaded() -> None:
    fleet = Fleet(paired=False)
    fleet.hear("created", road="operator", attempt="first")
    fleet.judge()
    fleet.answer("not_reached")
    fleet.server = msgspec.structs.replace(
        fleet.server, facts=msgspec.structs.replace(fleet.server.facts, booted_at=fleet.now)
    )
    fleet.hear("instance_missing", road="state")
    fleet.after(5)
    assert fleet.rungs() == []
    fleet.after(DEFAULT.boot_grace_s)
    fleet.hear("instance_missing", road="state")
    fleet.judge()
    assert fleet.rungs() == ["create"]
