"""What each piece of evidence changes in the facts of a session: time, witnesses, claims, codes."""

from __future__ import annotations

from typing import Any

import pytest

from esteio.core.judge import diagnose
from esteio.core.judge.diagnose import confirmed_life, socket_open_while_claimed_closed, verdict
from esteio.core.judge.facts import CODES, apply_evidence
from esteio.core.model.address import same_line
from esteio.core.model.evidence import Evidence, Source, seen
from esteio.core.model.policy import DEFAULT, SEEDS, Policy
from esteio.core.model.session import KEEP_CLOSED, KEEP_FLAPS, Facts
from tests.core.rehearsal import T0, WAPI, Fleet, a_server, a_session


def folded(*news: tuple[Any, ...], policy: Policy = DEFAULT, trust: bool = False) -> Facts:
    facts = Facts()
    for kind, at, *more in news:
        road: Source = more[0] if more else "probe"
        facts = apply_evidence(
            facts, seen(kind, at, road, **(more[1] if len(more) > 1 else {})), policy, trust_claims=trust
        )
    return facts


def test_old_news_of_life_does_not_raise_the_dead() -> None:
    facts = folded(("send_closed", 100.0, "send"), ("socket_closed", 104.0))
    late = Evidence("message_received", 90.0, 110.0, "webhook")
    assert apply_evidence(facts, late, DEFAULT, trust_claims=False).dead_at == 104.0


def test_old_news_of_death_does_not_kill_the_living() -> None:
    facts = folded(("message_received", 100.0, "webhook"), ("send_closed", 90.0, "send"), ("socket_closed", 95.0))
    assert (facts.closed, facts.dead_at) == ((), 0.0)


def test_two_witnesses_with_life_between_them_are_two_suspicions() -> None:
    facts = folded(("send_closed", 100.0, "send"), ("socket_closed", 110.0), ("message_received", 105.0, "webhook"))
    assert (facts.closed, facts.closed_by, facts.dead_at) == ((110.0,), ("probe",), 0.0)


def test_refusals_in_quick_succession_add_up_to_a_death() -> None:
    facts = folded(*(("send_closed", 100 + i * 0.4, "send") for i in range(20)))
    assert facts.dead_at
    assert facts.closed[0] == 100.0
    assert len(facts.closed) == len(facts.closed_by) == KEEP_CLOSED


def test_two_refusals_at_one_instant_by_one_road_are_one_witness() -> None:
    assert not folded(("send_closed", 100.0, "send"), ("send_closed", 100.5, "send")).dead_at


@pytest.mark.parametrize(("said", "dead"), [("said_open", True), ("said_connecting", False), ("said_closed", False)])
def test_another_road_is_a_second_witness_unless_the_provider_is_at_it(said: str, dead: bool) -> None:
    facts = folded((said, 99.0, "state"), ("send_closed", 100.0, "send"), ("socket_closed", 100.2))
    assert bool(facts.dead_at) is dead


def test_refusals_that_come_late_count_from_the_first() -> None:
    facts = folded(("said_connecting", 100.0, "state"), ("socket_closed", 102.0), ("send_closed", 98.0, "send"))
    assert facts.dead_at == 102.0
    assert facts.closed[0] == 98.0


@pytest.mark.parametrize("weak", [("socket_ok", "probe"), ("said_open", "state")])
def test_an_open_socket_does_not_end_a_silence(weak: tuple[str, str]) -> None:
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
def test_what_passes_through_ends_a_silence(strong: str) -> None:
    facts = folded(("round_trip_silent", 100.0), ("round_trip_silent", 105.0), (strong, 110.0))
    assert (facts.dead_at, facts.unanswered_probes, facts.probe_unanswered_at) == (0.0, 0, 0.0)


def test_old_life_leaves_a_newer_silence_alone() -> None:
    facts = folded(("round_trip_silent", 100.0), ("round_trip_silent", 105.0), ("message_received", 103.0))
    assert (facts.unanswered_probes, facts.dead_at) == (2, 105.0)


def test_silence_older_than_life_is_nothing_and_the_same_silence_counts_once() -> None:
    assert folded(("message_received", 100.0), ("round_trip_silent", 99.0)).unanswered_probes == 0
    assert folded(("round_trip_silent", 100.0), ("round_trip_silent", 100.0)).unanswered_probes == 1


def test_an_open_socket_proves_nothing_while_the_provider_still_connects() -> None:
    assert folded(("said_connecting", 1.0, "state"), ("socket_ok", 2.0)).life_at == 0
    assert folded(("said_open", 1.0, "state"), ("socket_ok", 2.0)).life_at == 2.0


def test_a_claim_is_a_hint_where_there_is_a_better_witness() -> None:
    facts = folded(("said_open", 1.0, "state"), ("said_closed", 50.0, "state"), ("said_closed", 99.0, "state"))
    assert (facts.life_at, facts.dead_at, facts.state_read, facts.state_read_since) == (0.0, 0.0, "closed", 50.0)


