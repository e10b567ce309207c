"""Which rung comes next: the plans as a table, and every reason to wait, ask or stop."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from esteio.core.judge import ladder
from esteio.core.judge.diagnose import FOR_PEOPLE, Kind, Verdict
from esteio.core.judge.ladder import RESTART_NOOP, plan, remaining
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.policy import DEFAULT, SEEDS, Letter, Policy
from esteio.core.model.recovery import Attempt, Outage, Recovery, Rung
from esteio.core.model.server import ServerFacts
from esteio.core.model.session import Facts
from esteio.core.model.state import Reason
from tests.core.ladder_case import case, said, step
from tests.core.rehearsal import BAILEYS, EVOLUTION, T0, WAPI, a_server, a_session

KEEP = msgspec.structs.replace(DEFAULT, recreate=False)


DIALECTS = {"evolution": EVOLUTION, "baileys": BAILEYS, "wapi": WAPI}


POLICIES = {"default": DEFAULT, "seeds": SEEDS, "no recreate": KEEP}


# R restart, C connect, L logout, X recreate. What is not in the table has no plan.
PLANS = """
ghost         evolution  default      R L C C X
ghost         evolution  seeds        L C C
ghost         evolution  no recreate  R L C C
ghost         baileys    default      C C C X
ghost         baileys    seeds        C C
ghost         baileys    no recreate  C C C
ghost         wapi       default      R
ghost         wapi       seeds        R
ghost         wapi       no recreate  R
reconnecting  evolution  default      R
reconnecting  evolution  seeds        C C C R
reconnecting  evolution  no recreate  R
reconnecting  baileys    default      C C C
reconnecting  baileys    seeds        C C C
reconnecting  baileys    no recreate  C C C
reconnecting  wapi       default      R
reconnecting  wapi       seeds        R
reconnecting  wapi       no recreate  R
closed        evolution  default      C C C L C C X
closed        evolution  seeds        C C C R
closed        evolution  no recreate  C C C L C C
closed        baileys    default      C C C X
closed        baileys    seeds        C C C
closed        baileys    no recreate  C C C
closed        wapi       default      R
closed        wapi       seeds        R
closed        wapi       no recreate  R
missing       evolution  default      C C C L C C X
missing       evolution  seeds        C C C R
missing       evolution  no recreate  C C C L C C
missing       baileys    default      C C C X
missing       baileys    seeds        C C C
missing       baileys    no recreate  C C C
missing       wapi       default      R
missing       wapi       seeds        R
missing       wapi       no recreate  R
logged_out    evolution  seeds        C C C
logged_out    baileys    seeds        C C C
unpaired      evolution  seeds        C C C
unpaired      baileys    seeds        C C C
"""


LETTER = {"connect": "C", "restart": "R", "logout": "L", "recreate": "X"}


def test_the_plans_are_these_and_no_others() -> None:
    printed = []
    for kind in ("ghost", "reconnecting", "closed", "missing", *sorted(get_args(Kind))):
        for dialect, can in DIALECTS.items():
            for name, policy in POLICIES.items():
                rungs = " ".join(LETTER[rung] for rung in plan(case(kind), policy, can))
                line = f"{kind:<13} {dialect:<10} {name:<12} {rungs}"
                if rungs and line not in printed:
                    printed.append(line)
    assert printed == PLANS.strip().splitlines()


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_plan_is_harmless_first_where_anything_harmless_could_help(kind: Kind, dialect: str, name: str) -> None:
    rungs = plan(case(kind), POLICIES[name], DIALECTS[dialect])
    if name != "seeds" and rungs:
        assert rungs[0] in ("connect", "restart")
    assert "recreate" not in rungs[:-1], "the last resort is last"


@pytest.mark.parametrize("kind", ["closed", "missing", "reconnecting", "unknown"])
def test_the_levels_of_seed_002_belong_to_asking_for_a_code(kind: Kind) -> None:
    levels = plan(case(kind), SEEDS, EVOLUTION, asked=True)
    assert levels[-4:] == ("logout", "connect", "connect", "recreate")
    assert levels[:-4] == (() if kind == "unknown" else ("connect",) * 3)
    assert plan(case(kind), SEEDS, BAILEYS, linked=False)[-1] == "recreate"
    assert not {"logout", "recreate"} & set(plan(case(kind), SEEDS, EVOLUTION))


def test_a_policy_of_ones_own_may_take_an_unknown_state_for_corruption() -> None:
    own = msgspec.structs.replace(DEFAULT, letter=Letter(unknown_is_corrupt=True))
    assert plan(case("unknown"), own, EVOLUTION) == ("logout", "connect", "connect", "recreate")
    assert step(case("unknown", proven=False), policy=own).do == "wait", "but only for who asks for a code"
    assert said(step(case("unknown", proven=False), policy=own, facts=Facts(pair_at=T0)))[0] == "ask"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_by_the_seeds_a_ghost_is_never_deleted(dialect: str) -> None:
    assert "recreate" not in plan(case("ghost"), SEEDS, DIALECTS[dialect], asked=True)


@pytest.mark.parametrize("kind", ["unpaired", "logged_out"])
def test_by_the_seeds_the_reconnector_connects_after_a_logout_so_that_a_code_is_there(kind: Kind) -> None:
    """Seed 001: `logout -> list says close -> connect`; without a logout of ours a person has to ask."""
    assert said(step(case(kind), policy=SEEDS, logouts=1)) == ("act", "connect", kind)
    assert step(case(kind), policy=SEEDS).do == "person"
    assert step(case(kind), logouts=1).do == "person", "the default policy asks for nothing"
    held = Verdict(kind, Reason("ghost-needs-server-restart"), T0 - 9)
    assert step(held, policy=SEEDS, logouts=1).do == "person"


def test_by_the_seeds_the_one_restart_in_half_an_hour_keeps_the_reconnector_from_nothing() -> None:
    tried: dict[str, Any] = {"spent": ("connect",) * 3, "last_restart_at": T0 - 100, "restarts": 1}
    assert step(case("closed"), policy=SEEDS, facts=STEADY_CLOSED, **tried).do == "strike"
    assert said(step(case("closed"), policy=SEEDS, facts=STEADY_CLOSED, spent=("connect",) * 3))[:2] == (
        "act",
        "restart",
    )


@pytest.mark.parametrize(
    ("policy", "spent", "last_connecting_at", "quirks", "proposed"),
    [
        (SEEDS, ("logout", "connect"), 0.0, frozenset(), True),
        (DEFAULT, ("restart",), 0.0, frozenset({RESTART_NOOP}), True),
        (DEFAULT, ("restart",), T0 - 5, frozenset({RESTART_NOOP}), False),
        (DEFAULT, ("restart",), 0.0, frozenset(), False),
    ],
)
def test_only_an_act_that_did_nothing_leads_to_the_server_s_process(
    policy: Policy, spent: tuple[str, ...], last_connecting_at: float, quirks: frozenset[str], proposed: bool
) -> None:
    """E8: a restart that opened a new socket was no act without effect."""
    session = a_session(
        recovery=Recovery(spent=spent, last_restart_at=T0 - 10),
        facts=Facts(last_connecting_at=last_connecting_at),
        linked=True,
    )
    assert ladder.needs_server_restart(session, case("ghost"), EVOLUTION, quirks) is proposed


@pytest.mark.parametrize(
    ("planned", "spent", "left"),
    [
        ("RLCCX", "", "RLCCX"),
        ("RLCCX", "R", "LCCX"),
        ("CCCLCCX", "CCCL", "CCX"),
        ("CCCLCCX", "CCCLCC", "X"),
        ("RLCCX", "CRR", "LCX"),
        ("R", "R", ""),
        ("", "R", ""),
    ],
)
def test_each_try_is_used_up_once(planned: str, spent: str, left: str) -> None:
    assert "".join(remaining(tuple(planned), tuple(spent))) == left  # type: ignore[arg-type]


STEADY_CLOSED = Facts(state_read="closed", state_read_at=T0, state_read_since=T0 - 10, state_read_times=4)


@pytest.mark.parametrize("kind", ["live", "suspect", "new", "server_down", "server_wall"])
def test_what_lives_or_is_not_to_blame_is_left_alone(kind: Kind) -> None:
    assert step(case(kind)).do == "rest"


@pytest.mark.parametrize("kind", sorted(FOR_PEOPLE))
def test_what_only_people_can_mend_waits_for_people(kind: Kind) -> None:
    assert step(case(kind)).do == "person"


def test_a_ghost_is_restarted_first() -> None:
    assert said(step(case("ghost"))) == ("act", "restart", "ghost")


def test_what_follows_goes_before_everything() -> None:
    assert said(step(case("live"), then=("create",))) == ("act", "create", "follows")


def test_a_ban_for_a_time_is_waited_out() -> None:
    assert step(case("temp_banned"), facts=Facts(code_until=T0 + 99)).until == T0 + 99
    assert step(case("temp_banned")).until == T0 + 3600


def test_a_flap_is_left_to_settle() -> None:
    found = step(case("flapping"), facts=Facts(connecting=(T0 - 5,)))
    assert (found.do, found.until) == ("wait", T0 + 25)


def test_quarantine_is_kept() -> None:
    found = step(case("ghost"), quarantine_until=T0 + 5, strikes=2)
    assert (found.do, found.because, found.until) == ("wait", Reason("quarantine", {"strikes": "2"}), T0 + 5)
    assert step(case("ghost"), quarantine_until=T0).do == "act"


def test_restarts_keep_their_distance() -> None:
    found = step(case("ghost"), restarts=1, last_restart_at=T0 - 10)
    assert (*said(found), found.until) == ("wait", None, "restart-cooldown", T0 + 50)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (DEFAULT, ("ask", "logout", "ghost")),
        (msgspec.structs.replace(DEFAULT, destructive="auto"), ("act", "logout", "ghost")),
        (msgspec.structs.replace(DEFAULT, destructive="never"), ("strike", None, "ghost")),
    ],
)
def test_a_destructive_rung_goes_by_policy(policy: Policy, expected: tuple[str, str | None, str]) -> None:
    assert said(step(case("ghost"), policy=policy, spent=("restart",))) == expected


def test_nothing_destructive_during_boot_grace() -> None:
    found = step(case("ghost"), policy=SEEDS, booted=T0 - 10)
    assert (*said(found), found.until) == ("wait", None, "boot-grace", T0 + 170)


def test_logouts_keep_their_distance_too() -> None:
    found = step(case("ghost"), policy=SEEDS, last_logout_at=T0 - 20, logouts=1)
    assert (*said(found), found.until) == ("wait", None, "logout-limit", T0 + 100)
    assert step(case("ghost"), policy=SEEDS, last_logout_at=T0 - 120, logouts=1).do == "act"


def test_a_destructive_rung_needs_proof() -> None:
    """By the seeds' letter too, but for a word that nobody knows."""
    unproven = case("ghost", proven=False)
    auto = msgspec.structs.replace(DEFAULT, destructive="auto")
    assert step(unproven, policy=auto, spent=("restart",)).do == "strike"
    assert step(unproven, policy=SEEDS).do == "strike"


