"""Every sentence stands in both languages, with the values that the code gives and without them: no hole, no mark of
ours, no plural of one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from esteio.core.model.state import Reason
from esteio.core.views import sentences
from esteio.core.views.sentences import sentence, timeline_text
from esteio.texts import LANGUAGES, catalogue
from tests.core.rehearsal import Fleet

HOLE = re.compile(r"[{}\[\]?]|\(\s*\)|\([a-zó]+ ?\)|  |\( |\s[.,:;)]|[:,(]\s*[.)]|^\W*$|: *$")
"""What a missing value leaves behind: our own marks, empty or half empty brackets, a colon that announces nothing."""
PLURAL_OF_ONE = re.compile(r"\b1 (vezes|mensagens|sessões|séries|times|messages|sessions|rounds)\b", re.IGNORECASE)
ALWAYS_GIVEN = {"act_answered": {"rung": "create", "answer": "ok"}}
"""A line that says nothing without its values; `performers` names the step and its answer wherever it writes one."""
VALUES = {
    "from": "connected",
    "to": "disconnected",
    "rung": "create",
    "answer": "ok",
    "because": "logged-out",
    "cause": "logged-out",
    "evidence": "receipt_received",
    "seconds": "61",
    "detail": "words of the provider",
}


def names(template: str) -> set[str]:
    return set(re.findall(r"\{(\w+)", template))


def full(template: str) -> dict[str, str]:
    """Each value that the sentence asks for, as the code gives it; numbers are one, which most easily reads wrongly."""
    return {name: VALUES.get(name, "1") for name in names(template)}


def of_one(args: dict[str, str]) -> list[dict[str, str]]:
    """All values, none, and every one of them missing alone."""
    return [args, {}, *({key: value for key, value in args.items() if key != left_out} for left_out in args)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_reason_and_no_cost_shows_a_hole_whichever_of_its_values_is_missing(language: str) -> None:
    texts = catalogue(language)
    for code in texts.keys("reason"):
        for args in of_one(full(texts.word("reason", code) + (texts.find("action", code) or ""))):
            said = sentence(Reason(code, args), texts)
            assert not HOLE.search(said.text.removesuffix("?")), (code, args, said.text)
            assert not re.search(r"[{}\[\]]|  | [.,;:)]", said.action), said
            assert not PLURAL_OF_ONE.search(said.text + said.action), said


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_line_of_a_timeline_shows_a_hole_whichever_of_its_values_is_missing(language: str) -> None:
    texts = catalogue(language)
    for code in texts.keys("timeline"):
        for args in of_one(full(texts.word("timeline", code))):
            said = timeline_text(code, ALWAYS_GIVEN.get(code, {}) | args, texts)
            assert not HOLE.search(said), (code, args, said)
            assert not PLURAL_OF_ONE.search(said), said
            assert said[0] == said[0].upper(), said


def test_every_value_of_a_sentence_is_one_that_the_code_gives_somewhere() -> None:
    given: set[str] = set()
    for path in Path(sentences.__file__).parents[2].rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                given.add(node.value)
            elif isinstance(node, ast.keyword) and node.arg:
                given.add(node.arg)
    texts = catalogue("en")
    contexts = ("reason", "action", "timeline")
    asked = {name for one in contexts for code in texts.keys(one) for name in names(texts.word(one, code))}
    assert not asked - given


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_stands_as_the_cause_inside_a_line_that_does_not_carry_its_values(language: str) -> None:
    texts = catalogue(language)
    for code in texts.keys("reason"):
        said = timeline_text("outage-started", {"because": code}, texts)
        assert not HOLE.search(said), said


@pytest.mark.parametrize(
    ("language", "count", "told"),
    [
        ("pt-BR", "1", "1 mensagem que"),
        ("pt-BR", "3", "3 mensagens que"),
        ("en", "1", "1 message that"),
        ("en", "3", "3 messages that"),
    ],
)
def test_a_number_comes_with_its_noun(language: str, count: str, told: str) -> None:
    assert told in timeline_text("gap-read", {"count": count}, catalogue(language))


@pytest.mark.parametrize(
    ("language", "told"), [("pt-BR", "Estado: desconectada. A"), ("en", "State: disconnected. The")]
)
def test_a_change_of_reason_alone_is_no_change_from_a_state_to_itself(language: str, told: str) -> None:
    line = {"from": "disconnected", "to": "disconnected", "because": "closed"}
    assert timeline_text("state", line, catalogue(language)).startswith(told)


def test_what_an_adapter_notes_in_english_stands_in_the_inbox_only() -> None:
    assert "JSON" not in timeline_text("webhook_unreadable", {"note": "not JSON"}, catalogue("pt-BR"))


def test_the_reason_of_a_step_does_not_say_that_nothing_is_done() -> None:
    line = {"rung": "restart", "number": "1", "because": "reconnecting"}
    for language, ends in (("pt-BR", "só interfere se demorar."), ("en", "only if that takes long.")):
        assert timeline_text("begin", line, catalogue(language)).endswith(ends)


@pytest.mark.parametrize(
    ("language", "told"),
    [("pt-BR", "Criar a sessão: o provedor respondeu ok."), ("en", "Create the session: the provider answered ok.")],
)
def test_a_step_s_answer_begins_with_the_step(language: str, told: str) -> None:
    assert timeline_text("act_answered", {"rung": "create", "answer": "ok"}, catalogue(language)) == told


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", [None, "logged_out", "temp_banned", "banned", "outdated", "replaced"])
def test_a_whole_story_is_told_without_a_hole_and_with_the_values_that_it_has(language: str, code: str | None) -> None:
    """From the fall through every step to the approval that is asked for, and what its reason says."""
    fleet = Fleet(3)
    fleet.now += 100
    if code is None:
        for number in (1, 2, 3):
            fleet.kill(number)
        fleet.climb_until(3600, still=("said_open", "socket_closed"))
    else:
        fleet.hear(code, code="4xx")
        fleet.judge()
        fleet.after(3600)
    decided = [decision for *_, decision in fleet.decisions]
    lines = [timeline_text(line.code, line.args, catalogue(language)) for one in decided for line in one.lines]
    reasons = [notice.reason for one in decided for notice in one.notices]
    reasons += [one.session.reason for one in decided] + [one.approval.cost for one in decided if one.approval]
    told = [sentence(reason, catalogue(language)) for reason in reasons]
    assert len(lines) > 2
    for text in (*lines, *(one.text for one in told), *(one.action for one in told if one.action)):
        assert not HOLE.search(text.replace("memory?", "").replace("memória?", "")), text
        assert not PLURAL_OF_ONE.search(text), text
