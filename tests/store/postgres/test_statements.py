"""Every statement of the store is one that PostgreSQL takes, with the types that its parameters are given."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import msgspec
import psycopg
import pytest

from esteio.store.postgres.statements import STATEMENTS, fitted, regex_of_globs, type_of
from esteio.store.sql.loader import SQL


def test_the_server_takes_each_of_them(migrated_url: str) -> None:
    refused = {}
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        for name, statement in STATEMENTS.items():
            try:
                connection.execute(f'PREPARE "{name}" AS {statement.text}'.encode())
            except psycopg.Error as error:
                refused[name] = str(error).splitlines()[0]
    assert refused == {}


def written(text: str) -> list[tuple[str, str, str]]:
    """(table, column, parameter) of what a statement of the common text writes as it was given."""
    found = []
    for table, columns, values in re.findall(r"INSERT INTO (\w+) \(([^)]*)\)\s*VALUES \(([^()]*)\)", text):
        pairs = zip(columns.split(","), values.split(","), strict=True)
        found += [
            (table, column.strip(), value.strip()[1:]) for column, value in pairs if value.strip().startswith(":")
        ]
    for table, clause in re.findall(r"UPDATE (\w+) SET\s(.*?)(?:\nWHERE|\sWHERE|$)", text, re.DOTALL):
        found += [(table, column, word) for column, word in re.findall(r"\b(\w+) = :(\w+)\b(?! )", clause)]
    return found


COLUMNS = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"


def test_what_is_written_has_the_type_of_its_column(migrated_url: str) -> None:
    """Into a column of text the server takes anything, bytes as their digits."""
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        columns = {
            (table, column): kind.replace("integer", "bigint") for table, column, kind in connection.execute(COLUMNS)
        }
    pairs = [(name, *one) for name, text in SQL.items() for one in written(text)]
    assert len(pairs) > 300
    wrong = {
        (name, table, column): (columns[table, column], type_of(param))
        for name, table, column, param in pairs
        if type_of(param) not in {None, columns[table, column]}
    }
    assert wrong == {}


@pytest.mark.parametrize(
    "glob", ["*", "loja-*", "?oja", "[lm]oja", "[!lm]oja", "lo[ja", "a.b", "a|b", "[]x]", "ção*", "[a-c]?*z"]
)
def test_a_glob_means_to_the_server_what_it_means_to_us(migrated_url: str, glob: str) -> None:
    names = ["", "loja", "loja-1", "moja", "a.b", "axb", "a", "lo[ja", "]", "x", "ção1", "b1z", "b12z", "LOJA"]
    with psycopg.connect(migrated_url) as connection:
        pattern = regex_of_globs(msgspec.json.encode([glob]).decode())
        matched = {
            name for name in names if connection.execute("SELECT %s ~ %s", (name, pattern)).fetchone() == (True,)
        }
    assert matched == {name for name in names if fnmatchcase(name, glob)}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\0b", "a\ufffdb"),
        ('{"a":"\\u0000"}', '{"a":"\\ufffd"}'),
        ('{"a":"\\\\u0000"}', '{"a":"\\\\u0000"}'),
        ('{"a":"\\\\\\u0000"}', '{"a":"\\\\\\ufffd"}'),
        ("plain", "plain"),
    ],
)
def test_what_postgresql_cannot_hold_is_marked_and_the_rest_is_kept(given: str, kept: str) -> None:
    assert fitted("text", given) == kept


def test_numbers_and_flags_have_one_type() -> None:
    assert isinstance(fitted("now", 5), float)
    assert fitted("paused", True) == 1
    assert type(fitted("paused", True)) is int
