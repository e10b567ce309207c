"""Whatever is seen, in whatever order and however late: what the judge may never do.

Random stories: evidence of every kind by every road, late or not, acts answered or not, people's words, time passing.
After each decision the invariants are checked, most of them against the evidence itself and not the judge's own facts.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from esteio.core.judge import pacing
from esteio.core.judge.decide import decide
from esteio.core.judge.diagnose import HALF_FALLS
from esteio.core.judge.ladder import RESTART_NOOP
from esteio.core.judge.probe_schedule import as_before, as_planned
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.decision import Decision, View
from esteio.core.model.evidence import KINDS, Evidence, Source, seen
from esteio.core.model.policy import DEFAULT, SEEDS, Policy
from esteio.core.model.recovery import DESTRUCTIVE, OPENS_SOCKET
from tests.core.rehearsal import BAILEYS, EVOLUTION, T0, WAPI, Fleet

AUTO = msgspec.structs.replace(DEFAULT, destructive="auto")
ROADS = ("webhook", "state", "probe", "list", "send", "receipt")
SESSION_KINDS = sorted(kind for kind, spec in KINDS.items() if spec.subject == "session")
SERVER_KINDS = sorted(kind for kind, spec in KINDS.items() if spec.subject == "server")
PEOPLE = {"operator_recover", "operator_pair", "operator_recreate", "operator_resumed"}
ACTS = {"act_answered", "act_interrupted", "created"}
ANSWERS = ("ok", "no", "noop", "exists", "missing", "unsupported", "unanswered", "not_reached")

DATA: tuple[dict[str, str], ...] = (
    {},
    {},
    {"code": "463"},
    {"phone": "5511911112222"},
    {"rung": "logout"},
    {"until": "junk", "code": "x"},
)


def a_story(seed: int, length: int) -> list[Any]:
    """Steps drawn from a seed, each seed with its own mix: lists that hypothesis draws by itself are too short to get
    anywhere near the end of a ladder. A shorter length is a prefix of the longer story."""
    dice = Random(seed)
    mix = [dice.random() ** 2 + 0.01 for _ in STEPS]
    rooms = dice.choice([(1,), (1, 1, 1, 2, 3), (1, 2, 3)])
    return [(dice.choice(rooms), dice.choices(STEPS, mix)[0](dice)) for _ in range(length)]


STEPS: tuple[Callable[[Random], tuple[Any, ...]], ...] = (
    lambda dice: (
        "hear",
        dice.choice(WORDS),
        dice.choice(ROADS),
        dice.choice([0, 0, 0, 1, 5, 40, 700]),
        dice.choice(DATA),
    ),
    lambda dice: ("hear", dice.choice(DEATHS), dice.choice(ROADS), dice.choice([0, 0, 3, 40]), {}),
    lambda dice: ("hear", dice.choice(LIVES), "probe", dice.choice([0, 0, 0, 3, 700]), {}),
    lambda dice: ("die", dice.choice(["open", "closed", "connecting"])),
    lambda dice: ("die", "open"),
    lambda dice: ("wait", dice.choice([0.5, 2, 3, 5, 20, 60, 200, 1000])),
    lambda dice: ("wait", None),
    lambda dice: ("wait", None),
    lambda dice: ("wait", None),
    lambda dice: ("answer", dice.choice(ANSWERS)),
    lambda dice: ("answer", "ok"),
    lambda dice: ("answer", "ok"),
    lambda dice: ("server", dice.choice(SERVER_KINDS)),
    lambda dice: ("server", "server_answered"),
    lambda dice: ("decide", dice.choice(["operator_approved", "operator_approved", "operator_rejected"])),
)
WORDS: list[str] = [kind for kind in SESSION_KINDS if kind not in ACTS] + ["no_such_word"]
DEATHS: list[str] = [kind for kind in SESSION_KINDS if KINDS[kind].weight == "death"]
LIVES: list[str] = [kind for kind in SESSION_KINDS if KINDS[kind].weight == "life"]
policies = st.sampled_from([DEFAULT, SEEDS, AUTO, msgspec.structs.replace(DEFAULT, destructive="never")])
dialects = st.sampled_from(
    [(EVOLUTION, frozenset()), (EVOLUTION, frozenset({RESTART_NOOP})), (BAILEYS, frozenset()), (WAPI, frozenset())]
)


WHAT_LOOKS_BRING: list[list[tuple[str, Source]]] = [
    [("socket_ok", "probe")],
    [("said_open", "state")],
    [("said_open", "state"), ("socket_ok", "probe")],
    [("said_open", "state"), ("socket_ok", "probe"), ("round_trip_ok", "probe")],
    [("said_open", "state"), ("socket_closed", "probe"), ("said_open", "list")],
    [("said_closed", "state"), ("socket_closed", "probe")],
    [("look_failed", "self")],
    [("webhook_config_ok", "probe")],
    [("no_such_word", "probe")],
    [("operator_paused", "operator")],
]
AFTER_S = 0.001
"""No two things of a story fall on the very same moment: what came first would be nobody's to say."""


