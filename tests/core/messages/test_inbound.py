"""What comes in: one accepted thing, one key; what is new; and which of our sends an echo is about."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from esteio.core.messages.inbound import (
    as_stored,
    born,
    dedupe_key,
    departure_keys,
    edited,
    is_echo_of,
    is_known,
    is_own,
)
from esteio.core.model.content import Content, Media
from esteio.core.model.inbound import (
    DeletedMessage,
    EditedMessage,
    InboundEvent,
    Receipt,
    ReceivedMessage,
    ReceivedReaction,
    SendEcho,
)
from esteio.core.model.state import Reason
from tests.core.outgoing import BEGAN, doubted, message

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
def test_each_kind_has_its_key(event: InboundEvent, key: str) -> None:
    assert dedupe_key(event) == key


def test_what_differs_for_people_differs_in_its_key() -> None:
    assert len({dedupe_key(event) for event, _ in EVENTS}) == len(EVENTS) == len(get_args(InboundEvent))
    assert dedupe_key(Receipt("A", "read", 1.0)) != dedupe_key(Receipt("A", "device", 1.0))
    assert dedupe_key(ReceivedMessage("A", "c", "s", 1.0, TEXT, from_me=True)) not in [key for _, key in EVENTS]
    assert dedupe_key(EditedMessage("A", "c", 2.0)) != dedupe_key(EditedMessage("A", "c", 1.0))


def test_the_same_thing_pushed_again_later_has_the_same_key() -> None:
    assert dedupe_key(ReceivedMessage("A", "c", "s", 9.0, TEXT)) == dedupe_key(EVENTS[0][0])
    assert dedupe_key(Receipt("A", "device", 9.0)) == dedupe_key(EVENTS[2][0])


def test_what_shows_a_departure_has_the_keys_under_which_it_was_accepted() -> None:
    shown = {
        dedupe_key(SendEcho("A", "c", 1.0, TEXT)),
        dedupe_key(ReceivedMessage("A", "c", "s", 1.0, TEXT, from_me=True)),
        *(dedupe_key(Receipt("A", state, 1.0)) for state in ("server", "device", "read", "played")),
    }
    assert set(departure_keys("A")) == shown


@pytest.mark.parametrize("event", [event for event, _ in EVENTS])
def test_events_say_their_kind_when_stored(event: InboundEvent) -> None:
    assert msgspec.json.decode(msgspec.json.encode(event), type=InboundEvent) == event


# -- what is new -------------------------------------------------------------------------------------------------


def came(**fields: object) -> ReceivedMessage:
    base = ReceivedMessage("A", "5511987654321", "5511987654321", BEGAN, TEXT)
    return msgspec.structs.replace(base, **fields)


def test_how_a_message_that_is_first_heard_of_begins() -> None:
    assert born(came()) == ("in", "delivered")
    assert born(came(from_me=True)) == ("out", "sent")
    assert born(ReceivedReaction("R", "A", "c", "s", 1.0, "+", from_me=True)) == ("out", "sent")


def test_with_an_id_of_its_own_it_is_new() -> None:
    assert not is_known(came(), "5511987654321", [])


def test_the_same_of_the_same_direction_is_known() -> None:
    stored = message(direction="in", state="delivered")
    assert is_known(came(), "5511987654321", [stored])
    assert is_known(came(from_me=True), "5511987654321", [message(state="sent")])


def test_ids_are_their_senders_but_for_what_says_the_same_in_the_same_chat() -> None:
    ours = message(state="sent")
    assert is_known(came(), "5511987654321", [ours]), "ours, misread"
    assert not is_known(came(content=Content("text", text="other")), "5511987654321", [ours])
    assert not is_known(came(), "5521987654321", [ours])


@pytest.mark.parametrize(
    ("phone", "sender", "own"),
    [
        ("5511987654321", "5511987654321", True),
        ("5511987654321", "551187654321", True),
        ("5491123456789", "5401123456789", True),
        ("5511987654321", "5521987654321", False),
        (None, "5511987654321", False),
    ],
)
def test_our_own_phone_is_known_in_any_spelling(phone: str | None, sender: str, own: bool) -> None:
    assert is_own(phone, sender) is own


# -- echoes ------------------------------------------------------------------------------------------------------


def test_an_echo_is_of_the_same_chat_and_words() -> None:
    for ours in (message(), doubted()):
        assert is_echo_of(ours, "5511987654321", TEXT, BEGAN + 1)
        assert not is_echo_of(ours, "5521987654321", TEXT, BEGAN + 1)
        assert not is_echo_of(ours, "5511987654321", Content("text", text="other"), BEGAN + 1)


@pytest.mark.parametrize(("at", "it"), [(BEGAN - 60.5, False), (BEGAN - 60, True), (BEGAN + 9999, True)])
def test_what_was_there_before_the_send_is_something_else(at: float, it: bool) -> None:
    assert is_echo_of(message(), "5511987654321", TEXT, at) is it
    assert is_echo_of(doubted(updated_at=BEGAN + 500), "5511987654321", TEXT, at) is it


@pytest.mark.parametrize(("at", "it"), [(BEGAN + 60, True), (BEGAN + 60.5, False)])
def test_what_left_after_a_doubt_was_set_aside_is_something_else(at: float, it: bool) -> None:
    assert is_echo_of(doubted(reason=Reason("in-doubt-held")), "5511987654321", TEXT, at) is it


# -- contents ----------------------------------------------------------------------------------------------------


def test_only_the_fetch_knows_where_media_lies_at_its_provider() -> None:
    media = Media("image", mime="image/png", source={"id": "x"})
    stored = as_stored(Content("image", media=media))
    assert stored.media == msgspec.structs.replace(media, source=None)
    for plain in (TEXT, Content("image", media=msgspec.structs.replace(media, source=None))):
        assert as_stored(plain) is plain


def test_an_edit_changes_the_words_alone() -> None:
    assert edited(Content("image", text="a", media=Media("image", mime="image/png")), "b") == Content(
        "image", text="b", media=Media("image", mime="image/png")
    )
