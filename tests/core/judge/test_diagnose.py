"""From evidence to a name: every verdict by a concrete list of evidence, and the rules of folding one by one."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.core.judge import diagnose
from esteio.core.judge.diagnose import DOWN, FOR_PEOPLE, confirmed_life, socket_open_while_claimed_closed, verdict
from esteio.core.judge.facts import CODES, KEEP_ACKS, apply_evidence
from esteio.core.model.address import same_line
from esteio.core.model.evidence import KINDS, NOT_LOADED, Evidence, seen
from esteio.core.model.policy import DEFAULT, SEEDS
from esteio.core.model.recovery import Attempt, Outage, Recovery
from esteio.core.model.server import ServerFacts
from esteio.core.model.session import KEEP_CLOSED, KEEP_FLAPS, Facts
from esteio.core.model.state import Reason
from tests.core.rehearsal import BAILEYS, EVOLUTION, T0, WAPI, Fleet, a_server, a_session

# -- every verdict -----------------------------------------------------------------------------------------------

S, P, W, L, SEND = "state", "probe", "webhook", "list", "send"
GHOST = [("said_open", S, 4), ("send_closed", SEND, 4), ("socket_closed", P, 0)]
MISSING = [("ack_missing", "self", ago) for ago in (990, 980, 970)]
STORIES: dict[str, list] = {
    # name: evidence as (kind, road, seconds ago, data?), on a paired session that was well 100 s ago
    "nothing new": [],
    "one refusal": [("send_closed", SEND, 0)],
    "one silence": [("round_trip_silent", P, 0)],
    "refused twice, said open": GHOST,
    "refused twice by sends alone": [("send_closed", SEND, 4), ("send_closed", SEND, 0)],
    "refused, then alive": [*GHOST, ("message_received", W, 0)],
    "silent twice": [("round_trip_silent", P, 6), ("round_trip_silent", P, 0)],
    "silent twice beside an open socket": [
        ("said_open", S, 6),
        ("round_trip_silent", P, 6),
        ("socket_ok", P, 1),
        ("round_trip_silent", P, 0),
    ],
    "refused, reconnecting by itself": [("said_connecting", S, 6), ("send_closed", SEND, 6), ("socket_closed", P, 0)],
    "refused, closed by its own word": [("said_closed", S, 6), ("send_closed", SEND, 6), ("socket_closed", P, 0)],
    "refused, a word we do not know": [
        ("send_closed", SEND, 4),
        ("socket_closed", P, 0),
        ("said_unknown", S, 0, {"state": "limbo"}),
    ],
    "five connecting": [("said_connecting", W, ago) for ago in (9, 7, 5, 3, 1)],
    "pushed closed": [("said_closed", W, 0)],
    "listed closed": [("said_closed", L, 0)],
    "read closed": [("said_closed", S, 0)],
    "unlinked, read": [("logged_out", S, 0)],
    "unlinked, only pushed": [("logged_out", W, 0)],
    "unlinked, pushed and a look agrees": [("logged_out", W, 2), ("said_closed", S, 0)],
    "unlinked, then paired again": [("logged_out", S, 5), ("message_received", W, 0)],
    "banned": [("banned", S, 0, {"code": "403"})],
    "banned for a time": [("temp_banned", S, 0)],
    "banned for a time that is over": [("temp_banned", S, 50, {"until": str(T0 + 90)})],
    "too old": [("outdated", P, 0)],
    "replaced": [("replaced", L, 0)],
    "a QR on show": [("qr_shown", S, 0)],
    "a QR long gone": [("qr_shown", S, 95)],
    "no more QR": [("qr_limit", W, 0)],
    "no credentials": [("unpaired", S, 0)],
    "not known there": [("instance_missing", S, 0)],
    "not known there, then spoken of": [("instance_missing", S, 5), ("said_open", S, 0)],
    "not loaded for three minutes": [("said_unknown", S, ago, {"state": NOT_LOADED}) for ago in (180, 90, 0)],
    "not loaded yet": [("said_unknown", S, ago, {"state": NOT_LOADED}) for ago in (170, 90, 0)],
    "another phone": [("identity_seen", S, 0, {"phone": "5511911112222"})],
    "restricted": [("ack_error", "receipt", 0, {"code": "463"})],
    "another ack error": [("ack_error", "receipt", 0, {"code": "479"})],
    "deaf": [("silence", "self", 5), ("list_heard", "list", 0)],
    "silent, not looked into": [("silence", "self", 0)],
    "silent, and the list was read before": [("list_heard", "list", 5), ("silence", "self", 0)],
    "silent, its address for us gone": [
        ("silence", "self", 5),
        ("webhook_config_gone", P, 0),
        ("list_heard", "list", 0),
    ],
    "silent, the list moves": [("silence", "self", 99), ("list_unheard", "list", 70)],
    "silent, the list has just moved": [("silence", "self", 9), ("list_unheard", "list", 5)],
    "no send answered": [*MISSING, ("round_trip_ok", P, 0), ("list_heard", "list", 0)],
    "no send answered, then a receipt": [
        *MISSING,
        ("round_trip_ok", P, 0),
        ("list_heard", "list", 0),
        ("receipt_received", "receipt", 0),
    ],
    "no send answered, and WhatsApp does not either": [*MISSING, ("list_heard", "list", 0)],
    "no send answered for a while": [("ack_missing", "self", ago) for ago in (90, 80, 70)]
    + [("round_trip_ok", P, 0), ("list_heard", "list", 0)],
    "no send answered, other events came": [
        *MISSING,
        ("said_open", W, 3),
        ("round_trip_ok", P, 0),
        ("list_heard", "list", 0),
    ],
    "webhook just gone": [("webhook_config_gone", S, 0)],
    "webhook gone": [("webhook_config_gone", S, 25), ("webhook_config_gone", S, 0)],
    "webhook set again": [("webhook_config_gone", S, 5), ("webhook_config_ok", S, 0)],
    "three acks missing": [("ack_missing", "self", ago) for ago in (3, 2, 1)],
    "two acks missing": [("ack_missing", "self", ago) for ago in (3, 2)],
    "a word nobody knows": [("frobnicated", W, 0)],
}
LIVE = ("live", "live", "connected", "open")
EXPECTED: dict[str, tuple] = {
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
SEEDS_DIFFER: dict[str, tuple] = {
    # the forced logout of seed 001 is under way at once
    "refused twice, said open": ("ghost", "ghost-socket", "disconnected", "held"),
    "refused twice by sends alone": ("ghost", "ghost-socket", "disconnected", "held"),
    "silent twice": ("ghost", "half-open", "disconnected", "held"),
    "silent twice beside an open socket": ("ghost", "half-open", "disconnected", "held"),
}


def told(policy, story, **how) -> Fleet:
    """A session that was well, 100 s ago, and then this."""
    fleet = Fleet(policy=policy, **how)
    fleet.sessions[1] = msgspec.structs.replace(fleet.one, phone="5511987654321")
    fleet.now += 1000
    for kind, road, ago, *data in story:
        fleet.hear(kind, road=road, ago=ago, **(data[0] if data else {}))
    fleet.judge()
    return fleet


def outcome(fleet: Fleet) -> tuple:
    found = verdict(fleet.one, fleet.server, fleet.policy, fleet.now)
    return found.kind, fleet.one.reason.code, fleet.one.state, fleet.one.gate


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("policy", [DEFAULT, SEEDS], ids=lambda policy: policy.name)
def test_each_story_has_its_verdict_state_reason_and_gate(policy, name):
    expected = EXPECTED[name]
    if policy is SEEDS:
        expected = SEEDS_DIFFER.get(name, expected)
    assert outcome(told(policy, STORIES[name])) == expected


NEVER_LINKED: dict[str, tuple] = {
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
def test_a_session_that_was_never_linked(name):
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
def test_the_server_s_weather_goes_before_the_session_s_own_fall(health, kind):
    fleet = told(DEFAULT, [])
    fleet.server = msgspec.structs.replace(
        fleet.server, health=health, health_because="server_failed", health_at=fleet.now
    )
    fleet.kill()
    assert outcome(fleet) == (kind, kind.replace("_", "-"), "connecting", "held")
    assert fleet.rungs() == []
    assert fleet.one.outage is None


def test_every_verdict_has_been_reached():
    kinds = {expected[0] for expected in EXPECTED.values()} | {row[1][0] for row in NEVER_LINKED.values()}
    assert kinds | {"server_down", "server_wall"} == set(get_args(diagnose.Kind))
    assert set(STORIES) == set(EXPECTED)
    assert set(get_args(diagnose.Kind)) >= DOWN | FOR_PEOPLE


# -- time and witnesses ------------------------------------------------------------------------------------------


def folded(*news: tuple, policy=DEFAULT, trust=False) -> Facts:
    facts = Facts()
    for kind, at, *more in news:
        road = more[0] if more else "probe"
        facts = apply_evidence(
            facts, seen(kind, at, road, **(more[1] if len(more) > 1 else {})), policy, trust_claims=trust
        )
    return facts


def test_old_news_of_life_does_not_raise_the_dead():
    facts = folded(("send_closed", 100.0, "send"), ("socket_closed", 104.0))
    late = Evidence("message_received", 90.0, 110.0, "webhook")
    assert apply_evidence(facts, late, DEFAULT, trust_claims=False).dead_at == 104.0


def test_old_news_of_death_does_not_kill_the_living():
    facts = folded(("message_received", 100.0, "webhook"), ("send_closed", 90.0, "send"), ("socket_closed", 95.0))
    assert (facts.closed, facts.dead_at) == ((), 0.0)


def test_two_witnesses_with_life_between_them_are_two_suspicions():
    facts = folded(("send_closed", 100.0, "send"), ("socket_closed", 110.0), ("message_received", 105.0, "webhook"))
    assert (facts.closed, facts.closed_by, facts.dead_at) == ((110.0,), ("probe",), 0.0)


def test_refusals_in_quick_succession_add_up_to_a_death():
    facts = folded(*(("send_closed", 100 + i * 0.4, "send") for i in range(20)))
    assert facts.dead_at
    assert facts.closed[0] == 100.0
    assert len(facts.closed) == len(facts.closed_by) == KEEP_CLOSED


def test_two_refusals_at_one_instant_by_one_road_are_one_witness():
    assert not folded(("send_closed", 100.0, "send"), ("send_closed", 100.5, "send")).dead_at


@pytest.mark.parametrize(("said", "dead"), [("said_open", True), ("said_connecting", False), ("said_closed", False)])
def test_another_road_is_a_second_witness_unless_the_provider_is_at_it(said, dead):
    facts = folded((said, 99.0, "state"), ("send_closed", 100.0, "send"), ("socket_closed", 100.2))
    assert bool(facts.dead_at) is dead


def test_refusals_that_come_late_count_from_the_first():
    facts = folded(("said_connecting", 100.0, "state"), ("socket_closed", 102.0), ("send_closed", 98.0, "send"))
    assert facts.dead_at == 102.0
    assert facts.closed[0] == 98.0


@pytest.mark.parametrize("weak", [("socket_ok", "probe"), ("said_open", "state")])
def test_an_open_socket_does_not_end_a_silence(weak):
    kind, road = weak
    facts = folded(
        ("said_open", 1.0, "state"),
        ("round_trip_silent", 100.0),
        ("round_trip_silent", 105.0),
        (kind, 110.0, road),
        trust=True,
    )
    assert facts.dead_at
    assert facts.unanswered_probes == 2


@pytest.mark.parametrize("strong", ["message_received", "round_trip_ok", "receipt_received", "send_accepted"])
def test_what_passes_through_ends_a_silence(strong):
    facts = folded(("round_trip_silent", 100.0), ("round_trip_silent", 105.0), (strong, 110.0))
    assert (facts.dead_at, facts.unanswered_probes, facts.probe_unanswered_at) == (0.0, 0, 0.0)


def test_old_life_leaves_a_newer_silence_alone():
    facts = folded(("round_trip_silent", 100.0), ("round_trip_silent", 105.0), ("message_received", 103.0))
    assert (facts.unanswered_probes, facts.dead_at) == (2, 105.0)


def test_silence_older_than_life_is_nothing_and_the_same_silence_counts_once():
    assert folded(("message_received", 100.0), ("round_trip_silent", 99.0)).unanswered_probes == 0
    assert folded(("round_trip_silent", 100.0), ("round_trip_silent", 100.0)).unanswered_probes == 1


def test_an_open_socket_proves_nothing_while_the_provider_still_connects():
    assert folded(("said_connecting", 1.0, "state"), ("socket_ok", 2.0)).life_at == 0
    assert folded(("said_open", 1.0, "state"), ("socket_ok", 2.0)).life_at == 2.0


# -- claims ------------------------------------------------------------------------------------------------------


def test_a_claim_is_a_hint_where_there_is_a_better_witness():
    facts = folded(("said_open", 1.0, "state"), ("said_closed", 50.0, "state"), ("said_closed", 99.0, "state"))
    assert (facts.life_at, facts.dead_at, facts.state_read, facts.state_read_since) == (0.0, 0.0, "closed", 50.0)


def test_looks_in_a_row_that_say_the_same_are_counted_and_two_in_one_moment_are_one():
    row = [("said_closed", at, "state") for at in (50.0, 50.2, 55.0, 56.0)]
    facts = folded(("said_open", 1.0, "state"), *row)
    assert (facts.state_read_times, facts.state_read_since) == (3, 50.0)
    facts = folded(*row, ("said_connecting", 57.0, "state"), ("said_closed", 58.0, "state"))
    assert (facts.state_read_times, facts.state_read_since, facts.last_connecting_at) == (1, 58.0, 57.0)
    facts = folded(*row, ("said_connecting", 57.0, "webhook"), ("said_closed", 58.0, "state"))
    assert (facts.state_read_times, facts.state_read_since, facts.last_connecting_at) == (1, 58.0, 57.0), (
        "it moved between two looks"
    )


@pytest.mark.parametrize("road", ["state", "webhook"])
def test_whoever_says_connecting_says_that_it_moves(road):
    assert folded(("said_connecting", 57.0, road), ("said_connecting", 50.0, road)).last_connecting_at == 57.0
    assert folded(("said_connecting", 57.0, "list")).last_connecting_at == 0


@pytest.mark.parametrize("says", ["said_closed", "said_connecting"])
def test_an_open_socket_beside_another_word_is_ajar_until_life_or_death_is_newer(says):
    beside = (("said_open", 1.0, "state"), (says, 10.0, "state"), ("socket_ok", 10.0))
    assert socket_open_while_claimed_closed(folded(*beside))
    assert not socket_open_while_claimed_closed(folded(*beside, ("socket_closed", 15.0)))
    assert not socket_open_while_claimed_closed(folded(*beside, ("round_trip_ok", 15.0)))
    assert not socket_open_while_claimed_closed(folded(("said_open", 1.0, "state"), ("socket_ok", 10.0)))


def test_a_claim_counts_weakly_where_there_is_none():
    facts = folded(
        ("said_open", 1.0, "state"), ("said_closed", 50.0, "state"), ("said_closed", 99.0, "state"), trust=True
    )
    assert (facts.life_at, facts.dead_at) == (1.0, 99.0)


def test_a_bare_claim_of_open_does_not_end_a_refusal():
    dead = [("said_open", 1.0, "state"), ("send_closed", 50.0, "send"), ("send_closed", 60.0, "send")]
    assert folded(*dead, ("said_open", 70.0, "state"), trust=True).dead_at == 60.0


@pytest.mark.parametrize(
    "change", [("said_connecting", 65.0, "state"), ("act_answered", 65.0, "act", {"answer": "ok", "rung": "restart"})]
)
def test_a_claim_of_open_heals_when_something_changed_since(change):
    dead = [("said_open", 1.0, "state"), ("send_closed", 50.0, "send"), ("send_closed", 60.0, "send")]
    assert folded(*dead, change, ("said_open", 70.0, "state"), trust=True).dead_at == 0.0


@pytest.mark.parametrize(
    ("refusals", "dead_at"),
    [
        ([("socket_closed", 50.0), ("socket_closed", 60.0)], 60.0),
        ([("socket_closed", 50.0), ("send_closed", 60.0, "send")], 60.0),
        ([("send_closed", 50.0, "send"), ("send_closed", 60.0, "send")], 0.0),
    ],
)
def test_an_act_that_found_all_open_already_has_changed_nothing_where_a_question_says_better(refusals, dead_at):
    noop = ("act_answered", 65.0, "act", {"answer": "noop", "rung": "connect"})
    facts = folded(("said_open", 1.0, "state"), *refusals, noop, ("said_open", 70.0, "state"), trust=True)
    assert facts.dead_at == dead_at


def test_claims_older_than_the_known_one_change_nothing():
    facts = folded(("said_open", 10.0, "state"), ("said_closed", 5.0, "state"))
    assert facts.state_read == "open"
    assert folded(("said_open", 10.0, "list"), ("said_closed", 5.0, "list")).listed == "open"
    assert folded(("said_open", 10.0, "webhook"), ("said_closed", 5.0, "webhook")).state_pushed == "open"


def test_a_listed_claim_is_kept_beside_and_moves_nothing():
    facts = folded(("said_open", 10.0, "state"), ("said_closed", 20.0, "list"), trust=True)
    assert (facts.state_read, facts.listed, facts.closed) == ("open", "closed", ())


def test_any_webhook_proves_life_only_by_the_seed_s_letter():
    assert folded(("said_open", 10.0, "webhook")).life_at == 0
    assert folded(("said_open", 10.0, "webhook"), policy=SEEDS).life_at == 10.0


def test_a_counted_row_of_connecting_is_spread_over_its_time():
    row = Evidence("said_connecting", 20.0, 20.0, "webhook", count=5, first_at=0.0)
    facts = apply_evidence(Facts(), row, DEFAULT, trust_claims=False)
    assert facts.connecting == (0.0, 5.0, 10.0, 15.0, 20.0)
    many = Evidence("said_connecting", 20.0, 20.0, "webhook", count=500, first_at=0.0)
    assert len(apply_evidence(Facts(), many, DEFAULT, trust_claims=False).connecting) == KEEP_FLAPS
    bare = Evidence("said_connecting", 20.0, 20.0, "webhook", count=3)
    assert apply_evidence(Facts(), bare, DEFAULT, trust_claims=False).connecting == (20.0,), (
        "told in one instant: how often is unknown"
    )


def test_connecting_spread_over_minutes_is_no_flap():
    facts = Facts(connecting=(0.0, 10.0, 20.0, 30.0, 40.0))
    assert not diagnose.flap(facts, DEFAULT, 41.0)
    assert diagnose.flap(Facts(connecting=(0.0, 5.0, 10.0, 15.0, 20.0)), DEFAULT, 21.0)
    assert not diagnose.flap(Facts(connecting=(0.0, 5.0, 10.0, 15.0, 20.0)), DEFAULT, 51.0)


@pytest.mark.parametrize(
    ("meanwhile", "closed"),
    [
        ((("receipt_received", "receipt"),), 0),
        ((("socket_ok", "probe"),), 1),
        ((("said_closed", "state"), ("said_open", "state")), 0),
        ((("question_unanswered", "probe"), ("question_answered", "probe")), 0),
        ((("question_answered", "probe"),), 1),
    ],
)
def test_a_refusal_that_hung_says_nothing_of_a_line_that_has_another_socket_since(meanwhile, closed):
    """Storm seeds 7668, 7068, 5021: sends into a half-open socket were refused a minute later, when another carried
    all. That messages passed tells it, or a fall and its end, or an answer after none; one alone may be a cache's."""
    fleet = Fleet(can=WAPI)
    fleet.hear("said_open", road="state")
    fleet.now += 600
    asked_at = f"{fleet.now:.3f}"
    fleet.now += 20
    fleet.hear("said_open", road="state")
    for kind, road in meanwhile:
        fleet.now += 10
        fleet.hear(kind, road=road)
        fleet.judge()
    fleet.now += 10
    fleet.hear("send_closed", road="send", asked_at=asked_at)
    fleet.judge()
    assert len(fleet.one.facts.closed) == closed
    fleet.now += 1
    fleet.hear("send_closed", road="send", asked_at=f"{fleet.now - 0.5:.3f}")
    fleet.judge()
    assert fleet.one.facts.closed, "what was asked after that counts"


