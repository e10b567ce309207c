"""How long a chat waits for a message that may still lie in the provider's own queue."""

from typing import Any

import msgspec
import pytest

from esteio.core.messages.provider_queue import QueueOutcome, QueueSettlement, next_check
from esteio.core.model.ids import MessageId
from esteio.core.model.message import AttemptRecord
from tests.core.outgoing import message

PARKED = 1000.0
MESSAGE = message(
    state="sent", updated_at=PARKED, provider_id="3EB0", queue_ref="q1", provider_queued_at=PARKED, attempts=0
)


def look(queue: list[str] | None, now: float, opened: float = 1.0, said: str = "", **changes: Any) -> QueueSettlement:
    ids = None if queue is None else frozenset(queue)
    return next_check(msgspec.structs.replace(MESSAGE, **changes), QueueOutcome(ids, said), opened=opened, now=now)


def code(found: QueueSettlement) -> str | None:
    return found.reason.code if found.reason else None


@pytest.mark.parametrize("queue", [[], ["3EB1", "q2"]])
@pytest.mark.parametrize("opened", [0.0, 1.0])
def test_what_the_queue_does_not_show_has_gone(queue: list[str], opened: float) -> None:
    assert look(queue, PARKED + 3, opened) == QueueSettlement(MessageId("m1"), "queue_left", PARKED + 3)
    assert look(queue, PARKED + 3, opened, queue_ref=None) == QueueSettlement(MessageId("m1"), "queue_left", PARKED + 3)


@pytest.mark.parametrize("shown", ["3EB0", "q1"])
def test_what_it_shows_is_waited_for_half_an_hour_of_a_line_that_lives(shown: str) -> None:
    for after, pause in ((0, 3), (20, 10), (1799, 60)):
        found = look([shown, "q9"], PARKED + after)
        assert (found.due_at, code(found), found.event) == (PARKED + after + pause, "in-its-queue", "queue_shows")
    over = look([shown], PARKED + 1800)
    assert (over.event, over.due_at, code(over)) == ("queue_given_up", None, "passed-in-queue")
    assert over.attempt == AttemptRecord(PARKED + 1800, "looked: queue", "still in the provider's queue")


def test_a_queue_that_cannot_be_read_holds_a_chat_up_for_a_minute() -> None:
    found = look(None, PARKED + 59)
    assert (found.due_at, code(found)) == (PARKED + 59 + 29.5, "queue-unread")
    over = look(None, PARKED + 60, said="status 500")
    assert over.attempt is not None
    assert (over.event, code(over), over.attempt.detail) == ("queue_given_up", "passed-in-queue", "status 500")


@pytest.mark.parametrize("queue", [["q1"], None])
def test_the_time_of_a_dead_line_does_not_count(queue: list[str] | None) -> None:
    """It could not go, and nobody could tell; when the line is back the waiting begins anew."""
    found = look(queue, PARKED + 90_000, opened=0.0)
    assert (found.due_at, found.event) == (PARKED + 90_003, "queue_shows")
    found = look(queue, PARKED + 90_000, opened=PARKED + 89_990)
    assert (found.due_at, found.event) == (PARKED + 90_005, "queue_shows")


def test_one_that_was_just_parked_is_as_old_as_now() -> None:
    assert look(None, PARKED + 5000, provider_queued_at=None).due_at == PARKED + 5003
