"""Messages in doubt: what one look makes of them, when the next comes, and when they are out of their chat's way."""

from __future__ import annotations

import itertools
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from esteio.core.messages import doubts
from esteio.core.messages.doubts import LookResult, LookupOutcome, live_since_doubt, opened_at, reopened, resolve
from esteio.core.messages.outbox import SendSettlement, is_expired
from esteio.core.messages.transitions import after
from esteio.core.model.evidence import seen
from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.message import AttemptRecord, Message
from esteio.core.model.policy import DEFAULT, Policy
from esteio.core.model.server import ServerFacts
from esteio.core.model.session import Facts, Session
from esteio.core.model.state import Axis, Reason
from tests.core.outgoing import BEGAN, NOW, POLICIES, code, doubted


def look(
    result: LookResult,
    now: float,
    *,
    policy: Policy = DEFAULT,
    live: bool = True,
    began: float | None = None,
    who: Message | None = None,
    later: bool = False,
    queued: bool = False,
    **known: Any,
) -> SendSettlement:
    return resolve(
        who or doubted(),
        LookupOutcome(result, later=later, queued=queued),
        policy,
        live_proved=live,
        read_began=now if began is None else began,
        now=now,
        **known,
    )


def is_let_pass(settled: SendSettlement) -> bool:
    """Whether its chat goes on from now on."""
    return settled.event == "set_aside"


def known(code: str, **fields: Any) -> Message:
    return doubted(reason=Reason(code, {"detail": "words"}), **fields)


@pytest.mark.parametrize("now", [BEGAN + 5, BEGAN + 10**6])
def test_found_is_sent(now: float) -> None:
    assert look("found", now, live=False).state == "sent"


def test_a_doubt_that_is_found_in_the_provider_s_own_queue_has_not_left_yet() -> None:
    for queued in (True, False):
        settled = look("found", NOW, queued=queued)
        assert (settled.state, settled.sent_at) == ("sent", BEGAN)
        assert settled.event == ("queued_at_provider" if queued else "found")
        assert settled.due_at == (NOW + 3 if queued else None)


@pytest.mark.parametrize(("result", "decided"), [("found", True), ("absent", False), ("unknown", False)])
def test_a_look_that_decided_something_stands_among_the_attempts(result: LookResult, decided: bool) -> None:
    told = (seen("server_answered", NOW, "probe"),)
    outcome = LookupOutcome(result, "3EB0", "its words", told)
    settled = resolve(doubted(queue_ref="q"), outcome, DEFAULT, live_proved=True, read_began=NOW, now=NOW)
    assert (settled.fence, settled.at, settled.provider_id, settled.queue_ref) == (0, NOW, "3EB0", "q")
    assert settled.evidence == told
    assert settled.attempt == (AttemptRecord(NOW, f"looked: {result}", "its words") if decided else None)


def test_proved_absence_goes_out_again() -> None:
    settled = look("absent", BEGAN + 136)
    assert (settled.state, settled.due_at, code(settled)) == ("queued", BEGAN + 136, "not-sent-after-all")
    assert settled.doubt_since is None


@pytest.mark.parametrize(
    ("now", "live", "began"),
    [
        (BEGAN + 5, True, None),
        (BEGAN + 135, True, None),
        (BEGAN + 80, True, BEGAN + 74),
        (BEGAN + 500, False, None),
    ],
)
def test_absence_is_not_believed_too_early_nor_of_a_session_that_is_not_proved_live(
    now: float, live: bool, began: float | None
) -> None:
    settled = look("absent", now, live=live, began=began)
    assert (settled.state, code(settled), settled.doubt_since) == ("in_doubt", "in-doubt", BEGAN)


@pytest.mark.parametrize("word", ["in-doubt-answered", "in-doubt-refused"])
@pytest.mark.parametrize("live", [True, False])
def test_what_the_provider_answered_is_over_and_absence_is_believed_at_once(word: str, live: bool) -> None:
    settled = look("absent", BEGAN + 2, live=live, who=known(word))
    assert (settled.state, settled.due_at, code(settled)) == ("queued", BEGAN + 7, "not-sent-after-all")
    again = look("absent", BEGAN + 2, live=live, who=known(word, attempts=5))
    assert again.due_at == BEGAN + 2 + 80, "it is not asked again and again at once"