def test_a_ghost_on_which_restart_does_nothing_needs_the_server_s_restart() -> None:
    known = frozenset({RESTART_NOOP})
    assert step(case("ghost"), quirks=known, spent=("restart",)).do == "strike"
    stood = msgspec.structs.replace(STEADY_CLOSED, state_read_since=T0 - 900)
    assert step(case("closed"), quirks=known, spent=("connect",) * 3, facts=stood).do == "ask"


@pytest.mark.parametrize(("age", "do"), [(10, "wait"), (59, "wait"), (60, "ask")])
def test_a_destructive_rung_needs_a_fall_of_some_age(age: int, do: str) -> None:
    found = step(case("ghost", since=T0 - age), spent=("restart",))
    assert found.do == do
    assert found.until == (T0 - age + 60 if do == "wait" else None)


@pytest.mark.parametrize(("linked", "policy", "rungs"), [(False, DEFAULT, ("restart",)), (False, SEEDS, ("logout",))])
def test_a_session_that_was_never_linked_has_nothing_to_log_out_but_by_the_seed_s_letter(
    linked: bool, policy: Policy, rungs: tuple[str]
) -> None:
    assert plan(case("ghost"), policy, EVOLUTION, linked=linked)[:1] == rungs
    assert len(plan(case("ghost"), DEFAULT, EVOLUTION, linked=False)) == 1