def test_opens_that_follow_each_other_are_a_flap_too_and_one_told_twice_is_one():
    twice = folded(*(("said_open", at, "webhook") for at in (0.0, 0.0, 0.1, 5.0, 5.2, 10.0, 10.0)))
    assert twice.opens == (0.0, 5.0, 10.0)
    flap = folded(*(("said_open", float(at), "webhook") for at in range(DEFAULT.flap_count)))
    assert diagnose.flap(flap, DEFAULT, 5.0)
    assert len(folded(*(("said_open", float(at), "webhook") for at in range(99))).opens) == KEEP_FLAPS
    seen_by_us = folded(*(("said_open", float(at), "state") for at in range(9)))
    assert not diagnose.flap(seen_by_us, DEFAULT, 9.0)


@pytest.mark.parametrize("apart", [1.5, 6.0])
@pytest.mark.parametrize("word", ["said_connecting", "said_open"])
def test_a_moment_of_life_between_two_connects_ends_no_flap(word, apart):
    fleet = Fleet()
    fleet.now += 600
    for _ in range(20):
        fleet.hear(word, road="webhook")
        fleet.judge()
        fleet.now += apart
        fleet.hear("message_received", road="webhook")
        fleet.judge()
    fleet.now += apart
    fleet.hear("message_received", road="webhook")
    fleet.judge()
    assert (fleet.one.reason.code, fleet.one.gate) == ("flapping", "held")
    fleet.now += 0.1
    fleet.hear("message_received", road="webhook")
    fleet.judge()
    assert (fleet.one.state, fleet.one.gate) == ("connected", "open")
    assert fleet.rungs() == []