def test_a_no_in_unknown_words_is_believed_when_it_was_absent_each_time() -> None:
    tries = [look("absent", BEGAN + 2, who=known("in-doubt-refused", attempts=n)).state for n in range(1, 8)]
    assert tries == ["queued"] * 5 + ["failed"] * 2
    failed = look("absent", BEGAN + 2, who=known("in-doubt-refused", attempts=6))
    assert failed.reason == Reason("request-refused", {"detail": "words"})
    assert look("absent", BEGAN + 2, who=known("in-doubt-answered", attempts=60)).state == "queued"


@pytest.mark.parametrize("word", ["in-doubt-answered", "in-doubt-refused"])
def test_what_was_answered_and_no_list_can_tell_is_out_of_the_way_at_once(word: str) -> None:
    settled = look("unknown", BEGAN + 2, live=False, who=known(word))
    assert (is_let_pass(settled), settled.reason) == (True, Reason("in-doubt-held", {"detail": "words"}))
    unread = look("unknown", BEGAN + 2, live=False, later=True, who=known(word))
    assert (is_let_pass(unread), unread.reason) == (False, Reason(word, {"detail": "words"}))


def test_after_a_proxys_answer_absence_is_believed_once_no_send_can_be_under_way() -> None:
    early = look("absent", BEGAN + 2, who=known("in-doubt-proxy"))
    assert (early.state, early.due_at, code(early)) == ("in_doubt", BEGAN + 7, "in-doubt-proxy")
    assert look("absent", BEGAN + 66, who=known("in-doubt-proxy")).due_at == BEGAN + 66 + 1
    assert look("absent", BEGAN + 67, who=known("in-doubt-proxy")).state == "queued"
    assert look("absent", BEGAN + 67, live=False, who=known("in-doubt-proxy")).state == "in_doubt"


@pytest.mark.parametrize("result", ["absent", "unknown"])
@pytest.mark.parametrize("after", [2, 500, 100_000])
@pytest.mark.parametrize(
    ("word", "held", "died"),
    [
        ("in-doubt-unstored", "in-doubt-held-unstored", False),
        ("in-doubt-restarted", "in-doubt-held-restarted", False),
        ("in-doubt", "in-doubt-held-restarted", True),
        ("in-doubt-proxy", "in-doubt-held-restarted", True),
        ("in-doubt-held", "in-doubt-held-restarted", True),
        ("in-doubt-held-unstored", "in-doubt-held-unstored", True),
    ],
)
def test_absence_proves_nothing_of_what_may_have_left_without_being_noted(
    result: LookResult, after: int, word: str, held: str, died: bool
) -> None:
    settled = look(result, BEGAN + after, who=known(word), died=died)
    if after == 2 and word in ("in-doubt", "in-doubt-proxy", "in-doubt-restarted"):
        # It may only seem to have died, and still send it: behind what was let pass it would come too late.
        assert (settled.state, code(settled), is_let_pass(settled)) == ("in_doubt", "in-doubt-restarted", False)
    else:
        assert (settled.state, code(settled), is_let_pass(settled)) == (
            "in_doubt",
            held,
            not word.startswith("in-doubt-held"),
        )
    assert look("found", BEGAN + after, who=known(word), died=died).state == "sent"
    later = look("unknown", BEGAN + 2, who=known(word), died=died, later=True)
    assert later.reason is not None
    assert (code(later) in doubts.DOUBTS) == (not word.startswith("in-doubt-held"))


@pytest.mark.parametrize("word", ["in-doubt", "in-doubt-answered", "in-doubt-refused", "in-doubt-proxy"])
def test_absence_proves_nothing_while_the_server_s_database_fails_on_other_sends(word: str) -> None:
    settled = look("absent", BEGAN + 500, who=known(word), unstored=True)
    assert (settled.state, code(settled), is_let_pass(settled)) == ("in_doubt", "in-doubt-held-unstored", True)
    aside = look("absent", BEGAN + 500, who=known("in-doubt-held"), unstored=True)
    assert (code(aside), is_let_pass(aside)) == ("in-doubt-held-unstored", False)


