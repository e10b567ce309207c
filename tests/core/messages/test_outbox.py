"""Messages: what one attempt, or one look, makes of them; and the moves that may never happen."""

from __future__ import annotations

import itertools
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.core.messages import outbox
from esteio.core.messages.outbox import (
    MOVES,
    SendResult,
    Settled,
    is_expired,
    live_since_doubt,
    may_move,
    opened_at,
    reopened,
    resolve,
    settle,
    shown_state,
)
from esteio.core.model.content import Content
from esteio.core.model.ids import MessageId, SessionId, SessionName
from esteio.core.model.message import Message, MessageState
from esteio.core.model.policy import DEFAULT, SEEDS
from esteio.core.model.server import ServerFacts
from esteio.core.model.session import Facts, Session
from esteio.core.model.state import Axis, Reason

BEGAN = 1000.0
NOW = 1010.0


def message(**fields: object) -> Message:
    base = Message(
        id=MessageId("m1"),
        session_id=SessionId(1),
        session=SessionName("s"),
        direction="out",
        chat="5511987654321",
        content=Content("text", text="oi"),
        state="sending",
        created_at=900.0,
        updated_at=BEGAN,
        attempts=1,
    )
    return msgspec.structs.replace(base, **fields)


def code(settled: Settled) -> str | None:
    return settled.reason.code if settled.reason else None


STATES = get_args(MessageState)
PROGRESS = {"queued": 0, "held": 0, "sending": 0, "in_doubt": 0, "sent": 1, "delivered": 2, "read": 3}


def test_the_core_is_told_all_that_an_adapter_says_but_its_evidence():
    from esteio.providers import base

    assert set(SendResult.__struct_fields__) | {"evidence"} == set(base.SendOutcome.__struct_fields__)


def test_every_fault_has_one_fate():
    fates = [set(outbox._AGAIN), set(outbox._FINAL), {"socket"}]
    assert set().union(*fates) == set(get_args(outbox.Fault))
    assert sum(map(len, fates)) == len(get_args(outbox.Fault))


def test_the_table_of_moves_names_every_state_and_no_other():
    assert set(MOVES) == set(STATES)
    assert set().union(*MOVES.values()) <= set(STATES)


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_no_move_goes_back_but_a_person_s_retry(before, after):
    if may_move(before, after):
        assert before in PROGRESS, "an end has no way out"
        assert after not in PROGRESS or PROGRESS[after] > PROGRESS[before] or PROGRESS[before] == 0
    elif may_move(before, after, by_person=True):
        assert after == "queued"
        assert before in {"failed", "expired", "cancelled"}


def test_what_left_never_returns_to_the_queue_even_by_a_person():
    assert not any(may_move(state, "queued", by_person=True) for state in ("sent", "delivered", "read"))
    assert may_move("in_doubt", "queued", by_person=True)
    assert may_move("failed", "queued", by_person=True)
    assert not may_move("failed", "queued")
    assert not may_move("failed", "sent", by_person=True)


@pytest.mark.parametrize(
    ("state", "gate", "shown"),
    [
        ("queued", "held", "held"),
        ("queued", "open", "queued"),
        ("sending", "held", "sending"),
        ("failed", "held", "failed"),
    ],
)
def test_held_is_queued_behind_a_closed_gate(state, gate, shown):
    assert shown_state(state, gate) == shown


@pytest.mark.parametrize(("expires", "now", "over"), [(None, 9e9, False), (50, 49.9, False), (50, 50, True)])
def test_a_message_expires_at_its_time(expires, now, over):
    assert is_expired(message(expires_at=expires), now) is over


# -- one attempt -------------------------------------------------------------------------------------------------


def test_accepted_is_sent():
    settled = settle(message(closed_tries=1), SendResult("accepted", provider_id="X"), DEFAULT, NOW)
    assert settled == Settled("sent")


