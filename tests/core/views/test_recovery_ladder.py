"""The ladder as people see it agrees with what the judge then does."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from esteio.core.judge.ladder import LOGOUT_FAILS
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.policy import DEFAULT, SEEDS, Policy
from esteio.core.model.recovery import Attempt, Recovery
from esteio.core.model.server import Incident, Limits, Server, ServerFacts, Slot
from esteio.core.model.session import Facts, Session
from esteio.core.views.recovery_ladder import LadderView, ladder_view
from tests.core.rehearsal import EVOLUTION, T0, Fleet, a_server, a_session


def ghost(**recovery: Any) -> Session:
    """Dead, and everybody says open."""
    facts = Facts(life_at=T0 - 900, life_by="message_received", closed=(T0 - 600, T0 - 500), dead_at=T0 - 500)
    facts = msgspec.structs.replace(facts, closed_by=("send", "probe"), state_read="open", state_read_at=T0 - 1)
    return a_session(state="connecting", linked=True, facts=facts, recovery=Recovery(**recovery))


def seen(
    session: Session,
    *,
    server: Server | None = None,
    policy: Policy = DEFAULT,
    can: Capabilities = EVOLUTION,
    quirks: frozenset[str] = frozenset(),
    asked: Any = None,
) -> LadderView:
    return ladder_view(session, server or a_server(), policy, can, quirks=quirks, now=T0, asked=asked)


def rungs(view: LadderView) -> list[tuple[str, str]]:
    return [(one.rung, one.standing) for one in view.rungs]


def test_of_a_session_that_lives_it_is_what_would_be_done_if_it_died() -> None:
    view = seen(Fleet().one)
    assert view.stands == "rest"
    assert [(one.rung, one.tries, one.asks) for one in view.rungs] == [
        ("restart", 1, False),
        ("logout", 1, True),
        ("connect", 2, False),
        ("recreate", 1, True),
        ("person", 1, False),
    ]
    assert {one.standing for one in view.rungs} == {"ahead"}
    assert [one.cost.code for one in view.rungs if one.cost] == ["cost-logout", "cost-recreate"]


def test_a_rung_is_next_then_under_way_then_past_with_its_result() -> None:
    assert rungs(seen(ghost()))[:2] == [("restart", "next"), ("logout", "ahead")]
    assert seen(ghost()).stands == "soon"
    taken = Attempt("a", "restart", 1, T0 - 5, T0 + 15, "ghost-socket")
    under_way = seen(ghost(open=taken))
    assert (under_way.stands, under_way.because.code, under_way.until) == ("open", "ghost-socket", T0 + 15)
    assert rungs(under_way)[:2] == [("restart", "open"), ("logout", "ahead")]
    failed = msgspec.structs.replace(taken, result="refused")
    after = seen(ghost(spent=("restart",), last=failed))
    assert rungs(after)[:2] == [("restart", "past"), ("logout", "next")]
    assert (after.rungs[0].tried, after.rungs[0].result) == (1, "refused")
    assert seen(ghost(spent=("restart",))).rungs[0].result == "no-effect"


def test_each_try_is_counted_in_the_run_it_belongs_to() -> None:
    view = seen(ghost(spent=("logout", "connect")), policy=SEEDS)
    assert [(one.rung, one.tries, one.tried, one.standing) for one in view.rungs] == [
        ("logout", 1, 1, "past"),
        ("connect", 2, 1, "next"),
        ("person", 1, 0, "ahead"),
    ]


def test_what_waits_says_why_and_until_when() -> None:
    cooling = seen(ghost(restarts=1, last_restart_at=T0 - 10))
    assert (cooling.stands, cooling.because.code, cooling.until) == ("wait", "restart-cooldown", T0 + 50)
    resting = seen(ghost(quarantine_until=T0 + 40, next_at=T0 + 40, strikes=2))
    assert (resting.stands, resting.because.code, resting.until, resting.rounds) == ("wait", "quarantine", T0 + 40, 2)
    at_its_end = seen(
        ghost(spent=("restart",), next_at=T0 + 9),
        policy=msgspec.structs.replace(DEFAULT, recreate=False, destructive="never"),
    )
    assert (at_its_end.stands, at_its_end.because.code) == ("wait", "quarantine")


def test_the_budget_of_the_server_and_a_fall_of_many_are_named() -> None:
    full = a_server(limits=Limits(connects_in_flight=1), slots=(Slot(a_session(2).id, "b", T0 + 7),))
    busy = seen(ghost(), server=full)
    assert (busy.stands, busy.because.code, busy.until) == ("wait", "server-budget", T0 + 7)
    fallen = Incident("i", T0 - 30, "mass-fall", canary=a_session(2).id, canary_at=T0 - 10)
    waits = seen(ghost(next_at=T0 + 5), server=a_server(incident=fallen))
    assert (waits.stands, waits.because.code, waits.until) == ("wait", "others-first", T0 + 5)
    assert rungs(waits)[0] == ("restart", "next")
    mine = msgspec.structs.replace(fallen, canary=a_session(1).id)
    assert seen(ghost(), server=a_server(incident=mine)).stands == "soon"
    for over in ({"ended_at": T0}, {"canary_ok_at": T0}):
        assert seen(ghost(), server=a_server(incident=msgspec.structs.replace(fallen, **over))).stands == "soon"


def test_a_step_that_needs_a_person_stands_out() -> None:
    asks = seen(ghost(awaiting="apr", spent=("restart",)), asked="logout")
    assert (asks.stands, asks.because.code) == ("ask", "approval-awaited")
    assert rungs(asks)[1] == ("logout", "asked")
    assert seen(ghost(spent=("restart",))).stands == "soon"
    paired = seen(a_session(linked=True), asked="recreate", policy=msgspec.structs.replace(DEFAULT, recreate=False))
    assert rungs(paired)[-2:] == [("recreate", "asked"), ("person", "ahead")]
    proposed = seen(ghost(server_restart_proposed=True))
    assert (proposed.stands, proposed.because.code) == ("person", "ghost-needs-server-restart")
    assert [rung for rung, standing in rungs(proposed) if standing == "next"] == ["person"]


def test_a_person_s_pause_and_a_person_s_phone() -> None:
    assert seen(msgspec.structs.replace(ghost(), paused=True)).stands == "paused"
    unlinked = a_session(linked=True, facts=Facts(code=401, code_at=T0 - 9, code_source="state"))
    view = seen(unlinked)
    assert (view.stands, view.because.code, rungs(view)) == ("person", "logged-out", [("person", "next")])


@pytest.mark.parametrize(
    ("policy", "quirks", "expected"),
    [
        (msgspec.structs.replace(DEFAULT, destructive="never"), frozenset(), ["restart", "person"]),
        (DEFAULT, frozenset({LOGOUT_FAILS}), ["restart", "recreate", "person"]),
        (SEEDS, frozenset({LOGOUT_FAILS}), ["logout", "connect", "person"]),
    ],
)
def test_what_never_comes_is_left_out(policy: Policy, quirks: frozenset[str], expected: list[str]) -> None:
    assert [rung for rung, _ in rungs(seen(ghost(), policy=policy, quirks=quirks))] == expected


def test_a_recreate_is_one_rung_and_a_first_create_stands_in_front() -> None:
    remade = seen(ghost(spent=("restart",), open=Attempt("a", "delete", 1, T0, T0 + 20)))
    assert rungs(remade)[-2:] == [("recreate", "open"), ("person", "ahead")]
    assert rungs(remade)[1] == ("logout", "past")
    assert remade.rungs[1].result is None
    new = a_session(recovery=Recovery(open=Attempt("a", "create", 1, T0, T0 + 20)))
    assert rungs(seen(new)) == [("create", "open"), ("person", "ahead")]
    again = ghost(spent=("restart",), recreates=1, open=Attempt("b", "create", 1, T0, T0 + 20))
    assert rungs(seen(again))[-2:] == [("recreate", "open"), ("person", "ahead")]


def test_while_the_server_cannot_be_used_nothing_is_climbed() -> None:
    down = seen(ghost(), server=a_server(health="down", facts=ServerFacts(recognised_at=1.0)))
    assert (down.stands, down.because.code) == ("rest", "server-down")