def test_a_process_that_dies_after_its_answer_takes_nothing_away_from_it() -> None:
    assert look("absent", BEGAN + 2, who=known("in-doubt-answered"), died=True).state == "queued"


@pytest.mark.parametrize(
    ("gone", "alive", "died"),
    [
        (0.0, 0.0, False),
        (BEGAN - 1, BEGAN - 5, False),
        (BEGAN + 3, BEGAN - 5, True),
        (BEGAN + 3, BEGAN + 2, True),
        (BEGAN + 5000, BEGAN + 134, True),
        (BEGAN + 5000, BEGAN + 135, False),
    ],
)
def test_a_process_may_have_died_with_a_send_when_nobody_listened_afterwards(
    gone: float, alive: float, died: bool
) -> None:
    facts = ServerFacts(gone_at=gone, alive_at=alive)
    assert doubts.may_have_died(doubted(), facts, DEFAULT) is died


def test_absence_of_what_has_expired_is_not_sent_again() -> None:
    settled = look("absent", BEGAN + 140, who=doubted(expires_at=BEGAN + 139))
    assert settled.state == "expired"


@pytest.mark.parametrize(
    ("expires_after", "until"), [(1000.0, 1000.0 - DEFAULT.send_timeout_s), (10.0, 2 * DEFAULT.send_timeout_s)]
)
def test_who_resends_gives_a_look_up_in_time_for_the_message_to_go_but_not_before_one_could_tell(
    expires_after: float, until: float
) -> None:
    policy = msgspec.structs.replace(DEFAULT, in_doubt="resend")
    who = doubted(expires_at=BEGAN + expires_after)
    assert code(look("unknown", BEGAN + until - 1, later=True, who=who, policy=policy)) == "in-doubt"
    assert code(look("unknown", BEGAN + until + 1, later=True, who=who, policy=policy)) != "in-doubt"


def test_looks_come_soon_then_when_absence_counts_then_less_and_less_often() -> None:
    now, times = BEGAN, []
    while now < BEGAN + 3000:
        settled = look("unknown", now, later=True)
        assert settled.due_at is not None
        times.append(settled.due_at - BEGAN)
        now = settled.due_at
    assert times[:4] == [5, 15, 45, 135]
    assert any(135 < at <= 136 for at in times)
    gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert max(gaps) == 300
    after = [gap for at, gap in zip(times, gaps, strict=False) if at > 135]
    assert after == sorted(after)


def test_looks_begin_anew_when_the_session_can_send_again() -> None:
    opened = BEGAN + 4000
    now, times = opened, []
    while now < opened + 3000:
        due_at = look("unknown", now, later=True, live=False, opened=opened).due_at
        assert due_at is not None
        times.append(due_at - opened)
        now = due_at
    assert times[:3] == [5, 10, 15]
    gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert gaps == sorted(gaps)
    assert max(gaps) == 300
    kept = look("unknown", opened + 10, who=doubted(reason=ASIDE), opened=opened)
    assert kept.due_at == opened + 10 + 300, "nobody waits for what is set aside"
    older = look("unknown", BEGAN + 200, later=True, opened=BEGAN - 500)
    assert older.due_at == BEGAN + 300, "a gate that was open all the time makes no doubt older"


OVER = BEGAN + DEFAULT.hold_for_s


@pytest.mark.parametrize(
    ("word", "state", "reason"),
    [
        ("hold", "in_doubt", "in-doubt-held"),
        ("resend", "queued", "resent-after-doubt"),
        ("fail", "failed", "in-doubt-failed"),
    ],
)
@pytest.mark.parametrize("result", ["unknown", "absent"])
def test_what_nobody_can_tell_goes_by_policy_only_when_hope_is_over(
    word: str, state: str, reason: str, result: LookResult
) -> None:
    policy = msgspec.structs.replace(DEFAULT, in_doubt=word)
    assert code(look(result, OVER - 1, policy=policy, live=False)) == "in-doubt"
    settled = look(result, OVER, policy=policy, live=False)
    assert (settled.state, code(settled)) == (state, reason)


