"""Doubles are told apart by keys: one accepted thing, one key."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from esteio.core.model.content import Content
from esteio.core.model.inbound import (
    ACK_ORDER,
    AckState,
    DeletedMessage,
    EditedMessage,
    InboundEvent,
    Receipt,
    ReceivedMessage,
    ReceivedReaction,
    SendEcho,
    dedupe_key,
)

TEXT = Content("text", text="oi")
EVENTS: list[tuple[InboundEvent, str]] = [
    (ReceivedMessage("A", "c", "s", 1.0, TEXT), "m:A"),
    (SendEcho("A", "c", 1.0, TEXT), "e:A"),
    (Receipt("A", "device", 1.0), "r:A:device"),
    (EditedMessage("A", "c", 1.25, "new"), "x:A:1.250"),
    (DeletedMessage("A", "c", 1.0), "d:A"),
    (ReceivedReaction("R", "A", "c", "s", 1.0, "+"), "a:R"),
]


@pytest.mark.parametrize(("event", "key"), EVENTS)
def test_each_kind_has_its_key(event, key):
    assert dedupe_key(event) == key


def test_what_differs_for_people_differs_in_its_key():
    assert len({dedupe_key(event) for event, _ in EVENTS}) == len(EVENTS) == len(get_args(InboundEvent))
    assert dedupe_key(Receipt("A", "read", 1.0)) != dedupe_key(Receipt("A", "device", 1.0))
    assert dedupe_key(ReceivedMessage("A", "c", "s", 1.0, TEXT, from_me=True)) not in [key for _, key in EVENTS]
    assert dedupe_key(EditedMessage("A", "c", 2.0)) != dedupe_key(EditedMessage("A", "c", 1.0))


def test_the_same_thing_pushed_again_later_has_the_same_key():
    assert dedupe_key(ReceivedMessage("A", "c", "s", 9.0, TEXT)) == dedupe_key(EVENTS[0][0])
    assert dedupe_key(Receipt("A", "device", 9.0)) == dedupe_key(EVENTS[2][0])


def test_receipts_have_an_order_but_for_errors():
    assert set(ACK_ORDER) == set(get_args(AckState)) - {"error"}
    assert sorted(ACK_ORDER, key=ACK_ORDER.__getitem__) == ["pending", "server", "device", "read", "played"]


@pytest.mark.parametrize("event", [event for event, _ in EVENTS])
def test_events_say_their_kind_when_stored(event):
    assert msgspec.json.decode(msgspec.json.encode(event), type=InboundEvent) == event
