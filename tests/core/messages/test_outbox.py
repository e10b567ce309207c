"""One attempt to send: what the provider's answer makes of the message."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.core.messages import outbox
from esteio.core.messages.outbox import Certainty, Fault, IllegalMove, SendOutcome, SendSettlement, is_expired, moved
from esteio.core.messages.transitions import after
from esteio.core.model.evidence import seen
from esteio.core.model.message import AttemptRecord, Message
from esteio.core.model.policy import DEFAULT, SEEDS, Policy
from esteio.core.model.state import Reason
from tests.core.outgoing import BEGAN, NOW, POLICIES, code, message


def settle(
    message: Message,
    outcome: SendOutcome,
    policy: Policy,
    now: float,
    *,
    server: str = "",
    fence: int = 7,
    began: float = BEGAN,
) -> SendSettlement:
    return outbox.settle(message, outcome, policy, fence=fence, began=began, now=now, server=server)


def test_every_fault_has_one_fate() -> None:
    fates: list[set[str]] = [set(outbox._AGAIN), set(outbox._FINAL), {"socket"}]
    assert set[str]().union(*fates) == set(get_args(outbox.Fault))
    assert sum(map(len, fates)) == len(get_args(outbox.Fault))


@pytest.mark.parametrize(("expires", "now", "over"), [(None, 9e9, False), (50, 49.9, False), (50, 50, True)])
def test_a_message_expires_at_its_time(expires: int | None, now: float, over: bool) -> None:
    assert is_expired(message(expires_at=expires), now) is over


# -- one attempt -------------------------------------------------------------------------------------------------


def test_accepted_is_sent() -> None:
    settled = settle(message(closed_tries=1), SendOutcome("accepted", provider_id="X"), DEFAULT, NOW)
    assert (settled.event, settled.state, settled.closed_tries, settled.sent_at) == ("accepted", "sent", 0, NOW)
    assert (settled.provider_id, settled.reason, settled.due_at) == ("X", None, None)


def test_a_first_connection_closed_is_tried_again_after_three_seconds() -> None:
    settled = settle(message(), SendOutcome("not_sent", fault="socket"), DEFAULT, NOW)
    assert (settled.state, settled.due_at, code(settled), settled.closed_tries) == (
        "queued",
        NOW + 3,
        "send-retried",
        1,
    )


def test_a_second_connection_closed_holds_the_message_with_the_seed_s_sentence() -> None:
    settled = settle(message(closed_tries=1), SendOutcome("not_sent", fault="socket"), DEFAULT, NOW)
    assert (settled.state, code(settled), settled.closed_tries) == ("queued", "session-down", 2)
    assert settled.due_at is not None
    assert NOW < settled.due_at <= NOW + 5


def test_a_second_connection_closed_fails_what_may_not_wait() -> None:
    settled = settle(message(closed_tries=1, on_down="fail"), SendOutcome("not_sent", fault="socket"), SEEDS, NOW)
    assert (settled.state, settled.due_at, code(settled), settled.closed_tries) == ("failed", None, "session-down", 2)


def test_even_what_may_not_wait_gets_its_one_short_retry() -> None:
    settled = settle(message(on_down="fail"), SendOutcome("not_sent", fault="socket"), SEEDS, NOW)
    assert (settled.state, settled.due_at) == ("queued", NOW + 3)


@pytest.mark.parametrize(("retries", "tries", "state"), [(0, 0, "failed"), (2, 1, "queued"), (2, 2, "failed")])
def test_the_number_of_short_retries_is_the_policy_s(retries: int, tries: int, state: str) -> None:
    policy = msgspec.structs.replace(DEFAULT, closed_retries=retries)
    settled = settle(message(closed_tries=tries, on_down="fail"), SendOutcome("not_sent", fault="socket"), policy, NOW)
    assert settled.state == state


@pytest.mark.parametrize("retry_after", [0, 0.5, 3])
def test_a_held_message_is_never_due_at_once_and_never_much_later(retry_after: float) -> None:
    policy = msgspec.structs.replace(DEFAULT, closed_retry_after_s=retry_after)
    pauses = []
    for tries in range(1, 12):
        settled = settle(message(closed_tries=tries), SendOutcome("not_sent", fault="socket"), policy, NOW)
        assert settled.due_at is not None
        pauses.append(settled.due_at - NOW)
    assert pauses == sorted(pauses)
    assert pauses[0] > 0
    assert pauses[-1] == 60


@pytest.mark.parametrize("fault", ["server", "timeout", "none"])
def test_a_server_that_is_not_there_is_asked_again_later_and_later(fault: Fault) -> None:
    pauses = []
    for attempts in range(1, 10):
        settled = settle(
            message(attempts=attempts, on_down="fail", closed_tries=1),
            SendOutcome("not_sent", fault=fault, detail="503"),
            DEFAULT,
            NOW,
        )
        assert (settled.state, code(settled), settled.closed_tries) == ("queued", "send-server", 1)
        assert settled.due_at is not None
        pauses.append(settled.due_at - NOW)
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_an_address_that_does_not_know_the_route_keeps_the_message_and_is_named() -> None:
    """A wrong prefix in one server's base_url would else fail all its messages."""
    for attempts, due in ((1, 5), (9, 300)):
        result = SendOutcome("not_sent", fault="route", detail="Cannot POST /api/message/sendText/x")
        settled = settle(message(attempts=attempts, on_down="fail"), result, DEFAULT, NOW, server="evo")
        assert (settled.state, settled.due_at, code(settled)) == ("queued", NOW + due, "route-unknown")
        assert settled.reason is not None
        assert settled.reason.args == {"detail": "Cannot POST /api/message/sendText/x", "server": "evo"}