class Watched(Fleet):
    """A fleet whose every decision is checked."""

    def judge(self, n: int = 1) -> Decision:
        view, now = self.view(n), self.now
        decision = super().judge(n)
        self.check(n, view, decision, now)
        return decision

    def check(self, n: int, view: View, decision: Decision, now: float) -> None:
        assert decide(view, now) == decision, "the same view gives the same decision"
        before, after = view.session, decision.session
        assert ("session.state_changed" in decision.events) == (after.state != before.state)
        one_act_at_a_time(view, decision)
        nothing_destructive_in_boot_grace(view, decision, now)
        budget_is_kept(self, view, decision, now)
        counters_only_grow(view, decision, now)
        gate_is_shut_on_the_dead(self, n, decision)
        an_outage_ends_with_life(view, decision)
        again = decide(msgspec.structs.replace(self.view(n), new_evidence=()), now)
        assert again.act is None, f"{again.act}: deciding again may not act again"
        assert not again.notices
        assert again.approval is None
        assert not again.events
        what_was_planned_is_what_is_said(self.view(n), decision)
        what_is_quiet_can_wait(view, decision)
        if decision.wake_at is not None:
            assert decision.wake_at >= now
        assert again.wake_at is None or again.wake_at > now, "nothing is left to do now: waking again now would spin"


def what_is_quiet_can_wait(view: View, decision: Decision) -> None:
    """It is not written at once: nobody may miss it, and nothing may follow from it."""
    if not decision.quiet:
        return
    was, now = view.session, decision.session
    assert (decision.server, decision.lines, decision.act, decision.approval) == (None, (), None, None)
    assert (now.state, now.gate, now.outage, now.recovery.open) == (was.state, was.gate, was.outage, was.recovery.open)
    assert (now.reason.code, now.can_send.value, now.can_receive.value) == (
        was.reason.code,
        was.can_send.value,
        was.can_receive.value,
    )


def what_was_planned_is_what_is_said(view: View, decision: Decision) -> None:
    """Who follows a plan instead of asking the judge does the same, and asks again no later."""
    if decision.planned is None:
        return
    then = msgspec.structs.replace(view, session=decision.session, new_evidence=())
    at = decision.planned.at
    assert decision.wake_at == at
    asked, planned = decide(then, at), as_planned(decision.session, decision.planned, at)
    assert planned.awaited == decision.planned
    assert asked.wake_at is not None
    assert planned.wake_at is not None
    assert at < planned.wake_at <= asked.wake_at
    session = msgspec.structs.replace(planned.session, wake_at=asked.wake_at)
    assert msgspec.structs.replace(planned, session=session, wake_at=asked.wake_at, awaited=None) == asked
    what_was_awaited_is_what_is_said(then, planned, at + 0.01)


def what_was_awaited_is_what_is_said(view: View, planned: Decision, now: float) -> None:
    """The same when the look brings what the last one brought; where it brings more the judge is asked."""
    assert planned.awaited is not None
    for kinds in WHAT_LOOKS_BRING:
        news = tuple(seen(kind, now, road) for kind, road in kinds)
        then = msgspec.structs.replace(view, session=planned.session, new_evidence=news)
        told = as_before(then, planned.awaited, now)
        if told is not None:
            asked = decide(then, now)
            assert told.planned is not None
            assert asked.planned is not None
            # What fell due besides when it was planned may be over by now: then the judge is asked once too often.
            assert told.planned.others_at <= asked.planned.others_at
            ends = {"others_at": told.planned.others_at, "wake_at": told.planned.wake_at}
            planned_anew = msgspec.structs.replace(asked.planned, **ends)
            assert told == msgspec.structs.replace(asked, planned=planned_anew), kinds


