"""Sentences: complete in both languages, never failing, and what the seeds asked for word by word."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.core.messages import doubts, outbox, restricted
from esteio.core.model.evidence import KINDS
from esteio.core.model.state import Axis, Reason
from esteio.core.views import sentences
from esteio.core.views.sentences import Sentence, duration, proof, sentence, timeline_text
from esteio.texts import LANGUAGES, catalogue

CORE = Path(sentences.__file__).parents[1]
ENGLISH = catalogue("en")
VALUE = re.compile(r"\{(\w+)")
BUILT_FROM_PARTS = {"cost-logout", "cost-recreate", "cost-delete", "notice-test"}


def literals(node: ast.expr) -> set[str]:
    """Every string an argument can be: a literal, or either side of a choice."""
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=one, orelse=other):
            return literals(one) | literals(other)
        case _:
            return set()


SAID_BY_THE_ENGINE = {
    "notice-arrived", "notice-failed", "notice-shown", "passed", "passed-unanswered", "passed-abandoned",
}  # fmt: skip
"""What became of a notice, or of a call that was handed through, is known only where it is delivered."""


def said_by_core() -> tuple[set[str], set[str]]:
    """(reason codes, line codes) in the package's own calls of `Reason(…)` and of `say(…)` and its like."""
    reasons: set[str] = set(BUILT_FROM_PARTS)
    lines: set[str] = set()
    for path in CORE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name == "JournalEntry":
                    lines |= {word for argument in node.args for word in literals(argument)}
                    lines |= {word for named in node.keywords if named.arg == "code" for word in literals(named.value)}
                elif name in ("Reason", "failed", "_still_doubted"):
                    reasons |= {word for argument in node.args for word in literals(argument)}
                elif name == "Axis":
                    reasons |= {word for argument in node.args[1:2] for word in literals(argument)}
                elif path.is_relative_to(CORE) and name in ("record", "_close"):
                    lines |= {word for argument in node.args for word in literals(argument)}
    reasons |= {again.code for again in outbox._AGAIN.values()} | set(outbox._FINAL.values())
    reasons |= {"doubts-wait", restricted.HELD}
    reasons |= {"missed-unknowable", "missed-being-read"}
    reasons |= set(doubts.DOUBTS) | set(doubts.DOUBTS.values())
    reasons.discard("")  # a page that may say none (`pairing.owner`)
    return reasons, lines - {"decision", "act", "notice", "evidence", "operator"} | SAID_BY_THE_ENGINE


def test_every_code_that_the_core_says_has_a_sentence_and_no_sentence_is_for_another() -> None:
    reasons, lines = said_by_core()
    assert len(reasons) > 30
    assert len(lines) > 12
    assert set(ENGLISH.keys("reason")) == reasons
    assert set(ENGLISH.keys("action")) <= reasons
    assert set(ENGLISH.keys("timeline")) == lines | set(KINDS)


def test_every_word_of_the_core_has_a_word_for_people() -> None:
    from typing import get_args

    from esteio.core.model.recovery import Rung
    from esteio.core.model.server import HealthState
    from esteio.core.model.state import SessionState

    assert set(ENGLISH.keys("state")) == {*get_args(SessionState), *get_args(HealthState)}
    assert set(ENGLISH.keys("rung")) == set(get_args(Rung))


@pytest.mark.parametrize("code", ["ghost-socket", "half-open"])
def test_the_ghost_has_the_sentence_of_seed_004(code: str) -> None:
    text = sentence(Reason(code), catalogue("pt-BR")).text
    assert text.startswith("Conexão temporariamente indisponível. Tentando reconectar...")


def test_a_message_that_cannot_go_has_the_sentence_of_seed_003() -> None:
    assert sentence(Reason("session-down"), catalogue("pt-BR")).text == (
        "Sessão desconectada. Tentativa de reconexão em andamento."
    )


@pytest.mark.parametrize(
    ("language", "begins"),
    [
        ("pt-BR", "Conexão"),
        ("pt", "Conexão"),
        ("en", "Connection"),
        ("en-GB", "Connection"),
        ("EN", "Connection"),
        ("de", "Conexão"),
        ("", "Conexão"),
    ],
)
def test_an_unknown_language_is_answered_in_the_house_language(language: str, begins: str) -> None:
    assert sentence(Reason("ghost-socket"), catalogue(language)).text.startswith(begins)


def test_a_code_without_a_sentence_is_shown_as_it_is() -> None:
    assert sentence(Reason("brand-new"), catalogue("en")) == Sentence(
        "Reason “brand-new”, which has no sentence of its own."
    )
    assert timeline_text("brand-new", {}, catalogue("pt-BR")) == "Registro «brand-new»."


def test_an_optional_part_goes_with_its_value() -> None:
    assert timeline_text("operator_paused", {"who": "Ana"}, catalogue("en")) == "Session paused by Ana."
    assert timeline_text("operator_paused", {}, catalogue("en")) == "Session paused."
    assert timeline_text("operator_paused", {"who": ""}, catalogue("en")) == "Session paused."


