"""Why a value is refused: one language in one sentence, and no word of Python's."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from esteio.api.http import complaints
from esteio.core.views.catalogue import _form
from esteio.engine import url_guard
from esteio.providers.declaration import Declaration, Field
from esteio.providers.registry import load
from esteio.texts import catalogue
from tests.api.conftest import Gateway, Run

DECLARED = (
    *(one.declaration for one in load([]).as_mapping().values()),
    Declaration("X", (Field("id", pattern="x", example="x", required=False),), "id"),
)
SOURCE = Path(__file__).parents[3] / "src" / "esteio"


@pytest.mark.parametrize(
    ("why", "english", "portuguese"),
    [
        (
            "Expected `str | null`, got `int`",
            "must be text or null, not a whole number",
            "deve ser texto ou null, e não um número inteiro",
        ),
        ("Expected `int` >= 0", "must be at least 0", "deve ser no mínimo 0"),
        ("Expected `str` of length <= 64", "must have at most 64 characters", "deve ter no máximo 64 caracteres"),
        ("Expected `array` of length >= 1", "must have at least 1 entry", "deve ter no mínimo 1 item"),
        ("Expected `array` of length <= 9", "must have at most 9 entries", "deve ter no máximo 9 itens"),
        ("Expected `str` of length >= 1", "must have at least 1 character", "deve ter no mínimo 1 caractere"),
        (
            "Expected `str` matching regex '^x$'",
            "contains a character that is not allowed here",
            "contém um caractere que não é aceito aqui",
        ),
        ("exactly one of a, b is needed", "exactly one of a, b is needed", "informe exatamente um: a, b"),
        ("no answer within 8 s", "no answer within 8 s", "sem resposta em 8 s"),
        ("nobody knows this", "nobody knows this", "nobody knows this"),
    ],
)
def test_what_is_said(why: str, english: str, portuguese: str) -> None:
    assert complaints.told(why, catalogue("en")) == english
    assert complaints.told(why, catalogue("pt-BR")) == portuguese


def said_by_us() -> set[str]:
    """The literal phrases of `invalid(field, why)` and `why=…`, each `{…}` of an f-string as `x`."""
    found: set[str] = set()
    for path in (*SOURCE.joinpath("engine").rglob("*.py"), *SOURCE.joinpath("api").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            phrases = [node.args[1]] if name == "invalid" and len(node.args) == 2 else []
            phrases += [word.value for word in node.keywords if word.arg == "why" and name == "CommandError"]
            found |= {text for phrase in phrases if (text := _literal(phrase))}
    return found


def _literal(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    return ""


def test_every_phrase_of_ours_has_its_portuguese_and_no_other_has_one() -> None:
    phrases = said_by_us()
    phrases |= {
        missing.why
        for one in DECLARED
        for place in ("ref", "credentials")
        if (missing := getattr(one, f"missing_in_{place}")({}))
    }
    assert len(phrases) > 12
    texts = catalogue("pt-BR")
    without = {one for one in phrases if complaints.told(one, texts) == one}
    assert not without
    written = phrases | {url_guard.MUST_BE, "must look like x"}
    unused = {key for key in texts.keys(complaints.OURS) if not any(_form(key).fullmatch(one) for one in written)}
    assert not unused


@pytest.mark.parametrize("language", ["pt-BR", "en"])
def test_a_refusal_holds_no_word_of_python(run: Run, language: str) -> None:
    bodies = [
        {"to": 5},
        {"to": "5511999998888", "text": 5},
        {"to": "5511999998888", "media": {"kind": "foto"}},
        {"text": "x"},
    ]

    async def test(gateway: Gateway) -> None:
        await gateway.add_server()
        await gateway.add_session("clinic")
        for body in bodies:
            told = await gateway.call(
                "POST", "/v1/sessions/clinic/messages", body, headers={"accept-language": language}
            )
            detail = told.json()["detail"]
            assert told.status_code == 400
            assert not re.search(r"Expected|`|\bstr\b|\bint\b|enum", detail), detail
            if language == "pt-BR":
                assert not re.search(r"\b(is|must|needed|Allowed)\b", detail), detail

    run(test)