def test_a_first_connection_closed_is_tried_again_after_three_seconds():
    settled = settle(message(), SendResult("not_sent", "socket"), DEFAULT, NOW)
    assert (settled.state, settled.due_at, code(settled), settled.closed_tries) == (
        "queued",
        NOW + 3,
        "send-retried",
        1,
    )


def test_a_second_connection_closed_holds_the_message_with_the_seed_s_sentence():
    settled = settle(message(closed_tries=1), SendResult("not_sent", "socket"), DEFAULT, NOW)
    assert (settled.state, code(settled), settled.closed_tries) == ("queued", "session-down", 2)
    assert settled.due_at is not None
    assert NOW < settled.due_at <= NOW + 5


def test_a_second_connection_closed_fails_what_may_not_wait():
    settled = settle(message(closed_tries=1, on_down="fail"), SendResult("not_sent", "socket"), SEEDS, NOW)
    assert (settled.state, settled.due_at, code(settled), settled.closed_tries) == ("failed", None, "session-down", 2)


def test_even_what_may_not_wait_gets_its_one_short_retry():
    settled = settle(message(on_down="fail"), SendResult("not_sent", "socket"), SEEDS, NOW)
    assert (settled.state, settled.due_at) == ("queued", NOW + 3)


@pytest.mark.parametrize(("retries", "tries", "state"), [(0, 0, "failed"), (2, 1, "queued"), (2, 2, "failed")])
def test_the_number_of_short_retries_is_the_policy_s(retries, tries, state):
    policy = msgspec.structs.replace(DEFAULT, closed_retries=retries)
    settled = settle(message(closed_tries=tries, on_down="fail"), SendResult("not_sent", "socket"), policy, NOW)
    assert settled.state == state


@pytest.mark.parametrize("retry_after", [0, 0.5, 3])
def test_a_held_message_is_never_due_at_once_and_never_much_later(retry_after):
    policy = msgspec.structs.replace(DEFAULT, closed_retry_after_s=retry_after)
    pauses = []
    for tries in range(1, 12):
        settled = settle(message(closed_tries=tries), SendResult("not_sent", "socket"), policy, NOW)
        assert settled.due_at is not None
        pauses.append(settled.due_at - NOW)
    assert pauses == sorted(pauses)
    assert pauses[0] > 0
    assert pauses[-1] == 60


@pytest.mark.parametrize("fault", ["server", "timeout", "none"])
def test_a_server_that_is_not_there_is_asked_again_later_and_later(fault):
    pauses = []
    for attempts in range(1, 10):
        settled = settle(
            message(attempts=attempts, on_down="fail", closed_tries=1),
            SendResult("not_sent", fault, "503"),
            DEFAULT,
            NOW,
        )
        assert (settled.state, code(settled), settled.closed_tries) == ("queued", "send-server", 1)
        assert settled.due_at is not None
        pauses.append(settled.due_at - NOW)
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_an_address_that_does_not_know_the_route_keeps_the_message_and_is_named():
    """A wrong prefix in one server's base_url would else fail all its messages."""
    for attempts, due in ((1, 5), (9, 300)):
        result = SendResult("not_sent", "route", "Cannot POST /api/message/sendText/x")
        settled = settle(message(attempts=attempts, on_down="fail"), result, DEFAULT, NOW, server="evo")
        assert (settled.state, settled.due_at, code(settled)) == ("queued", NOW + due, "route-unknown")
        assert settled.reason is not None
        assert settled.reason.args == {"detail": "Cannot POST /api/message/sendText/x", "server": "evo"}


def test_what_a_provider_took_into_its_own_queue_counts_as_sent_and_is_parked():
    taken = settle(message(), SendResult("accepted", provider_id="P", queue_ref="q", queued=True), DEFAULT, NOW)
    assert taken == Settled("sent", NOW + 3, parked=True)
    assert settle(message(), SendResult("accepted", provider_id="P"), DEFAULT, NOW) == Settled("sent")