def test_what_a_provider_took_into_its_own_queue_counts_as_sent_and_is_parked() -> None:
    taken = settle(message(), SendOutcome("accepted", provider_id="P", queue_ref="q", queued=True), DEFAULT, NOW)
    assert (taken.event, taken.state, taken.due_at, taken.queue_ref) == ("queued_at_provider", "sent", NOW + 3, "q")
    assert settle(message(), SendOutcome("accepted", provider_id="P"), DEFAULT, NOW).event == "accepted"


def test_too_fast_is_later() -> None:
    settled = settle(message(), SendOutcome("not_sent", fault="rate"), DEFAULT, NOW)
    assert (settled.state, settled.due_at, code(settled)) == ("queued", NOW + 15, "send-rate")


@pytest.mark.parametrize("certainty", ["not_sent", "refused"])
@pytest.mark.parametrize(("attempts", "state"), [(1, "queued"), (2, "queued"), (3, "failed")])
def test_media_is_tried_three_times_in_all(certainty: Certainty, attempts: int, state: str) -> None:
    settled = settle(
        message(attempts=attempts), SendOutcome(certainty, fault="media", detail="no such file"), DEFAULT, NOW
    )
    assert (settled.state, code(settled)) == (state, "media-failed")
    assert settled.reason is not None
    assert settled.reason.args == {"detail": "no such file"}


def test_a_restricted_account_is_left_in_peace_for_an_hour() -> None:
    settled = settle(message(), SendOutcome("refused", fault="restriction"), DEFAULT, NOW)
    assert (settled.state, settled.due_at, code(settled)) == ("queued", NOW + 3600, "restricted-463")


@pytest.mark.parametrize(("on_down", "attempts"), [("fail", 1), ("hold", 3)])
def test_a_restricted_account_is_not_insisted_upon(on_down: str, attempts: int) -> None:
    settled = settle(
        message(on_down=on_down, attempts=attempts), SendOutcome("refused", fault="restriction"), DEFAULT, NOW
    )
    assert (settled.state, code(settled)) == ("failed", "restricted-463")


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (SendOutcome("refused", fault="invalid-number", detail="exists: false"), "invalid-number"),
        (SendOutcome("refused", fault="request", detail="bad body"), "request-refused"),
        (SendOutcome("not_sent", fault="request", detail="bad body"), "request-refused"),
        (SendOutcome("refused", fault="none", detail="no"), "request-refused"),
    ],
)
def test_our_own_mistakes_fail_at_once_with_the_provider_s_words(result: SendOutcome, reason: str) -> None:
    settled = settle(message(closed_tries=1), result, DEFAULT, NOW)
    assert (settled.state, settled.due_at, code(settled), settled.closed_tries) == ("failed", None, reason, 1)
    assert settled.reason is not None
    assert settled.reason.args == {"detail": result.detail}


@pytest.mark.parametrize(("fault", "reason"), [("unpaired", "unpaired"), ("missing", "instance-missing")])
@pytest.mark.parametrize(("on_down", "state"), [("hold", "queued"), ("fail", "failed")])
def test_without_a_link_the_message_says_whether_it_waits(fault: Fault, reason: str, on_down: str, state: str) -> None:
    settled = settle(message(on_down=on_down), SendOutcome("not_sent", fault=fault), DEFAULT, NOW)
    assert (settled.state, code(settled)) == (state, reason)


def test_what_would_wait_beyond_its_time_expires_instead() -> None:
    for result in (SendOutcome("not_sent", fault="server"), SendOutcome("not_sent", fault="socket")):
        settled = settle(message(expires_at=NOW), result, DEFAULT, NOW)
        assert (settled.state, settled.due_at, code(settled)) == ("expired", None, "expired")


