"""Statements as the driver takes them: parameters by number, in the order in which they are named."""

from __future__ import annotations

import pytest

from esteio.store.sqlite.statements import STATEMENTS, numbered


def test_parameters_are_numbered_by_their_names_and_texts_are_left_alone() -> None:
    text, values = numbered("SELECT ':a' || :b || :a, ':it''s' WHERE :b IS NULL")
    assert text == "SELECT ':a' || ?1 || ?2, ':it''s' WHERE ?1 IS NULL"
    assert values({"a": 1, "b": None, "more": 2}) == (None, 1)
    with pytest.raises(KeyError):
        values({"a": 1})


def test_one_parameter_and_none_are_tuples_too() -> None:
    assert numbered("SELECT :a + :a").values({"a": "x"}) == ("x",)
    assert numbered("SELECT 1").values({}) == ()


def test_no_parameter_of_a_statement_is_left_by_its_name() -> None:
    assert not [name for name, one in STATEMENTS.items() if numbered(one.text).text != one.text]
