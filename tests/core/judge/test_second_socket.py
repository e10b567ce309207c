"""When a connect may be a second socket, what a duel is called, and what an outage of all does to one line's wait."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from esteio.core.judge import inbound_health, ladder
from esteio.core.judge.decide import decide
from esteio.core.judge.diagnose import Kind, Verdict, _our_own, verdict
from esteio.core.judge.facts import apply_evidence, expect_webhook
from esteio.core.judge.gap import of_session
from esteio.core.judge.ladder import Step
from esteio.core.judge.second_socket import LOOP_S, NO_CONDITIONS, ServerConditions, nobody_reconnects, scanning_until
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.evidence import NOT_LOADED, seen
from esteio.core.model.policy import DEFAULT, SEEDS, Policy
from esteio.core.model.recovery import Attempt, Outage, Recovery
from esteio.core.model.server import ServerFacts
from esteio.core.model.session import Facts
from esteio.core.model.state import Reason
from tests.core.rehearsal import BAILEYS, EVOLUTION, T0, WAPI, Fleet, a_server, a_session

CAN = msgspec.structs.replace(EVOLUTION, reconnects=True, echoes_sends=True)
FELL = T0 - 60
CLOSED = Verdict("closed", Reason("closed"), FELL)
STANDS = Facts(
    state_read="closed",
    state_read_at=T0,
    state_read_since=T0 - 50,
    state_read_times=9,
    life_at=T0 - 90,
    webhook_checked_at=T0 - 40,
)


def act(rung: str, at: float, result: str = "no-effect") -> Attempt:
    return Attempt("a", rung, 1, at, at + 5, performed_at=at, result=result)  # type: ignore[arg-type]


def leave(
    facts: Facts = STANDS,
    sky: ServerConditions = NO_CONDITIONS,
    can: Capabilities = CAN,
    booted: float = 0.0,
    last: Attempt | None = None,
) -> bool:
    session = a_session(facts=facts, recovery=Recovery(last=last), linked=True)
    server = a_server(facts=ServerFacts(booted_at=booted))
    return nobody_reconnects(session, server, CLOSED, can, sky)


def with_(**fields: object) -> Facts:
    return msgspec.structs.replace(STANDS, **fields)


def test_where_a_loop_could_not_be_heard_closed_is_no_leave_to_connect() -> None:
    assert not leave()
    assert leave(can=EVOLUTION), "a provider without a loop of its own"


def test_it_is_where_webhooks_are_proved_to_come_since_it_says_closed_all_the_time() -> None:
    assert leave(sky=ServerConditions(heard_at=T0 - 10))
    assert leave(with_(event_pushed_at=T0 - 10))
    assert not leave(sky=ServerConditions(heard_at=T0 - 49)), "that was before a loop had to be heard"
    assert not leave(sky=ServerConditions(heard_at=T0 - 10), last=act("connect", T0 - 9)), (
        "since then there may be ours"
    )
    assert leave(sky=ServerConditions(heard_at=T0 - 10), last=act("set_webhook", T0 - 9))


def test_it_is_not_where_its_own_address_was_not_looked_at_since() -> None:
    for before in (FELL - 1, T0 - 51, T0 - 49):
        assert not leave(with_(webhook_checked_at=before), ServerConditions(heard_at=T0 - 10)), "storm seed 40017"
    assert not leave(sky=ServerConditions(heard_at=T0 - 10), last=act("connect", T0 - 41))
    assert not leave(with_(webhook_gone_at=T0 - 40), ServerConditions(heard_at=T0 - 10))


def test_it_is_after_a_start_with_the_row_at_close_once() -> None:
    assert leave(with_(listed="closed"), booted=T0 - 55)
    assert not leave(with_(listed="open"), booted=T0 - 55)
    assert not leave(with_(listed="closed"), booted=T0 - 55, last=act("connect", T0 - 30))
    assert leave(with_(listed="closed"), booted=T0 - 55, last=act("connect", T0 - 80))


def test_it_is_after_an_end_for_good() -> None:
    assert leave(with_(code=402, code_at=T0 - 50))
    assert leave(last=act("logout", T0 - 50, "effect"))
    assert not leave(last=act("logout", T0 - 50))


def test_it_is_after_ten_minutes_of_nothing_else() -> None:
    old = {"state_read_at": FELL + LOOP_S, "state_read_since": FELL}
    assert leave(with_(**old))
    assert not leave(with_(**old), ServerConditions(together=True, away=True)), "storm seed 40016"
    assert leave(with_(**old), ServerConditions(together=True))
    assert not leave(with_(**old | {"state_read_since": FELL + 9}))
    assert not leave(with_(**old), last=act("connect", FELL + 9))


def step(
    found: Verdict,
    facts: Facts,
    *,
    can: Capabilities = CAN,
    policy: Policy = DEFAULT,
    sky: ServerConditions = NO_CONDITIONS,
    quirks: frozenset[str] = frozenset(),
    now: float = T0,
    **recovery: Any,
) -> Step:
    session = a_session(recovery=Recovery(**recovery), facts=facts, linked=True)
    return ladder.next_step(session, a_server(), found, policy, can, quirks=quirks, now=now, conditions=sky)


def test_the_ladder_waits_beside_a_loop_and_the_letter_does_not() -> None:
    assert step(CLOSED, STANDS).do == "wait"
    assert step(CLOSED, STANDS, sky=ServerConditions(heard_at=T0 - 10)).rung == "connect"
    assert step(CLOSED, STANDS, policy=SEEDS).rung == "connect"


def test_a_person_who_wants_a_code_waits_like_anybody() -> None:
    wants = with_(pair_at=T0 - 1)
    assert (step(CLOSED, wants).do, step(CLOSED, wants).until) == ("wait", T0 + ladder.AGAIN_S)
    assert step(CLOSED, with_(pair_at=T0 - 1, event_pushed_at=T0 - 10)).rung == "connect"


def test_a_code_in_somebodys_hands_is_left_there() -> None:
    gone = Verdict("logged_out", Reason("logged-out"), FELL)
    shown = Facts(code=401, code_at=FELL, qr_at=T0 - 30, pair_at=T0 - 1)
    assert (step(gone, shown).do, step(gone, shown).until) == ("wait", T0 + 60)
    assert step(gone, shown, now=T0 + 61).rung == "connect"
    assert step(gone, shown, can=EVOLUTION).rung == "connect"
    paired = msgspec.structs.replace(shown, paired_at=T0 - 10)
    assert scanning_until(a_session(facts=paired), CAN, T0) == T0 + 80
    assert not scanning_until(a_session(facts=msgspec.structs.replace(paired, life_at=T0)), CAN, T0)


# -- nothing is asked for that no unlink mends ---------------------------------------------------------------------

GHOST = Verdict("ghost", Reason("ghost-socket"), T0 - 900)
LONG_CLOSED = Verdict("closed", Reason("closed"), T0 - 900)
LONG = msgspec.structs.replace(STANDS, state_read_since=T0 - 900, event_pushed_at=T0 - 10)
TRIED: dict[str, Any] = {"spent": ("connect",) * 3}


@pytest.mark.parametrize(
    ("found", "sky", "does"),
    [
        (GHOST, NO_CONDITIONS, "ask"),
        (GHOST, ServerConditions(nobody=True, away=True), "wait"),
        (GHOST, ServerConditions(nobody=True), "strike"),
        (GHOST, ServerConditions(together=True), "wait"),
        (LONG_CLOSED, NO_CONDITIONS, "ask"),
        (LONG_CLOSED, ServerConditions(nobody=True, away=True), "wait"),
        (LONG_CLOSED, ServerConditions(nobody=True), "strike"),
        (LONG_CLOSED, ServerConditions(together=True), "wait"),
        (CLOSED, NO_CONDITIONS, "wait"),
    ],
)
def test_an_unlink_is_asked_for_only_where_it_may_help(found: Verdict, sky: ServerConditions, does: str) -> None:
    spent = {"spent": ("restart",)} if found is GHOST else TRIED
    assert step(found, LONG, sky=sky, **spent).do == does


@pytest.mark.parametrize("found", [GHOST, LONG_CLOSED])
def test_no_unlink_is_asked_for_right_after_a_time_in_which_the_server_could_not_be_asked(found: Verdict) -> None:
    """Storm seed 40002: all that was known of its other lines was eleven minutes old."""
    spent = ("restart",) if found is GHOST else ("connect",) * 3
    session = a_session(recovery=Recovery(spent=spent), facts=LONG, linked=True)
    for ago, does in ((1, "wait"), (LOOP_S - 1, "wait"), (LOOP_S, "ask")):
        server = a_server(facts=ServerFacts(back_at=T0 - ago))
        told = ladder.next_step(session, server, found, DEFAULT, CAN, quirks=frozenset(), now=T0)
        assert told.do == does


def test_no_unlink_is_asked_for_while_a_restart_of_the_process_is_proposed() -> None:
    for booted, does in ((0.0, "strike"), (T0 - 300, "ask")):
        recovery = Recovery(spent=("restart",), server_restart_proposed=True)
        session = a_session(linked=True, facts=LONG, recovery=recovery, outage=Outage("o", T0 - 900, "flapping"))
        server = a_server(facts=ServerFacts(booted_at=booted))
        assert ladder.next_step(session, server, GHOST, DEFAULT, CAN, quirks=frozenset(), now=T0).do == does


def test_no_unlink_is_asked_for_of_what_may_flap() -> None:
    for reopened, does in (((T0 - 90, T0 - 50), "wait"), ((T0 - 50,), "ask")):
        facts = msgspec.structs.replace(LONG, reopened=reopened)
        assert step(GHOST, facts, spent=("restart",)).do == does


def test_a_logout_that_would_be_refused_is_not_asked_for() -> None:
    quirks = frozenset({ladder.LOGOUT_FAILS})
    assert step(LONG_CLOSED, LONG, **TRIED).rung == "logout"
    assert step(LONG_CLOSED, LONG, quirks=quirks, **TRIED).rung == "recreate"


def test_a_session_that_connects_for_ever_ends_in_a_word_to_people_not_in_an_unlink() -> None:
    found = Verdict("reconnecting", Reason("reconnecting"), T0 - 900)
    said = Facts(state_read="connecting", state_read_at=T0)
    assert step(found, said).rung == "restart"
    assert step(found, said, spent=("restart",)).do == "strike"
    for strikes, proposed in ((0, False), (1, False), (2, True)):
        session = a_session(recovery=Recovery(spent=("restart",), strikes=strikes))
        assert ladder.needs_server_restart(session, found, CAN, frozenset()) is proposed


def test_while_nothing_lives_a_restart_waits_for_no_cool_down() -> None:
    found = Verdict("reconnecting", Reason("reconnecting"), T0 - 900)
    tried: dict[str, Any] = {"restarts": 5, "last_restart_at": T0 - 30}
    assert step(found, Facts(state_read="connecting"), **tried).do == "wait"
    assert step(found, Facts(state_read="connecting"), sky=ServerConditions(away=True), **tried).rung == "restart"


@pytest.mark.parametrize(("alone", "strikes"), [(True, 0), (False, 1)])
def test_what_was_in_vain_while_nothing_lives_is_no_strike(alone: bool, strikes: int) -> None:
    fell = T0 - 100
    facts = Facts(state_read="connecting", state_read_at=T0 - 1, dead_at=fell, life_at=fell - 100, looked_at=T0 - 1)
    session = a_session(
        linked=True, facts=facts, outage=Outage("o", fell, "reconnecting"), recovery=Recovery(spent=("restart",))
    )
    view = msgspec.structs.replace(Fleet(can=CAN).view(), session=session, none_alive=alone)
    recovery = decide(view, T0).session.recovery
    assert (recovery.strikes, recovery.spent) == (strikes, ())
    assert (recovery.quarantine_until == T0 + DEFAULT.probe_suspect_s) is alone


def test_where_a_restart_is_the_way_back_closed_must_stand_for_four_looks() -> None:
    found = Verdict("closed", Reason("closed"), T0 - 5)
    seen_closed = Facts(state_read="closed", state_read_at=T0, state_read_since=T0 - 5, state_read_times=3)
    assert step(found, seen_closed, can=WAPI).do == "wait"
    assert step(found, msgspec.structs.replace(seen_closed, state_read_times=4), can=WAPI).rung == "restart"
    assert step(found, msgspec.structs.replace(seen_closed, state_read="open"), can=WAPI).rung == "restart"


def test_a_flap_that_only_looks_can_tell_is_thought_of_again_later() -> None:
    found = Verdict("flapping", Reason("flapping"), T0 - 50)
    assert step(found, Facts(reopened=(T0 - 50,))).until == T0 + DEFAULT.flap_within_s


# -- whose duel it is ------------------------------------------------------------------------------------------------


def named(
    facts: Facts, connect_at: float, *, since: float = FELL, booted: float = 0.0, before: Outage | None = None
) -> str:
    facts = msgspec.structs.replace(facts, connect_at=connect_at)
    session = a_session(facts=facts, outage=Outage("o", since, "closed"), last_outage=before, linked=True)
    return verdict(session, a_server(facts=ServerFacts(booted_at=booted)), DEFAULT, T0).because.code


FLAP = Facts(opens=tuple(T0 - n for n in (9, 7, 5, 3, 1)), life_at=T0 - 2)
TAKEN = Facts(code=440, code_at=T0 - 1, code_source="state")


@pytest.mark.parametrize(("facts", "theirs"), [(FLAP, "flapping"), (TAKEN, "replaced")])
def test_a_duel_that_began_with_our_connect_is_called_ours(facts: Facts, theirs: str) -> None:
    assert named(facts, T0 - 20) == "own-duel"
    assert named(facts, 0.0) == theirs
    assert named(facts, FELL - 500) == theirs
    assert named(facts, T0 - 20, booted=T0 - 15) == theirs, "no socket of before lives on"
    moving = msgspec.structs.replace(facts, connecting=(T0 - 40,))
    assert named(moving, T0 - 20) == theirs, "it moved before"


def test_a_duel_that_waited_for_the_way_to_whatsapp_is_ours_as_well() -> None:
    def before(ended_at: float) -> Outage:
        return Outage("p", FELL - 900, "closed", ended_at=ended_at)

    assert named(FLAP, FELL - 500, before=before(FELL - 30)) == "own-duel"
    assert named(FLAP, FELL - 500, before=before(FELL - 300)) == "flapping", "it was well for long"
    assert named(FLAP, FELL - 1000, before=before(FELL - 30)) == "flapping", "it was well since"


def test_a_flap_of_which_nobody_tells_is_seen_by_looks() -> None:
    facts = Facts(life_at=T0 - 500)
    for n in range(5):
        at = T0 - 250 + 50 * n
        for kind, ago in (("said_closed", 10), ("said_open", 0)):
            facts = apply_evidence(facts, seen(kind, at - ago, "state"), DEFAULT, trust_claims=False)
    assert len(facts.reopened) == 5
    session = a_session(facts=facts, linked=True)
    assert verdict(session, a_server(), DEFAULT, T0 - 20).kind == "flapping"
    assert verdict(session, a_server(), DEFAULT, T0 + 200).kind != "flapping"


# -- webhooks that do not reach us ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "often"),
    [
        ({"reopened": (T0 - 100,)}, False),
        ({"reopened": (T0 - 100, T0 - 50)}, True),
        ({"reopened": (T0 - 100, T0 - 50), "opens": (T0 - 40,)}, False),
        ({"reopened": (T0 - 1000, T0 - 50)}, False),
    ],
    ids=["once", "twice", "webhooks tell", "long ago"],
)
def test_what_looks_found_open_again_twice_of_late_is_looked_at_often_and_its_looks_are_not_planned(
    changes: dict[str, tuple[float, ...]], often: bool
) -> None:
    fleet = Fleet()
    fleet.sessions[1] = msgspec.structs.replace(fleet.one, facts=msgspec.structs.replace(fleet.one.facts, **changes))
    fleet.judge()
    decision = fleet.after(40)
    assert decision.look is not None
    assert decision.wake_at is not None
    assert decision.wake_at - fleet.now == (DEFAULT.probe_suspect_s if often else DEFAULT.probe_idle_s)
    assert (fleet.judge().planned is None) is often


def test_what_is_not_in_its_servers_memory_has_not_lost_its_webhook() -> None:
    gone = seen("webhook_config_gone", T0, "state", detail="none")
    unloaded = apply_evidence(Facts(state_read=NOT_LOADED), gone, DEFAULT, trust_claims=False)
    assert (unloaded.webhook_gone_at, unloaded.webhook_checked_at) == (0.0, 0.0)
    assert apply_evidence(Facts(state_read="close"), gone, DEFAULT, trust_claims=False).webhook_gone_at == T0


def test_a_send_without_its_word_is_evidence() -> None:
    sent = seen("send_accepted", T0, "send")
    facts = expect_webhook(Facts(webhook_received_at=T0 - 60), sent)
    assert facts.webhook_missing_since == T0
    assert expect_webhook(facts, seen("send_accepted", T0 + 9, "send")).webhook_missing_since == T0, "the first of them"
    assert not expect_webhook(Facts(webhook_received_at=T0 - 5), sent).webhook_missing_since, (
        "its word may come before its answer"
    )
    assert not expect_webhook(Facts(), seen("send_accepted", T0, "webhook")).webhook_missing_since
    assert not expect_webhook(Facts(), seen("round_trip_ok", T0, "probe")).webhook_missing_since
    assert not inbound_health.unreachable_since(facts, T0 + 59)
    assert inbound_health.unreachable_since(facts, T0 + 60) == T0
    told = apply_evidence(facts, seen("receipt_received", T0 + 70, "receipt"), DEFAULT, trust_claims=False)
    assert (told.webhook_missing_since, told.webhook_received_at) == (0.0, T0 + 70)


def test_when_webhooks_come_again_what_was_missed_is_read() -> None:
    before = a_session(
        facts=Facts(webhook_missing_since=T0, receive_ok_at=T0 - 900, webhook_received_at=T0 - 60), linked=True
    )
    after = msgspec.structs.replace(before, facts=Facts(webhook_received_at=T0 + 90, any_evidence_at=T0 + 90))
    assert of_session(before, after) is not None
    soon = msgspec.structs.replace(before, facts=Facts(webhook_received_at=T0 + 1, any_evidence_at=T0 + 1))
    assert of_session(before, soon) is None


def test_until_a_webhook_is_proved_to_come_the_list_is_read_every_minute() -> None:
    assert inbound_health.list_check_due(Facts(), T0)
    assert not inbound_health.list_check_due(Facts(list_compared_at=T0 - 59), T0)
    assert inbound_health.list_check_due(Facts(list_compared_at=T0 - 60), T0)
    assert not inbound_health.list_check_due(Facts(webhook_received_at=T0 - 9999, list_compared_at=T0 - 60), T0)
    assert inbound_health.list_check_due(
        Facts(webhook_received_at=T0 - 9999, webhook_missing_since=T0 - 61, list_compared_at=T0 - 60), T0
    )


def test_baileys_is_none_of_that() -> None:
    assert not BAILEYS.reconnects
    assert not BAILEYS.echoes_sends


def test_a_line_whose_webhooks_do_not_reach_us_is_degraded_and_sends_on() -> None:
    fleet = Fleet(can=CAN)
    fleet.hear("said_open", road="state")
    fleet.hear("socket_ok", road="probe")
    fleet.hear("message_received", road="webhook")
    fleet.judge()
    fleet.after(30)
    fleet.hear("send_accepted", road="send")
    fleet.judge()
    assert fleet.one.facts.webhook_missing_since
    fleet.after(inbound_health.TOLD_WITHIN_S + 1)
    one = fleet.one
    assert (one.state, one.reason.code, one.gate) == ("degraded", "webhook-unreachable", "open")
    assert (one.can_receive.value, one.outage) == ("unknown", None)


def test_a_duel_of_ours_is_told_with_its_way_out_which_is_proposed_at_once() -> None:
    facts = msgspec.structs.replace(FLAP, connect_at=T0 - 20, looked_at=T0 - 1)
    session = a_session(facts=facts, outage=Outage("o", FELL, "closed"), linked=True)
    decision = decide(msgspec.structs.replace(Fleet(can=CAN).view(), session=session), T0)
    assert (decision.session.state, decision.session.reason.code) == ("disconnected", "own-duel")
    assert decision.session.recovery.server_restart_proposed
    assert decision.act is None


def test_a_scan_is_waited_for_until_its_time_is_over_and_not_at_its_end() -> None:
    shown = a_session(facts=Facts(qr_at=T0))
    assert scanning_until(shown, CAN, T0 + 89) == T0 + 90
    assert scanning_until(shown, CAN, T0 + 90) == 0.0


@pytest.mark.parametrize(
    ("kind", "linked", "waits"), [("closed", True, True), ("closed", False, False), ("ghost", True, False)]
)
def test_a_person_waits_beside_a_loop_only_where_there_may_be_one(kind: Kind, linked: bool, waits: bool) -> None:
    session, found = a_session(facts=STANDS, linked=linked), Verdict(kind, Reason(kind), FELL)
    step = ladder._hands_off(session, a_server(), found, CAN, NO_CONDITIONS, now=T0)
    assert (step is not None) == waits


def test_a_duel_is_not_ours_when_something_moved_with_the_fall_before_our_connect() -> None:
    for moved, ours in ((T0, False), (T0 + 49, False), (T0 + 50, True)):
        facts = Facts(connect_at=T0 + 50, opens=(moved,))
        session = a_session(facts=facts, outage=Outage("out_1", T0, "closed"))
        assert _our_own(session, a_server(), T0 + 90) == ours