def test_a_doubt_that_is_found_in_that_queue_has_not_left_yet():
    for queued in (True, False):
        settled = resolve(doubted(), "found", DEFAULT, live_proved=True, read_began=NOW, now=NOW, queued=queued)
        assert (settled.state, settled.parked, settled.doubt_since) == ("sent", queued, BEGAN)
        assert settled.due_at == (NOW + 3 if queued else None)


def test_too_fast_is_later():
    settled = settle(message(), SendResult("not_sent", "rate"), DEFAULT, NOW)
    assert (settled.state, settled.due_at, code(settled)) == ("queued", NOW + 15, "send-rate")


@pytest.mark.parametrize("certainty", ["not_sent", "refused"])
@pytest.mark.parametrize(("attempts", "state"), [(1, "queued"), (2, "queued"), (3, "failed")])
def test_media_is_tried_three_times_in_all(certainty, attempts, state):
    settled = settle(message(attempts=attempts), SendResult(certainty, "media", "no such file"), DEFAULT, NOW)
    assert (settled.state, code(settled)) == (state, "media-failed")
    assert settled.reason is not None
    assert settled.reason.args == {"detail": "no such file"}


def test_a_restricted_account_is_left_in_peace_for_an_hour():
    settled = settle(message(), SendResult("refused", "restriction"), DEFAULT, NOW)
    assert (settled.state, settled.due_at, code(settled)) == ("queued", NOW + 3600, "restricted-463")


@pytest.mark.parametrize(("on_down", "attempts"), [("fail", 1), ("hold", 3)])
def test_a_restricted_account_is_not_insisted_upon(on_down, attempts):
    settled = settle(message(on_down=on_down, attempts=attempts), SendResult("refused", "restriction"), DEFAULT, NOW)
    assert (settled.state, code(settled)) == ("failed", "restricted-463")


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (SendResult("refused", "invalid-number", "exists: false"), "invalid-number"),
        (SendResult("refused", "request", "bad body"), "request-refused"),
        (SendResult("not_sent", "request", "bad body"), "request-refused"),
        (SendResult("refused", "none", "no"), "request-refused"),
    ],
)
def test_our_own_mistakes_fail_at_once_with_the_provider_s_words(result, reason):
    settled = settle(message(closed_tries=1), result, DEFAULT, NOW)
    assert (settled.state, settled.due_at, code(settled), settled.closed_tries) == ("failed", None, reason, 1)
    assert settled.reason is not None
    assert settled.reason.args == {"detail": result.detail}


@pytest.mark.parametrize(("fault", "reason"), [("unpaired", "unpaired"), ("missing", "instance-missing")])
@pytest.mark.parametrize(("on_down", "state"), [("hold", "queued"), ("fail", "failed")])
def test_without_a_link_the_message_says_whether_it_waits(fault, reason, on_down, state):
    settled = settle(message(on_down=on_down), SendResult("not_sent", fault), DEFAULT, NOW)
    assert (settled.state, code(settled)) == (state, reason)


def test_what_would_wait_beyond_its_time_expires_instead():
    for result in (SendResult("not_sent", "server"), SendResult("not_sent", "socket")):
        settled = settle(message(expires_at=NOW), result, DEFAULT, NOW)
        assert (settled.state, settled.due_at, code(settled)) == ("expired", None, "expired")


