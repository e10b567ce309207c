"""The vocabulary, and the little that a piece of evidence knows of itself."""

from __future__ import annotations

import msgspec
import pytest

from esteio.core.model.evidence import KINDS, Evidence, seen, seen_with


def test_every_word_speaks_of_a_session_or_of_the_server_and_weighs_something():
    for kind, spec in KINDS.items():
        about_server = kind.startswith("server_") and kind != "server_ack_received"  # that is WhatsApp's server
        assert (spec.subject == "server") == about_server, kind
        assert spec.weight in ("life", "death", "hint", "fact")
        assert spec.text


@pytest.mark.parametrize(
    ("kind", "subject"), [("send_closed", "session"), ("server_failed", "server"), ("what", "session")]
)
def test_unknown_words_are_booked_on_the_session(kind, subject):
    assert seen(kind, 1.0, "webhook").subject == subject


def test_a_clock_that_runs_ahead_is_clipped():
    assert seen("paired", 10.0, "webhook", happened_at=99.0).happened_at == 10.0
    assert seen("paired", 10.0, "webhook", happened_at=3.0).happened_at == 3.0
    assert seen("paired", 10.0, "webhook").happened_at == 10.0


def test_data_comes_as_words_or_as_a_mapping():
    words = seen("banned", 10.0, "state", code="403")
    assert words == seen_with("banned", 10.0, "state", {"code": "403"})


def test_the_same_news_differs_in_time_only():
    one = seen("said_open", 1.0, "list", state="open")
    assert one.repeats(seen("said_open", 9.0, "list", state="open"))
    assert not one.repeats(seen("said_open", 1.0, "state", state="open"))
    assert not one.repeats(seen("said_open", 1.0, "list"))
    assert not one.repeats(seen("said_closed", 1.0, "list", state="open"))


def test_it_survives_being_stored():
    one = Evidence("said_connecting", 1.0, 2.0, "webhook", {"state": "connecting"}, count=28, first_at=0.5)
    assert msgspec.json.decode(msgspec.json.encode(one), type=Evidence) == one