def test_a_flap_is_dated_by_the_last_word_of_either_kind():
    facts = Facts(connecting=(1.0, 2.0, 3.0, 4.0, 5.0), opens=(2.5, 6.5))
    assert diagnose.last_flap(facts) == 6.5
    assert diagnose.last_flap(Facts(connecting=(9.0,), opens=(6.5,))) == 9.0
    assert diagnose.last_flap(Facts()) == 0.0


# -- codes and the rest ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "code"), sorted(CODES.items()))
def test_codes_come_from_the_kind_where_the_provider_s_word_is_junk(kind, code):
    assert folded((kind, 5.0, "state", {"code": "x9"})).code == code
    assert folded((kind, 5.0, "state", {"code": "406"})).code == 406


@pytest.mark.parametrize(("word", "until"), [("123.5", 123.5), ("soon", 0.0), ("nan", 0.0), ("inf", 0.0), ("", 0.0)])
def test_the_end_of_a_ban_is_a_time_or_unknown(word, until):
    assert folded(("temp_banned", 5.0, "state", {"until": word})).code_until == until


def test_a_code_that_was_read_is_not_weakened_by_the_same_pushed_later():
    facts = folded(("logged_out", 5.0, "state"), ("logged_out", 6.0, "webhook"))
    assert facts.code_source == "state"
    assert folded(("logged_out", 5.0, "state"), ("replaced", 6.0, "webhook")).code_source == "webhook"


