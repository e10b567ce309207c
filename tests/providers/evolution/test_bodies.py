"""Bodies of Evolution's send calls: what a client of the door said beside the content, and what of it is heeded."""

from __future__ import annotations

from typing import Any

import pytest

from esteio.core.model.content import Content, Kind, Media, Native
from esteio.providers.base import OutgoingMessage
from esteio.providers.evolution.bodies import MOST_DELAY_MS, Untranslatable, translate

TO = "5511988887777"


def text(native: Native | None = None, **more: Any) -> OutgoingMessage:
    return OutgoingMessage(TO, Content("text", text="oi", native=native), **more)


def test_what_was_said_beside_it_goes_along() -> None:
    said = Native("evolution", "sendText", {"linkPreview": False, "delay": 1200})
    assert translate(text(said)) == (
        "/message/sendText/{}",
        {"text": "oi", "number": TO, "linkPreview": False, "delay": 1200},
    )


def test_typing_is_not_shown_longer_than_a_send_may_take() -> None:
    _, body = translate(text(Native("evolution", "sendText", {"delay": 600_000})))
    assert body["delay"] == MOST_DELAY_MS


def test_what_another_dialect_was_told_is_not_heeded() -> None:
    said = Native("another", "sendTelegram", {"number": "1", "text": "no"})
    assert translate(text(said)) == ("/message/sendText/{}", {"text": "oi", "number": TO})


def test_a_quoted_message_that_has_the_providers_id_is_named_by_it() -> None:
    said = Native("evolution", "sendText", {"quoted": {"key": {"id": "msg_1"}}})
    assert translate(text(said))[1]["quoted"] == {"key": {"id": "msg_1"}}
    assert translate(text(said, quote_provider_id="3EB0"))[1]["quoted"] == {"key": {"id": "3EB0"}}


@pytest.mark.parametrize("kind", ["list", "buttons", "template", "status"])
def test_an_offer_without_its_words_is_none(kind: Kind) -> None:
    with pytest.raises(Untranslatable, match=kind):
        translate(OutgoingMessage(TO, Content(kind, text="t")))


def test_a_status_goes_to_nobody_in_particular() -> None:
    said = Native("evolution", "sendStatus", {"type": "image", "allContacts": True})
    picture = Content("status", media=Media("image", base64="AAAA"), native=said)
    path, body = translate(OutgoingMessage("status@broadcast", picture))
    assert (path, body) == ("/message/sendStatus/{}", {"content": "AAAA", "type": "image", "allContacts": True})