def test_a_settlement_names_its_claim_its_attempt_and_what_the_attempt_proved() -> None:
    proof = (seen("send_accepted", NOW, "send"),)
    settled = settle(message(), SendOutcome("accepted", evidence=proof), DEFAULT, NOW, fence=3, began=1005.0)
    assert (settled.message_id, settled.session_id, settled.fence, settled.at) == ("m1", 1, 3, NOW)
    assert (settled.attempt, settled.evidence) == (AttemptRecord(1005.0, "accepted"), proof)
    refused = settle(message(), SendOutcome("refused", fault="request", detail="no"), DEFAULT, NOW)
    assert refused.attempt == AttemptRecord(BEGAN, "refused:request", "no")


@pytest.mark.parametrize(("took", "named"), [(1.0, False), (1.5, True)])
def test_a_refusal_that_took_long_names_the_time_of_its_question(took: float, named: bool) -> None:
    refused = (seen("send_closed", BEGAN + took, "send", detail="x"), seen("server_answered", BEGAN + took, "send"))
    outcome = SendOutcome("not_sent", fault="socket", evidence=refused)
    closed, answered = settle(message(), outcome, DEFAULT, NOW).evidence
    assert closed.data == {"detail": "x", **({"asked_at": "1000.000"} if named else {})}
    assert answered == refused[1]


def test_a_move_that_the_table_does_not_have_is_refused() -> None:
    with pytest.raises(IllegalMove, match="accepted of a message that is read"):
        moved(message(state="read"), "accepted", NOW)


@pytest.mark.parametrize("fault", get_args(outbox.Fault))
def test_doubt_is_never_a_failure_and_dates_from_the_beginning(fault: Fault) -> None:
    settled = settle(message(expires_at=NOW, closed_tries=1), SendOutcome("in_doubt", fault=fault), DEFAULT, NOW)
    soon = fault in ("server", "store")
    assert (settled.state, settled.due_at, settled.doubt_since) == ("in_doubt", NOW + (1 if soon else 5), BEGAN)
    assert (code(settled), settled.closed_tries) == ("in-doubt-unstored" if fault == "store" else "in-doubt", 1)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (SendOutcome("in_doubt", fault="server", detail="kaboom", over=True), "in-doubt-answered"),
        (SendOutcome("in_doubt", fault="request", detail="nope", over=True), "in-doubt-refused"),
        (SendOutcome("in_doubt", fault="server", detail="status 502", gateway=True), "in-doubt-proxy"),
        (SendOutcome("in_doubt", fault="store", detail="disk full", over=True), "in-doubt-unstored"),
    ],
)
def test_what_an_answer_tells_of_a_doubt_stands_in_its_reason_and_it_is_looked_at_at_once(
    result: SendOutcome, reason: str
) -> None:
    settled = settle(message(), result, DEFAULT, NOW)
    assert (settled.state, settled.due_at, settled.reason) == (
        "in_doubt",
        NOW + 1,
        Reason(reason, {"detail": result.detail}),
    )


@pytest.mark.parametrize(
    ("size", "words"), [(0, None), (1, "1 kB"), (99_999, "100 kB"), (1_234_567, "1.2 MB"), (140_000_000, "140.0 MB")]
)
def test_what_is_too_large_fails_at_once_and_names_its_size_and_the_server(size: int, words: str | None) -> None:
    result = SendOutcome("refused", fault="too-large", detail="HTML page, status 413", size=size)
    settled = settle(message(), result, DEFAULT, NOW, server="evo")
    assert (settled.state, code(settled)) == ("failed", "too-large-for-server")
    assert settled.reason is not None
    assert settled.reason.args.get("size") == words
    assert settled.reason.args.get("server") == ("evo" if size else None)


def test_doubt_never_dates_from_the_future() -> None:
    assert settle(message(updated_at=NOW + 9), SendOutcome("in_doubt"), DEFAULT, NOW).doubt_since == NOW


RESULTS = st.builds(
    lambda certainty, fault, detail: SendOutcome(certainty, fault=fault, detail=detail),
    st.sampled_from(get_args(outbox.Certainty)),
    st.sampled_from(get_args(outbox.Fault)),
    st.text(),
)


@given(
    result=RESULTS,
    policy=POLICIES,
    attempts=st.integers(0, 50),
    tries=st.integers(0, 50),
    on_down=st.sampled_from(["hold", "fail"]),
)
def test_every_outcome_has_a_legal_state_and_what_waits_has_a_time(
    result: SendOutcome, policy: Policy, attempts: int, tries: int, on_down: str
) -> None:
    settled = settle(message(attempts=attempts, closed_tries=tries, on_down=on_down), result, policy, NOW)
    assert after("sending", settled.event) is not None
    assert (settled.due_at is not None) == (settled.state in ("queued", "in_doubt"))
    assert settled.due_at is None or settled.due_at >= NOW
    assert (settled.doubt_since is not None) == (settled.state == "in_doubt")
    assert (settled.reason is None) == (settled.state == "sent")
    assert (settled.state == "sent") == (result.certainty == "accepted")
    assert (settled.state == "in_doubt") == (result.certainty == "in_doubt")