@pytest.mark.parametrize("fault", get_args(outbox.Fault))
def test_doubt_is_never_a_failure_and_dates_from_the_beginning(fault):
    settled = settle(message(expires_at=NOW, closed_tries=1), SendResult("in_doubt", fault), DEFAULT, NOW)
    soon = fault in ("server", "store")
    assert (settled.state, settled.due_at, settled.doubt_since) == ("in_doubt", NOW + (1 if soon else 5), BEGAN)
    assert (code(settled), settled.closed_tries) == ("in-doubt-unstored" if fault == "store" else "in-doubt", 1)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (SendResult("in_doubt", "server", "kaboom", over=True), "in-doubt-answered"),
        (SendResult("in_doubt", "request", "nope", over=True), "in-doubt-refused"),
        (SendResult("in_doubt", "server", "status 502", gateway=True), "in-doubt-proxy"),
        (SendResult("in_doubt", "store", "disk full", over=True), "in-doubt-unstored"),
    ],
)
def test_what_an_answer_tells_of_a_doubt_stands_in_its_reason_and_it_is_looked_at_at_once(result, reason):
    settled = settle(message(), result, DEFAULT, NOW)
    assert (settled.state, settled.due_at, settled.reason) == (
        "in_doubt",
        NOW + 1,
        Reason(reason, {"detail": result.detail}),
    )


@pytest.mark.parametrize(
    ("size", "words"), [(0, None), (1, "1 kB"), (99_999, "100 kB"), (1_234_567, "1.2 MB"), (140_000_000, "140.0 MB")]
)
def test_what_is_too_large_fails_at_once_and_names_its_size_and_the_server(size, words):
    result = SendResult("refused", "too-large", "HTML page, status 413", size=size)
    settled = settle(message(), result, DEFAULT, NOW, server="evo")
    assert (settled.state, code(settled)) == ("failed", "too-large-for-server")
    assert settled.reason is not None
    assert settled.reason.args.get("size") == words
    assert settled.reason.args.get("server") == ("evo" if size else None)


def test_doubt_never_dates_from_the_future():
    assert settle(message(updated_at=NOW + 9), SendResult("in_doubt"), DEFAULT, NOW).doubt_since == NOW


RESULTS = st.builds(
    SendResult, st.sampled_from(get_args(outbox.Certainty)), st.sampled_from(get_args(outbox.Fault)), st.text()
)
POLICIES = st.builds(
    lambda retries, after, doubt: msgspec.structs.replace(
        DEFAULT, closed_retries=retries, closed_retry_after_s=after, in_doubt=doubt
    ),
    st.integers(0, 3),
    st.floats(0, 60),
    st.sampled_from(["hold", "resend", "fail"]),
)


@given(
    result=RESULTS,
    policy=POLICIES,
    attempts=st.integers(0, 50),
    tries=st.integers(0, 50),
    on_down=st.sampled_from(["hold", "fail"]),
)
def test_every_outcome_has_a_legal_state_and_what_waits_has_a_time(result, policy, attempts, tries, on_down):
    settled = settle(message(attempts=attempts, closed_tries=tries, on_down=on_down), result, policy, NOW)
    assert may_move("sending", settled.state)
    assert (settled.due_at is not None) == (settled.state in ("queued", "in_doubt"))
    assert settled.due_at is None or settled.due_at >= NOW
    assert (settled.doubt_since is not None) == (settled.state == "in_doubt")
    assert (settled.reason is None) == (settled.state == "sent")
    assert (settled.state == "sent") == (result.certainty == "accepted")
    assert (settled.state == "in_doubt") == (result.certainty == "in_doubt")


# -- doubt -------------------------------------------------------------------------------------------------------


def doubted(**fields: object) -> Message:
    return message(**{"state": "in_doubt", "doubt_since": BEGAN, **fields})


def look(
    result,
    now,
    *,
    policy=DEFAULT,
    live=True,
    began=None,
    who=None,
    later=False,
    overtaken=False,
    opened=0.0,
    died=False,
):
    return resolve(
        who or doubted(),
        result,
        policy,
        live_proved=live,
        read_began=now if began is None else began,
        now=now,
        later=later,
        overtaken=overtaken,
        opened=opened,
        died=died,
    )


def known(code, **fields):
    return doubted(reason=Reason(code, {"detail": "words"}), **fields)


@pytest.mark.parametrize("now", [BEGAN + 5, BEGAN + 10**6])
def test_found_is_sent(now):
    assert look("found", now, live=False).state == "sent"