def test_a_missing_value_is_left_out_with_its_phrase() -> None:
    assert "deste número. Um derruba" in sentence(Reason("replaced"), catalogue("pt-BR")).text
    assert "deste número (código 440). Um" in sentence(Reason("replaced", {"code": "440"}), catalogue("pt-BR")).text
    assert sentence(Reason("cost-logout"), catalogue("en")).text.startswith("The session will be unlinked")
    assert timeline_text("state", {}, catalogue("en")) == "State."


def test_codes_inside_a_line_become_words() -> None:
    line = {"from": "connected", "to": "connecting", "because": "closed"}
    assert timeline_text("state", line, catalogue("en")).startswith(
        "State: from connected to connecting. The connection dropped and the server confirms it."
    )
    act = {"rung": "restart", "answer": "noop"}
    assert timeline_text("act_answered", act, catalogue("pt-BR")) == (
        "Reiniciar a sessão: o provedor diz que não há o que fazer."
    )
    weather = {"server": "s", "detail": "server_timed_out"}
    assert sentence(Reason("server-down", weather), catalogue("en")).text == (
        "The server s is not answering. The server did not answer in time."
    )


def test_words_that_we_do_not_know_stay_as_they_came() -> None:
    assert "frobnicate" in timeline_text("begin", {"rung": "frobnicate", "because": "own words"}, catalogue("en"))
    assert timeline_text("begin", {"rung": "wait", "because": "own words"}, catalogue("en")).endswith("own words")


def test_the_provider_s_words_are_not_read_as_ours() -> None:
    hostile = "{server} [x {y}] {0} %s"
    assert hostile in sentence(Reason("provider-refused", {"detail": hostile}), catalogue("en")).text


def test_repeated_news_is_counted_once_it_repeats() -> None:
    assert timeline_text("said_open", {}, catalogue("en"), count=1) == ENGLISH.find("timeline", "said_open")
    assert timeline_text("said_open", {}, catalogue("en"), count=28).endswith("(28 times)")
    assert timeline_text("said_open", {}, catalogue("pt-BR"), count=28).endswith("(28 vezes)")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (65, "1 min 5 s"),
        (299, "4 min 59 s"),
        (301, "5 min"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (86400, "1 d"),
        (90000, "1 d 1 h"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("given_s", "shown"), [("65", "1 min 5 s"), ("soon", "soon"), ("inf", "inf"), ("nan", "nan")])
def test_seconds_in_a_line_are_a_duration_where_they_are_a_number(given_s: str, shown: str) -> None:
    assert shown in timeline_text("outage-ended", {"seconds": given_s}, catalogue("en"))


def test_a_sentence_is_its_text_and_its_action() -> None:
    assert sentence(Reason("paused"), ENGLISH) == Sentence(
        ENGLISH.word("reason", "paused"), "Resume the session when you are ready (esteio resume NAME)."
    )


CODES = sorted({*ENGLISH.keys("reason"), *ENGLISH.keys("timeline"), "no-such-code"})
NAMES = sorted(
    {name for code in ENGLISH.keys("timeline") for name in VALUE.findall(ENGLISH.word("timeline", code))}
    | {"cause", "detail"}
)


@given(
    st.sampled_from(CODES),
    st.dictionaries(st.sampled_from(NAMES), st.text(max_size=20) | st.sampled_from(CODES)),
    st.sampled_from(LANGUAGES),
    st.integers(-2, 5),
)
def test_no_code_and_no_values_ever_raise_or_leave_a_hole(
    code: str, args: dict[str, str], language: str, count: int
) -> None:
    for text in (
        sentence(Reason(code, args), catalogue(language)).text,
        timeline_text(code, args, catalogue(language), count=count),
    ):
        assert text
        if not any(mark in value for value in args.values() for mark in "{}[]"):
            assert not set("{}[]") & set(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_can_stand_on_an_axis_is_a_sentence(language: str) -> None:
    """A `yes` names evidence that proves life; any other answer names the reason of a fall, or of what is weak."""
    texts, fallen = catalogue(language), said_by_core()[0]
    lives = {kind for kind, spec in KINDS.items() if spec.weight == "life" and spec.subject == "session"}
    said = {code: proof(Axis("yes", code, 1.0), Reason("another"), texts) for code in lives}
    said |= {code: proof(Axis("no", code, 1.0), Reason("another"), texts) for code in fallen}
    nameless = {timeline_text("…", {}, texts)[:5], sentence(Reason("…"), texts).text[:5]}
    assert not {code for code, text in said.items() if not text or text[:5] in nameless}


def test_a_proof_has_the_values_of_the_reason_that_it_is() -> None:
    reason = Reason("wrong-identity", {"seen": "5511", "phone": "5522"})
    assert "(5511)" in proof(Axis("no", "wrong-identity", 1.0), reason, ENGLISH)
    assert "5511" not in proof(Axis("no", "wrong-identity", 1.0), Reason("ghost-socket", {"seen": "5511"}), ENGLISH)
    assert proof(Axis(), reason, ENGLISH) == ""
    assert proof(Axis("no", "socket_closed", 1.0), reason, ENGLISH) == "A probe was rejected with Connection Closed."
