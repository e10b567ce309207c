"""From evidence to a name: every verdict by a concrete list of evidence."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.core.judge import diagnose
from esteio.core.judge.diagnose import DOWN, FOR_PEOPLE, verdict
from esteio.core.judge.facts import KEEP_ACKS, apply_evidence
from esteio.core.model.capabilities import Capabilities
from esteio.core.model.evidence import KINDS, NOT_LOADED, Evidence
from esteio.core.model.policy import DEFAULT, SEEDS, Policy
from esteio.core.model.recovery import Attempt, Outage, Recovery
from esteio.core.model.server import ServerFacts
from esteio.core.model.session import KEEP_CLOSED, KEEP_FLAPS, Facts
from esteio.core.model.state import Reason
from tests.core.judge.verdicts.verdict_story import GHOST, STORIES, P, S, W, outcome, told
from tests.core.rehearsal import BAILEYS, EVOLUTION, T0, WAPI, Fleet, a_server, a_session

LIVE = ("live", "live", "connected", "open")


EXPECTED: dict[str, tuple[Any, ...]] = {
    "nothing new": LIVE,
    "one refusal": ("suspect", "suspect", "connected", "open"),
    "one silence": ("suspect", "suspect", "connected", "open"),
    "refused twice, said open": ("ghost", "ghost-socket", "connecting", "held"),
    "refused twice by sends alone": ("ghost", "ghost-socket", "connecting", "held"),
    "refused, then alive": LIVE,
    "silent twice": ("ghost", "half-open", "connecting", "held"),
    "silent twice beside an open socket": ("ghost", "half-open", "connecting", "held"),
    "refused, reconnecting by itself": ("reconnecting", "reconnecting", "connecting", "held"),
    "refused, closed by its own word": ("closed", "closed", "connecting", "held"),
    "refused, a word we do not know": ("unknown", "unknown-state", "connecting", "held"),
    "five connecting": ("flapping", "flapping", "connecting", "held"),
    "pushed closed": LIVE,
    "listed closed": LIVE,
    "read closed": LIVE,
    "unlinked, read": ("logged_out", "logged-out", "disconnected", "held"),
    "unlinked, only pushed": LIVE,
    "unlinked, pushed and a look agrees": ("logged_out", "logged-out", "disconnected", "held"),
    "unlinked, then paired again": LIVE,
    "banned": ("banned", "banned", "disconnected", "held"),
    "banned for a time": ("temp_banned", "temp-banned", "disconnected", "held"),
    "banned for a time that is over": ("closed", "closed", "connecting", "held"),
    "too old": ("outdated", "outdated", "disconnected", "held"),
    "replaced": ("replaced", "replaced", "disconnected", "held"),
    "a QR on show": ("awaiting_qr", "awaiting-qr", "awaiting_qr", "held"),
    "a QR long gone": ("unpaired", "unpaired", "disconnected", "held"),
    "no more QR": ("unpaired", "unpaired", "disconnected", "held"),
    "no credentials": ("unpaired", "unpaired", "disconnected", "held"),
    "not known there": ("missing", "instance-missing", "connecting", "held"),
    "not known there, then spoken of": LIVE,
    "not loaded for three minutes": ("not_loaded", "not-loaded", "disconnected", "held"),
    "not loaded yet": LIVE,
    "another phone": ("wrong_identity", "wrong-identity", "error", "held"),
    "restricted": ("live", "restricted-463", "degraded", "open"),
    "another ack error": LIVE,
    "deaf": ("live", "deaf", "degraded", "open"),
    "silent, not looked into": LIVE,
    "silent, and the list was read before": LIVE,
    "silent, its address for us gone": LIVE,
    "silent, the list moves": ("live", "stalled", "degraded", "open"),
    "silent, the list has just moved": LIVE,
    "no send answered": ("live", "stalled", "degraded", "open"),
    "no send answered, then a receipt": LIVE,
    "no send answered, and WhatsApp does not either": ("live", "acks-missing", "degraded", "open"),
    "no send answered for a while": ("live", "acks-missing", "degraded", "open"),
    "no send answered, other events came": ("live", "acks-missing", "degraded", "open"),
    "webhook just gone": LIVE,
    "webhook gone": ("live", "webhook-gone", "degraded", "open"),
    "webhook set again": LIVE,
    "three acks missing": ("live", "acks-missing", "degraded", "open"),
    "two acks missing": LIVE,
    "a word nobody knows": LIVE,
}


SEEDS_DIFFER: dict[str, tuple[Any, ...]] = {
    # the forced logout of seed 001 is under way at once
    "refused twice, said open": ("ghost", "ghost-socket", "disconnected", "held"),
    "refused twice by sends alone": ("ghost", "ghost-socket", "disconnected", "held"),
    "silent twice": ("ghost", "half-open", "disconnected", "held"),
    "silent twice beside an open socket": ("ghost", "half-open", "disconnected", "held"),
}


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("policy", [DEFAULT, SEEDS], ids=lambda policy: policy.name)
def test_each_story_has_its_verdict_state_reason_and_gate(policy: Policy, name: str) -> None:
    expected = EXPECTED[name]
    if policy is SEEDS:
        expected = SEEDS_DIFFER.get(name, expected)
    assert outcome(told(policy, STORIES[name])) == expected


NEVER_LINKED: dict[str, tuple[Any, ...]] = {
    "created": ([], ("new", "created", "connecting")),
    "connecting": ([("said_connecting", S, 0)], ("new", "connecting", "connecting")),
    "refused once": ([("socket_closed", P, 0)], ("new", "connecting", "connecting")),
    "said open, nothing proved": ([("said_open", S, 0)], ("new", "created", "connecting")),
    "a strange word": ([("said_unknown", S, 0, {"state": "limbo"})], ("unknown", "unknown-state", "connecting")),
    "a QR": ([("qr_shown", W, 0)], ("awaiting_qr", "awaiting-qr", "awaiting_qr")),
    "create refused": (
        [("act_answered", "act", 0, {"rung": "create", "answer": "no", "detail": "name too long"})],
        ("refused", "provider-refused", "error"),
    ),
    "create refused, then done": (
        [
            ("act_answered", "act", 1, {"rung": "create", "answer": "no", "detail": "busy"}),
            ("act_answered", "act", 0, {"rung": "create", "answer": "ok"}),
        ],
        ("new", "created", "connecting"),
    ),
    "dead before it lived": (
        [("said_closed", S, 9), ("socket_closed", P, 9), ("socket_closed", P, 0)],
        ("closed", "closed", "connecting"),
    ),
}


@pytest.mark.parametrize("name", NEVER_LINKED)
def test_a_session_that_was_never_linked(name: str) -> None:
    story, expected = NEVER_LINKED[name]
    fleet = Fleet(paired=False)
    for kind, road, ago, *data in story:
        fleet.hear(kind, road=road, ago=ago, **(data[0] if data else {}))
    fleet.judge()
    found = verdict(fleet.one, fleet.server, fleet.policy, fleet.now)
    assert (found.kind, fleet.one.reason.code, fleet.one.state) == expected
    assert fleet.one.gate == "held"
    assert fleet.one.outage is None, "what never was connected did not fall"


@pytest.mark.parametrize(("health", "kind"), [("down", "server_down"), ("wall", "server_wall")])
def test_the_server_s_weather_goes_before_the_session_s_own_fall(health: str, kind: str) -> None:
    fleet = told(DEFAULT, [])
    fleet.server = msgspec.structs.replace(
        fleet.server, health=health, health_because="server_failed", health_at=fleet.now
    )
    fleet.kill()
    assert outcome(fleet) == (kind, kind.replace("_", "-"), "connecting", "held")
    assert fleet.rungs() == []
    assert fleet.one.outage is None


def test_every_verdict_has_been_reached() -> None:
    kinds = {expected[0] for expected in EXPECTED.values()} | {row[1][0] for row in NEVER_LINKED.values()}
    assert kinds | {"server_down", "server_wall"} == set(get_args(diagnose.Kind))
    assert set(STORIES) == set(EXPECTED)
    assert set(get_args(diagnose.Kind)) >= DOWN | FOR_PEOPLE


def test_a_pushed_code_is_believed_once_the_socket_is_proved_dead() -> None:
    assert outcome(told(DEFAULT, [("replaced", W, 9), *GHOST]))[0] == "replaced"


def test_a_dead_socket_of_before_the_server_s_start_is_left_to_the_server() -> None:
    fleet = told(DEFAULT, GHOST)
    fleet.server = msgspec.structs.replace(
        fleet.server, facts=msgspec.structs.replace(fleet.server.facts, booted_at=fleet.now + 1)
    )
    assert verdict(fleet.one, fleet.server, DEFAULT, fleet.now + 2).kind == "reconnecting"


@given(
    news=st.lists(
        st.builds(
            Evidence,
            st.sampled_from([*KINDS, "no_such_word"]),
            st.floats(0, 1000),
            st.floats(1000, 2000),
            st.sampled_from(["webhook", "state", "probe", "list", "send", "act", "receipt", "operator", "self"]),
            st.dictionaries(
                st.sampled_from(["code", "until", "phone", "rung", "answer", "state"]),
                st.sampled_from(["", "463", "x", "1e999", "create", "no", "ok", "²"]),
            ),
            st.integers(-1, 40),
            st.none() | st.floats(0, 1000),
        ),
        max_size=30,
    ),
    can=st.sampled_from([EVOLUTION, BAILEYS, WAPI]),
    policy=st.sampled_from([DEFAULT, SEEDS]),
)
def test_whatever_is_seen_there_are_facts_of_bounded_size_and_a_verdict(
    news: list[Evidence], can: Capabilities, policy: Policy
) -> None:
    facts = Facts()
    for one in news:
        facts = apply_evidence(facts, one, policy, trust_claims=not can.socket_probe)
        assert len(facts.closed) == len(facts.closed_by) <= KEEP_CLOSED
        assert len(facts.connecting) <= KEEP_FLAPS
        assert max(len(facts.acks_missing), len(facts.ack_errors)) <= KEEP_ACKS
        found = verdict(a_session(facts=facts), a_server(), policy, 2000.0)
        assert found.kind in get_args(diagnose.Kind)


@pytest.mark.parametrize(("life_at", "kind"), [(0.0, "new"), (T0 - 100, "missing")])
def test_an_instance_that_is_being_made_is_missing_only_where_there_was_one(life_at: float, kind: str) -> None:
    opened = Attempt("att_1", "create", 1, opened_at=T0, until=T0 + 20, because="follows")
    session = a_session(facts=Facts(life_at=life_at, missing_at=T0 - 1))
    session = msgspec.structs.replace(session, recovery=Recovery(open=opened))
    assert verdict(session, a_server(), DEFAULT, T0).kind == kind


def test_a_flap_is_over_at_the_moment_it_is_woken_for() -> None:
    times = tuple(T0 + 0.1 * n for n in range(DEFAULT.flap_count))
    over = times[-1] + DEFAULT.flap_within_s
    assert diagnose.flap(Facts(connecting=times), DEFAULT, over - 0.001)
    assert not diagnose.flap(Facts(connecting=times), DEFAULT, over)


def test_a_flap_that_life_has_ended_hides_no_newer_death() -> None:
    """Looks remember a flap for two minutes. It was over, two refusals proved a death, and messages went on being sent:
    the flap was asked for first, and life was newer than that."""
    flapped = [(word, S, 100 - 5 * n) for n, word in enumerate(("said_closed", "said_open") * DEFAULT.flap_count)]
    story = [*flapped, ("round_trip_ok", P, 10)]
    assert outcome(told(DEFAULT, story))[0] == "live"
    assert outcome(told(DEFAULT, [*story, ("send_closed", "send", 4)]))[0] == "suspect"
    assert outcome(told(DEFAULT, [*story, ("send_closed", "send", 4), ("socket_closed", P, 0)])) == (
        "ghost",
        "ghost-socket",
        "connecting",
        "held",
    )


def test_an_act_that_meets_nobody_there_leaves_it_down_and_told_once() -> None:
    """Its answer is as new as the act: what it says is not out of date."""
    fleet = Fleet(can=WAPI)
    fleet.after(600)
    fleet.hear("instance_missing", road="state")
    fleet.judge()
    for _ in range(200):
        if fleet.open_act() is not None:
            fleet.hear("instance_missing", road="act")
            fleet.answer("missing")
        fleet.after(20)
        assert (fleet.one.state in ("connected", "degraded"), fleet.one.gate) == (False, "held")
        assert fleet.one.reason.code in ("instance-missing", "quarantine"), fleet.now - T0
    assert fleet.rungs().count("restart") > 1
    assert [phase for _, phase in fleet.notices()] == ["opened"]
    fleet.hear("message_received", road="webhook")
    fleet.judge()
    assert fleet.one.state == "connected"


def test_a_hint_that_outdates_what_proved_the_fall_only_gives_it_another_name() -> None:
    fleet = Fleet()
    fleet.now += 600
    fleet.hear("outdated", road="webhook")
    fleet.hear("said_closed", road="state")
    fleet.judge()
    assert fleet.one.reason.code == "outdated"
    fleet.now += 5
    fleet.hear("said_open", road="state")
    fleet.judge()
    assert (fleet.one.reason.code, fleet.one.gate, fleet.one.outage is None) == ("ghost-socket", "held", False)
    fleet.now += 5
    fleet.hear("socket_ok")
    fleet.judge()
    assert (fleet.one.state, fleet.one.outage) == ("connected", None)


def test_old_life_that_is_told_late_does_not_end_a_fall_whose_proof_is_out_of_date() -> None:
    """It was seen after the fall, and happened before it."""
    fleet = Fleet()
    fleet.now += 900
    fleet.hear("banned", road="list")
    fleet.judge()
    fleet.now += 30
    fleet.hear("server_ack_received", road="webhook", ago=700)
    fleet.judge()
    assert fleet.one.reason.code == "banned"
    fleet.now += 30
    fleet.hear("outdated", road="webhook")
    fleet.judge()
    assert (fleet.one.gate, fleet.one.outage is None) == ("held", False)


def test_what_a_server_has_not_loaded_for_minutes_is_down_and_a_person_is_told_what_helps() -> None:
    """Storm seed 7281: for an hour and a half it was taken for live by its last proof of life."""
    fleet = Fleet()
    fleet.now += 600
    began = fleet.now
    while fleet.now < began + DEFAULT.boot_grace_s:
        fleet.hear("said_unknown", road="state", state=NOT_LOADED)
        fleet.hear("said_unknown", state=NOT_LOADED)
        fleet.judge()
        assert fleet.one.state == "connected"
        fleet.now += 30
    fleet.hear("said_unknown", road="state", state=NOT_LOADED)
    fleet.judge()
    assert (fleet.one.state, fleet.one.reason.code, fleet.one.gate) == ("disconnected", "not-loaded", "held")
    assert fleet.one.reason.args == {"server": "srv"}
    for _ in range(20):
        fleet.hear("said_unknown", road="state", state=NOT_LOADED)
        fleet.after(30)
    assert (fleet.rungs(), [phase for _, phase in fleet.notices()]) == ([], ["opened"])
    fleet.hear("said_open", road="state")
    fleet.hear("socket_ok")
    fleet.judge()
    assert fleet.one.state == "connected"


def test_another_unknown_word_is_kept_and_nothing_follows() -> None:
    fleet = Fleet()
    fleet.now += 600
    for _ in range(20):
        fleet.hear("said_unknown", road="state", state="refreshing")
        fleet.after(30)
    assert (fleet.one.state, fleet.one.facts.state_read, fleet.rungs()) == ("connected", "refreshing", [])


def test_what_a_new_process_of_its_server_left_closed_is_closed_at_one_look() -> None:
    fleet = Fleet()
    fleet.now += 50
    fleet.server = msgspec.structs.replace(
        fleet.server, facts=msgspec.structs.replace(fleet.server.facts, booted_at=fleet.now)
    )
    fleet.now += 1
    fleet.hear("said_closed", road="list")
    fleet.judge()
    assert verdict(fleet.one, fleet.server, DEFAULT, fleet.now).kind == "live", "a list is hearsay"
    fleet.hear("said_closed", road="state")
    fleet.judge()
    assert verdict(fleet.one, fleet.server, DEFAULT, fleet.now).kind == "closed"


def test_the_reason_of_a_living_session_is_a_proof_and_a_claim_is_none() -> None:
    """A8: where no socket can be probed a claim of open stands for life; it was shown as the latest proof."""
    claimed = a_session(facts=Facts(life_at=T0 - 1, life_by="said_open"), linked=True)
    assert verdict(claimed, a_server(), DEFAULT, T0).because == Reason("live-unproved", {})
    sent = Facts(life_at=T0 - 1, life_by="said_open", send_ok_at=T0 - 50, send_ok_by="receipt_received")
    found = verdict(msgspec.structs.replace(claimed, facts=sent), a_server(), DEFAULT, T0)
    assert found.because == Reason("live", {"evidence": "receipt_received"})
    fell = Outage("out", T0 - 9, "closed", ended_at=T0 - 2)
    found = verdict(msgspec.structs.replace(claimed, facts=sent, last_outage=fell), a_server(), DEFAULT, T0)
    assert found.because.code == "live-unproved", "what proved it before the last fall proves nothing"


def test_a_policy_without_flaps_sees_none() -> None:
    assert diagnose.flap(Facts(), msgspec.structs.replace(DEFAULT, flap_count=0), T0) == ()


@pytest.mark.parametrize("fields", [{"opens": 6}, {"connecting": 6}, {"reopened": 6}])
def test_a_flap_is_told_with_how_often_it_was_opened(fields: dict[str, int]) -> None:
    times: dict[str, Any] = {name: tuple(T0 + i for i in range(count)) for name, count in fields.items()}
    facts = Facts(**times)
    assert diagnose._why_flapping(a_session(facts=facts), a_server()) == Reason("flapping", {"count": "6"})


def test_a_line_is_left_closed_by_a_boot_only_in_its_grace_and_when_nothing_was_done_since() -> None:
    down = Facts(state_read="closed", listed="closed", state_read_at=T0 + 5, act_at=T0 - 1)
    booted = a_server(facts=ServerFacts(booted_at=T0))
    assert diagnose.left_closed(down, booted, DEFAULT, T0 + 6)
    assert not diagnose.left_closed(msgspec.structs.replace(down, act_at=T0), booted, DEFAULT, T0 + 6)
    assert not diagnose.left_closed(down, booted, DEFAULT, T0 + DEFAULT.boot_grace_s)
    for other in ({"state_read": "open"}, {"listed": "open"}):
        assert not diagnose.left_closed(msgspec.structs.replace(down, **other), booted, DEFAULT, T0 + 6)


def test_reasons_name_both_numbers_and_how_many_were_refused() -> None:
    wrong = a_session(facts=Facts(phone_seen="5511911112222"), phone="5511987654321")
    args = {"seen": "5511911112222", "phone": "5511987654321"}
    assert verdict(wrong, a_server(), DEFAULT, T0).because == Reason("wrong-identity", args)
    refused = told(DEFAULT, [("ack_error", "receipt", ago, {"code": "463"}) for ago in (5, 0)])
    assert refused.one.reason == Reason("restricted-463", {"count": "2"})


@pytest.mark.parametrize(
    ("recovery", "left"),
    [
        (Recovery(), True),
        (Recovery(open=Attempt("att_1", "connect", 1, T0, T0 + 5)), False),
        (Recovery(spent=("connect",)), False),
        (Recovery(strikes=1), False),
        (Recovery(asked_by_person=True), False),
    ],
)
def test_what_was_adopted_is_left_as_it_was_until_something_was_done_or_asked(recovery: Recovery, left: bool) -> None:
    adopted = a_session(facts=Facts(adopted_at=T0), recovery=recovery)
    assert diagnose.left_as_adopted(adopted) == left
    assert not diagnose.left_as_adopted(msgspec.structs.replace(adopted, linked=True))


@pytest.mark.parametrize(
    ("facts", "kind", "code"),
    [
        (Facts(state_read="closed", state_read_times=2, adopted_at=T0), "closed", "closed"),
        (Facts(state_read="closed", state_read_times=1, adopted_at=T0), "new", "connecting"),
        (Facts(state_read="closed", state_read_times=2), "new", "connecting"),
        (Facts(state_read="open", state_read_times=2, adopted_at=T0), "new", "created"),
    ],
)
def test_closed_of_what_never_lived_is_a_fall_only_of_what_was_adopted(facts: Facts, kind: str, code: str) -> None:
    found = diagnose._unborn(facts, a_session())
    assert (found.kind, found.because.code) == (kind, code)
