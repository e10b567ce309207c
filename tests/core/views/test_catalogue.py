"""A text is found in its form and filled with its values."""

from __future__ import annotations

import pytest

from esteio.core.views.catalogue import Catalogue, fill


def test_a_count_chooses_the_form() -> None:
    texts = Catalogue("en", {("cli", "a"): "one", ("cli", "b"): "same"}, {("cli", "a"): "{n} of them"})
    assert [texts.find("cli", "a", number) for number in (0, 1, 2)] == ["{n} of them", "one", "{n} of them"]
    assert texts.find("cli", "b", 2) == "same"
    assert texts.find("cli", "c") is None
    assert "2 texts" in repr(texts)


@pytest.mark.parametrize(
    ("text", "given", "told"),
    [
        ("a {x} b", {"x": "1"}, "a 1 b"),
        ("a {x} b", {}, "a b"),
        ("a[ ({x})]", {"x": "[{y}]"}, "a ([{y}])"),
        ("a[ ({x})]", {"x": ""}, "a"),
        ("[[servers]] or {x}", {"x": "y"}, "[[servers]] or y"),
        ("{n:day|days}", {"n": "1"}, "1 day"),
        ("{n:day|days}", {"n": "2"}, "2 days"),
    ],
)
def test_a_text_is_filled(text: str, given: dict[str, str], told: str) -> None:
    assert fill(text, given) == told


def test_a_text_is_found_by_what_it_is_and_its_key() -> None:
    texts = Catalogue("pt-BR", {("cli", "a"): "um", ("title", "a"): "Um", ("cli", "b"): "dois"}, {})
    assert ("cli", "a") in texts
    assert ("title", "b") not in texts
    assert texts.keys("cli") == ("a", "b")
    assert (texts.word("title", "a"), texts.word("title", "b")) == ("Um", "b")


def test_what_was_said_in_english_is_found_with_its_values_and_a_strangers_words_stay() -> None:
    texts = Catalogue("pt-BR", {("detail", "the address answered {status}"): "o endereço respondeu {status}"}, {})
    assert texts.translated("detail", "the address answered 404") == "o endereço respondeu 404"
    assert texts.translated("detail", "the address answered") == "the address answered"