def test_looks_in_a_row_that_say_the_same_are_counted_and_two_in_one_moment_are_one() -> None:
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
def test_whoever_says_connecting_says_that_it_moves(road: str) -> None:
    assert folded(("said_connecting", 57.0, road), ("said_connecting", 50.0, road)).last_connecting_at == 57.0
    assert folded(("said_connecting", 57.0, "list")).last_connecting_at == 0


@pytest.mark.parametrize("says", ["said_closed", "said_connecting"])
def test_an_open_socket_beside_another_word_is_ajar_until_life_or_death_is_newer(says: str) -> None:
    beside = (("said_open", 1.0, "state"), (says, 10.0, "state"), ("socket_ok", 10.0))
    assert socket_open_while_claimed_closed(folded(*beside))
    assert not socket_open_while_claimed_closed(folded(*beside, ("socket_closed", 15.0)))
    assert not socket_open_while_claimed_closed(folded(*beside, ("round_trip_ok", 15.0)))
    assert not socket_open_while_claimed_closed(folded(("said_open", 1.0, "state"), ("socket_ok", 10.0)))


def test_a_claim_counts_weakly_where_there_is_none() -> None:
    facts = folded(
        ("said_open", 1.0, "state"), ("said_closed", 50.0, "state"), ("said_closed", 99.0, "state"), trust=True
    )
    assert (facts.life_at, facts.dead_at) == (1.0, 99.0)


def test_a_bare_claim_of_open_does_not_end_a_refusal() -> None:
    dead = [("said_open", 1.0, "state"), ("send_closed", 50.0, "send"), ("send_closed", 60.0, "send")]
    assert folded(*dead, ("said_open", 70.0, "state"), trust=True).dead_at == 60.0


@pytest.mark.parametrize(
    "change", [("said_connecting", 65.0, "state"), ("act_answered", 65.0, "act", {"answer": "ok", "rung": "restart"})]
)
def test_a_claim_of_open_heals_when_something_changed_since(change: tuple[Any, ...]) -> None:
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
def test_an_act_that_found_all_open_already_has_changed_nothing_where_a_question_says_better(
    refusals: list[tuple[Any, ...]], dead_at: float
) -> None:
    noop = ("act_answered", 65.0, "act", {"answer": "noop", "rung": "connect"})
    facts = folded(("said_open", 1.0, "state"), *refusals, noop, ("said_open", 70.0, "state"), trust=True)
    assert facts.dead_at == dead_at


def test_claims_older_than_the_known_one_change_nothing() -> None:
    facts = folded(("said_open", 10.0, "state"), ("said_closed", 5.0, "state"))
    assert facts.state_read == "open"
    assert folded(("said_open", 10.0, "list"), ("said_closed", 5.0, "list")).listed == "open"
    assert folded(("said_open", 10.0, "webhook"), ("said_closed", 5.0, "webhook")).state_pushed == "open"


def test_a_listed_claim_is_kept_beside_and_moves_nothing() -> None:
    facts = folded(("said_open", 10.0, "state"), ("said_closed", 20.0, "list"), trust=True)
    assert (facts.state_read, facts.listed, facts.closed) == ("open", "closed", ())


def test_any_webhook_proves_life_only_by_the_seed_s_letter() -> None:
    assert folded(("said_open", 10.0, "webhook")).life_at == 0
    assert folded(("said_open", 10.0, "webhook"), policy=SEEDS).life_at == 10.0


def test_a_counted_row_of_connecting_is_spread_over_its_time() -> None:
    row = Evidence("said_connecting", 20.0, 20.0, "webhook", count=5, first_at=0.0)
    facts = apply_evidence(Facts(), row, DEFAULT, trust_claims=False)
    assert facts.connecting == (0.0, 5.0, 10.0, 15.0, 20.0)
    many = Evidence("said_connecting", 20.0, 20.0, "webhook", count=500, first_at=0.0)
    assert len(apply_evidence(Facts(), many, DEFAULT, trust_claims=False).connecting) == KEEP_FLAPS
    bare = Evidence("said_connecting", 20.0, 20.0, "webhook", count=3)
    assert apply_evidence(Facts(), bare, DEFAULT, trust_claims=False).connecting == (20.0,), (
        "told in one instant: how often is unknown"
    )


def test_connecting_spread_over_minutes_is_no_flap() -> None:
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
def test_a_refusal_that_hung_says_nothing_of_a_line_that_has_another_socket_since(
    meanwhile: tuple[tuple[str, Source], ...], closed: int
) -> None:
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


def test_opens_that_follow_each_other_are_a_flap_too_and_one_told_twice_is_one() -> None:
    twice = folded(*(("said_open", at, "webhook") for at in (0.0, 0.0, 0.1, 5.0, 5.2, 10.0, 10.0)))
    assert twice.opens == (0.0, 5.0, 10.0)
    flap = folded(*(("said_open", float(at), "webhook") for at in range(DEFAULT.flap_count)))
    assert diagnose.flap(flap, DEFAULT, 5.0)
    assert len(folded(*(("said_open", float(at), "webhook") for at in range(99))).opens) == KEEP_FLAPS
    seen_by_us = folded(*(("said_open", float(at), "state") for at in range(9)))
    assert not diagnose.flap(seen_by_us, DEFAULT, 9.0)