def test_the_end_of_the_plan_is_a_strike() -> None:
    assert step(case("ghost"), can=WAPI, spent=("restart",)).do == "strike"


def test_a_word_we_do_not_know_is_looked_at_again_and_never_acted_on() -> None:
    found = step(case("unknown", proven=False))
    assert (found.do, found.until) == ("wait", T0 + 5)


def test_a_provider_that_reconnects_gets_its_time() -> None:
    found = step(case("reconnecting", since=T0 - 5))
    assert (found.do, found.until) == ("wait", T0 + 15)
    assert said(step(case("reconnecting", since=T0 - 20))) == ("act", "restart", "reconnecting")


def test_an_answered_act_gives_it_time_again() -> None:
    found = step(case("reconnecting"), facts=Facts(act_at=T0 - 5))
    assert (found.do, found.until) == ("wait", T0 + 15)


def test_after_a_boot_a_provider_that_reconnects_is_let_alone_and_seed_002_asks_it_to_connect() -> None:
    grace = T0 - 10 + DEFAULT.boot_grace_s
    assert (step(case("reconnecting"), booted=T0 - 10).do, step(case("reconnecting"), booted=T0 - 10).until) == (
        "wait",
        grace,
    )
    assert said(step(case("reconnecting"), policy=SEEDS, booted=T0 - 10)) == ("act", "connect", "reconnecting")


