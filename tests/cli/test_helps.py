"""The helps of all verbs, in both languages: complete, applied to every verb and option, and nothing left over."""

from __future__ import annotations

from typing import Any

import pytest
from typer import rich_utils
from typer.main import get_command
from typer.testing import CliRunner

from esteio.cli import help_texts
from esteio.cli.main import HEAVY, _loaded, app
from esteio.texts import catalogue


@pytest.fixture
def kept_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Typer's own words are constants of its module: they are put back."""
    for name in help_texts.FRAME:
        monkeypatch.setattr(rich_utils, name, getattr(rich_utils, name))


def whole(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every command of the tree and every parameter of it, heavy verbs loaded, in English."""
    monkeypatch.setenv("ESTEIO_LANGUAGE", "en")
    found, waiting = [], [get_command(app), *(_loaded(name, where) for name, where, *_ in HEAVY)]
    while waiting:
        command: Any = waiting.pop()
        found += [command, *command.params]
        waiting += getattr(command, "commands", {}).values()
    return found


def texts(found: list[Any]) -> set[str]:
    said = [getattr(one, name, None) for one in found for name in ("help", "rich_help_panel")]
    return {help_texts.normal(text) for text in said if isinstance(text, str) and text.strip()}


def test_every_help_has_its_portuguese_and_every_entry_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    said = texts(whole(monkeypatch))
    assert len(said) > 100
    translated = set(catalogue("pt-BR").keys("help"))
    assert said - translated == set()
    assert translated - said == set()
    assert set(catalogue("pt-BR").keys("help frame")) == {*help_texts.FRAME, "Usage:", "--help"}


def test_every_verb_and_every_option_has_a_help(monkeypatch: pytest.MonkeyPatch) -> None:
    nameless = [one.name for one in whole(monkeypatch) if isinstance(getattr(one, "help", None), str) and not one.help]
    assert nameless == []


def test_no_entry_is_left_in_english_or_ends_otherwise_than_the_english() -> None:
    texts = catalogue("pt-BR")
    for english in texts.keys("help"):
        portuguese = texts.word("help", english)
        assert portuguese != english
        assert english.endswith(".") == portuguese.endswith("."), english
        assert english.count("`") == portuguese.count("`"), english


@pytest.mark.parametrize(
    ("args", "language", "told"),
    [
        (["--help"], "pt-BR", ["Uso:", "Lista as sessões", "Opções", "Usar um gateway", "Mostra esta ajuda"]),
        (["qr", "--help"], "pt-BR", ["Uso:", "Mostra o QR code", "Argumentos", "Nome da sessão", "[obrigatório]"]),
        (["keys", "create", "--help"], "pt-BR", ["Cria uma chave", "De quem é a chave"]),
        (["replay", "--help"], "pt_BR.UTF-8", ["Julga de novo um diário"]),
        (["--help"], "en", ["Usage:", "List the sessions", "Options", "Show this message"]),
        (["keys", "create", "--help"], "en_GB", ["Create a key", "Whose key it is"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_help_comes_in_the_language_of_the_process(
    args: list[str], language: str, told: list[str], kept_frame: None
) -> None:
    shown = CliRunner().invoke(app, args, env={"ESTEIO_LANGUAGE": language, "COLUMNS": "160"})
    assert shown.exit_code == 0
    assert [one for one in told if one not in shown.stdout] == []