def test_a_code_older_than_life_or_than_the_known_one_is_history():
    assert folded(("message_received", 9.0), ("logged_out", 5.0, "state")).code == 0
    assert folded(("replaced", 9.0, "state"), ("logged_out", 5.0, "state")).code == 440


def test_a_pushed_code_is_believed_once_the_socket_is_proved_dead():
    assert outcome(told(DEFAULT, [("replaced", W, 9), *GHOST]))[0] == "replaced"


def test_a_dead_socket_of_before_the_server_s_start_is_left_to_the_server():
    fleet = told(DEFAULT, GHOST)
    fleet.server = msgspec.structs.replace(
        fleet.server, facts=msgspec.structs.replace(fleet.server.facts, booted_at=fleet.now + 1)
    )
    assert verdict(fleet.one, fleet.server, DEFAULT, fleet.now + 2).kind == "reconnecting"


def test_a_pairing_screen_older_than_life_is_over():
    assert folded(("message_received", 9.0), ("qr_shown", 5.0), ("unpaired", 5.0)).unpaired_at == 0
    assert folded(("qr_shown", 5.0), ("message_received", 9.0)).unpaired_at == 0
    assert folded(("instance_missing", 5.0), ("message_received", 9.0)).missing_at == 0


def test_stamps_only_move_forward():
    assert folded(("silence", 9.0, "self"), ("silence", 5.0, "self")).silence_at == 9.0