def test_what_is_kept_in_doubt_is_still_looked_for_seldom() -> None:
    assert look("unknown", OVER).due_at == OVER + 3600


ASIDE = Reason("in-doubt-held")
NO_MORE = BEGAN + 136


@pytest.mark.parametrize("word", ["hold", "fail"])
@pytest.mark.parametrize(
    ("result", "now", "live", "later", "aside"),
    [
        ("unknown", NO_MORE, True, False, True),
        ("unknown", NO_MORE - 1, True, False, False),
        ("unknown", NO_MORE, False, False, False),
        ("unknown", NO_MORE, True, True, False),
        ("unknown", BEGAN + 1800, True, True, False),
        ("unknown", BEGAN + 1801, True, True, True),
        ("unknown", BEGAN + 1801, False, True, False),
        ("absent", BEGAN + 1801, False, False, False),
    ],
)
def test_a_doubt_is_in_the_way_until_looking_can_tell_no_more(
    word: str, result: LookResult, now: float, live: bool, later: bool, aside: bool
) -> None:
    policy = msgspec.structs.replace(DEFAULT, in_doubt=word)
    settled = look(result, now, policy=policy, live=live, later=later)
    assert (settled.state, is_let_pass(settled), code(settled)) == (
        "in_doubt",
        aside,
        "in-doubt-held" if aside else "in-doubt",
    )
    assert settled.due_at is not None
    assert now < settled.due_at <= now + 300


def test_a_live_session_s_half_hour_begins_when_it_lives() -> None:
    """What W-API's queue may still hold has not had its time while the line was dead."""
    dead_until = BEGAN + 7200
    for now, aside in ((dead_until + 5, False), (dead_until + 1800, False), (dead_until + 1801, True)):
        settled = look("unknown", now, later=True, opened=dead_until)
        assert (settled.state, is_let_pass(settled)) == ("in_doubt", aside)


def test_what_is_set_aside_stays_so_and_is_set_aside_once() -> None:
    for now, live, later in ((NO_MORE + 300, True, True), (NO_MORE + 300, False, False), (OVER, True, False)):
        settled = look("unknown", now, live=live, later=later, who=doubted(reason=ASIDE))
        assert (settled.state, is_let_pass(settled), settled.reason) == ("in_doubt", False, ASIDE)


def test_what_was_set_aside_goes_when_it_is_proved_absent_unless_it_was_overtaken() -> None:
    goes = look("absent", NO_MORE, who=doubted(reason=ASIDE))
    assert (goes.state, code(goes)) == ("queued", "not-sent-after-all")
    fails = look("absent", NO_MORE, who=doubted(reason=ASIDE), overtaken=True)
    assert (fails.state, code(fails), fails.due_at) == ("failed", "not-sent-overtaken", None)
    assert look("found", NO_MORE, who=doubted(reason=ASIDE), overtaken=True).state == "sent"
    resend = msgspec.structs.replace(DEFAULT, in_doubt="resend")
    kept = look("unknown", OVER, who=doubted(reason=ASIDE), overtaken=True, policy=resend)
    assert (kept.state, is_let_pass(kept)) == ("in_doubt", False)


def test_who_sends_again_by_policy_is_in_the_way_until_the_latest_echo_could_have_come() -> None:
    policy = msgspec.structs.replace(DEFAULT, in_doubt="resend")
    waits = look("unknown", NO_MORE, policy=policy)
    assert (waits.state, is_let_pass(waits), code(waits)) == ("in_doubt", False, "in-doubt")
    assert code(look("unknown", BEGAN + 1799, policy=policy)) == "in-doubt"
    again = look("unknown", BEGAN + 1800, policy=policy)
    assert (again.state, code(again)) == ("queued", "resent-after-doubt")
    assert look("unknown", BEGAN + 1800, policy=policy, live=False).state == "in_doubt"


def test_only_a_doubt_is_set_aside() -> None:
    assert doubts.is_aside(doubted(reason=ASIDE))
    assert not doubts.is_aside(doubted())
    assert not doubts.is_aside(doubted(reason=Reason("in-doubt")))
    assert not doubts.is_aside(doubted(reason=ASIDE, state="failed"))


