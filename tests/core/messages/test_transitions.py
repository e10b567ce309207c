"""The table of moves: complete, and never backwards but by a person."""

from __future__ import annotations

from typing import get_args

import pytest

from esteio.core.messages.transitions import (
    MEANINGS,
    MOVES,
    PUBLIC,
    STATE_AFTER,
    Event,
    Stage,
    after,
    stage,
    stage_of,
    states_before,
)
from esteio.core.model.message import MessageState
from esteio.core.model.state import Reason
from tests.core.outgoing import BEGAN, doubted, message

STAGES, EVENTS = get_args(Stage), get_args(Event)
PROGRESS = {"queued": 0, "sending": 0, "in_doubt": 0, "set_aside": 0, "provider_queued": 1, "sent": 1}
PROGRESS |= {"delivered": 2, "read": 3}
ENDS = {"failed", "expired", "cancelled"}
BY_PERSON = "retried"


def test_the_table_knows_every_event_and_stage_and_no_other() -> None:
    assert set(MOVES) == set(MEANINGS) == set(EVENTS)
    assert set(PUBLIC) == set(STAGES)
    assert set(PUBLIC.values()) | {"held"} == set(get_args(MessageState))
    named = {one for moves in MOVES.values() for pair in moves.items() for one in pair}
    assert named == set(STAGES)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("before", STAGES)
def test_no_move_goes_back_but_a_person_s_retry(event: Event, before: Stage) -> None:
    following = after(before, event)
    if following is None:
        return
    if event == BY_PERSON:
        assert following == "queued"
        assert before in ENDS | {"in_doubt", "set_aside"}
    else:
        assert before in PROGRESS, "an end has no way out"
        back = following in PROGRESS and PROGRESS[following] < PROGRESS[before]
        assert not back
        assert following != "queued" or before == "queued" or event in ("not_sent", "resent")


def test_what_left_never_returns_to_the_queue_even_by_a_person() -> None:
    for before in ("sent", "provider_queued", "delivered", "read"):
        assert "queued" not in {after(before, event) for event in EVENTS}


def test_what_is_under_way_is_not_taken_back_or_given_up_by_anybody() -> None:
    for event in ("cancelled", "expired", "session_down", "erased", "retried"):
        assert after("sending", event) is None


def test_a_doubt_that_let_others_pass_is_never_in_their_way_again() -> None:
    after_it = {after("set_aside", event) for event in EVENTS}
    assert "in_doubt" not in after_it
    assert "sending" not in after_it


def test_receipts_climb_and_an_error_counts_only_until_it_was_delivered() -> None:
    order: list[Event] = ["receipt_server", "receipt_device", "receipt_read"]
    for before in ("sending", "in_doubt", "set_aside", "provider_queued"):
        assert [after(before, event) for event in order] == ["sent", "delivered", "read"]
    assert [after("sent", event) for event in order] == [None, "delivered", "read"]
    assert [after("delivered", event) for event in order] == [None, None, "read"]
    assert [after("read", event) for event in order] == [None, None, None]
    assert [one for one in STAGES if after(one, "receipt_error")] == [
        "sending",
        "in_doubt",
        "set_aside",
        "sent",
        "provider_queued",
    ]
    assert not any(after("queued", event) for event in (*order, "receipt_error"))


def test_each_event_but_an_erasure_leads_to_one_state() -> None:
    for event in EVENTS:
        states = {PUBLIC[one] for one in MOVES[event].values()}
        assert (states == {STATE_AFTER[event]}) if event != "erased" else (event not in STATE_AFTER)
    assert states_before("retried") == ("failed", "expired", "cancelled", "in_doubt")
    assert states_before("queue_left") == ("sent",)


def test_the_stage_of_a_row_and_of_a_message() -> None:
    assert stage_of("in_doubt", aside=True) == "set_aside"
    assert stage_of("sent", provider_queued=True) == "provider_queued"
    assert stage_of("held") == "queued"
    for state in ("queued", "sending", "in_doubt", "sent", "delivered", "read", "failed", "expired", "cancelled"):
        assert stage_of(state, aside=state != "in_doubt", provider_queued=state != "sent") == state
    assert stage(doubted()) == "in_doubt"
    assert stage(doubted(reason=Reason("in-doubt-held"))) == "set_aside"
    assert stage(message(state="sent", provider_queued_at=BEGAN)) == "provider_queued"