def test_hearing_is_of_the_provider_only():
    assert folded(("operator_recover", 9.0, "operator"), ("silence", 8.0, "self")).any_evidence_at == 0
    assert folded(("frobnicated", 9.0, "webhook"), ("said_open", 5.0, "list")).any_evidence_at == 9.0


def test_a_refusal_to_create_ends_with_life():
    facts = folded(("act_answered", 1.0, "act", {"rung": "create", "answer": "no"}), ("message_received", 2.0))
    assert facts.refused_at == 0


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("5511987654321", "551187654321", True),
        ("5511987654321", "5511987654321", True),
        ("5511987654321", "5511987654322", False),
        ("14155550100", "14155550100", True),
        ("5521987654321", "551187654321", False),
    ],
)
def test_a_brazilian_number_is_the_same_with_and_without_its_ninth_digit(a, b, same):
    assert same_line(a, b) is same
    assert same_line(b, a) is same


@pytest.mark.parametrize(
    ("seen_phone", "pinned", "wrong"), [("", "5511987654321", False), ("1", None, False), ("1", "2", True)]
)
def test_identity_is_judged_only_where_both_numbers_are_known(seen_phone, pinned, wrong):
    session = a_session(phone=pinned, facts=Facts(phone_seen=seen_phone))
    assert (verdict(session, a_server(), DEFAULT, T0).kind == "wrong_identity") is wrong