def one_act_at_a_time(view: View, decision: Decision) -> None:
    act, was = decision.act, view.session.recovery.open
    assert sum(line.code == "begin" for line in decision.lines) == (act is not None)
    if act is None:
        return
    assert decision.session.recovery.open == act
    if was is not None:
        assert was.id != act.id
        closed = decision.session.recovery.last
        assert closed is not None
        assert closed.id == was.id, "the act before is closed first"
        assert closed.result is not None


def nothing_destructive_in_boot_grace(view: View, decision: Decision, now: float) -> None:
    if decision.act is not None and decision.act.rung in DESTRUCTIVE:
        asked = any(e.kind in PEOPLE for e in view.new_evidence) or view.session.recovery.asked_by_person
        booted = view.server.facts.booted_at
        assert asked or not booted <= now < booted + view.policy.boot_grace_s or not booted


def budget_is_kept(fleet: Fleet, view: View, decision: Decision, now: float) -> None:
    server = fleet.server
    assert len(pacing.open_slots(server, now)) <= fleet.policy.connects_in_flight
    if decision.act is not None and decision.act.rung in OPENS_SOCKET:
        last = view.server.last_attempt_at
        assert not last or now - last >= fleet.policy.seconds_between_connects
        assert any(slot.attempt == decision.act.id for slot in server.slots)


def counters_only_grow(view: View, decision: Decision, now: float) -> None:
    before, after = view.session.recovery, decision.session.recovery
    shrunk = [
        name for name in ("restarts", "logouts", "recreates", "strikes") if getattr(after, name) < getattr(before, name)
    ]
    if not shrunk or any(e.kind in PEOPLE for e in view.new_evidence):
        return
    booted = view.server.facts.booted_at
    if max(before.last_restart_at or 0.0, before.struck_at) < booted:
        return
    incident = view.server.incident
    together = incident is not None and (incident.ended_at is None or incident.canary_ok_at is not None)
    if together and set(shrunk) <= {"restarts", "strikes"}:
        return  # what was in vain because all were down does not count when they are back
    restarted = decision.act is not None and decision.act.rung == "restart"
    if restarted and shrunk == ["restarts"] and len(view.fallen) + 1 >= view.fleet:
        return  # all the others fell as well, though nobody called it an incident yet: in an outage they count from one
    ended = decision.session.last_outage.ended_at if decision.session.last_outage else view.session.created_at
    assert ended is not None
    assert now - ended >= view.policy.stable_after_s, shrunk
    assert now - (before.last_restart_at or 0.0) >= view.policy.stable_after_s


def an_outage_ends_with_life(view: View, decision: Decision) -> None:
    """Since it began, or told late, so that it never was one. That what proved it is out of date proves nothing. (One
    that only hears nothing lives all the while; and a person's own logout is no fall.)"""
    was, after = view.session.outage, decision.session
    ended = was is not None and after.outage is None and after.linked and not after.paused
    asked = any(news.kind == "operator_logout" for news in view.new_evidence)
    if was is not None and ended and not asked and was.because not in HALF_FALLS:
        assert after.facts.life_at > min(was.since, view.session.facts.life_at), after.reason


def gate_is_shut_on_the_dead(fleet: Fleet, n: int, decision: Decision) -> None:
    """By the evidence itself: two refusals three seconds apart and no life at all since before the first."""
    heard = fleet.heard[n]
    life = max((e.happened_at for e in heard if lives(e, fleet)), default=0.0)
    closed = [e.happened_at for e in heard if e.kind in ("send_closed", "socket_closed") and e.happened_at > life]
    if closed and max(closed) - min(closed) >= 3:
        assert decision.session.gate == "held"


def lives(evidence: Evidence, fleet: Fleet) -> bool:
    """Whether it may speak of life; a claim and an answered question do so only sometimes."""
    return KINDS.get(evidence.kind) is not None and (
        KINDS[evidence.kind].weight == "life" or evidence.kind in ("said_open", "question_answered")
    )


def play(fleet: Fleet, story: list[Any]) -> None:
    for n, (do, *what) in story:
        fleet.now += AFTER_S
        if do == "hear":
            kind, road, ago, data = what
            fleet.hear(kind, n, road=road, ago=float(ago), **data)
            if ago == 0:
                fleet.judge(n)
        elif do == "die":
            fleet.hear(f"said_{what[0]}", n, road="state")
            fleet.hear("send_closed", n, road="send", ago=4)
            fleet.hear("socket_closed", n)
            fleet.judge(n)
        elif do == "wait":
            wake = fleet[n].wake_at
            pause = what[0] if what[0] is not None else max(0.1, (wake or fleet.now + 5) - fleet.now)
            fleet.after(pause, n)
        elif do == "answer":
            if fleet.open_act(n) is not None:
                fleet.answer(what[0], n)
                fleet.judge(n)
        elif do == "server":
            fleet.hear(what[0])
            fleet.judge_server()
        elif n in fleet.approvals:
            rung = fleet.approvals.pop(n).rung
            fleet.hear(what[0], n, road="operator", rung=rung)
            fleet.judge(n)