def test_a_doubt_whose_send_is_over_is_told_by_its_reason() -> None:
    for known in ("in-doubt-answered", "in-doubt-restarted"):
        assert doubts.is_over(doubted(reason=Reason(known)))
    assert not doubts.is_over(doubted(reason=Reason("in-doubt")))
    assert not doubts.is_over(doubted(reason=None))


def test_a_server_answers_again_after_a_failure_or_a_start() -> None:
    well, failing = ServerFacts(), ServerFacts(failures=(BEGAN, BEGAN))
    assert doubts.answers_again(failing, well)
    assert doubts.answers_again(well, ServerFacts(booted_at=BEGAN))
    assert not doubts.answers_again(well, well)
    assert not doubts.answers_again(failing, failing)


def test_an_old_row_without_the_time_of_doubt_takes_its_last_change() -> None:
    settled = look("unknown", BEGAN + 10, who=doubted(doubt_since=None))
    assert settled.doubt_since == BEGAN


@example("absent", DEFAULT, 0.0, True, 0.0, None, True, False, False, 0.0)
@given(
    result=st.sampled_from(get_args(doubts.LookResult)),
    policy=POLICIES,
    age=st.floats(0, 200_000),
    live=st.booleans(),
    reading=st.floats(0, 100),
    expires=st.none() | st.floats(0, 200_000),
    aside=st.booleans(),
    later=st.booleans(),
    overtaken=st.booleans(),
    opened=st.floats(0, 300_000),
)
def test_a_message_in_doubt_is_sent_again_only_by_proof_or_by_policy(
    result: LookResult,
    policy: Policy,
    age: float,
    live: bool,
    reading: float,
    expires: float | None,
    aside: bool,
    later: bool,
    overtaken: bool,
    opened: float,
) -> None:
    now = BEGAN + age
    who = doubted(expires_at=None if expires is None else BEGAN + expires, reason=ASIDE if aside else None)
    reads: dict[str, Any] = {
        "live": live,
        "began": now - reading,
        "later": later,
        "overtaken": overtaken,
        "opened": opened,
    }
    settled = look(result, now, who=who, policy=policy, **reads)
    assert after("set_aside" if aside else "in_doubt", settled.event) is not None
    if settled.state == "queued":
        # What was set aside is over at the provider, however young it is.
        proof = result == "absent" and live and (aside or age - reading > policy.send_timeout_s)
        mute = result == "unknown" and live and age - reading > policy.send_timeout_s and age >= 1800
        assert proof or (policy.in_doubt == "resend" and (mute or age >= policy.hold_for_s))
        assert not overtaken
        assert not is_expired(who, now)
    if settled.state == "in_doubt":
        assert settled.doubt_since == BEGAN
        assert settled.due_at is not None
        assert settled.due_at > now
        assert not (aside and code(settled) != "in-doubt-held"), "what let others pass is never in the way again"


@pytest.mark.parametrize(
    ("gate", "life_at", "live"),
    [("open", BEGAN + 1, True), ("open", BEGAN, False), ("held", BEGAN + 1, False)],
)
def test_live_means_proved_since_the_doubt_began_and_open_now(gate: str, life_at: float, live: bool) -> None:
    assert live_since_doubt(session(gate=gate, can_send=Axis(), facts=Facts(life_at=life_at)), doubted()) is live


def session(**fields: object) -> Session:
    base = Session(id=SessionId(1), name=SessionName("s"), server=ServerName("srv"), kind="evolution", created_at=0.0)
    return msgspec.structs.replace(base, **fields)


def test_a_gate_that_opens_brings_the_looks_forward_and_one_that_stays_as_it_is_does_not() -> None:
    held, opened = session(gate="held", gate_since=5.0), session(gate="open", gate_since=7.0)
    assert (opened_at(held), opened_at(opened)) == (0.0, 7.0)
    turns = {(a.gate, b.gate): reopened(a, b) for a in (held, opened) for b in (held, opened)}
    assert [turn for turn, hastens in turns.items() if hastens] == [("held", "open")]