def test_life_is_confirmed_by_traffic_since_the_last_fall():
    assert confirmed_life(a_session(facts=Facts(send_ok_at=1.0)))
    assert not confirmed_life(a_session(facts=Facts(life_at=1.0, socket_ok_at=1.0)))


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
def test_whatever_is_seen_there_are_facts_of_bounded_size_and_a_verdict(news, can, policy):
    facts = Facts()
    for one in news:
        facts = apply_evidence(facts, one, policy, trust_claims=not can.socket_probe)
        assert len(facts.closed) == len(facts.closed_by) <= KEEP_CLOSED
        assert len(facts.connecting) <= KEEP_FLAPS
        assert max(len(facts.acks_missing), len(facts.ack_errors)) <= KEEP_ACKS
        found = verdict(a_session(facts=facts), a_server(), policy, 2000.0)
        assert found.kind in get_args(diagnose.Kind)


@pytest.mark.parametrize(("life_at", "kind"), [(0.0, "new"), (T0 - 100, "missing")])
def test_an_instance_that_is_being_made_is_missing_only_where_there_was_one(life_at, kind):
    opened = Attempt("att_1", "create", 1, opened_at=T0, until=T0 + 20, because="follows")
    session = a_session(facts=Facts(life_at=life_at, missing_at=T0 - 1))
    session = msgspec.structs.replace(session, recovery=Recovery(open=opened))
    assert verdict(session, a_server(), DEFAULT, T0).kind == kind


