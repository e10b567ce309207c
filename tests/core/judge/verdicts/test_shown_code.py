"""A code on show, and what ends its show."""

from __future__ import annotations

import pytest

from esteio.core.judge import diagnose
from esteio.core.judge.diagnose import verdict
from esteio.core.judge.facts import apply_evidence
from esteio.core.model.evidence import seen
from esteio.core.model.policy import DEFAULT
from esteio.core.model.server import ServerFacts
from esteio.core.model.session import Facts
from tests.core.judge.verdicts.verdict_story import L, P, S, W, outcome, told
from tests.core.rehearsal import T0, a_server, a_session


@pytest.mark.parametrize("before", [("logged_out", S, 9), ("banned", S, 9), ("temp_banned", S, 9), ("unpaired", L, 9)])
def test_a_valid_code_is_awaiting_qr_whatever_ended_the_session_before(before: tuple[str, str, int]) -> None:
    """A6: the state said disconnected beside a code that was good."""
    assert outcome(told(DEFAULT, [before, ("qr_shown", W, 2)]))[:3] == ("awaiting_qr", "awaiting-qr", "awaiting_qr")
    if before[0] != "unpaired":
        assert outcome(told(DEFAULT, [("qr_shown", W, 9), (before[0], before[1], 2)]))[0] != "awaiting_qr"


def test_looks_that_are_refused_beside_a_code_do_not_end_its_show_until_the_provider_says_closed() -> None:
    refused = [("qr_shown", W, 20), ("said_connecting", S, 9), ("socket_closed", P, 9), ("socket_closed", P, 2)]
    assert outcome(told(DEFAULT, refused))[0] == "awaiting_qr"
    gave_up = [*refused, ("said_closed", S, 1)]
    assert outcome(told(DEFAULT, gave_up))[0] != "awaiting_qr"


@pytest.mark.parametrize(("age", "reason"), [(47, "awaiting-qr"), (49, "awaiting-code"), (89, "awaiting-code")])
def test_awaiting_qr_without_a_current_code_says_so(age: int, reason: str) -> None:
    assert outcome(told(DEFAULT, [("qr_shown", W, age)]))[:3] == ("awaiting_qr", reason, "awaiting_qr")


def test_a_late_open_after_an_unlink_needs_the_server_s_process() -> None:
    """E5: state open, no socket, no credentials: connect does nothing, delete is refused."""
    story = [("logged_out", S, 20), ("said_closed", S, 20), ("said_open", S, 5), ("socket_closed", P, 5)]
    found = outcome(told(DEFAULT, story))
    assert found[:3] == ("logged_out", "ghost-needs-server-restart", "disconnected")
    after_it = [*story, ("said_closed", S, 0)]
    assert outcome(told(DEFAULT, after_it))[1] == "logged-out"


def test_a_half_open_link_that_is_made_anew_is_reconnecting() -> None:
    """E8."""
    silent = [("round_trip_silent", P, 30), ("round_trip_silent", P, 20)]
    assert outcome(told(DEFAULT, silent))[:2] == ("ghost", "half-open")
    assert outcome(told(DEFAULT, [*silent, ("said_connecting", W, 5), ("said_connecting", S, 1)]))[0] == "reconnecting"


def test_what_was_refused_to_a_linked_session_is_forgotten_with_life_and_with_a_start_of_its_server() -> None:
    facts = Facts(refused_at=T0 - 5, refused_detail="no", dead_at=T0 - 50, state_read="open", life_at=T0 - 99)
    session = a_session(facts=facts, linked=True)
    assert verdict(session, a_server(), DEFAULT, T0).kind == "refused"
    booted = a_server(facts=ServerFacts(booted_at=T0 - 1))
    assert verdict(session, booted, DEFAULT, T0).kind != "refused"


def test_life_of_the_same_moment_ends_the_show_of_a_code_and_no_code_of_ending() -> None:
    assert diagnose._linkless(Facts(qr_at=T0, life_at=T0 - 1), T0).kind == "awaiting_qr"
    assert diagnose._linkless(Facts(qr_at=T0, life_at=T0), T0).kind != "awaiting_qr"
    ended = Facts(code=401, code_at=9.0, code_source="state")
    for at, left in ((9.0, (401, 9.0, "state")), (10.0, (0, 0.0, ""))):
        facts = apply_evidence(ended, seen("message_received", at, "webhook"), DEFAULT, trust_claims=False)
        assert (facts.code, facts.code_at, facts.code_source) == left
