"""Every problem's sentence has its values: none that a refusal leaves out, no mark of ours, no English state."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from esteio.api.http.problems import KINDS, STATES, problem

SOURCE = Path(__file__).parents[3] / "src" / "esteio"
NEEDED = re.compile(r"\{(\w+)\}")


def refusals() -> list[tuple[str, set[str]]]:
    """Code and named values of every `Refusal("code", …)` in the package."""
    found = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refusal" and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant) and all(word.arg for word in node.keywords):
                    found.append((str(code.value), {str(word.arg) for word in node.keywords}))
    return found


def test_a_refusal_gives_every_value_that_its_sentence_cannot_do_without():
    found = refusals()
    assert len(found) > 25
    for code, given in found:
        for _, detail in (KINDS[code].pt, KINDS[code].en):
            needed = set(NEEDED.findall(re.sub(r"\[[^\]]*\]", "", detail)))
            assert not needed - given, (code, given)


@pytest.mark.parametrize("language", ["pt-BR", "en"])
def test_no_problem_shows_a_mark_of_ours(language):
    for code, kind in KINDS.items():
        names = NEEDED.findall(kind.pt[1] + kind.en[1])
        for words in (dict.fromkeys(names, "x"), {}):
            told = problem(code, language, words)
            assert not re.search(r"[{}\[\]]", told.title + told.detail), told
            assert words or "?" not in told.detail, told


@pytest.mark.parametrize("state", sorted(STATES))
def test_a_state_is_named_in_the_sentence_s_language(state):
    assert STATES[state] in problem("wrong-state", "pt-BR", {"state": state}).detail
    assert "_" not in problem("wrong-state", "en", {"state": state}).detail