def test_a_flap_is_over_at_the_moment_it_is_woken_for():
    times = tuple(T0 + 0.1 * n for n in range(DEFAULT.flap_count))
    over = times[-1] + DEFAULT.flap_within_s
    assert diagnose.flap(Facts(connecting=times), DEFAULT, over - 0.001)
    assert not diagnose.flap(Facts(connecting=times), DEFAULT, over)


def test_an_act_that_meets_nobody_there_leaves_it_down_and_told_once():
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


def test_a_hint_that_outdates_what_proved_the_fall_only_gives_it_another_name():
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


def test_old_life_that_is_told_late_does_not_end_a_fall_whose_proof_is_out_of_date():
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


def test_what_a_server_has_not_loaded_for_minutes_is_down_and_a_person_is_told_what_helps():
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


def test_another_unknown_word_is_kept_and_nothing_follows():
    fleet = Fleet()
    fleet.now += 600
    for _ in range(20):
        fleet.hear("said_unknown", road="state", state="refreshing")
        fleet.after(30)
    assert (fleet.one.state, fleet.one.facts.state_read, fleet.rungs()) == ("connected", "refreshing", [])


def test_what_a_new_process_of_its_server_left_closed_is_closed_at_one_look():
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


# -- a code on show ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [("logged_out", S, 9), ("banned", S, 9), ("temp_banned", S, 9), ("unpaired", L, 9)])
def test_a_valid_code_is_awaiting_qr_whatever_ended_the_session_before(before):
    """A6: the state said disconnected beside a code that was good."""
    assert outcome(told(DEFAULT, [before, ("qr_shown", W, 2)]))[:3] == ("awaiting_qr", "awaiting-qr", "awaiting_qr")
    if before[0] != "unpaired":
        assert outcome(told(DEFAULT, [("qr_shown", W, 9), (before[0], before[1], 2)]))[0] != "awaiting_qr"


def test_looks_that_are_refused_beside_a_code_do_not_end_its_show_until_the_provider_says_closed():
    refused = [("qr_shown", W, 20), ("said_connecting", S, 9), ("socket_closed", P, 9), ("socket_closed", P, 2)]
    assert outcome(told(DEFAULT, refused))[0] == "awaiting_qr"
    gave_up = [*refused, ("said_closed", S, 1)]
    assert outcome(told(DEFAULT, gave_up))[0] != "awaiting_qr"


@pytest.mark.parametrize(("age", "reason"), [(47, "awaiting-qr"), (49, "awaiting-code"), (89, "awaiting-code")])
def test_awaiting_qr_without_a_current_code_says_so(age, reason):
    assert outcome(told(DEFAULT, [("qr_shown", W, age)]))[:3] == ("awaiting_qr", reason, "awaiting_qr")


def test_a_late_open_after_an_unlink_needs_the_server_s_process():
    """E5: state open, no socket, no credentials: connect does nothing, delete is refused."""
    story = [("logged_out", S, 20), ("said_closed", S, 20), ("said_open", S, 5), ("socket_closed", P, 5)]
    found = outcome(told(DEFAULT, story))
    assert found[:3] == ("logged_out", "ghost-needs-server-restart", "disconnected")
    after_it = [*story, ("said_closed", S, 0)]
    assert outcome(told(DEFAULT, after_it))[1] == "logged-out"


def test_a_half_open_link_that_is_made_anew_is_reconnecting():
    """E8."""
    silent = [("round_trip_silent", P, 30), ("round_trip_silent", P, 20)]
    assert outcome(told(DEFAULT, silent))[:2] == ("ghost", "half-open")
    assert outcome(told(DEFAULT, [*silent, ("said_connecting", W, 5), ("said_connecting", S, 1)]))[0] == "reconnecting"


def test_what_was_refused_to_a_linked_session_is_forgotten_with_life_and_with_a_start_of_its_server():
    facts = Facts(refused_at=T0 - 5, refused_detail="no", dead_at=T0 - 50, state_read="open", life_at=T0 - 99)
    session = a_session(facts=facts, linked=True)
    assert verdict(session, a_server(), DEFAULT, T0).kind == "refused"
    booted = a_server(facts=ServerFacts(booted_at=T0 - 1))
    assert verdict(session, booted, DEFAULT, T0).kind != "refused"


# -- the latest proof --------------------------------------------------------------------------------------------