def test_proved_absence_goes_out_again():
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
def test_absence_is_not_believed_too_early_nor_of_a_session_that_is_not_proved_live(now, live, began):
    settled = look("absent", now, live=live, began=began)
    assert (settled.state, code(settled), settled.doubt_since) == ("in_doubt", "in-doubt", BEGAN)


@pytest.mark.parametrize("word", ["in-doubt-answered", "in-doubt-refused"])
@pytest.mark.parametrize("live", [True, False])
def test_what_the_provider_answered_is_over_and_absence_is_believed_at_once(word, live):
    settled = look("absent", BEGAN + 2, live=live, who=known(word))
    assert (settled.state, settled.due_at, code(settled)) == ("queued", BEGAN + 7, "not-sent-after-all")
    again = look("absent", BEGAN + 2, live=live, who=known(word, attempts=5))
    assert again.due_at == BEGAN + 2 + 80, "it is not asked again and again at once"


def test_a_no_in_unknown_words_is_believed_when_it_was_absent_each_time():
    tries = [look("absent", BEGAN + 2, who=known("in-doubt-refused", attempts=n)).state for n in range(1, 8)]
    assert tries == ["queued"] * 5 + ["failed"] * 2
    failed = look("absent", BEGAN + 2, who=known("in-doubt-refused", attempts=6))
    assert failed.reason == Reason("request-refused", {"detail": "words"})
    assert look("absent", BEGAN + 2, who=known("in-doubt-answered", attempts=60)).state == "queued"


@pytest.mark.parametrize("word", ["in-doubt-answered", "in-doubt-refused"])
def test_what_was_answered_and_no_list_can_tell_is_out_of_the_way_at_once(word):
    settled = look("unknown", BEGAN + 2, live=False, who=known(word))
    assert (settled.aside, settled.reason) == (True, Reason("in-doubt-held", {"detail": "words"}))
    unread = look("unknown", BEGAN + 2, live=False, later=True, who=known(word))
    assert (unread.aside, unread.reason) == (False, Reason(word, {"detail": "words"}))


def test_after_a_proxys_answer_absence_is_believed_once_no_send_can_be_under_way():
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
def test_absence_proves_nothing_of_what_may_have_left_without_being_noted(result, after, word, held, died):
    settled = look(result, BEGAN + after, who=known(word), died=died)
    if after == 2 and word in ("in-doubt", "in-doubt-proxy", "in-doubt-restarted"):
        # It may only seem to have died, and still send it: behind what was let pass it would come too late.
        assert (settled.state, code(settled), settled.aside) == ("in_doubt", "in-doubt-restarted", False)
    else:
        assert (settled.state, code(settled), settled.aside) == ("in_doubt", held, not word.startswith("in-doubt-held"))
    assert look("found", BEGAN + after, who=known(word), died=died).state == "sent"
    later = look("unknown", BEGAN + 2, who=known(word), died=died, later=True)
    assert later.reason is not None
    assert (code(later) in outbox.DOUBTS) == (not word.startswith("in-doubt-held"))


@pytest.mark.parametrize("word", ["in-doubt", "in-doubt-answered", "in-doubt-refused", "in-doubt-proxy"])
def test_absence_proves_nothing_while_the_server_s_database_fails_on_other_sends(word):
    settled = resolve(
        known(word), "absent", DEFAULT, live_proved=True, read_began=BEGAN + 500, now=BEGAN + 500, unstored=True
    )
    assert (settled.state, code(settled), settled.aside) == ("in_doubt", "in-doubt-held-unstored", True)
    aside = resolve(
        known("in-doubt-held"),
        "absent",
        DEFAULT,
        live_proved=True,
        read_began=BEGAN + 500,
        now=BEGAN + 500,
        unstored=True,
    )
    assert (code(aside), aside.aside) == ("in-doubt-held-unstored", False)


