"""Which picture of a message is ours."""

from typing import Any

import pytest

from esteio.core.messages.content_match import same_chat, same_content
from esteio.core.model.content import Contact, Content, Location, Media, Poll, Reaction


def contact(phone: str) -> Content:
    return Content("contacts", contacts=(Contact("Ana", phone),))


def image(caption: str | None, **media: Any) -> Content:
    return Content("image", caption, Media("image", **media))


SAME = [
    (Content("text", "oi"), Content("text", " oi\r\n")),
    (image("c", url="http://x"), image("c", mime="image/png")),
    (image(None), image("")),
    (Content("location", location=Location(1.000001, 2.0)), Content("location", location=Location(1.0, 2.0, "x"))),
    (contact("+55 31 98888-7777"), contact("553188887777")),
    (Content("poll", poll=Poll("? ", ("a", "b"), 2)), Content("poll", poll=Poll("?", ("a", "b")))),
    (Content("reaction", reaction=Reaction("m", "x")), Content("reaction", reaction=Reaction("other", "x"))),
]
OTHER = [
    (Content("text", "oi"), Content("text", "oi!")),
    (Content("text", "oi"), Content("image", "oi", Media("image"))),
    (image("a"), image("b")),
    (Content("location", location=Location(1.0, 2.0)), Content("location", location=Location(1.1, 2.0))),
    (Content("location", location=Location(1.0, 2.0)), Content("location")),
    (contact("551188887777"), contact("551188887778")),
    (Content("poll", poll=Poll("?", ("a", "b"))), Content("poll", poll=Poll("?", ("a",)))),
    (Content("poll", poll=Poll("", ("a",))), Content("poll")),
    (Content("reaction", reaction=Reaction("m", "x")), Content("reaction", reaction=Reaction("m", "y"))),
    (Content("reaction"), Content("reaction")),
]


@pytest.mark.parametrize(("ours", "shown"), SAME)
def test_the_same_message_is_known_again(ours: Content, shown: Content) -> None:
    assert same_content(ours, shown)


@pytest.mark.parametrize(("ours", "shown"), OTHER)
def test_another_message_is_not_taken_for_ours(ours: Content, shown: Content) -> None:
    assert not same_content(ours, shown)


@pytest.mark.parametrize(
    ("ours", "shown", "same"),
    [
        ("5531988887777", "5531988887777", True),
        ("5531988887777", "553188887777", True),
        ("553188887777", "5531988887777", True),
        ("5531988887777", "553188887778", False),
        ("351912345678", "35112345678", False),
        ("5491123456789", "541123456789", True),
        ("525512345678", "5215512345678", True),
        ("1@g.us", "1@g.us", True),
        ("1@g.us", "2@g.us", False),
    ],
)
def test_a_chat_in_both_spellings_is_one(ours: str, shown: str, same: bool) -> None:
    assert same_chat(ours, shown) is same