@pytest.mark.parametrize("apart", [1.5, 6.0])
@pytest.mark.parametrize("word", ["said_connecting", "said_open"])
def test_a_moment_of_life_between_two_connects_ends_no_flap(word: str, apart: float) -> None:
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


def test_a_flap_is_dated_by_the_last_word_of_either_kind() -> None:
    facts = Facts(connecting=(1.0, 2.0, 3.0, 4.0, 5.0), opens=(2.5, 6.5))
    assert diagnose.last_flap(facts) == 6.5
    assert diagnose.last_flap(Facts(connecting=(9.0,), opens=(6.5,))) == 9.0
    assert diagnose.last_flap(Facts()) == 0.0


@pytest.mark.parametrize(("kind", "code"), sorted(CODES.items()))
def test_codes_come_from_the_kind_where_the_provider_s_word_is_junk(kind: str, code: int) -> None:
    assert folded((kind, 5.0, "state", {"code": "x9"})).code == code
    assert folded((kind, 5.0, "state", {"code": "406"})).code == 406


@pytest.mark.parametrize(("word", "until"), [("123.5", 123.5), ("soon", 0.0), ("nan", 0.0), ("inf", 0.0), ("", 0.0)])
def test_the_end_of_a_ban_is_a_time_or_unknown(word: str, until: float) -> None:
    assert folded(("temp_banned", 5.0, "state", {"until": word})).code_until == until


def test_a_code_that_was_read_is_not_weakened_by_the_same_pushed_later() -> None:
    facts = folded(("logged_out", 5.0, "state"), ("logged_out", 6.0, "webhook"))
    assert facts.code_source == "state"
    assert folded(("logged_out", 5.0, "state"), ("replaced", 6.0, "webhook")).code_source == "webhook"


def test_a_code_older_than_life_or_than_the_known_one_is_history() -> None:
    assert folded(("message_received", 9.0), ("logged_out", 5.0, "state")).code == 0
    assert folded(("replaced", 9.0, "state"), ("logged_out", 5.0, "state")).code == 440


def test_a_pairing_screen_older_than_life_is_over() -> None:
    assert folded(("message_received", 9.0), ("qr_shown", 5.0), ("unpaired", 5.0)).unpaired_at == 0
    assert folded(("qr_shown", 5.0), ("message_received", 9.0)).unpaired_at == 0
    assert folded(("instance_missing", 5.0), ("message_received", 9.0)).missing_at == 0


def test_stamps_only_move_forward() -> None:
    assert folded(("silence", 9.0, "self"), ("silence", 5.0, "self")).silence_at == 9.0


def test_hearing_is_of_the_provider_only() -> None:
    assert folded(("operator_recover", 9.0, "operator"), ("silence", 8.0, "self")).any_evidence_at == 0
    assert folded(("frobnicated", 9.0, "webhook"), ("said_open", 5.0, "list")).any_evidence_at == 9.0


def test_a_refusal_to_create_ends_with_life() -> None:
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
def test_a_brazilian_number_is_the_same_with_and_without_its_ninth_digit(a: str, b: str, same: bool) -> None:
    assert same_line(a, b) is same
    assert same_line(b, a) is same


@pytest.mark.parametrize(
    ("seen_phone", "pinned", "wrong"), [("", "5511987654321", False), ("1", None, False), ("1", "2", True)]
)
def test_identity_is_judged_only_where_both_numbers_are_known(seen_phone: str, pinned: str | None, wrong: bool) -> None:
    session = a_session(phone=pinned, facts=Facts(phone_seen=seen_phone))
    assert (verdict(session, a_server(), DEFAULT, T0).kind == "wrong_identity") is wrong


def test_life_is_confirmed_by_traffic_since_the_last_fall() -> None:
    assert confirmed_life(a_session(facts=Facts(send_ok_at=1.0)))
    assert not confirmed_life(a_session(facts=Facts(life_at=1.0, socket_ok_at=1.0)))


def test_what_heals_by_a_claim_is_known_to_have_lived_by_it() -> None:
    refuted = Facts(state_read="open", closed=(5.0,), closed_by=("probe",))
    answered = apply_evidence(refuted, seen("question_answered", 9.0, "probe"), DEFAULT, trust_claims=True)
    assert (answered.life_at, answered.life_by) == (9.0, "said_open")
    assert folded(("said_open", 9.0, "webhook"), policy=SEEDS).life_by == "said_open"


def test_an_unheard_list_is_dated_by_its_oldest_and_a_refusal_without_words_has_none() -> None:
    assert folded(("list_unheard", 9.0, "list", {"oldest": "5.0"})).list_only_oldest_at == 5.0
    refused = folded(("act_answered", 1.0, "act", {"rung": "create", "answer": "no"}))
    assert (refused.refused_at, refused.refused_detail) == (1.0, "")


def test_a_webhook_that_is_gone_was_looked_at_then() -> None:
    facts = folded(("webhook_config_gone", 9.0, "state"), ("webhook_config_gone", 12.0, "state"))
    assert (facts.webhook_gone_at, facts.webhook_checked_at) == (9.0, 12.0)