def test_after_a_boot_a_restart_waits_for_the_whole_grace() -> None:
    found = step(case("reconnecting"), booted=T0 - 10, spent=("connect",) * 3)
    assert (found.do, found.until) == ("wait", T0 + 170)


def closed(**changes: object) -> Facts:
    return msgspec.structs.replace(STEADY_CLOSED, **changes)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (STEADY_CLOSED, "act"),
        (closed(state_read_since=T0, state_read_times=1), "wait"),
        (closed(state_read_since=T0 - 2.6), "wait"),
        (closed(state_read_since=T0 - 2.8), "act"),
        (closed(state_read_times=3), "wait"),
        (closed(last_connecting_at=T0 - 9), "wait"),
        (closed(last_connecting_at=T0 - 1), "wait"),
        (closed(state_read_since=T0 - 60, last_connecting_at=T0 - 1), "wait"),
        (closed(state_read_since=T0 - 60, last_connecting_at=T0 - 61), "act"),
    ],
)
def test_a_connect_waits_until_closed_has_stood_for_four_looks_without_a_word_of_connecting(
    facts: Facts, expected: str
) -> None:
    found = step(case("closed"), facts=facts)
    assert found.do == expected
    if expected == "wait":
        assert found.until == T0 + 5
    else:
        assert said(found) == ("act", "connect", "closed")


def test_after_a_boot_closed_must_stand_as_long_as_an_act_would_have() -> None:
    """A server that starts reconnects by itself, again and again: a connect between two of its tries makes a duel."""
    for stood, expected in ((10, "wait"), (19, "wait"), (20, "act")):
        assert step(case("closed"), facts=closed(state_read_since=T0 - stood), booted=T0 - 100).do == expected
    assert step(case("closed"), facts=STEADY_CLOSED, booted=T0 - 180).do == "act"


def test_a_provider_that_was_seen_at_it_in_this_fall_must_stand_closed_as_long_too() -> None:
    """Storm seed 5047: it says closed for a moment between any two of its own tries."""
    for stood, expected in ((19, "wait"), (20, "act")):
        facts = closed(state_read_since=T0 - stood, life_at=T0 - 60, last_connecting_at=T0 - 40)
        assert step(case("closed"), facts=facts).do == expected
    before = closed(life_at=T0 - 60, last_connecting_at=T0 - 61)
    assert step(case("closed"), facts=before).do == "act", "what it did before it lived last says nothing"
    unlinked = closed(life_at=T0 - 60, last_connecting_at=T0 - 40, unpaired_at=T0 - 30)
    assert step(case("closed"), facts=unlinked).do == "act", "without credentials there is nothing to fight about"


def test_no_connect_beside_a_socket_that_is_open() -> None:
    """Storm seed 5044: its `open` waits in a queue that stands still; each further connect throws the last one out."""
    beside = closed(life_at=T0 - 60, closed=(T0 - 20, T0 - 15), socket_open_while_claimed_closed_at=T0 - 4)
    assert step(case("closed"), facts=beside).do == "wait"
    gone = closed(life_at=T0 - 60, closed=(T0 - 20, T0 - 2), socket_open_while_claimed_closed_at=T0 - 4)
    assert step(case("closed"), facts=gone).do == "act"


def done(rung: Rung) -> Attempt:
    return Attempt(
        "att_1", rung, 1, opened_at=T0 - 9, until=T0 - 4, performed_at=T0 - 7, answer="ok", result="no-effect"
    )


@pytest.mark.parametrize(
    ("rung", "looked", "can", "expected"),
    [
        ("connect", (), EVOLUTION, "wait"),
        ("restart", (), EVOLUTION, "wait"),
        ("connect", ((T0 - 3, "send"), (T0 - 8, "probe")), EVOLUTION, "wait"),
        ("connect", ((T0 - 8, "send"), (T0 - 3, "probe")), EVOLUTION, "act"),
        ("connect", (), BAILEYS, "act"),
        ("logout", (), EVOLUTION, "act"),
    ],
)
def test_after_an_act_that_may_have_opened_a_socket_no_connect_before_somebody_looked(
    rung: Rung, looked: tuple[tuple[float, str], ...], can: Capabilities, expected: str
) -> None:
    """Storm seed 7124: the looks after the first connect met errors, and the second threw its socket out."""
    times, roads = tuple(at for at, _ in looked), tuple(road for _, road in looked)
    facts = closed(act_at=T0 - 7, closed=times, closed_by=roads)
    found = step(case("closed"), facts=facts, can=can, last=done(rung))
    assert found.do == expected
    if expected == "wait":
        assert (found.because.code, found.until) == ("look-first", T0 - 7 + DEFAULT.effect_within_s)
        assert found.until is not None
        assert step(case("closed"), facts=facts, can=can, last=done(rung), now=found.until).do == "act"