def test_the_reason_of_a_living_session_is_a_proof_and_a_claim_is_none():
    """A8: where no socket can be probed a claim of open stands for life; it was shown as the latest proof."""
    claimed = a_session(facts=Facts(life_at=T0 - 1, life_by="said_open"), linked=True)
    assert verdict(claimed, a_server(), DEFAULT, T0).because == Reason("live-unproved", {})
    sent = Facts(life_at=T0 - 1, life_by="said_open", send_ok_at=T0 - 50, send_ok_by="receipt_received")
    found = verdict(msgspec.structs.replace(claimed, facts=sent), a_server(), DEFAULT, T0)
    assert found.because == Reason("live", {"evidence": "receipt_received"})
    fell = Outage("out", T0 - 9, "closed", ended_at=T0 - 2)
    found = verdict(msgspec.structs.replace(claimed, facts=sent, last_outage=fell), a_server(), DEFAULT, T0)
    assert found.because.code == "live-unproved", "what proved it before the last fall proves nothing"


# -- edges: the same moment, and the words of a reason -----------------------------------------------------------


def test_life_of_the_same_moment_ends_the_show_of_a_code_and_no_code_of_ending():
    assert diagnose._linkless(Facts(qr_at=T0, life_at=T0 - 1), T0).kind == "awaiting_qr"
    assert diagnose._linkless(Facts(qr_at=T0, life_at=T0), T0).kind != "awaiting_qr"
    ended = Facts(code=401, code_at=9.0, code_source="state")
    for at, left in ((9.0, (401, 9.0, "state")), (10.0, (0, 0.0, ""))):
        facts = apply_evidence(ended, seen("message_received", at, "webhook"), DEFAULT, trust_claims=False)
        assert (facts.code, facts.code_at, facts.code_source) == left


def test_a_policy_without_flaps_sees_none():
    assert diagnose.flap(Facts(), msgspec.structs.replace(DEFAULT, flap_count=0), T0) == ()


@pytest.mark.parametrize("fields", [{"opens": 6}, {"connecting": 6}, {"reopened": 6}])
def test_a_flap_is_told_with_how_often_it_was_opened(fields):
    facts = Facts(**{name: tuple(T0 + i for i in range(count)) for name, count in fields.items()})
    assert diagnose._why_flapping(a_session(facts=facts), a_server()) == Reason("flapping", {"count": "6"})


def test_a_line_is_left_closed_by_a_boot_only_in_its_grace_and_when_nothing_was_done_since():
    down = Facts(state_read="closed", listed="closed", state_read_at=T0 + 5, act_at=T0 - 1)
    booted = a_server(facts=ServerFacts(booted_at=T0))
    assert diagnose.left_closed(down, booted, DEFAULT, T0 + 6)
    assert not diagnose.left_closed(msgspec.structs.replace(down, act_at=T0), booted, DEFAULT, T0 + 6)
    assert not diagnose.left_closed(down, booted, DEFAULT, T0 + DEFAULT.boot_grace_s)
    for other in ({"state_read": "open"}, {"listed": "open"}):
        assert not diagnose.left_closed(msgspec.structs.replace(down, **other), booted, DEFAULT, T0 + 6)


def test_reasons_name_both_numbers_and_how_many_were_refused():
    wrong = a_session(facts=Facts(phone_seen="5511911112222"), phone="5511987654321")
    args = {"seen": "5511911112222", "phone": "5511987654321"}
    assert verdict(wrong, a_server(), DEFAULT, T0).because == Reason("wrong-identity", args)
    refused = told(DEFAULT, [("ack_error", "receipt", ago, {"code": "463"}) for ago in (5, 0)])
    assert refused.one.reason == Reason("restricted-463", {"count": "2"})


def test_what_heals_by_a_claim_is_known_to_have_lived_by_it():
    refuted = Facts(state_read="open", closed=(5.0,), closed_by=("probe",))
    answered = apply_evidence(refuted, seen("question_answered", 9.0, "probe"), DEFAULT, trust_claims=True)
    assert (answered.life_at, answered.life_by) == (9.0, "said_open")
    assert folded(("said_open", 9.0, "webhook"), policy=SEEDS).life_by == "said_open"


def test_an_unheard_list_is_dated_by_its_oldest_and_a_refusal_without_words_has_none():
    assert folded(("list_unheard", 9.0, "list", {"oldest": "5.0"})).list_only_oldest_at == 5.0
    refused = folded(("act_answered", 1.0, "act", {"rung": "create", "answer": "no"}))
    assert (refused.refused_at, refused.refused_detail) == (1.0, "")


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
def test_what_was_adopted_is_left_as_it_was_until_something_was_done_or_asked(recovery, left):
    adopted = a_session(facts=Facts(adopted_at=T0), recovery=recovery)
    assert diagnose.left_as_adopted(adopted) == left
    assert not diagnose.left_as_adopted(msgspec.structs.replace(adopted, linked=True))
