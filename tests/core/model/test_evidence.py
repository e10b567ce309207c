"""The vocabulary, and the little that a piece of evidence knows of itself."""

from __future__ import annotations

import msgspec
import pytest

from esteio.core.model.evidence import KINDS, LIVES, Evidence, as_answered, seen, seen_with


def test_every_word_speaks_of_a_session_or_of_the_server_and_weighs_something() -> None:
    for kind, spec in KINDS.items():
        about_server = kind.startswith("server_") and kind != "server_ack_received"  # that is WhatsApp's server
        assert (spec.subject == "server") == about_server, kind
        assert spec.weight in ("life", "death", "hint", "fact")
        assert spec.text


@pytest.mark.parametrize(
    ("kind", "subject"), [("send_closed", "session"), ("server_failed", "server"), ("what", "session")]
)
def test_unknown_words_are_booked_on_the_session(kind: str, subject: str) -> None:
    assert seen(kind, 1.0, "webhook").subject == subject


def test_a_clock_that_runs_ahead_is_clipped() -> None:
    assert seen("paired", 10.0, "webhook", happened_at=99.0).happened_at == 10.0
    assert seen("paired", 10.0, "webhook", happened_at=3.0).happened_at == 3.0
    assert seen("paired", 10.0, "webhook").happened_at == 10.0


def test_data_comes_as_words_or_as_a_mapping() -> None:
    words = seen("banned", 10.0, "state", code="403")
    assert words == seen_with("banned", 10.0, "state", {"code": "403"})


def test_the_same_news_differs_in_time_only() -> None:
    one = seen("said_open", 1.0, "list", state="open")
    assert one.repeats(seen("said_open", 9.0, "list", state="open"))
    assert not one.repeats(seen("said_open", 1.0, "state", state="open"))
    assert not one.repeats(seen("said_open", 1.0, "list"))
    assert not one.repeats(seen("said_closed", 1.0, "list", state="open"))


def test_it_survives_being_stored() -> None:
    one = Evidence("said_connecting", 1.0, 2.0, "webhook", {"state": "connecting"}, count=28, first_at=0.5)
    assert msgspec.json.decode(msgspec.json.encode(one), type=Evidence) == one


# -- the time of an answer ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked_at", [None, 5.0])
def test_what_an_answer_told_is_true_as_of_the_answer(asked_at: float | None) -> None:
    told = (seen("said_closed", 5.0, "state"), seen("server_answered", 5.0, "send", detail="x"))
    dated = as_answered(told, 9.0, asked_at=asked_at)
    assert [(one.happened_at, one.seen_at) for one in dated] == [(9.0, 9.0)] * 2
    assert [one.repeats(other) for one, other in zip(dated, told, strict=True)] == [True, True]


def test_what_dates_itself_and_a_code_keep_their_date() -> None:
    told = (seen("logged_out", 5.0, "list", happened_at=2.0), seen("qr_shown", 5.0, "probe"))
    assert [(one.happened_at, one.seen_at) for one in as_answered(told, 9.0)] == [(2.0, 9.0), (5.0, 9.0)]


@pytest.mark.parametrize("kind", sorted(LIVES))
def test_that_a_session_lives_is_true_as_of_the_look_s_question(kind: str) -> None:
    """An act may come between a look's first answer and its last, and is not the reason of what was there before it."""
    told = (seen(kind, 5.0, "probe"),)
    assert as_answered(told, 9.0, asked_at=5.0)[0].happened_at == 5.0
    assert as_answered(told, 9.0)[0].happened_at == 9.0, "the answer of an act"