def test_a_missing_instance_may_still_be_loading_after_a_boot() -> None:
    found = step(case("missing"), booted=T0 - 10)
    assert (*said(found), found.until) == ("wait", None, "boot-grace", T0 + 170)
    assert said(step(case("missing"))) == ("act", "connect", "missing")


LEFT = Facts(
    state_read="closed",
    state_read_at=T0 - 1,
    state_read_since=T0 - 1,
    state_read_times=1,
    listed="closed",
    life_at=T0 - 99,
)


def test_what_a_new_process_left_closed_is_connected_at_once_and_only_then() -> None:
    """J1: its list says closed, so this version does not connect it by itself; others, and other times, must wait."""
    lists = msgspec.structs.replace(EVOLUTION, boots_by_list=True)
    assert said(step(case("closed"), can=lists, facts=LEFT, booted=T0 - 5)) == ("act", "connect", "closed")
    assert step(case("closed"), can=EVOLUTION, facts=LEFT, booted=T0 - 5).do == "wait"
    quirk = frozenset({ladder.BOOTS_ALL})
    assert step(case("closed"), can=lists, facts=LEFT, booted=T0 - 5, quirks=quirk).do == "wait"
    for later in (
        {"last_connecting_at": T0 - 2},
        {"act_at": T0 - 2},
        {"life_at": T0 - 2},
        {"listed": "open"},
        {"state_read_at": T0 - 9},
    ):
        facts = msgspec.structs.replace(LEFT, **later)
        assert step(case("closed"), can=lists, facts=facts, booted=T0 - 5).do == "wait", later
    assert step(case("closed"), can=lists, facts=LEFT, booted=T0 - 200, now=T0).do == "wait"


def test_after_a_connect_that_did_nothing_to_it_the_next_waits_for_four_looks_and_no_longer() -> None:
    """Level one inside boot grace is three connects five seconds apart, as design.md has it."""
    lists = msgspec.structs.replace(EVOLUTION, boots_by_list=True)
    looked = {"act_at": T0 - 4, "state_read_since": T0 - 4.5, "state_read_at": T0, "state_read_times": 4}
    facts = msgspec.structs.replace(LEFT, **looked)
    assert said(step(case("closed"), can=lists, facts=facts, booted=T0 - 5)) == ("act", "connect", "closed")
    for later in ({"state_read_times": 3}, {"last_connecting_at": T0 - 2}, {"listed": "open"}):
        moved = msgspec.structs.replace(facts, **later)
        assert step(case("closed"), can=lists, facts=moved, booted=T0 - 5).do == "wait", later
    quirk = frozenset({ladder.BOOTS_ALL})
    assert step(case("closed"), can=lists, facts=facts, booted=T0 - 5, quirks=quirk).do == "wait"


def test_an_approved_step_says_which_rung_was_approved() -> None:
    assert step(case("ghost"), approved="logout").because == Reason("approved", {"rung": "logout"})


def test_a_connect_that_waits_says_why() -> None:
    found = step(case("closed"), facts=closed(state_read_times=3))
    assert (found.because, found.until) == (Reason("closed"), T0 + 5)


def test_a_restart_that_may_be_lost_in_a_try_of_its_own_waits_for_the_next_look() -> None:
    found = step(case("closed"), can=WAPI, facts=closed(state_read_times=1, state_read_since=T0))
    assert (*said(found), found.until) == ("wait", None, "closed", T0 + 5)


@pytest.mark.parametrize(("booted", "awaits"), [(T0 - 51, True), (T0 - 50, True), (T0 - 49, False)])
def test_a_boot_since_the_fall_is_what_was_proposed(booted: float, awaits: bool) -> None:
    session = a_session(recovery=Recovery(server_restart_proposed=True), outage=Outage("out_1", T0 - 50, "ghost"))
    assert ladder._awaits_boot(session, a_server(facts=ServerFacts(booted_at=booted))) == awaits