def test_a_process_that_dies_after_its_answer_takes_nothing_away_from_it():
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
def test_a_process_may_have_died_with_a_send_when_nobody_listened_afterwards(gone, alive, died):
    facts = ServerFacts(gone_at=gone, alive_at=alive)
    assert outbox.may_have_died(doubted(), facts, DEFAULT) is died


def test_absence_of_what_has_expired_is_not_sent_again():
    settled = look("absent", BEGAN + 140, who=doubted(expires_at=BEGAN + 139))
    assert settled.state == "expired"


@pytest.mark.parametrize(
    ("expires_after", "until"), [(1000.0, 1000.0 - DEFAULT.send_timeout_s), (10.0, 2 * DEFAULT.send_timeout_s)]
)
def test_who_resends_gives_a_look_up_in_time_for_the_message_to_go_but_not_before_one_could_tell(expires_after, until):
    policy = msgspec.structs.replace(DEFAULT, in_doubt="resend")
    who = doubted(expires_at=BEGAN + expires_after)
    assert code(look("unknown", BEGAN + until - 1, later=True, who=who, policy=policy)) == "in-doubt"
    assert code(look("unknown", BEGAN + until + 1, later=True, who=who, policy=policy)) != "in-doubt"


def test_looks_come_soon_then_when_absence_counts_then_less_and_less_often():
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


def test_looks_begin_anew_when_the_session_can_send_again():
    opened = BEGAN + 4000
    now, times = opened, []
    while now < opened + 3000:
        due_at = look("unknown", now, later=True, live=False, opened=opened).due_at
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
def test_what_nobody_can_tell_goes_by_policy_only_when_hope_is_over(word, state, reason, result):
    policy = msgspec.structs.replace(DEFAULT, in_doubt=word)
    assert code(look(result, OVER - 1, policy=policy, live=False)) == "in-doubt"
    settled = look(result, OVER, policy=policy, live=False)
    assert (settled.state, code(settled)) == (state, reason)


def test_what_is_kept_in_doubt_is_still_looked_for_seldom():
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
def test_a_doubt_is_in_the_way_until_looking_can_tell_no_more(word, result, now, live, later, aside):
    policy = msgspec.structs.replace(DEFAULT, in_doubt=word)
    settled = look(result, now, policy=policy, live=live, later=later)
    assert (settled.state, settled.aside, code(settled)) == (
        "in_doubt",
        aside,
        "in-doubt-held" if aside else "in-doubt",
    )
    assert settled.due_at is not None
    assert now < settled.due_at <= now + 300


def test_a_live_session_s_half_hour_begins_when_it_lives():
    """What W-API's queue may still hold has not had its time while the line was dead."""
    dead_until = BEGAN + 7200
    for now, aside in ((dead_until + 5, False), (dead_until + 1800, False), (dead_until + 1801, True)):
        settled = resolve(
            doubted(), "unknown", DEFAULT, live_proved=True, read_began=now, now=now, later=True, opened=dead_until
        )
        assert (settled.state, settled.aside) == ("in_doubt", aside)


def test_what_is_set_aside_stays_so_and_is_set_aside_once():
    for now, live, later in ((NO_MORE + 300, True, True), (NO_MORE + 300, False, False), (OVER, True, False)):
        settled = look("unknown", now, live=live, later=later, who=doubted(reason=ASIDE))
        assert (settled.state, settled.aside, settled.reason) == ("in_doubt", False, ASIDE)


def test_what_was_set_aside_goes_when_it_is_proved_absent_unless_it_was_overtaken():
    goes = look("absent", NO_MORE, who=doubted(reason=ASIDE))
    assert (goes.state, code(goes)) == ("queued", "not-sent-after-all")
    fails = look("absent", NO_MORE, who=doubted(reason=ASIDE), overtaken=True)
    assert (fails.state, code(fails), fails.due_at) == ("failed", "not-sent-overtaken", None)
    assert look("found", NO_MORE, who=doubted(reason=ASIDE), overtaken=True).state == "sent"
    resend = msgspec.structs.replace(DEFAULT, in_doubt="resend")
    kept = look("unknown", OVER, who=doubted(reason=ASIDE), overtaken=True, policy=resend)
    assert (kept.state, kept.aside) == ("in_doubt", False)


