"""Every problem's sentence has its values: none that a refusal leaves out, no mark of ours, no English state."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from esteio.api.http.problems import KINDS, problem
from esteio.core.model.message import MessageState
from esteio.texts import catalogue

SOURCE = Path(__file__).parents[3] / "src" / "esteio"
NEEDED = re.compile(r"\{(\w+)\}")


def refusals() -> list[tuple[str, set[str]]]:
    """Code and named values of every `CommandError("code", …)` in the package."""
    found = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "CommandError" and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant) and all(word.arg for word in node.keywords):
                    found.append((str(code.value), {str(word.arg) for word in node.keywords}))
    return found


def test_a_refusal_gives_every_value_that_its_sentence_cannot_do_without() -> None:
    found = refusals()
    assert len(found) > 25
    for code, given in found:
        for texts in (catalogue("pt-BR"), catalogue("en")):
            detail = texts.word("detail", code)
            needed = set(NEEDED.findall(re.sub(r"\[[^\]]*\]", "", detail)))
            assert not needed - given, (code, given)


@pytest.mark.parametrize("language", ["pt-BR", "en"])
def test_no_problem_shows_a_mark_of_ours(language: str) -> None:
    texts = catalogue(language)
    assert set(KINDS) == set(texts.keys("title")) == set(texts.keys("detail"))
    for code in KINDS:
        names = NEEDED.findall(texts.word("detail", code))
        for words in (dict.fromkeys(names, "x"), {}):
            told = problem(code, texts, words)
            assert not re.search(r"[{}\[\]]", told.title + told.detail), told
            assert words or "?" not in told.detail, told


def test_a_state_is_named_in_the_sentence_s_language() -> None:
    portuguese, english = catalogue("pt-BR"), catalogue("en")
    assert set(portuguese.keys("message-state")) == {*get_args(MessageState), "approved", "rejected", "stale"}
    assert problem("wrong-state", portuguese, {"state": "in_doubt"}).detail.endswith("em dúvida.")
    assert problem("wrong-state", english, {"state": "in_doubt"}).detail.endswith("in doubt.")