@settings(max_examples=120)
@given(seed=st.integers(0, 2**32), length=st.sampled_from([120, 120, 120, 30]), policy=policies, dialect=dialects)
@example(seed=57833070, length=120, policy=DEFAULT, dialect=(EVOLUTION, frozenset()))
def test_no_story_breaks_a_promise(
    seed: int, length: int, policy: Policy, dialect: tuple[Capabilities, frozenset[str]]
) -> None:
    can, quirks = dialect
    fleet = Watched(3, policy=policy, can=can, quirks=quirks)
    play(fleet, a_story(seed, length))
    told = fleet.notices()
    assert len(told) == len(set(told)), "at most one opening and one closing notice of an outage"
    for outage, phase in told:
        if phase == "closed":
            assert (outage, "opened") in told


# -- nothing destructive without proof ---------------------------------------------------------------------------

PROOFS = {"instance_missing", "qr_shown", "qr_limit", "unpaired", "said_unknown"}
HARMLESS = [
    kind
    for kind in SESSION_KINDS
    if kind not in ACTS | PROOFS and KINDS[kind].weight != "death" and not kind.startswith("operator_")
]
SUSPICIONS = ("send_closed", "socket_closed", "round_trip_silent")
hints: st.SearchStrategy[list[tuple[Any, ...]]] = st.lists(
    st.one_of(
        st.tuples(
            st.just("hear"), st.sampled_from(HARMLESS), st.sampled_from(ROADS), st.sampled_from([0, 1, 30]), st.just({})
        ),
        st.tuples(st.just("wait"), st.sampled_from([1, 5, 60, None])),
        st.tuples(st.just("answer"), st.sampled_from(ANSWERS)),
        st.tuples(st.just("server"), st.sampled_from(SERVER_KINDS)),
    ),
    max_size=40,
)


GONE_AND_CLAIMED: list[tuple[Any, ...]] = [
    ("hear", "webhook_config_gone", "webhook", 0, {}),
    ("answer", "missing"),
    ("answer", "ok"),
    ("hear", "said_open", "state", 0, {}),
]
"""It is made anew while it is down, and claims to be open: whether it is a ghost nobody has seen."""


@settings(max_examples=200)
@given(before=hints, after=hints, suspicion=st.sampled_from(SUSPICIONS), policy=st.sampled_from([AUTO, SEEDS]))
@example(before=[("server", "server_booted")], after=[("wait", 200)], suspicion="send_closed", policy=SEEDS)
@example(before=[], after=GONE_AND_CLAIMED, suspicion="send_closed", policy=SEEDS)
@example(before=[], after=GONE_AND_CLAIMED, suspicion="send_closed", policy=AUTO)
def test_nothing_destructive_is_done_or_asked_without_proof_of_death(
    before: list[tuple[Any, ...]], after: list[tuple[Any, ...]], suspicion: str, policy: Policy
) -> None:
    """Every hint there is, in any number, and one suspicion: no rung at all, for nothing was proved."""
    fleet = Fleet(policy=policy)
    play(fleet, [(1, step) for step in before])
    fleet.hear(suspicion, road="send")
    fleet.judge()
    play(fleet, [(1, step) for step in after])
    fleet.after(30)
    assert not set(fleet.rungs()) & DESTRUCTIVE
    assert not fleet.said("approval-asked")


@pytest.mark.parametrize("policy", [AUTO, SEEDS])
def test_two_witnesses_do_lead_to_a_destructive_rung_where_policy_lets_them(policy: Policy) -> None:
    """The property above can fail: here is what it takes."""
    fleet = Fleet(policy=policy)
    fleet.now += 100
    fleet.kill()
    fleet.climb_until(120, still=("said_open", "socket_closed"))
    assert "logout" in fleet.rungs()


def test_the_default_policy_asks_instead() -> None:
    fleet = Fleet()
    fleet.now += 100
    fleet.kill()
    fleet.climb_until(120, still=("said_open", "socket_closed"))
    assert fleet.said("approval-asked") == 1
    assert not set(fleet.rungs()) & DESTRUCTIVE
    assert T0