def test_who_sends_again_by_policy_is_in_the_way_until_the_latest_echo_could_have_come():
    policy = msgspec.structs.replace(DEFAULT, in_doubt="resend")
    waits = look("unknown", NO_MORE, policy=policy)
    assert (waits.state, waits.aside, code(waits)) == ("in_doubt", False, "in-doubt")
    assert code(look("unknown", BEGAN + 1799, policy=policy)) == "in-doubt"
    again = look("unknown", BEGAN + 1800, policy=policy)
    assert (again.state, code(again)) == ("queued", "resent-after-doubt")
    assert look("unknown", BEGAN + 1800, policy=policy, live=False).state == "in_doubt"


def test_aside_is_told_by_the_reason_of_a_doubt():
    assert outbox.is_aside(doubted(reason=ASIDE))
    assert not outbox.is_aside(doubted())
    assert not outbox.is_aside(doubted(reason=Reason("in-doubt")))
    assert not outbox.is_aside(doubted(reason=ASIDE, state="failed"))


def test_a_doubt_whose_send_is_over_is_told_by_its_reason():
    for known in ("in-doubt-answered", "in-doubt-restarted"):
        assert outbox.is_over(doubted(reason=Reason(known)))
    assert not outbox.is_over(doubted(reason=Reason("in-doubt")))
    assert not outbox.is_over(doubted(reason=None))


def test_a_server_answers_again_after_a_failure_or_a_start():
    well, failing = ServerFacts(), ServerFacts(failures=2)
    assert outbox.answers_again(failing, well)
    assert outbox.answers_again(well, ServerFacts(booted_at=BEGAN))
    assert not outbox.answers_again(well, well)
    assert not outbox.answers_again(failing, failing)


def test_an_old_row_without_the_time_of_doubt_takes_its_last_change():
    settled = look("unknown", BEGAN + 10, who=doubted(doubt_since=None))
    assert settled.doubt_since == BEGAN


@given(
    result=st.sampled_from(get_args(outbox.LookResult)),
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
    result, policy, age, live, reading, expires, aside, later, overtaken, opened
):
    now = BEGAN + age
    who = doubted(expires_at=None if expires is None else BEGAN + expires, reason=ASIDE if aside else None)
    settled = resolve(
        who,
        result,
        policy,
        live_proved=live,
        read_began=now - reading,
        now=now,
        later=later,
        overtaken=overtaken,
        opened=opened,
    )
    assert settled.state == "in_doubt" or may_move("in_doubt", settled.state)
    if settled.state == "queued":
        waited = aside or age - reading > policy.send_timeout_s  # what is set aside has waited before it was
        proof = result == "absent" and live and waited
        mute = result == "unknown" and live and waited and age >= 1800
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
def test_live_means_proved_since_the_doubt_began_and_open_now(gate, life_at, live):
    assert live_since_doubt(session(gate=gate, can_send=Axis(), facts=Facts(life_at=life_at)), doubted()) is live


def session(**fields: object) -> Session:
    base = Session(id=SessionId(1), name=SessionName("s"), server="srv", kind="evolution", created_at=0.0)
    return msgspec.structs.replace(base, **fields)


def test_a_gate_that_opens_brings_the_looks_forward_and_one_that_stays_as_it_is_does_not():
    held, opened = session(gate="held", gate_since=5.0), session(gate="open", gate_since=7.0)
    assert (opened_at(held), opened_at(opened)) == (0.0, 7.0)
    turns = {(a.gate, b.gate): reopened(a, b) for a in (held, opened) for b in (held, opened)}
    assert [turn for turn, hastens in turns.items() if hastens] == [("held", "open")]
